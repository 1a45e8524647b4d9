//! The shape of `results.json` (cli.md).

use std::collections::BTreeMap;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::calibrated::Calibrated;
use super::search::SearchResult;
pub use super::self_check::{SelfCheck, SelfCheckSecond};
pub use crate::instruments::record::{HttpSpoken, Spoken};
use crate::kinds::arrival;
use crate::kinds::metric::number;
pub use crate::kinds::metric::{
    Better, GroupResult, MetricValue, Requests, Shape, SloResult, Spread, Summary, TimelinePoint,
    Unit, Warning,
};
pub use crate::kinds::verdict::objective::{ObjectiveResult, ObjectiveVerdict};
pub use crate::kinds::verdict::validity::{Validity, ValidityStatus};
use crate::plan::Cell;

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
    /// The cells, in the order of the plan; in place of a search its probes, by their values.
    pub cells: Vec<CellResult>,
    /// The searches, in the order of the plan, with their answers: the metric `capacity`.
    #[serde(default)]
    pub searches: Vec<SearchResult>,
    /// What each metric means.
    pub definitions: BTreeMap<String, Definition>,
    /// What the scenario asked the report to be.
    pub report: ReportSettings,
    /// What the scenario compares, where anything.
    pub compare: Option<CompareSettings>,
    /// Whether the run was interrupted before every cell was executed.
    pub incomplete: bool,
    /// Which cells of the plan were run, where that are not all (`--cells`); null for a whole plan.
    pub selection: Option<Selection>,
    /// What the run wrote beside this file, by path within the folder, sorted. Whatever else lies there is the user's,
    /// and is kept when a later run replaces the report.
    pub files: Vec<String>,
    /// How the run ended.
    pub verdict: RunVerdict,
}

/// A part of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Selection {
    /// The pattern that the ids of the cells match.
    #[schemars(example = "*rate=0.5*")]
    pub cells: String,
    /// How many cells match it.
    pub selected: u64,
    /// How many the plan has.
    pub of: u64,
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
    /// What was spoken over the connections to each target: the version of HTTP, and what TLS negotiated.
    #[serde(default)]
    pub connections: BTreeMap<String, Vec<Spoken>>,
    /// What each target's `metadata` answered.
    pub metadata: BTreeMap<String, Value>,
    /// `--set` and other options that changed what was run.
    pub options: Vec<String>,
    /// What `calibrate` has shown of this machine; null where that is not known.
    #[serde(default)]
    pub calibration: Option<Calibrated>,
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
#[expect(
    clippy::struct_field_names,
    reason = "the definition of a definition is what it is called in results.json"
)]
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
    /// The distributions over failed requests.
    pub metrics_failed: BTreeMap<String, Option<MetricValue>>,
    /// The distributions over all requests that were tried: those that got no connection too.
    pub metrics_all: BTreeMap<String, Option<MetricValue>>,
    /// How scalars and statistics (`e2e.p99`) spread over the repeats.
    pub spread: BTreeMap<String, Spread>,
    /// Each repeat alone.
    pub repeats: Vec<RepeatResult>,
    /// Statistics by request parameters (`report.group_by`), each group by its values.
    pub groups: Vec<GroupResult>,
    /// Limits of requests.
    pub slo: SloResult,
    /// Who set the pace of its requests.
    pub paced_by: PacedBy,
    /// Price of an hour of the target, where known.
    pub price_per_hour: Option<f64>,
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

/// Who sets the pace of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PacedBy {
    /// The schedule, whatever the target does: an open loop.
    Schedule,
    /// The target: each client sends its next request when its last has ended. The offered rate is not controlled.
    ClosedLoop,
    /// The target: a batch is sent when all of the last have ended. The offered rate is not controlled.
    Batches,
    /// Nobody: all requests are sent at once. There is no offered rate.
    AtOnce,
}

impl PacedBy {
    /// Who sets the pace in a cell.
    pub fn of(cell: &Cell) -> Self {
        match (
            cell.arrival,
            cell.rate.per_second(),
            cell.concurrency.limit(),
        ) {
            (arrival::Kind::Batch, ..) => Self::Batches,
            (arrival::Kind::Trace, ..) | (_, Some(_), _) => Self::Schedule,
            (_, None, Some(_)) => Self::ClosedLoop,
            (_, None, None) => Self::AtOnce,
        }
    }

    /// Whether a rate is offered that does not depend on the target.
    pub fn offers_rate(self) -> bool {
        self == Self::Schedule
    }
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

/// A cell's number over the baseline's.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Relative {
    /// The factor by which the cell is better (above 1) or worse (below 1): the speed-up. Of the means over the repeats,
    /// where both sides have two or more; else of the cells' own numbers. Null where a side is INVALID.
    pub speedup: Option<f64>,
    /// 95 % bootstrap interval of the speed-up over repeats; null where a side has fewer than five.
    pub interval: Option<[f64; 2]>,
    /// Whether it is only known from one side, since the cap on requests in flight held a rate down.
    pub bound: Option<Bound>,
    /// Why there is no speed-up, or no interval of it.
    pub reason: Option<String>,
    /// Of a percentile, how many values it would take on either side for its interval to be finite, where one has fewer:
    /// the speed-up is then of a number that is not to be trusted.
    pub needs_n: Option<u64>,
}

/// From which side a number is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// It may be more.
    AtLeast,
    /// It may be less.
    AtMost,
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
}

/// How the run ended.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct RunVerdict {
    /// The exit code of `run`.
    pub exit_code: u8,
    /// Why it is not 0.
    pub reasons: Vec<String>,
}

impl CellResult {
    /// The number behind `metric` and `statistic`: a distribution's statistic, a scalar, or a scalar's spread over the
    /// repeats (`request_throughput.max`).
    pub fn value(&self, metric: &str, statistic: Option<&str>) -> Option<f64> {
        number(&self.metrics, &self.spread, metric, statistic)
    }
}

impl RepeatResult {
    /// The number behind `metric` and `statistic` in this repeat alone.
    pub fn value(&self, metric: &str, statistic: Option<&str>) -> Option<f64> {
        number(&self.metrics, &BTreeMap::new(), metric, statistic)
    }
}
