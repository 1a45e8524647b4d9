//! Secrets are references.

use super::{Rule, Subject};
use crate::foundation::diagnostic::{Finding, Findings};

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
