//! What a comparison says: the shape of `diff.json` (compare.md, "What is written").

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::results::{Better, ComparedAxis, Tool, Unit, ValidityStatus};

/// The value of `schema` that this version writes.
pub const SCHEMA: &str = "plimsoll.diff.v1";

/// Two measurements side by side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Diff {
    /// Name and version of this format.
    #[schemars(example = SCHEMA)]
    pub schema: String,
    /// What wrote it.
    pub tool: Tool,
    /// The scenario's name (head's).
    pub scenario: String,
    /// How base and head were measured.
    pub design: Design,
    /// Base.
    pub base: Side,
    /// Head.
    pub head: Side,
    /// How many gates came to which verdict.
    pub summary: Summary,
    /// Why nothing here may pass a gate, whatever the rows say; empty where all is well.
    pub refusals: Vec<Refusal>,
    /// Gates, worst first: the only rows that can fail a pull request.
    pub gates: Vec<Row>,
    /// Everything else that was compared, worst first: shown, never failing.
    pub advisory: Vec<Row>,
    /// Gates that head loosened against base.
    pub loosened: Vec<Loosened>,
    /// Ids of cells that base alone has.
    pub only_in_base: Vec<String>,
    /// Ids of cells that head alone has.
    pub only_in_head: Vec<String>,
}

/// How base and head were measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Design {
    /// Two values of one axis of one run, in interleaved blocks: what drifts hits both.
    Paired {
        /// The axis and its two values.
        by: ComparedAxis,
    },
    /// Two runs: no interval sees the drift between them.
    Stored,
}

/// One side of a comparison.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Side {
    /// What it is called: an axis value, a folder, a revision.
    pub label: String,
    /// The project's commit.
    pub git_commit: Option<String>,
    /// The processor's model.
    pub cpu_model: Option<String>,
    /// Cores that could be used.
    pub cores: Option<u32>,
    /// When the run began, RFC 3339 in UTC.
    pub started: Option<String>,
}

/// How many gates came to which verdict.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// Gates that the scenario declares.
    pub declared: u64,
    /// Gates over all cells: the family over which false discoveries are counted.
    pub gates: u64,
    /// REGRESSED.
    pub regressed: u64,
    /// IMPROVED.
    pub improved: u64,
    /// OK.
    pub ok: u64,
    /// INCONCLUSIVE.
    pub inconclusive: u64,
    /// INVALID.
    pub invalid: u64,
    /// Gates that were refused, whatever their verdict.
    pub refused: u64,
    /// Pairs of cell and gate to which the metric does not apply: neither side has it, though requests succeeded.
    pub not_applicable: u64,
    /// Most blocks (repeats of both sides) that a gate was decided over.
    pub blocks: u64,
    /// Share of false discoveries over all gates.
    pub false_discovery_rate: f64,
}

/// What a comparison says of one gate or metric in one cell.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Verdict {
    /// Significant, and worse by the tolerance or more.
    Regressed,
    /// The measurement is void on either side.
    Invalid,
    /// Everything else.
    Inconclusive,
    /// Significant, and better by the tolerance or more.
    Improved,
    /// Shown to be no worse: the one-sided 95 % bound on the worsening is under the tolerance.
    Ok,
}

/// Why a gate, or the whole comparison, may not pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Refusal {
    /// Its stable name.
    pub code: RefusalCode,
    /// In one sentence, with what would help.
    pub text: String,
}

/// The kinds of refusal.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum RefusalCode {
    /// Fewer than three blocks have a value on both sides.
    TooFewBlocks,
    /// A percentile of fewer requests than its interval needs, in one repeat.
    PercentileNeedsN,
    /// A cell is INVALID: the generator, not the target, set the result.
    InvalidCell,
    /// Zero has no logarithm.
    Zero,
    /// A negative value has no logarithm.
    Negative,
    /// The cell or the metric is missing on one side.
    Missing,
    /// Neither side has the metric, and no request succeeded on one of them.
    NoData,
    /// The name is no metric with a better direction.
    NotComparable,
    /// The repeats of both sides were not run next to each other.
    NotInterleaved,
    /// The cells do not send the same (their keys differ).
    OtherKey,
    /// Two runs: only `--gate unpaired` gates.
    Unpaired,
    /// Two runs on different machines, tools or data.
    OtherFingerprint,
    /// A run was interrupted before all of it was measured.
    Incomplete,
    /// There is no gate to pass.
    NoGates,
    /// No cell of one side has a counterpart on the other.
    NoPairs,
}

/// One metric of one cell, base against head.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Row {
    /// The cell: its id, in a paired comparison without the axis that is compared.
    pub cell: String,
    /// Its axes, without the one that is compared.
    pub axes: IndexMap<String, Value>,
    /// `ttft.p95`, `goodput`.
    pub metric: String,
    /// The metric's unit.
    pub unit: Unit,
    /// Which direction is better.
    pub better: Better,
    /// How much worse is too much, as declared: a share, for rates of errors in points (1 being the whole).
    pub tolerance: f64,
    /// The change from which on it is too much, on the scale of `change`. A throughput's tolerance of 20 % is a factor of
    /// 1.2 either way, so that swapping the sides mirrors the verdict: its limit is 1 / 1.2 − 1 = −16.7 %.
    pub limit: f64,
    /// Whether change, limit and smallest visible effect are differences of rates instead of shares of base.
    pub in_points: bool,
    /// Base over its compared repeats: geometric mean, for rates the mean. Null without data.
    pub base: Option<f64>,
    /// Head over its compared repeats.
    pub head: Option<f64>,
    /// Whether base's cell may be believed; null where there is none. Throughput of a CLIENT_LIMITED one is "at least".
    pub base_validity: Option<ValidityStatus>,
    /// Whether head's may.
    pub head_validity: Option<ValidityStatus>,
    /// head / base − 1 with its 95 % interval, in points head − base. Null where it cannot be said.
    pub change: Option<Change>,
    /// Blocks with a value on both sides; for two runs the smaller number of repeats.
    pub blocks: u32,
    /// Blocks that were left out since a side has no value there.
    pub blocks_without_value: u32,
    /// Blocks in which head is worse; null for two runs.
    pub pairs_worse: Option<u32>,
    /// Two-sided p of the test; null where size alone decided or nothing was tested.
    pub p: Option<f64>,
    /// Whether p survives the correction over the family.
    pub significant: bool,
    /// The smallest change for the worse that these blocks would have shown with a power of 80 %, on the scale of `change`.
    pub smallest_visible: Option<f64>,
    /// How many more blocks would decide, where the verdict is INCONCLUSIVE for want of them.
    pub more_blocks: Option<u32>,
    /// The verdict.
    pub verdict: Verdict,
    /// Why it may not pass, where it may not.
    pub refusal: Option<Refusal>,
}

/// A difference with its interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// The estimate.
    pub value: f64,
    /// Lower end of the 95 % interval; null where there is none.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
}

/// A gate that head made easier to pass.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Loosened {
    /// The gate's metric, or `false_discovery_rate`.
    pub metric: String,
    /// Base's tolerance.
    pub base: f64,
    /// Head's tolerance; null where head dropped the gate.
    pub head: Option<f64>,
}

/// Which comparisons may fail or pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// None: the difference is shown.
    Off,
    /// Paired ones.
    Paired,
    /// Paired ones, and two runs of the same fingerprint (`--gate unpaired`).
    Unpaired,
}

/// How a comparison ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// Nothing regressed, or nothing was asked to gate.
    Pass,
    /// A gate is inconclusive, and `--strict` was given.
    Inconclusive,
    /// A gate regressed.
    Regressed,
    /// A gate or the whole comparison is void or refused.
    Void,
}
