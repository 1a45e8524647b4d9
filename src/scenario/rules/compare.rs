//! Comparisons and their gates.

use std::collections::BTreeSet;

use serde::Deserialize as _;
use serde_json::Value;

use super::slo::tell;
use super::{Rule, Subject};
use crate::foundation::diagnostic::{Finding, Findings};
use crate::foundation::units::Ratio;
use crate::kinds::metric::{Better, catalogue};
use crate::kinds::verdict::parse;

/// A gate on what cannot be judged.
pub const GATE: Rule = Rule {
    code: "bad-gate",
    explain: "A gate names a metric that has a better direction, and a statistic where the metric is a distribution.",
    check: gate,
};

fn gates<'a>(subject: &Subject<'a>) -> impl Iterator<Item = (String, &'a str)> {
    let gates = subject
        .get("/compare/gates")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .enumerate();
    gates.filter_map(|(index, gate)| {
        Some((
            format!("/compare/gates/{index}/metric"),
            gate.get("metric")?.as_str()?,
        ))
    })
}

fn gate(subject: &Subject<'_>, findings: &mut Findings) {
    for (pointer, metric) in gates(subject) {
        match parse::metric(metric) {
            Err(error) => findings.push(tell(&error, GATE.code, pointer)),
            Ok((name, _, _)) => {
                if catalogue::find(&name).is_some_and(|metric| metric.better == Better::Neither) {
                    let message = format!(
                        "`{name}` is neither better higher nor better lower, so that it cannot regress"
                    );
                    findings.push(
                        Finding::error(GATE.code, pointer, message)
                            .help("gate on a latency, a throughput or a rate of errors"),
                    );
                }
            }
        }
    }
}

/// Two gates on one metric.
pub const GATE_TWICE: Rule = Rule {
    code: "gate-twice",
    explain: "One gate a metric: with two tolerances it would not be plain which one holds.",
    check: gate_twice,
};

fn gate_twice(subject: &Subject<'_>, findings: &mut Findings) {
    let mut seen = BTreeSet::new();
    for (pointer, metric) in gates(subject) {
        if !seen.insert(metric) {
            findings.push(
                Finding::error(
                    GATE_TWICE.code,
                    pointer,
                    format!("there is a gate on `{metric}` already"),
                )
                .help("keep one of them"),
            );
        }
    }
}

/// A share that decides nothing.
pub const SHARE: Rule = Rule {
    code: "senseless-share",
    explain: "A tolerance is a share from 0% to 100%, a rate of false discoveries and a search's precision lie between these.",
    check: share,
};

fn share(subject: &Subject<'_>, findings: &mut Findings) {
    let mut check = |pointer: String, value: Option<&Value>, zero: bool| {
        let Some(Ok(Ratio(share))) = value.map(Ratio::deserialize) else {
            return;
        };
        if share > 1.0 || share <= 0.0 && !(zero && share == 0.0) || share >= 1.0 && !zero {
            let bounds = if zero {
                "from 0% to 100%"
            } else {
                "above 0% and below 100%"
            };
            let finding = Finding::error(
                SHARE.code,
                pointer,
                format!("{} is out of range: {bounds}", Ratio(share)),
            );
            findings.push(finding.help("write it like `5%` or `0.05`"));
        }
    };
    let gates = subject
        .get("/compare/gates")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    for (index, gate) in gates.enumerate() {
        check(
            format!("/compare/gates/{index}/tolerance"),
            gate.get("tolerance"),
            true,
        );
    }
    let of_file = "/compare/false_discovery_rate";
    check(of_file.to_owned(), subject.get(of_file), false);
    for axis in ["rate", "concurrency"] {
        for section in ["matrix", "load"] {
            let pointer = format!("/{section}/{axis}/search/precision");
            check(pointer.clone(), subject.get(&pointer), false);
        }
    }
}

/// A value compared with itself.
pub const PAIR: Rule = Rule {
    code: "same-values",
    explain: "`compare.by` names two different values of one axis, base first.",
    check: pair,
};

fn pair(subject: &Subject<'_>, findings: &mut Findings) {
    let by = subject
        .get("/compare/by")
        .and_then(Value::as_object)
        .into_iter()
        .flatten();
    for (axis, values) in by {
        if let Some([base, head]) = values.as_array().map(Vec::as_slice)
            && base == head
        {
            let pointer = crate::scenario::check::child("/compare/by", axis);
            findings.push(
                Finding::error(
                    PAIR.code,
                    format!("{pointer}/1"),
                    "base and head are one value",
                )
                .help("name two values of the axis, base first"),
            );
        }
    }
}
