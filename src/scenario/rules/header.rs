//! Headers that HTTP cannot carry.

use http::{HeaderName, HeaderValue};
use serde_json::Value;

use super::Rule;
use super::http::each_request;
use crate::foundation::diagnostic::{Finding, Findings};
use crate::scenario::check::child;

/// A header that is none.
pub const HEADER: Rule = Rule {
    code: "bad-header",
    explain: "A header's name is letters, digits and dashes; its value is one line of visible characters.",
    check: |subject, findings| {
        for target in subject.targets() {
            let headers = target
                .map
                .get("headers")
                .and_then(Value::as_object)
                .into_iter()
                .flatten();
            headers
                .for_each(|(name, value)| header(&target.at("headers"), (name, value), findings));
            let auth = target
                .map
                .get("auth")
                .and_then(|auth| auth.pointer("/header/name"));
            if let Some(name) = auth
                .and_then(Value::as_str)
                .filter(|name| HeaderName::try_from(*name).is_err())
            {
                findings.push(no_name(format!("{}/header/name", target.at("auth")), name));
            }
        }
        // The short form's are the target's own.
        each_request(subject, &mut |pointer, request| {
            let headers = request
                .get("headers")
                .and_then(Value::as_object)
                .into_iter()
                .flatten();
            for named in headers.filter(|_| pointer.matches('/').count() > 2) {
                header(&child(pointer, "headers"), named, findings);
            }
        });
    },
};

fn header(pointer: &str, (name, value): (&String, &Value), findings: &mut Findings) {
    let at = child(pointer, name);
    if HeaderName::try_from(name.as_str()).is_err() {
        findings.push(no_name(at, name).at_key());
    } else if let Some(text) = value
        .as_str()
        .filter(|text| HeaderValue::from_str(text).is_err())
    {
        let what = if text.contains(['\n', '\r']) {
            "a line break"
        } else {
            "a control character"
        };
        let message = format!("the value of header `{name}` holds {what}");
        findings.push(
            Finding::error(HEADER.code, at, message)
                .help("write it on one line, in visible characters"),
        );
    }
}

fn no_name(pointer: String, name: &str) -> Finding {
    Finding::error(
        HEADER.code,
        pointer,
        format!("`{name}` is no name of a header"),
    )
    .help("write letters, digits and dashes, such as `x-tenant`")
}
