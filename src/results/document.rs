//! The shape of `results.json` (cli.md).

use std::collections::BTreeMap;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::kinds::metric::{Better, Shape, Unit};

/// The value of `schema` that this version writes.
pub const SCHEMA: &str = "plimsoll.results.v1";

/// One run, whole or interrupted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Results {
    /// Name and version of this format.
    #[schemars(example = SCHEMA)]
    pub schema: String,
    /// What wrote it.
    pub tool: Tool,
    /// What was run.
    pub scenario: ScenarioReference,
    /// Machine facts: host, CPU, kernel, versions, commit, time, addresses.
    pub environment: Environment,
    /// The datasets, with their hashes.
    pub datasets: Vec<DatasetReference>,
    /// The cells, in the order of the plan.
    pub cells: Vec<CellResult>,
    /// What each metric means.
    pub definitions: BTreeMap<String, Definition>,
    /// What the scenario asked the report to be.
    pub report: ReportSettings,
    /// What the scenario compares, where anything.
    pub compare: Option<CompareSettings>,
    /// Whether the run was interrupted before every cell was executed.
    pub incomplete: bool,
    /// How the run ended.
    pub verdict: RunVerdict,
}

/// What wrote the results.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tool {
    /// `plimsoll`.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// What was run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScenarioReference {
    /// The scenario's name.
    pub name: String,
    /// SHA-256 of the effective scenario.
    pub hash: String,
    /// What it is for.
    pub description: Option<String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

/// Machine facts; what differs between two runs of the same scenario on two machines.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Environment {
    /// The host's name.
    pub host: Option<String>,
    /// The processor's model.
    pub cpu_model: Option<String>,
    /// Cores that may be used.
    pub cores: Option<u32>,
    /// The kernel's name and release.
    pub kernel: Option<String>,
    /// The project's commit.
    pub git_commit: Option<String>,
    /// When the run began, RFC 3339 in UTC.
    pub started: Option<String>,
    /// When it ended.
    pub finished: Option<String>,
    /// Addresses that each target's name resolved to.
    pub addresses: BTreeMap<String, Vec<String>>,
    /// What each target's `metadata` answered.
    pub metadata: BTreeMap<String, Value>,
    /// `--set` and other options that changed what was run.
    pub options: Vec<String>,
}

/// A dataset as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DatasetReference {
    /// Its name.
    pub name: String,
    /// SHA-256 of its rows as read.
    pub sha256: String,
    /// How many rows; none where they never end.
    pub rows: Option<u64>,
    /// Rows skipped as bad.
    pub skipped: u64,
}

/// What a metric means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Definition {
    /// Its unit.
    pub unit: Unit,
    /// Which direction is better.
    pub better: Better,
    /// Number or distribution.
    pub shape: Shape,
    /// In one sentence.
    pub definition: String,
}

/// One cell, all repeats.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CellResult {
    /// The cell's id.
    pub id: String,
    /// The cell's key.
    pub key: String,
    /// Each axis of the id with its value, numbers as numbers (`inf` as a string), in the id's order.
    pub axes: IndexMap<String, Value>,
    /// Whether the generator was fit.
    pub validity: Validity,
    /// Requests, all repeats, warm-ups left out.
    pub requests: Requests,
    /// Requests by outcome.
    pub outcomes: BTreeMap<String, u64>,
    /// Requests by status.
    pub http_status: BTreeMap<String, u64>,
    /// Every metric: a distribution over ok requests, or a number; null without data.
    pub metrics: BTreeMap<String, Option<MetricValue>>,
    /// The latency metrics over failed requests.
    pub metrics_failed: BTreeMap<String, Option<MetricValue>>,
    /// The latency metrics over all requests that were sent.
    pub metrics_all: BTreeMap<String, Option<MetricValue>>,
    /// How scalars and statistics (`e2e.p99`) spread over the repeats.
    pub spread: BTreeMap<String, Spread>,
    /// Each repeat alone.
    pub repeats: Vec<RepeatResult>,
    /// Statistics by request parameters (`report.group_by`), each group by its values.
    pub groups: Vec<GroupResult>,
    /// Limits of requests.
    pub slo: SloResult,
    /// Objectives of the cell.
    pub objectives: Vec<ObjectiveResult>,
    /// What a reader must know before believing the numbers.
    pub warnings: Vec<Warning>,
    /// What the generator saw of itself.
    pub self_check: SelfCheck,
    /// Kept texts, pictures and videos: file names under `samples/`.
    pub samples: Vec<SampleReference>,
    /// Where output tokens were counted: `usage`, `tokenizer`, `chunks`, `requested`, or several joined by `+`.
    pub tokens_source: Option<String>,
    /// A few points a second over the time of each repeat, for the time line.
    pub timeline: Vec<TimelinePoint>,
    /// Compared to `report.baseline`: metric → factor.
    pub relative: BTreeMap<String, Relative>,
}

/// VALID, INVALID or CLIENT_LIMITED.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Validity {
    /// The status.
    pub status: ValidityStatus,
    /// Why.
    pub reasons: Vec<String>,
}

/// Whether the generator, not the target, set the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ValidityStatus {
    /// The generator was fit.
    #[default]
    Valid,
    /// The generator set the result.
    Invalid,
    /// The cap on requests in flight was reached since the target was slow: the rate is "at least".
    ClientLimited,
}

/// Counts of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Requests {
    /// Due by the schedule.
    pub intended: u64,
    /// Sent.
    pub sent: u64,
    /// Succeeded.
    pub ok: u64,
    /// Sent and failed.
    pub failed: u64,
    /// Due and not sent.
    pub unsent: u64,
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

/// One repeat of a cell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RepeatResult {
    /// Its number, from 1.
    pub repeat: u32,
    /// Its place in the order in which all repeats of all cells were run, from 0.
    pub position: u32,
    /// Its metrics.
    pub metrics: BTreeMap<String, Option<MetricValue>>,
    /// Its requests.
    pub requests: Requests,
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

/// Limits of requests in a cell.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct SloResult {
    /// Requests with defined limits.
    pub defined: u64,
    /// Good requests.
    pub met: u64,
    /// met / defined.
    pub attainment: Option<f64>,
    /// The estimate's base in milliseconds, measured or given.
    pub base_ms: Option<f64>,
}

/// What became of an objective.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ObjectiveResult {
    /// As written.
    pub text: String,
    /// The value that was held against the bound.
    pub value: Option<f64>,
    /// The bound, in the metric's unit.
    pub bound: f64,
    /// Requests (or repeats) behind the value.
    pub n: u64,
    /// How many it would take for the percentile's interval to be finite, where n is below.
    pub needs_n: Option<u64>,
    /// `met`, `missed`, `no_data`.
    pub verdict: ObjectiveVerdict,
}

/// What became of an objective.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ObjectiveVerdict {
    /// Reached.
    Met,
    /// Not reached.
    Missed,
    /// Nothing to hold against the bound, and `no_data: warn`.
    NoData,
}

/// What a reader must know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Warning {
    /// Its kind.
    pub code: String,
    /// In one sentence.
    pub text: String,
}

/// What the generator saw of itself over a cell.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct SelfCheck {
    /// Lateness of sending against the schedule with slots free, in seconds: median.
    pub lateness_p50: Option<f64>,
    /// The same, p99.
    pub lateness_p99: Option<f64>,
    /// The same, greatest.
    pub lateness_max: Option<f64>,
    /// Greatest share of its processors that the generator used over a second.
    pub cpu_share_max: Option<f64>,
    /// Greatest share of time stolen by the hypervisor over a second.
    pub steal_max: Option<f64>,
    /// Greatest lateness of a 1 ms canary in seconds, p99 over a second.
    pub canary_p99: Option<f64>,
    /// Most descriptors open.
    pub descriptors_max: Option<u64>,
    /// Sent / intended.
    pub sent_ratio: Option<f64>,
    /// Each second alone.
    pub seconds: Vec<SelfCheckSecond>,
}

/// One second of the generator's own figures.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct SelfCheckSecond {
    /// The repeat, from 1.
    pub repeat: u32,
    /// Seconds since the repeat's start.
    pub at: f64,
    /// Lateness of sending, median, in seconds.
    pub lateness_p50: Option<f64>,
    /// Lateness of sending, p99.
    pub lateness_p99: Option<f64>,
    /// Lateness of sending, greatest.
    pub lateness_max: Option<f64>,
    /// Own share of the processors that it may use.
    pub cpu_share: Option<f64>,
    /// Stolen share.
    pub steal: Option<f64>,
    /// Greatest lateness of the 1 ms canary.
    pub canary_max: Option<f64>,
    /// Descriptors open.
    pub descriptors: Option<u64>,
    /// Requests in flight.
    pub in_flight: u64,
    /// Requests sent so far.
    pub sent: u64,
    /// Requests intended so far.
    pub intended: u64,
    /// Bytes of records not yet on disk.
    pub records_waiting_bytes: u64,
}

/// A kept text, picture or video.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SampleReference {
    /// File name under `samples/`.
    pub file: String,
    /// Its text, where it is one and short.
    pub text: Option<String>,
    /// A small picture as a data URL, where it is one.
    pub thumbnail: Option<String>,
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

/// A cell's number over the baseline's.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Relative {
    /// The factor by which the cell is better (above 1) or worse (below 1): the speed-up.
    pub speedup: Option<f64>,
    /// 95 % bootstrap interval of the speed-up over repeats.
    pub interval: Option<[f64; 2]>,
}

/// What the scenario asked the report to be.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct ReportSettings {
    /// Formats by name.
    pub formats: Vec<String>,
    /// The user's template, as written.
    pub template: Option<String>,
    /// Axis values of the baseline cell.
    pub baseline: IndexMap<String, Value>,
    /// Parameters that groups are by.
    pub group_by: Vec<String>,
    /// Percentiles beyond the usual ones, as shares.
    pub percentiles: Vec<f64>,
    /// Exports by name.
    pub exports: Vec<String>,
}

/// What the scenario compares.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CompareSettings {
    /// The axis and its two values, base first.
    pub by: Option<ComparedAxis>,
    /// What can fail a pull request.
    pub gates: Vec<GateSettings>,
    /// Share of false discoveries over all gates.
    pub false_discovery_rate: f64,
}

/// Two values of one axis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ComparedAxis {
    /// The axis.
    pub axis: String,
    /// The base's value.
    pub base: Value,
    /// The head's value.
    pub head: Value,
}

/// One gate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GateSettings {
    /// `ttft.p95`, `goodput`.
    pub metric: String,
    /// How much worse is too much: a share, for rates of errors in points.
    pub tolerance: f64,
    /// File and line where the gate was declared, where known: `scenarios/pr-gate.yaml:31`.
    pub place: Option<String>,
}

/// How the run ended.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct RunVerdict {
    /// The exit code of `run`.
    pub exit_code: u8,
    /// Why it is not 0.
    pub reasons: Vec<String>,
}

impl Summary {
    /// A statistic by name, `None` without data.
    pub fn get(&self, statistic: &str) -> Option<f64> {
        self.statistics.get(statistic).copied().flatten()
    }
}

impl CellResult {
    /// The number behind `metric` and `statistic`: a distribution's statistic, a scalar, or a scalar's spread over the
    /// repeats (`request_throughput.max`).
    pub fn value(&self, metric: &str, statistic: Option<&str>) -> Option<f64> {
        match (self.metrics.get(metric)?.as_ref()?, statistic) {
            (MetricValue::Distribution(summary), Some(statistic)) => summary.get(statistic),
            (MetricValue::Distribution(_), None) => None,
            (MetricValue::Number(number), None) => Some(*number),
            (MetricValue::Number(_), Some(statistic)) => {
                let spread = self.spread.get(metric)?;
                match statistic {
                    "mean" => spread.mean,
                    "stddev" => spread.stddev,
                    "min" => spread.min,
                    "max" => spread.max,
                    "median" | "p50" => spread.median,
                    _ => None,
                }
            }
        }
    }
}

impl RepeatResult {
    /// The number behind `metric` and `statistic` in this repeat alone.
    pub fn value(&self, metric: &str, statistic: Option<&str>) -> Option<f64> {
        match (self.metrics.get(metric)?.as_ref()?, statistic) {
            (MetricValue::Distribution(summary), Some(statistic)) => summary.get(statistic),
            (MetricValue::Number(number), None) => Some(*number),
            _ => None,
        }
    }
}
