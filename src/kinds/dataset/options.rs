//! What every kind of dataset can be told, and the forms that several kinds share.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Params, Task};

/// Options of every dataset, whatever its kind.
///
/// Flattened into each kind's form, so it cannot itself refuse unknown keys.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Common {
    /// What a request of this dataset asks a model to do. Needed by every protocol but `http`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"chat")]
    pub task: Option<Task>,
    /// Request parameters that fill what a row lacks. A value may be a range, `{min, max}`; `null` removes one.
    #[serde(default, skip_serializing_if = "Params::is_empty")]
    #[schemars(example = &serde_json::json!({ "max_tokens": 128 }))]
    pub params: Params,
    /// Request parameters that replace what a row has. `null` removes one.
    #[serde(default, rename = "override", skip_serializing_if = "Params::is_empty")]
    #[schemars(example = &serde_json::json!({ "num_inference_steps": 20 }))]
    pub overrides: Params,
    /// Only so many rows are used: the first ones, or with `shuffle` the first of the drawn order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1), example = 100)]
    pub limit: Option<u64>,
    /// Whether rows are read again when they end. True unless given, but false for `trace`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = false)]
    pub cycle: Option<bool>,
    /// Whether the order of the rows is drawn from the seed. Else they are read from the first on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[schemars(example = true)]
    pub shuffle: bool,
    /// One weight a row: rows are then drawn by it from the seed, with replacement, without end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &[3.0, 1.0])]
    pub weights: Option<Vec<f64>>,
    /// What a bad row does: `error` reports every bad row with its line and stops; `skip` counts and reports them.
    #[serde(default)]
    #[schemars(example = &"skip")]
    pub on_bad_row: OnBadRow,
}

/// What a bad row does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnBadRow {
    /// The dataset cannot be used; every bad row is named.
    #[default]
    Error,
    /// It is left out and counted.
    Skip,
}

/// Where rows are read from: relative to the scenario's file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Paths {
    /// A file, a folder, a glob, or `hf://owner/dataset/file`.
    One(#[schemars(example = &"prompts.txt")] String),
    /// Several of them, read in this order.
    Many(#[schemars(length(min = 1), example = &["a.jsonl", "b.jsonl"])] Vec<String>),
}

impl Paths {
    /// The paths as written.
    pub fn as_slice(&self) -> &[String] {
        match self {
            Self::One(path) => std::slice::from_ref(path),
            Self::Many(paths) => paths,
        }
    }
}

/// Where the rows of a dataset that is read stand: in files or in the scenario itself.
///
/// Flattened into the kinds that read rows, so it cannot itself refuse unknown keys.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Origin {
    /// Where rows are read from, relative to the scenario's file: a file, a folder, a glob, `hf://owner/dataset/file`,
    /// or a list of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"traces/sd3_sample.txt")]
    pub path: Option<Paths>,
    /// The rows themselves, in place of `path`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1), example = &serde_json::json!([{ "prompt": "A lighthouse at dusk." }]))]
    pub rows: Option<Vec<Params>>,
    /// The revision (branch, tag or commit) of an `hf://` path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"main")]
    pub revision: Option<String>,
}

/// A number of tokens: fixed, a range, or a distribution, drawn from the seed for each row.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Amount {
    /// Always so many.
    Number(#[schemars(example = 256)] u64),
    /// Evenly distributed between two bounds, both included.
    Range(AmountRange),
    /// Normally distributed, rounded, and kept within its bounds.
    Distribution(AmountDistribution),
}

/// Two bounds, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AmountRange {
    /// The least.
    #[schemars(example = 64)]
    pub min: u64,
    /// The most.
    #[schemars(example = 512)]
    pub max: u64,
}

/// A normal distribution within bounds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AmountDistribution {
    /// The mean of the distribution.
    #[schemars(range(min = 0), example = 256.0)]
    pub mean: f64,
    /// Its standard deviation.
    #[schemars(range(min = 0), example = 64.0)]
    pub stddev: f64,
    /// Nothing below this is drawn; 1 unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = 16)]
    pub min: Option<u64>,
    /// Nothing above this is drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = 1024)]
    pub max: Option<u64>,
}
