//! What the language knows and this version cannot execute yet: each part a finding at its place, before a byte is sent.

use crate::foundation::diagnostic::{Finding, Findings};
use crate::plan::Plan;
use crate::scenario::{HttpClient, Scenario, Target};

const CODE: &str = "not-supported-yet";

/// Every part of the scenario that cannot be executed yet.
pub fn not_supported(scenario: &Scenario, plan: &Plan) -> Findings {
    let mut findings = Findings::new();
    for target in scenario.targets.values() {
        if plan.cells.iter().any(|cell| cell.target == target.name) {
            findings.extend(target_parts(target));
        }
    }
    if plan.cells.iter().any(|cell| cell.search.is_some()) {
        findings.push(finding("/matrix", "a search for the highest rate or concurrency"));
    }
    if !scenario.report.exports.is_empty() {
        findings.push(finding("/report/exports", "exports"));
    }
    findings
}

fn target_parts(target: &Target) -> Findings {
    let at = |key: &str| format!("/targets/{}/{key}", target.name);
    let parts = [
        (!target.protocol.supported(), "protocol", "this protocol"),
        (!target.setup.is_empty(), "setup", "set-up requests"),
        (!target.teardown.is_empty(), "teardown", "tear-down requests"),
        (target.http.client != HttpClient::Hyper, "http/client", "another HTTP client than hyper"),
        (target.http.proxy_from_environment, "http/proxy", "a proxy for load"),
        (!target.allow_hosts.is_empty(), "allow_hosts", "answers that send us to other hosts"),
    ];
    parts
        .into_iter()
        .filter(|(used, _, _)| *used)
        .map(|(_, key, what)| finding(&at(key), what))
        .collect()
}

fn finding(pointer: &str, what: &str) -> Finding {
    Finding::error(CODE, pointer, format!("{what} cannot be executed yet"))
        .help("`validate` and `plan` work on it; CHANGELOG.md lists what is to come")
}
