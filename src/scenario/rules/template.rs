//! Templates in the requests that a target describes itself.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::Rule;
use super::http::each_request;
use crate::foundation::diagnostic::{Finding, Findings};
use crate::foundation::template;
use crate::scenario::check::child;
use crate::scenario::suggest::nearest;

/// Parts of a request that may hold templates.
const PARTS: [&str; 8] = [
    "url",
    "path",
    "query",
    "headers",
    "json",
    "form",
    "multipart",
    "text",
];

/// A template that is none, or that names what no template sees.
pub const TEMPLATE: Rule = Rule {
    code: "bad-template",
    explain: "Templates are Jinja over `row`, `request` (index, seed), `workload` and earlier steps by name, and nothing else.",
    check: |subject, findings| {
        // What each step of a target gives to those that come after it.
        let mut steps = Steps::new();
        let mut target = String::new();
        each_request(subject, &mut |pointer, request| {
            let of = pointer.split('/').nth(2).unwrap_or_default();
            if target != of {
                of.clone_into(&mut target);
                steps.clear();
            }
            for part in PARTS {
                if let Some(value) = request.get(part) {
                    walk(value, &child(pointer, part), &steps, findings);
                }
            }
            steps.extend(given(request));
        });
    },
};

/// What steps give, by their names.
type Steps = BTreeMap<String, Vec<String>>;

fn given(request: &Map<String, Value>) -> Option<(String, Vec<String>)> {
    let name = request.get("name")?.as_str()?;
    let extract = request
        .get("extract")
        .and_then(Value::as_object)
        .into_iter()
        .flatten();
    Some((
        name.to_owned(),
        extract.map(|(name, _)| name.clone()).collect(),
    ))
}

fn walk(value: &Value, pointer: &str, steps: &Steps, findings: &mut Findings) {
    match value {
        Value::String(text) if ["{{", "{%", "{#"].iter().any(|mark| text.contains(mark)) => {
            findings.extend(wrong(text, pointer, steps));
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                walk(item, &format!("{pointer}/{index}"), steps, findings);
            }
        }
        Value::Object(map) => {
            map.iter()
                .for_each(|(key, value)| walk(value, &child(pointer, key), steps, findings));
        }
        _ => {}
    }
}

fn wrong(text: &str, pointer: &str, steps: &Steps) -> Option<Finding> {
    let names = match template::names(text) {
        Ok(names) => names,
        Err(error) => {
            let finding = Finding::error(
                TEMPLATE.code,
                pointer,
                format!("the template is no Jinja: {}", error.message),
            );
            return Some(finding.help("write it like `{{ row.prompt }}`"));
        }
    };
    names.iter().find_map(|name| unseen(name, pointer, steps))
}

/// The finding of a name that no template sees there.
fn unseen(name: &str, pointer: &str, steps: &Steps) -> Option<Finding> {
    let (root, below) = name.split_once('.').unwrap_or((name, ""));
    let taken = below.split('.').next().unwrap_or_default();
    let refuse = |message: String, near: Option<&str>, known: String| {
        let finding = Finding::error(TEMPLATE.code, pointer, message);
        Some(match near {
            Some(near) => finding.help(format!("did you mean `{near}`?")),
            None => finding.help(known),
        })
    };
    match (root, steps.get(root)) {
        ("row" | "workload", _) => None,
        ("request", _) if matches!(taken, "index" | "seed" | "") => None,
        ("request", _) => refuse(
            format!("`request` has no `{taken}`"),
            nearest(taken, ["index", "seed"]),
            "it has `index` and `seed`".to_owned(),
        ),
        (_, Some(gives)) if taken.is_empty() || gives.iter().any(|name| name == taken) => None,
        (step, Some(gives)) => refuse(
            format!("step `{step}` extracts no `{taken}`"),
            nearest(taken, gives.iter().map(String::as_str)),
            format!("add it to the step: `extract: {{ {taken}: {{ json: /{taken} }} }}`"),
        ),
        (_, None) => {
            let known = ["row", "request", "workload"]
                .into_iter()
                .chain(steps.keys().map(String::as_str));
            refuse(
                format!("no template here sees `{root}`"),
                nearest(root, known),
                "templates see `row`, `request`, `workload` and earlier steps; a parameter is `row.<name>`".to_owned(),
            )
        }
    }
}
