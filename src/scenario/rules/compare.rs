//! Comparisons and their gates.

use std::collections::BTreeSet;

use serde_json::Value;

use super::slo::tell;
use super::{Rule, Subject};
use crate::foundation::diagnostic::{Finding, Findings};
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
