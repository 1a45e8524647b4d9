//! Requests of the `http` protocol.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{Part, Rule, Subject};
use crate::foundation::diagnostic::{Finding, Findings};
use crate::scenario::check::child;
use crate::scenario::domain::HttpVersion;

const BODIES_OF: [&str; 5] = ["json", "form", "multipart", "text", "file"];

/// A request with several bodies.
pub const BODIES: Rule = Rule {
    code: "several-bodies",
    explain: "A request has one body: `json`, `form`, `multipart`, `text` or `file`.",
    check: bodies,
};

fn bodies(subject: &Subject<'_>, findings: &mut Findings) {
    each_request(subject, &mut |pointer, request| {
        let given: Vec<&str> = BODIES_OF
            .into_iter()
            .filter(|key| request.contains_key(*key))
            .collect();
        if let [first, second, ..] = given[..] {
            let message = format!("a request has one body, and `{second}` stands beside `{first}`");
            findings.push(
                Finding::error(BODIES.code, child(pointer, second), message)
                    .at_key()
                    .help("keep one of them"),
            );
        }
        if request.contains_key("url") && request.contains_key("path") {
            let message = "a request goes to one place, and `url` stands beside `path`";
            findings.push(
                Finding::error(BODIES.code, child(pointer, "url"), message)
                    .at_key()
                    .help("keep one of them"),
            );
        }
    });
}

/// A client that does not speak the version that is asked for.
pub const CLIENT: Rule = Rule {
    code: "client-of-another-version",
    explain: "`native` and `reqwest` speak HTTP/1.1 alone.",
    check: client,
};

fn client(subject: &Subject<'_>, findings: &mut Findings) {
    for target in subject.targets() {
        let http = |key: &str| target.map.get("http").and_then(|http| http.get(key));
        let version = http("version").cloned().map(HttpVersion::try_from);
        let client = http("client").and_then(Value::as_str);
        if let (Some(Ok(HttpVersion::Http2)), Some(name @ ("native" | "reqwest"))) =
            (version, client)
        {
            let pointer = child(&target.at("http"), "client");
            let message = format!("`{name}` speaks HTTP/1.1 alone, and `version` asks for 2");
            findings.push(
                Finding::error(CLIENT.code, pointer, message)
                    .help("leave `client` out, or ask for version 1.1"),
            );
        }
    }
}

/// Calls `visit` with every request that a target describes itself, in the order in which they are sent.
pub(super) fn each_request(
    subject: &Subject<'_>,
    visit: &mut dyn FnMut(&str, &Map<String, Value>),
) {
    for target in subject.targets() {
        each_of(&target, "setup", visit);
        if target.text("protocol") == Some("http") {
            visit(&target.pointer, target.map);
        }
        each_of(&target, "steps", visit);
        each_of(&target, "teardown", visit);
    }
}

fn each_of(target: &Part<'_>, list: &str, visit: &mut dyn FnMut(&str, &Map<String, Value>)) {
    let steps = target
        .map
        .get(list)
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    for (index, step) in steps.enumerate() {
        if let Some(step) = step.as_object() {
            visit(&format!("{}/{index}", target.at(list)), step);
        }
    }
}

/// Steps whose names cannot be told apart, or a short form beside them.
pub const STEPS: Rule = Rule {
    code: "unclear-steps",
    explain: "Each step has a name of its own, and a target has either `steps` or the short form of one request.",
    check: named,
};

fn named(subject: &Subject<'_>, findings: &mut Findings) {
    for target in subject
        .targets()
        .filter(|target| target.text("protocol") == Some("http"))
    {
        let Some(Value::Array(steps)) = target.map.get("steps") else {
            continue;
        };
        let mut seen = BTreeSet::new();
        for (index, name) in steps
            .iter()
            .enumerate()
            .filter_map(|(index, step)| Some((index, step.get("name")?.as_str()?)))
        {
            if !seen.insert(name) {
                let pointer = format!("{}/{index}/name", target.at("steps"));
                findings.push(
                    Finding::error(
                        STEPS.code,
                        pointer,
                        format!("there is a step `{name}` already"),
                    )
                    .help("give it a name of its own: later steps and metrics know it by it"),
                );
            }
            if matches!(name, "row" | "request" | "workload") {
                let pointer = format!("{}/{index}/name", target.at("steps"));
                findings.push(
                    Finding::error(
                        STEPS.code,
                        pointer,
                        format!("`{name}` has a meaning of its own in templates"),
                    )
                    .help("give the step another name"),
                );
            }
        }
        let short = ["method", "query", "expect", "extract", "url"]
            .into_iter()
            .chain(BODIES_OF);
        for key in short.filter(|key| target.map.contains_key(*key)) {
            let message =
                format!("`{key}` is of the short form of one request, and this target has `steps`");
            findings.push(
                Finding::error(STEPS.code, target.at(key), message)
                    .at_key()
                    .help("move it into a step"),
            );
        }
    }
}
