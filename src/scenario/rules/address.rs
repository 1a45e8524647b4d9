//! Where a target is.

use super::{Part, Rule, Subject};
use crate::foundation::diagnostic::{Finding, Findings};
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
}

fn fix(url: &str) -> String {
    let bare = !url.contains("://") && !url.is_empty() && !url.starts_with('/');
    if bare {
        format!("write `http://{url}`")
    } else {
        "write it like `http://127.0.0.1:8000`".to_owned()
    }
}
