//! Parts of the language that parse, validate and plan, and that cannot be executed yet. The list shrinks.

use serde_json::Value;

use super::Subject;
use crate::foundation::diagnostic::{Finding, Findings};
use crate::kinds::protocol;

/// The code of these findings.
pub const CODE: &str = "not-supported-yet";

/// Parts of a target that come later.
const LATER: [(&str, &str); 3] = [
    ("setup", "a set-up request"),
    ("teardown", "a tear-down request"),
    ("allow_hosts", "an answer that sends us to another host"),
];

/// HTTP options of a target, each with the values that come later.
const LATER_HTTP: [(&str, &[&str], &str); 3] = [
    ("version", &["2"], "HTTP/2"),
    ("client", &["native", "reqwest"], "this HTTP client"),
    ("proxy", &["env"], "a proxy for load"),
];

/// What of a document cannot be executed yet.
pub fn unsupported(subject: &Subject<'_>) -> Findings {
    let mut found = Findings::new();
    targets(subject, &mut found);
    datasets(subject, &mut found);
    for axis in ["rate", "concurrency"] {
        let pointer = format!("/matrix/{axis}");
        if subject.get(&format!("{pointer}/search")).is_some() {
            tell(
                &mut found,
                &pointer,
                &format!("a search over `{axis}`"),
                "give the values to try as a list",
            );
        }
    }
    for (index, export) in subject
        .get("/report/exports")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .enumerate()
    {
        let name = export.as_str().unwrap_or_default();
        tell(
            &mut found,
            &format!("/report/exports/{index}"),
            &format!("the export `{name}`"),
            "leave it out",
        );
    }
    found
}

fn targets(subject: &Subject<'_>, found: &mut Findings) {
    for target in subject.targets() {
        let kind = target.text("protocol").and_then(|name| {
            protocol::Kind::ALL
                .into_iter()
                .find(|kind| kind.name() == name)
        });
        if let Some(kind) = kind.filter(|kind| !kind.supported()) {
            let names: Vec<&str> = protocol::Kind::ALL
                .into_iter()
                .filter(|kind| kind.supported())
                .map(protocol::Kind::name)
                .collect();
            tell(
                found,
                &target.at("protocol"),
                &format!("protocol `{}`", kind.name()),
                &format!("use one of {}", names.join(", ")),
            );
        }
        for (key, what) in LATER {
            if target.map.contains_key(key) {
                tell(found, &target.at(key), what, "leave it out");
            }
        }
        let http = |key: &str| {
            target
                .map
                .get("http")
                .and_then(|http| http.get(key))
                .and_then(Value::as_str)
        };
        for (key, wanted, what) in LATER_HTTP {
            if http(key).is_some_and(|written| wanted.contains(&written)) {
                tell(
                    found,
                    &format!("{}/{key}", target.at("http")),
                    what,
                    "leave it out",
                );
            }
        }
        for key in ["setup", "teardown"] {
            if target.map.contains_key(key) {
                tell(found, &target.at(key), &format!("`{key}`"), "leave it out, and send these requests yourself");
            }
        }
        if target.map.contains_key("tokenizer") {
            tell(
                found,
                &target.at("tokenizer"),
                "a tokenizer of your own",
                "leave it out: tokens are those of the server's usage",
            );
        }
    }
}

fn datasets(subject: &Subject<'_>, found: &mut Findings) {
    for dataset in subject.datasets() {
        if let Some(kind @ ("urls" | "mix")) = dataset.text("kind") {
            tell(
                found,
                &dataset.at("kind"),
                &format!("datasets of kind `{kind}`"),
                "use `prompts` or `trace`",
            );
        }
        for (pointer, _) in dataset
            .texts("path")
            .into_iter()
            .filter(|(_, path)| path.starts_with("hf://"))
        {
            tell(
                found,
                &pointer,
                "a download",
                "get the file and name its path",
            );
        }
    }
}

fn tell(found: &mut Findings, pointer: &str, what: &str, help: &str) {
    found.push(Finding::error(CODE, pointer, format!("{what} cannot be executed yet")).help(help));
}
