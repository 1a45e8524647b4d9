//! Secrets are references.

use std::collections::BTreeMap;
use std::path::Path;

use http::HeaderValue;
use serde::Deserialize as _;
use serde_json::Value;

use super::files::leaves_project;
use super::{Rule, Subject};
use crate::foundation::diagnostic::{Finding, Findings};
use crate::foundation::files::inside;
use crate::foundation::secret::SecretRef;
use crate::scenario::check::child;

/// A literal where a secret is read.
pub const LITERAL: Rule = Rule {
    code: "literal-secret",
    explain: "A secret in a file ends in git. It is a reference, `{ env: NAME }` or `{ file: PATH }`, read when the run begins \
              and masked wherever it could be shown.",
    check: literal,
};

fn literal(subject: &Subject<'_>, findings: &mut Findings) {
    for pointer in &subject.source.credentials {
        let key = pointer.rsplit('/').next().unwrap_or_default();
        let name = subject
            .source
            .references
            .get(pointer)
            .and_then(|reference| reference.names.first());
        let variable = name.map_or_else(|| "NAME".to_owned(), Clone::clone);
        let message = match name {
            Some(_) => "a secret is not filled in by `${env:…}`, which would make it a plain text",
            None => "a secret stands here as a literal",
        };
        findings.push(
            Finding::error(LITERAL.code, pointer.clone(), message)
                .help(fix(pointer, key, &variable)),
        );
    }
}

/// A secret that cannot be had.
pub const UNREADABLE: &str = "unreadable-secret";

/// What of the secrets that targets name cannot be read, or cannot be sent where it is meant to go.
pub fn unreadable(
    subject: &Subject<'_>,
    environment: &BTreeMap<String, String>,
    findings: &mut Findings,
) {
    each_secret(subject, &mut |pointer, reference| {
        // That it lies outside the project is told by a rule.
        if matches!(&reference, SecretRef::File(path) if leaves_project(subject, path)) {
            return;
        }
        let variable = |name: &str| environment.get(name).cloned();
        let secret = reference.read(variable, |path| file(subject, path));
        let in_header = pointer.split('/').nth(3) == Some("auth");
        findings.extend(match secret {
            Err(error) => Some(
                Finding::error(UNREADABLE, pointer, error.to_string()).help(supply(&reference)),
            ),
            Ok(secret) if in_header && HeaderValue::from_str(secret.expose()).is_err() => {
                let message = format!(
                    "the secret {secret} cannot be sent in a header: it holds control characters"
                );
                Some(
                    Finding::error(UNREADABLE, pointer, message).help("remove line breaks from it"),
                )
            }
            Ok(_) => None,
        });
    });
}

/// Calls `visit` with every reference to a secret that a target names.
pub(super) fn each_secret(subject: &Subject<'_>, visit: &mut dyn FnMut(&str, SecretRef)) {
    for target in subject.targets() {
        for (key, value) in target.map {
            each_reference(value, &target.at(key), visit);
        }
    }
}

/// Calls `visit` with every reference to a secret: the forms of `auth`, and `{ secret: … }` anywhere else.
fn each_reference(value: &Value, pointer: &str, visit: &mut dyn FnMut(&str, SecretRef)) {
    let holds_secrets = pointer.ends_with("/secret") || pointer.contains("/auth/");
    if holds_secrets && let Ok(reference) = SecretRef::deserialize(value) {
        return visit(pointer, reference);
    }
    match value {
        Value::Object(map) => {
            map.iter()
                .for_each(|(key, value)| each_reference(value, &child(pointer, key), visit));
        }
        Value::Array(items) => {
            let items = items.iter().enumerate();
            items.for_each(|(index, item)| {
                each_reference(item, &format!("{pointer}/{index}"), visit);
            });
        }
        _ => {}
    }
}

fn file(subject: &Subject<'_>, path: &Path) -> Result<String, String> {
    let path = subject.source.folder.join(path);
    let inside = inside(&subject.source.root, &path).map_err(|error| error.to_string())?;
    std::fs::read_to_string(inside).map_err(|error| error.to_string())
}

/// How a secret is supplied.
fn supply(reference: &SecretRef) -> String {
    match reference {
        SecretRef::Env(name) => {
            format!("set {name} where plimsoll runs; the scenario names only the reference")
        }
        SecretRef::File(_) => {
            "write it into that file; the path is relative to the scenario".to_owned()
        }
    }
}

/// The form that is right at that place.
fn fix(pointer: &str, key: &str, variable: &str) -> String {
    if pointer.contains("/auth") {
        return match key {
            "auth" => format!("write `auth: {{ bearer: {{ env: {variable} }} }}`"),
            "env" | "file" => {
                "name the variable that holds it, as in `{ env: API_TOKEN }`".to_owned()
            }
            _ => format!("write `{key}: {{ env: {variable} }}`"),
        };
    }
    let parts: Vec<&str> = pointer.split('/').collect();
    match parts.as_slice() {
        ["", "targets", _, "headers", header] if header.eq_ignore_ascii_case("authorization") => {
            format!("remove the header and write `auth: {{ bearer: {{ env: {variable} }} }}`")
        }
        ["", "targets", _, "headers", header] => {
            format!(
                "remove the header and write `auth: {{ header: {{ name: {header}, value: {{ env: {variable} }} }} }}`"
            )
        }
        _ if key == "secret" => format!("write `secret: {{ env: {variable} }}`"),
        _ => format!("write `{key}: {{ secret: {{ env: {variable} }} }}`"),
    }
}
