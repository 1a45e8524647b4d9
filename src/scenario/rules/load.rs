//! Load and request parameters.

use serde_json::Value;

use super::{Rule, Subject};
use crate::foundation::diagnostic::{Finding, Findings};
use crate::foundation::units::HumanDuration;
use crate::kinds::dataset::workload::Workload;

/// A range with nothing in it.
pub const RANGE: Rule = Rule {
    code: "empty-range",
    explain: "A range is `{ min, max }` with `min` at most `max`.",
    check: range,
};

fn range(subject: &Subject<'_>, findings: &mut Findings) {
    for part in ["targets", "datasets", "load", "matrix"] {
        if let Some(value) = subject.value.get(part) {
            walk(value, &format!("/{part}"), findings);
        }
    }
}

fn walk(value: &Value, pointer: &str, findings: &mut Findings) {
    match value {
        Value::Object(map) => {
            if let (Some(min), Some(max)) =
                (map.get("min").and_then(size), map.get("max").and_then(size))
                && min > max
            {
                findings.push(
                    Finding::error(
                        RANGE.code,
                        format!("{pointer}/min"),
                        "`min` is above `max`: nothing lies between",
                    )
                    .help("swap them"),
                );
            }
            for (key, below) in map {
                walk(
                    below,
                    &crate::scenario::check::child(pointer, key),
                    findings,
                );
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                walk(item, &format!("{pointer}/{index}"), findings);
            }
        }
        _ => {}
    }
}

fn size(bound: &Value) -> Option<f64> {
    bound.as_f64().or_else(|| {
        bound
            .as_str()?
            .parse::<HumanDuration>()
            .ok()
            .map(|duration| duration.0.as_secs_f64())
    })
}

/// An expression that is none.
pub const WORKLOAD: Rule = Rule {
    code: "bad-expression",
    explain: "`workload.cost` is an expression over the request's parameters, such as `width * height / 1e6`.",
    check: workload,
};

fn workload(subject: &Subject<'_>, findings: &mut Findings) {
    const AT: &str = "/load/workload/cost";
    if let Some(source) = subject.get(AT).and_then(Value::as_str)
        && let Err(error) = Workload::expression(source)
    {
        let message = format!("`{source}` is not an expression: {}", error.message);
        findings.push(
            Finding::error(WORKLOAD.code, AT, message)
                .help("write it like `width * height * num_inference_steps / 1e6`"),
        );
    }
}

/// A duration with which nothing can be measured.
pub const DURATION: Rule = Rule {
    code: "bad-duration",
    explain: "A time-out of zero fails every request, a `duration` of zero sends none, and a `window` may not leave out all.",
    check: |subject, findings| {
        // What cells write over is held against their values.
        let axes = subject.get("/matrix").and_then(Value::as_object);
        let is_axis = |key: &str| {
            let mut axes = axes.into_iter().flatten();
            axes.any(|(axis, _)| {
                axis.strip_prefix("load.")
                    .is_some_and(|axis| key.starts_with(axis))
            })
        };
        if let Some(load) = subject
            .get("/load")
            .filter(|_| !is_axis("window.skip") && !is_axis("duration"))
        {
            findings.extend(durations(load));
        }
    },
};

/// Durations of a `load` with which nothing can be measured.
pub fn durations(load: &Value) -> Findings {
    let of = |key: &str| {
        let text = load.pointer(key)?.as_str()?;
        Some(text.parse::<HumanDuration>().ok()?.0)
    };
    let wrong = |key: &str, message: &str, help: &str| {
        Finding::error(DURATION.code, format!("/load{key}"), message).help(help)
    };
    let mut findings = Findings::new();
    for key in [
        "/timeout/connect",
        "/timeout/first_byte",
        "/timeout/idle",
        "/timeout/total",
    ] {
        if of(key).is_some_and(|time| time.is_zero()) {
            findings.push(wrong(
                key,
                "with a time-out of zero every request fails",
                "give it a time, or remove it to have its default",
            ));
        }
    }
    let duration = of("/duration");
    if duration.is_some_and(|duration| duration.is_zero()) {
        findings.push(wrong(
            "/duration",
            "in no time nothing is sent",
            "write it like `60s`",
        ));
    } else if let (Some(skip), Some(duration)) = (of("/window/skip"), duration)
        && skip >= duration
    {
        findings.push(wrong(
            "/window/skip",
            "the window leaves out all that is sent within `duration`",
            "skip less than `duration`",
        ));
    }
    findings
}

/// A setting that nothing reads.
pub const IDLE: Rule = Rule {
    code: "without-effect",
    explain: "`batch`, `burstiness` and `speed` belong to one arrival each; without it they change nothing.",
    check: idle,
};

fn idle(subject: &Subject<'_>, findings: &mut Findings) {
    let arrivals = arrivals(subject);
    for (key, arrival) in [
        ("batch", "batch"),
        ("burstiness", "gamma"),
        ("speed", "trace"),
    ] {
        let places = [format!("/load/{key}"), format!("/matrix/load.{key}")];
        let given = places
            .into_iter()
            .find(|pointer| subject.get(pointer).is_some());
        if let Some(pointer) = given.filter(|_| !arrivals.contains(&arrival)) {
            let message = format!("`{key}` changes nothing: no cell has `arrival: {arrival}`");
            findings.push(
                Finding::error(IDLE.code, pointer, message)
                    .at_key()
                    .help(format!("add `arrival: {arrival}`, or remove it")),
            );
        }
    }
}

/// Every arrival that a cell can have.
fn arrivals<'a>(subject: &Subject<'a>) -> Vec<&'a str> {
    let mut found = Vec::new();
    let mut take = |value: Option<&'a Value>| match value {
        Some(Value::String(text)) => found.push(text.as_str()),
        Some(Value::Array(items)) => found.extend(items.iter().filter_map(Value::as_str)),
        _ => {}
    };
    take(subject.get("/load/arrival"));
    take(subject.get("/matrix/arrival"));
    let entries = subject
        .get("/matrix/include")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    entries.for_each(|entry| take(entry.get("arrival")));
    found
}
