//! Objectives: `<metric>[.<statistic>] <op> <value>`.

use indexmap::IndexMap;
use serde_json::Value;

/// How a value is held against the bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    More,
    /// `>=`
    AtLeast,
}

/// What a cell must reach.
#[derive(Debug, Clone, PartialEq)]
pub struct Objective {
    /// As written.
    pub text: String,
    /// The metric's name.
    pub metric: String,
    /// The statistic, for a distribution or over repeats (`request_throughput.max`).
    pub statistic: Option<String>,
    /// The comparison.
    pub op: Op,
    /// The bound, in the metric's unit of the results (seconds, shares, per second).
    pub bound: f64,
    /// Axis values of the cells that it is for; a list is any of.
    pub only: IndexMap<String, Vec<Value>>,
    /// Where it was declared.
    pub pointer: String,
}

/// What an objective without data does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NoData {
    /// It is missed.
    #[default]
    Fail,
    /// It is shown.
    Warn,
    /// It is met.
    Pass,
}
