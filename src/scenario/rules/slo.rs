//! Limits and objectives.

use serde_json::Value;

use super::{Rule, Subject};
use crate::foundation::diagnostic::{Finding, Findings};
use crate::foundation::units::HumanDuration;
use crate::kinds::metric::catalogue;
use crate::kinds::verdict::parse::{self, ObjectiveError};
use crate::scenario::suggest::nearest;

/// An objective on a metric that there is not.
pub const METRIC: Rule = Rule {
    code: "unknown-metric",
    explain: "An objective names a metric of metrics.md.",
    check: |subject, findings| objectives(subject, METRIC.code, findings),
};

/// An objective on a distribution without a statistic, or with one that there is not.
pub const STATISTIC: Rule = Rule {
    code: "bad-statistic",
    explain: "A latency is a distribution, so that an objective on it needs a statistic: `e2e.p99`, `ttft.mean`.",
    check: |subject, findings| objectives(subject, STATISTIC.code, findings),
};

/// An objective that cannot be read.
pub const OBJECTIVE: Rule = Rule {
    code: "bad-objective",
    explain: "An objective is `<metric>[.<statistic>] <op> <value>`, its value in the metric's unit.",
    check: |subject, findings| objectives(subject, OBJECTIVE.code, findings),
};

fn objectives(subject: &Subject<'_>, code: &'static str, findings: &mut Findings) {
    for (pointer, slo) in subject.slos() {
        let written = slo
            .get("objectives")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        for (index, objective) in written.enumerate() {
            let at = format!("{pointer}/objectives/{index}");
            let (at, text) = match objective {
                Value::String(text) => (at, Some(text.as_str())),
                conditional => (
                    format!("{at}/objective"),
                    conditional.get("objective").and_then(Value::as_str),
                ),
            };
            let Some(Err(error)) = text.map(parse::objective) else {
                continue;
            };
            if self::code(&error) == code {
                findings.push(tell(&error, code, at));
            }
        }
    }
}

fn code(error: &ObjectiveError) -> &'static str {
    match error {
        ObjectiveError::UnknownMetric { .. } => METRIC.code,
        ObjectiveError::UnknownStatistic { .. }
        | ObjectiveError::Fraction { .. }
        | ObjectiveError::Decimals { .. }
        | ObjectiveError::NeedsStatistic { .. } => STATISTIC.code,
        ObjectiveError::Form { .. } | ObjectiveError::Value { .. } => OBJECTIVE.code,
    }
}

/// The finding of an objective or a gate that cannot be read.
pub(super) fn tell(error: &ObjectiveError, code: &'static str, pointer: String) -> Finding {
    let near = match error {
        ObjectiveError::UnknownMetric { name } => {
            nearest(name, catalogue::all().map(|metric| metric.name)).or_else(|| usual(name))
        }
        ObjectiveError::UnknownStatistic {
            statistic, known, ..
        } => nearest(statistic, known.iter().copied()),
        _ => None,
    };
    let help = near.map_or_else(|| error.help(), |near| format!("did you mean `{near}`?"));
    Finding::error(code, pointer, error.to_string()).help(help)
}

/// What other tools call a metric.
fn usual(name: &str) -> Option<&'static str> {
    let known = [
        ("latency", "e2e"),
        ("duration", "e2e"),
        ("http_req_duration", "e2e"),
        ("response_time", "e2e"),
        ("e2el", "e2e"),
        ("throughput", "request_throughput"),
        ("rps", "request_throughput"),
        ("qps", "request_throughput"),
        ("errors", "error_rate"),
        ("slo", "slo_attainment"),
    ];
    known
        .iter()
        .find(|(other, _)| *other == name)
        .map(|(_, ours)| *ours)
}

/// A limit that is estimated from nothing.
pub const ESTIMATE: Rule = Rule {
    code: "nothing-to-estimate",
    explain: "`e2e: { estimate: warmup }` needs warm-ups to measure its base with, or `base` in their place.",
    check: estimate,
};

/// A base that makes no limit.
pub const BASE: Rule = Rule {
    code: "senseless-base",
    explain: "`base` is the time of one unit of work, above 0, of the linear model; `affine` has an intercept too, and is measured.",
    check: base,
};

fn base(subject: &Subject<'_>, findings: &mut Findings) {
    for (pointer, slo) in subject.slos() {
        let Some(e2e) = slo.pointer("/request/e2e") else {
            continue;
        };
        let Some(base) = e2e.get("base") else {
            continue;
        };
        let is_zero = base
            .as_str()
            .and_then(|base| base.parse::<HumanDuration>().ok())
            .is_some_and(|base| base.0.is_zero());
        let (message, help) = if e2e.get("model").is_some_and(|model| model == "affine") {
            (
                "`base` alone is no affine model: its intercept is not given",
                "leave `base` out, so that warm-ups of two sizes measure both, or leave out `model`",
            )
        } else if is_zero {
            (
                "a base of 0 makes limits of 0, which no request can keep",
                "write the time of one unit of work, such as `0.49ms`",
            )
        } else {
            continue;
        };
        let at = format!("{pointer}/request/e2e/base");
        findings.push(Finding::error(BASE.code, at, message).help(help));
    }
}

fn estimate(subject: &Subject<'_>, findings: &mut Findings) {
    let of_load = |pointer: &str| subject.get(pointer).is_some_and(|requests| *requests != 0);
    if of_load("/load/warmup/requests")
        || subject.get("/matrix/load.warmup").is_some()
        || subject.get("/matrix/load.warmup.requests").is_some()
    {
        return;
    }
    for (pointer, slo) in subject.slos() {
        let Some(e2e) = slo.pointer("/request/e2e") else {
            continue;
        };
        if e2e.get("estimate").is_some() && e2e.get("base").is_none() {
            findings.push(
                Finding::error(
                    ESTIMATE.code,
                    format!("{pointer}/request/e2e"),
                    "the limit is estimated from warm-ups, and there are none",
                )
                .help("add `load.warmup: { requests: 2 }`, or give `base`"),
            );
        }
    }
}
