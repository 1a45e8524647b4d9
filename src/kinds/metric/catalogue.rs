//! The list of metrics. A metric stands in its family's file with its name, unit, better direction, definition and
//! the expression that computes it; nothing else defines one.

use polars::prelude::{DataType, Expr};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::totals::Totals;
use super::{concurrency, cost, latency, outcomes, slo, throughput, tokens, workload};

/// Which direction is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    /// Latency, errors, cost.
    Lower,
    /// Throughput, goodput, success.
    Higher,
    /// Neither: a fact.
    Neither,
}

/// The unit of a metric in the results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// Events per second.
    PerSecond,
    /// A share, 1 being the whole.
    Ratio,
    /// A number of things.
    Count,
    /// Bytes.
    Bytes,
    /// Megabytes, as servers report memory.
    Megabytes,
    /// The currency that the prices are in.
    Currency,
    /// No unit, or the scenario's own (workload).
    None,
}

/// Whether a metric is one number or a distribution with statistics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// A distribution over requests (or gaps): an objective needs a statistic.
    Distribution,
    /// One number a cell.
    Scalar,
}

/// How a metric is computed.
#[derive(Debug, Clone, Copy)]
pub enum Compute {
    /// A value of each request, null where it has none, over the columns of `requests.parquet`.
    Each(fn() -> Expr),
    /// Several values of each request, pooled: the whole numbers of a list column.
    Pooled(Pooled),
    /// One number from the sums of a repeat, or of all repeats together.
    Scalar(fn(&Totals) -> Option<f64>),
}

/// Values of which a request has several.
#[derive(Debug, Clone, Copy)]
pub struct Pooled {
    /// The list column.
    pub column: &'static str,
    /// Which requests' lists count.
    pub of: fn() -> Expr,
    /// How many make one unit.
    pub per_unit: f64,
}

impl Compute {
    /// The expression over requests: its value, or whether its list counts; `None` for a scalar.
    pub(super) fn expression(&self) -> Option<Expr> {
        match self {
            Self::Each(expression) => Some(expression().cast(DataType::Float64)),
            Self::Pooled(pooled) => Some((pooled.of)()),
            Self::Scalar(_) => None,
        }
    }
}

/// One metric of metrics.md.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// The name, as in results, objectives and templates.
    pub name: &'static str,
    /// The unit.
    pub unit: Unit,
    /// Which direction is better.
    pub better: Better,
    /// Number or distribution.
    pub shape: Shape,
    /// The definition, in one sentence.
    pub definition: &'static str,
    /// The expression behind it.
    pub compute: Compute,
}

/// Statistics of a distribution that an objective may name, beside any `p<number>`.
pub const STATISTICS: [&str; 10] = [
    "mean", "stddev", "min", "max", "p50", "p75", "p90", "p95", "p99", "p999",
];

/// Percentiles that every distribution has, as shares.
pub const PERCENTILES: [f64; 6] = [0.5, 0.75, 0.9, 0.95, 0.99, 0.999];

/// The families, in the order of the report. `server.<name>` and `step.<name>` are families beside these.
const FAMILIES: [&[Metric]; 8] = [
    latency::METRICS,
    throughput::METRICS,
    tokens::METRICS,
    workload::METRICS,
    concurrency::METRICS,
    outcomes::METRICS,
    slo::METRICS,
    cost::METRICS,
];

/// Every metric, in the order of the report.
pub fn all() -> impl Iterator<Item = &'static Metric> {
    FAMILIES.into_iter().flatten()
}

/// The metric of that name.
pub fn find(name: &str) -> Option<&'static Metric> {
    all().find(|metric| metric.name == name)
}

impl Metric {
    /// A value of each request, of which less is better, in seconds.
    pub(super) const fn time(
        name: &'static str,
        definition: &'static str,
        compute: fn() -> Expr,
    ) -> Self {
        Self::each(name, (Unit::Seconds, Better::Lower), definition, compute)
    }

    /// A value of each request.
    pub(super) const fn each(
        name: &'static str,
        (unit, better): (Unit, Better),
        definition: &'static str,
        compute: fn() -> Expr,
    ) -> Self {
        let (shape, compute) = (Shape::Distribution, Compute::Each(compute));
        Self {
            name,
            unit,
            better,
            shape,
            definition,
            compute,
        }
    }

    /// One number a cell.
    pub(super) const fn scalar(
        name: &'static str,
        (unit, better): (Unit, Better),
        definition: &'static str,
        compute: fn(&Totals) -> Option<f64>,
    ) -> Self {
        let (shape, compute) = (Shape::Scalar, Compute::Scalar(compute));
        Self {
            name,
            unit,
            better,
            shape,
            definition,
            compute,
        }
    }

    /// Whether it is a rate of the whole cell, of which a CLIENT_LIMITED one can only say "at least".
    pub fn is_throughput(&self) -> bool {
        self.unit == Unit::PerSecond && self.better == Better::Higher && self.shape == Shape::Scalar
    }

    /// Events per second, of which more is better.
    pub(super) const fn throughput(
        name: &'static str,
        definition: &'static str,
        compute: fn(&Totals) -> Option<f64>,
    ) -> Self {
        Self::scalar(name, (Unit::PerSecond, Better::Higher), definition, compute)
    }
}

/// The name of a percentile: 0.5 is `p50`, 0.999 is `p999`, 0.975 is `p975`, 0.05 is `p5`, 0.099 is `p099`.
///
/// Where there are decimals, two digits of whole percent stand before them: no two percentiles share a name.
pub fn percentile_name(share: f64) -> String {
    // Rounded first: 0.999 · 100 is 99.9 only to within the last bit.
    let percent = ((share * 1e10).round() / 1e8).to_string();
    match percent.split_once('.') {
        Some((whole, decimals)) => format!("p{whole:0>2}{decimals}"),
        None => format!("p{percent}"),
    }
}

/// The share that a percentile's name stands for: the inverse of [`percentile_name`]; `None` for what is no
/// percentile (`p0`, `p100`, `p5x`).
///
/// The first two digits are whole percent, further ones their decimals.
pub fn percentile_share(name: &str) -> Option<f64> {
    let digits = name.strip_prefix('p')?;
    let decimals = digits.len() > 2;
    // `p05` and `p990` would be second names of `p5` and `p99`.
    let second_name = if decimals {
        digits.ends_with('0')
    } else {
        digits.starts_with('0')
    };
    if digits.is_empty() || second_name || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    format!("0.{digits:0>2}").parse().ok()
}

/// The least n at which the distribution-free 95 % interval of a percentile is finite: 72 for p95, 368 for p99
/// (metrics.md, "Statistics of a cell").
///
/// Below it even the extreme values may lie on the wrong side of the percentile with a probability over 2.5 %.
pub fn least_n(share: f64) -> u64 {
    let rarer_side = share.max(1.0 - share);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a quotient of two negative logarithms; `as` saturates for a share of 1"
    )]
    let least = (0.025_f64.ln() / rarer_side.ln()).ceil() as u64;
    least
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_every_metric_says_what_it_is() {
        let mut seen = std::collections::BTreeSet::new();
        for metric in all() {
            assert!(seen.insert(metric.name), "{} stands twice", metric.name);
            assert!(!metric.definition.is_empty(), "{}", metric.name);
            assert!(find(metric.name).is_some());
        }
    }

    #[test]
    fn a_percentile_is_named_by_its_digits_and_read_back() {
        for (share, name) in [
            (0.5, "p50"),
            (0.999, "p999"),
            (0.9999, "p9999"),
            (0.975, "p975"),
            (0.05, "p5"),
            (0.1, "p10"),
            (0.099, "p099"),
            (0.095, "p095"),
            (0.025, "p025"),
            (0.0995, "p0995"),
            (0.995, "p995"),
            (0.101, "p101"),
        ] {
            assert_eq!(percentile_name(share), name);
            assert_eq!(percentile_share(name), Some(share), "{name}");
        }
        for name in [
            "p0", "p100", "p", "p5x", "q50", "mean", "p05", "p990", "p000",
        ] {
            assert_eq!(percentile_share(name), None, "{name}");
        }
    }

    #[test]
    fn no_two_percentiles_share_a_name() {
        let mut seen = std::collections::BTreeMap::new();
        for thousandths in 1..100_000_u32 {
            let share = f64::from(thousandths) / 100_000.0;
            let name = percentile_name(share);
            assert_eq!(percentile_share(&name), Some(share), "{name}");
            assert_eq!(seen.insert(name.clone(), share), None, "{name}");
        }
    }

    #[test]
    fn the_usual_statistics_are_the_usual_percentiles() {
        for share in PERCENTILES {
            assert!(
                STATISTICS.contains(&percentile_name(share).as_str()),
                "{share}"
            );
        }
    }

    #[test]
    fn the_least_n_is_that_of_the_specification() {
        let known = [(0.95, 72), (0.99, 368), (0.999, 3688)];
        assert_eq!(
            known.map(|(share, _)| least_n(share)),
            known.map(|(_, n)| n)
        );
    }
}
