//! Parts of the language that parse, validate and plan, and that cannot be executed yet. The list shrinks.

use serde_json::Value;

use super::Subject;
use super::http::each_request;
use crate::foundation::diagnostic::{Finding, Findings};
use crate::kinds::protocol;
use crate::kinds::verdict::parse;
use crate::scenario::check::child;
use crate::scenario::document::report::Export;

/// The code of these findings.
pub const CODE: &str = "not-supported-yet";

/// Parts of a target that come later.
const LATER: [(&str, &str); 3] = [
    ("setup", "a set-up request"),
    ("teardown", "a tear-down request"),
    ("allow_hosts", "an answer that sends us to another host"),
];

/// What of a document cannot be executed yet.
pub fn unsupported(subject: &Subject<'_>) -> Findings {
    let mut found = Findings::new();
    targets(subject, &mut found);
    metrics(subject, &mut found);
    each_request(subject, &mut |pointer, request| {
        if request.contains_key("url") {
            tell(
                &mut found,
                &child(pointer, "url"),
                "a whole `url`",
                "write the `path` at the target's own address",
            );
        }
        // The short form's is the target's own.
        if pointer.matches('/').count() > 2 && request.contains_key("tls") {
            tell(
                &mut found,
                &child(pointer, "tls"),
                "`tls` of a step",
                "give the target's `http.tls`",
            );
        }
    });
    for (index, export) in subject
        .get("/report/exports")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .enumerate()
    {
        let name = export.as_str().unwrap_or_default();
        let known = Export::named(name);
        if known.is_some_and(|known| !known.supported()) {
            let pointer = format!("/report/exports/{index}");
            tell(
                &mut found,
                &pointer,
                &format!("the export `{name}`"),
                "leave it out",
            );
        }
    }
    found
}

fn targets(subject: &Subject<'_>, found: &mut Findings) {
    for target in subject.targets() {
        let kind = target.text("protocol").and_then(protocol::Kind::named);
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
        let http = target.map.get("http");
        let proxy = http.and_then(|http| http.get("proxy"));
        if proxy.and_then(Value::as_str) == Some("env") {
            let pointer = child(&target.at("http"), "proxy");
            tell(found, &pointer, "a proxy for load", "leave it out");
        }
        for key in ["setup", "teardown"] {
            if target.map.contains_key(key) {
                tell(
                    found,
                    &target.at(key),
                    &format!("`{key}`"),
                    "leave it out, and send these requests yourself",
                );
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

/// Metrics whose figures come later, wherever they are named.
fn metrics(subject: &Subject<'_>, found: &mut Findings) {
    let mut refuse = |pointer: String, metric: &str| {
        if parse::LATER.contains(&metric) {
            tell(
                found,
                &pointer,
                &format!("an objective or a gate on `{metric}`"),
                "leave it out",
            );
        }
    };
    for (pointer, slo) in subject.slos() {
        let written = slo
            .get("objectives")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        for (index, objective) in written.enumerate() {
            let at = format!("{pointer}/objectives/{index}");
            let text = objective
                .as_str()
                .or_else(|| objective.get("objective")?.as_str());
            if let Some(Ok(parsed)) = text.map(parse::objective) {
                refuse(at, &parsed.metric);
            }
        }
    }
    let gates = subject
        .get("/compare/gates")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    for (index, gate) in gates.enumerate() {
        if let Some(Ok((metric, ..))) = gate
            .get("metric")
            .and_then(Value::as_str)
            .map(parse::metric)
        {
            refuse(format!("/compare/gates/{index}/metric"), &metric);
        }
    }
}

fn tell(found: &mut Findings, pointer: &str, what: &str, help: &str) {
    found.push(Finding::error(CODE, pointer, format!("{what} cannot be executed yet")).help(help));
}
