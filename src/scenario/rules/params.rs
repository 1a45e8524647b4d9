//! Request parameters: ranges that are written wrong, and lists, which are axes.

use serde_json::{Map, Value};

use super::{Rule, Subject};
use crate::foundation::diagnostic::{Finding, Findings};
use crate::kinds::protocol;
use crate::scenario::check::child;
use crate::scenario::suggest::nearest;

/// A range that is none.
pub const RANGE: Rule = Rule {
    code: "bad-range",
    explain: "A parameter that is drawn for each request is `{ min, max }`, two numbers and nothing else.",
    check: |subject, findings| {
        let mut visit = |pointer: &str, value: &Value| {
            if let Value::Object(range) = value
                && (range.contains_key("min") || range.contains_key("max"))
            {
                check(pointer, range, findings);
            }
        };
        each(subject, &mut visit);
        axes(subject, &mut visit);
    },
};

fn check(pointer: &str, range: &Map<String, Value>, findings: &mut Findings) {
    let ends = ["min", "max"];
    let missing = ends.into_iter().find(|end| !range.contains_key(*end));
    for key in range.keys().filter(|key| !ends.contains(&key.as_str())) {
        let near = missing.or_else(|| nearest(key, ends)).unwrap_or("min");
        let help = if missing.is_some() {
            format!("did you mean `{near}`?")
        } else {
            "a range is `{ min, max }`; remove it".to_owned()
        };
        let finding = Finding::error(
            RANGE.code,
            child(pointer, key),
            format!("a range has no key `{key}`"),
        );
        findings.push(finding.at_key().help(help));
    }
    if let (Some(missing), 1) = (missing, range.len()) {
        let finding = Finding::error(RANGE.code, pointer, format!("the range has no `{missing}`"));
        findings.push(finding.help("write it like `{ min: 8, max: 64 }`"));
    }
    for end in ends {
        if range.get(end).is_some_and(|value| !value.is_number()) {
            let finding = Finding::error(
                RANGE.code,
                child(pointer, end),
                format!("`{end}` of a range is a number"),
            );
            findings.push(finding.help("write it like `{ min: 8, max: 64 }`"));
        }
    }
}

/// A list where there is no axis.
pub const LIST: Rule = Rule {
    code: "list-without-axis",
    explain: "A list is always an axis, and only the matrix has axes: a parameter elsewhere has one value.",
    check: |subject, findings| {
        each(subject, &mut |pointer, value| {
            if value.is_array() {
                let name = pointer.rsplit('/').next().unwrap_or_default();
                let message = format!(
                    "the parameter `{name}` is a list, which is an axis, and only the matrix has axes"
                );
                findings.push(Finding::error(LIST.code, pointer, message).help(format!(
                    "move it to `matrix`, as `params.{name}`; a list that is one value is a list in it: `params.{name}: [[…]]`"
                )));
            }
        });
    },
};

/// A `stream` that is neither.
pub const STREAM: Rule = Rule {
    code: "bad-stream",
    explain: "`stream` is true or false: servers take nothing else, and YAML 1.2 reads `yes` and `on` as texts.",
    check: |subject, findings| {
        // What `http` sends is the author's own.
        let own =
            |target: super::Part<'_>| target.text("protocol") == Some(protocol::Kind::Http.name());
        if subject.targets().all(own) {
            return;
        }
        let mut visit = |pointer: &str, value: &Value| {
            let name = pointer
                .split('/')
                .rfind(|step| step.parse::<usize>().is_err());
            let is_stream = matches!(name, Some("stream" | "params.stream"));
            if is_stream && !value.is_boolean() && !value.is_null() && !value.is_array() {
                let written = value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned);
                let message = format!("`stream` is true or false, and not `{written}`");
                let finding = Finding::error(STREAM.code, pointer, message);
                findings.push(finding.help("write `stream: true` or `stream: false`"));
            }
        };
        each(subject, &mut visit);
        axes(subject, &mut visit);
        rows(subject, &mut visit);
    },
};

/// Calls `visit` with every field of every row that a dataset has inline.
fn rows(subject: &Subject<'_>, visit: &mut dyn FnMut(&str, &Value)) {
    for dataset in subject.datasets() {
        let rows = dataset.map.get("rows").and_then(Value::as_array);
        for (index, row) in rows.into_iter().flatten().enumerate() {
            let pointer = format!("{}/{index}", dataset.at("rows"));
            for (name, value) in row.as_object().into_iter().flatten() {
                visit(&child(&pointer, name), value);
            }
        }
    }
}

/// Calls `visit` with every parameter outside of the matrix and of rows.
fn each(subject: &Subject<'_>, visit: &mut dyn FnMut(&str, &Value)) {
    let mut map = |pointer: String, params: Option<&Value>| {
        for (name, value) in params.and_then(Value::as_object).into_iter().flatten() {
            visit(&child(&pointer, name), value);
        }
    };
    for part in subject.targets().chain(subject.datasets()) {
        for key in ["params", "override"] {
            map(part.at(key), part.map.get(key));
        }
        let profiles = part
            .map
            .get("of")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        for (index, profile) in profiles.enumerate() {
            map(
                format!("{}/{index}/params", part.at("of")),
                profile.get("params"),
            );
        }
    }
    map(
        "/load/warmup/params".to_owned(),
        subject.get("/load/warmup/params"),
    );
}

/// Calls `visit` with every value of the matrix's axes of parameters.
fn axes(subject: &Subject<'_>, visit: &mut dyn FnMut(&str, &Value)) {
    let matrix = subject
        .get("/matrix")
        .and_then(Value::as_object)
        .into_iter()
        .flatten();
    let included = subject.get("/matrix/include").and_then(Value::as_array);
    let included = included.into_iter().flatten().enumerate();
    let included = included.flat_map(|(index, entry)| {
        let entry = entry.as_object().into_iter().flatten();
        entry.map(move |axis| (format!("/matrix/include/{index}"), axis))
    });
    let matrix = matrix.map(|axis| ("/matrix".to_owned(), axis));
    for (parent, (axis, values)) in matrix.chain(included) {
        let pointer = child(&parent, axis);
        let values = match values {
            Value::Array(values) => {
                let placed = values.iter().enumerate();
                placed
                    .map(|(index, value)| (format!("{pointer}/{index}"), value))
                    .collect()
            }
            scalar => vec![(pointer, scalar)],
        };
        for (pointer, value) in values {
            match (axis.as_str(), value) {
                ("params", Value::Object(params)) => {
                    params
                        .iter()
                        .for_each(|(name, value)| visit(&child(&pointer, name), value));
                }
                (axis, value) if axis.starts_with("params.") => visit(&pointer, value),
                _ => {}
            }
        }
    }
}
