//! What is compared: a metric with its statistic, its direction and how much worse is too much.

use super::document::Row;
use crate::kinds::metric::catalogue;
use crate::results::{Better, GateSettings, Results, Unit};

/// Metrics that are compared whether or not they gate, those that a reader of the report looks for first.
const ADVISORY: [&str; 12] = [
    "e2e.p50",
    "e2e.p90",
    "e2e.p99",
    "ttft.p50",
    "ttft.p95",
    "tpot.p50",
    "itl.p99",
    "request_throughput",
    "goodput",
    "output_throughput",
    "error_rate",
    "slo_attainment",
];

/// On which scale a metric is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scale {
    /// Ratios, by their logarithms.
    Ratio,
    /// Shares of requests, by their logits and shown in points (ci.md B.3 (14)).
    Points,
}

/// A metric under comparison.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Subject {
    /// As written: `ttft.p95`.
    pub(super) name: String,
    /// The metric.
    pub(super) metric: String,
    /// Its statistic.
    pub(super) statistic: Option<String>,
    pub(super) unit: Unit,
    pub(super) better: Better,
    /// A share, or points of a rate.
    pub(super) tolerance: f64,
}

impl Subject {
    /// The subject of a gate; `None` where the results know no such metric.
    pub(super) fn of(gate: &GateSettings, results: &Results) -> Option<Self> {
        let known = |name: &str| {
            let defined = results
                .definitions
                .get(name)
                .map(|found| (found.unit, found.better));
            defined.or_else(|| catalogue::find(name).map(|found| (found.unit, found.better)))
        };
        let whole = known(&gate.metric).map(|found| (gate.metric.as_str(), None, found));
        let (metric, statistic, (unit, better)) = whole.or_else(|| {
            let (metric, statistic) = gate.metric.rsplit_once('.')?;
            Some((metric, Some(statistic), known(metric)?))
        })?;
        Some(Self {
            name: gate.metric.clone(),
            metric: metric.to_owned(),
            statistic: statistic.map(ToOwned::to_owned),
            unit,
            better,
            tolerance: gate.tolerance,
        })
    }

    /// Subjects that are shown beside the gates.
    pub(super) fn advisory(results: &Results, gates: &[Self]) -> Vec<Self> {
        let free = ADVISORY
            .into_iter()
            .filter(|name| !gates.iter().any(|gate| gate.name == *name));
        free.filter_map(|name| {
            let unlimited = GateSettings {
                metric: name.to_owned(),
                tolerance: 0.0,
            };
            let subject = Self::of(&unlimited, results)?;
            Some(Self {
                tolerance: subject.default_tolerance(),
                ..subject
            })
        })
        .collect()
    }

    pub(super) fn scale(&self) -> Scale {
        match self.metric.as_str() {
            "error_rate" | "success_rate" => Scale::Points,
            _ => Scale::Ratio,
        }
    }

    /// 5 %, for a p99 10 %, for rates of errors half a point (ci.md B.3 (7)).
    fn default_tolerance(&self) -> f64 {
        match (self.scale(), self.statistic.as_deref()) {
            (Scale::Points, _) => 0.005,
            (Scale::Ratio, Some("p99")) => 0.1,
            (Scale::Ratio, _) => 0.05,
        }
    }

    /// 1 where more is worse, −1 where less is: a positive difference times this is a worsening.
    pub(super) fn worse(&self) -> f64 {
        if self.better == Better::Higher {
            -1.0
        } else {
            1.0
        }
    }

    /// The quantile that the statistic is, where it is one.
    pub(super) fn percentile(&self) -> Option<f64> {
        self.statistic
            .as_deref()
            .and_then(catalogue::percentile_share)
    }

    /// The tolerance on the scale of the test's effect.
    pub(super) fn limit(&self) -> f64 {
        match self.scale() {
            Scale::Ratio => self.tolerance.ln_1p(),
            Scale::Points => self.tolerance,
        }
    }
}

/// By how much head is worse, on the scale of `change`; negative where it is better, `None` where that is not known.
pub(super) fn worsening(row: &Row) -> Option<f64> {
    let change = row.change?.value;
    Some(if row.better == Better::Higher {
        -change
    } else {
        change
    })
}
