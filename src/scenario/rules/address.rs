//! Where a target is.

use serde_json::Value;

use super::http::each_request;
use super::{Part, Rule, Subject};
use crate::foundation::diagnostic::{Finding, Findings};
use crate::scenario::check::child;
use crate::scenario::resolve::parse_url;

const KEYS: [&str; 3] = ["base_url", "base_urls", "embedded"];

/// A target without an address.
pub const MISSING: Rule = Rule {
    code: "no-address",
    explain: "A target needs one of `base_url`, `base_urls` and `embedded`, unless its requests carry whole URLs.",
    check: missing,
};

fn missing(subject: &Subject<'_>, findings: &mut Findings) {
    for target in subject.targets() {
        if KEYS.iter().any(|key| target.map.contains_key(*key)) || needs_none(&target, subject) {
            continue;
        }
        let message = format!("target `{}` has no address", target.name);
        findings.push(
            Finding::error(MISSING.code, target.pointer, message)
                .at_key()
                .help("add `base_url: http://…`, or `embedded: {}` for the simulator"),
        );
    }
}

/// Whole URLs and subprocesses need no address.
fn needs_none(target: &Part<'_>, subject: &Subject<'_>) -> bool {
    match target.text("protocol") {
        Some("http") => {
            target.map.contains_key("url")
                || subject
                    .datasets()
                    .any(|dataset| dataset.text("kind") == Some("urls"))
        }
        Some("model-load") => target
            .map
            .get("driver")
            .and_then(|driver| driver.get("kind"))
            .is_some_and(|kind| kind == "exec"),
        _ => false,
    }
}

/// A target with several addresses.
pub const TWICE: Rule = Rule {
    code: "address-twice",
    explain: "`base_url`, `base_urls` and `embedded` exclude each other: which one is meant must be plain.",
    check: twice,
};

fn twice(subject: &Subject<'_>, findings: &mut Findings) {
    for target in subject.targets() {
        let given: Vec<&str> = KEYS
            .into_iter()
            .filter(|key| target.map.contains_key(*key))
            .collect();
        if let [first, second, ..] = given[..] {
            findings.push(
                Finding::error(
                    TWICE.code,
                    target.at(second),
                    format!("`{second}` stands beside `{first}`"),
                )
                .at_key()
                .help("keep one of them"),
            );
        }
    }
}

/// A base URL that is none.
pub const FORM: Rule = Rule {
    code: "bad-url",
    explain: "A base URL is `http://…` or `https://…` with a host, without query and fragment.",
    check: form,
};

fn form(subject: &Subject<'_>, findings: &mut Findings) {
    for target in subject.targets() {
        for (pointer, url) in target
            .texts("base_url")
            .into_iter()
            .chain(target.texts("base_urls"))
        {
            if let Err(message) = parse_url(url) {
                findings.push(Finding::error(FORM.code, pointer, message).help(fix(url)));
            }
        }
    }
    // A request's own may have a query, and what templates fill in is known at the run.
    each_request(subject, &mut |pointer, request| {
        let url = request.get("url").and_then(Value::as_str);
        let Some(url) = url.filter(|url| !url.contains("{{") && !url.contains("{%")) else {
            return;
        };
        let bare = url.split(['?', '#']).next().unwrap_or_default();
        if let Err(message) = parse_url(bare) {
            findings.push(Finding::error(FORM.code, child(pointer, "url"), message).help(fix(url)));
        }
    });
}

/// A path that would be glued to the address.
pub const PATH: Rule = Rule {
    code: "path-without-slash",
    explain: "A path at a target begins with a slash, since it is put behind its address.",
    check: path,
};

fn path(subject: &Subject<'_>, findings: &mut Findings) {
    let mut check = |pointer: String, path: Option<&str>| {
        let Some(path) = path.filter(|path| !path.starts_with('/') && !path.starts_with("{{"))
        else {
            return;
        };
        if path.contains("://") {
            // `metadata` may be a whole URL.
            if !pointer.ends_with("/metadata") {
                let finding = Finding::error(
                    PATH.code,
                    pointer,
                    format!("`{path}` is a whole URL, not a path"),
                );
                findings.push(finding.help("write the path alone, such as `/health`"));
            }
            return;
        }
        let finding = Finding::error(PATH.code, pointer, format!("`{path}` begins with no slash"));
        findings.push(finding.help(format!("write `/{path}`")));
    };
    for target in subject.targets() {
        for key in ["path", "metadata"] {
            check(target.at(key), target.text(key));
        }
        let ready = target.map.get("ready").and_then(|ready| ready.get("path"));
        check(
            format!("{}/path", target.at("ready")),
            ready.and_then(Value::as_str),
        );
    }
}

fn fix(url: &str) -> String {
    let bare = !url.contains("://") && !url.is_empty() && !url.starts_with('/');
    if bare {
        format!("write `http://{url}`")
    } else {
        "write it like `http://127.0.0.1:8000`".to_owned()
    }
}
