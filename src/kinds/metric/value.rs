//! What leaves this room: plain numbers, in the shape in which `results.json` publishes them.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Metrics by name; null without data.
pub type Metrics = BTreeMap<String, Option<MetricValue>>;

/// Counts of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Requests {
    /// Due by the schedule.
    pub intended: u64,
    /// Begun: ok and failed, whether or not a connection was had for them.
    pub tried: u64,
    /// Of the tried, those whose first byte was handed to a socket: what a dead target refuses was never sent.
    pub sent: u64,
    /// Succeeded.
    pub ok: u64,
    /// Tried and failed, connections that could not be made included.
    pub failed: u64,
    /// Due and never tried.
    pub unsent: u64,
    /// Attempts at them: more than were tried where some were tried again (`load.retries`).
    pub attempts: u64,
}

impl std::ops::Add for Requests {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            intended: self.intended + other.intended,
            tried: self.tried + other.tried,
            sent: self.sent + other.sent,
            ok: self.ok + other.ok,
            failed: self.failed + other.failed,
            unsent: self.unsent + other.unsent,
            attempts: self.attempts + other.attempts,
        }
    }
}

/// A number, or statistics of a distribution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum MetricValue {
    /// One number.
    Number(f64),
    /// Statistics.
    Distribution(Summary),
}

/// Statistics of a distribution: `n`, then `mean`, `stddev`, `min`, `max`, `p50` … by name.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// How many values.
    pub n: u64,
    /// Each statistic by name, in the metric's unit; null where n is too small for it to exist.
    #[serde(flatten)]
    pub statistics: BTreeMap<String, Option<f64>>,
}

impl Summary {
    /// A statistic by name, `None` without data.
    pub fn get(&self, statistic: &str) -> Option<f64> {
        self.statistics.get(statistic).copied().flatten()
    }
}

/// How a number spread over the repeats.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Spread {
    /// Repeats with a value.
    pub n: u64,
    /// Mean over repeats.
    pub mean: Option<f64>,
    /// Sample standard deviation.
    pub stddev: Option<f64>,
    /// 95 % interval of the mean (t).
    pub ci95: Option<[f64; 2]>,
    /// Least.
    pub min: Option<f64>,
    /// Most.
    pub max: Option<f64>,
    /// Median.
    pub median: Option<f64>,
}

impl Spread {
    /// A statistic by name.
    pub fn get(&self, statistic: &str) -> Option<f64> {
        match statistic {
            "mean" => self.mean,
            "stddev" => self.stddev,
            "min" => self.min,
            "max" => self.max,
            "median" | "p50" => self.median,
            _ => None,
        }
    }
}

/// The number behind `metric` and `statistic`: a distribution's statistic, a scalar, or a scalar's spread over the
/// repeats (`request_throughput.max`). `None` without data, and for a distribution without a statistic.
pub fn number(
    metrics: &Metrics,
    spread: &BTreeMap<String, Spread>,
    metric: &str,
    statistic: Option<&str>,
) -> Option<f64> {
    match (metrics.get(metric)?.as_ref()?, statistic) {
        (MetricValue::Distribution(summary), Some(statistic)) => summary.get(statistic),
        (MetricValue::Distribution(_), None) => None,
        (MetricValue::Number(number), None) => Some(*number),
        (MetricValue::Number(_), Some(statistic)) => spread.get(metric)?.get(statistic),
    }
}

/// Limits of requests in a cell.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct SloResult {
    /// Requests with defined limits.
    pub defined: u64,
    /// Good requests.
    pub met: u64,
    /// met / defined; null where no request has defined limits.
    pub attainment: Option<f64>,
    /// The estimate's base in milliseconds a unit of work, measured or given; null without an estimate, and where no
    /// warm-up gave one.
    pub base_ms: Option<f64>,
    /// Of an affine estimate, the milliseconds that a request takes whatever its size.
    pub intercept_ms: Option<f64>,
}

/// What a reader must know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Warning {
    /// Its kind.
    pub code: String,
    /// In one sentence.
    pub text: String,
}

/// A stretch of a repeat's time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TimelinePoint {
    /// The repeat, from 1.
    pub repeat: u32,
    /// Start of the stretch in seconds since the repeat's start.
    pub at: f64,
    /// Length of the stretch in seconds.
    pub width: f64,
    /// Requests scheduled in it.
    pub scheduled: u64,
    /// Requests that ended in it and were ok.
    pub ok: u64,
    /// Requests that ended in it and failed.
    pub failed: u64,
    /// Median e2e of the ok ones, in seconds.
    pub e2e_p50: Option<f64>,
    /// p99 of e2e of the ok ones.
    pub e2e_p99: Option<f64>,
}

/// Statistics of the requests that share some parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GroupResult {
    /// The parameters and their values.
    pub by: IndexMap<String, Value>,
    /// Requests of the group.
    pub requests: Requests,
    /// Metrics of the group.
    pub metrics: BTreeMap<String, Option<MetricValue>>,
    /// Limits of the group.
    pub slo: SloResult,
}
