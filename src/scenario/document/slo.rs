//! `slo`, as written.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::foundation::units::HumanDuration;
use crate::kinds::metric::slo::SloClock;
use crate::kinds::verdict::objective::NoData;

/// What makes a request good, and what a cell must reach.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct Slo {
    /// Limits: a request is good when it succeeded and met all of these.
    pub request: Option<Limits>,
    /// From which clock limits count: the intended time (`scheduled`), or the actual sending. `scheduled` unless given.
    #[schemars(example = &"scheduled")]
    pub clock: Option<SloClock>,
    /// What a cell must reach; a miss fails the run. `<metric>[.<statistic>] <op> <value>`, or `{ objective, where }`.
    #[schemars(example = &serde_json::json!(["error_rate <= 1%", { "objective": "e2e.p99 <= 20s", "where": { "rate": 0.1 } }]))]
    pub objectives: Option<Vec<Objective>>,
    /// What an objective without data does. `fail` unless given.
    #[schemars(example = &"fail")]
    pub no_data: Option<NoData>,
}

/// Limits of one request.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct Limits {
    /// On the whole request: a duration, `{ estimate: warmup, scale }`, or `{ from: row }`. A row's own `slo_ms` wins.
    #[schemars(example = &serde_json::json!({ "estimate": "warmup", "scale": 3.0 }))]
    pub e2e: Option<E2e>,
    /// On the time to first token.
    #[schemars(example = &"500ms")]
    pub ttft: Option<HumanDuration>,
    /// On the time per output token.
    #[schemars(example = &"50ms")]
    pub tpot: Option<HumanDuration>,
    /// On the longest gap between content chunks.
    #[schemars(example = &"200ms")]
    pub itl: Option<HumanDuration>,
    /// On the wait before sending.
    #[schemars(example = &"1s")]
    pub queue: Option<HumanDuration>,
}

/// The limit on a whole request.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum E2e {
    /// The same for all requests.
    Fixed(HumanDuration),
    /// Estimated from warm-ups by the request's size.
    Estimate(Estimate),
    /// The row's own.
    Row(FromRow),
}

/// A limit that is estimated.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Estimate {
    /// What it is estimated from.
    #[schemars(example = &"warmup")]
    #[expect(
        dead_code,
        clippy::struct_field_names,
        reason = "its one value says all; the name is the language's"
    )]
    pub estimate: EstimateFrom,
    /// The factor on the expected time. 3 unless given.
    #[schemars(extend("exclusiveMinimum" = 0), example = 3.0)]
    pub scale: Option<f64>,
    /// The model of the expected time. `linear` unless given.
    #[schemars(example = &"linear")]
    pub model: Option<EstimateModel>,
    /// The time of one unit of work, above 0, in place of measuring it; of the linear model.
    #[schemars(example = &"0.49ms")]
    pub base: Option<HumanDuration>,
}

/// What a limit is estimated from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EstimateFrom {
    /// The warm-ups of the first repeat.
    Warmup,
}

/// The model of the expected time of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EstimateModel {
    /// base · area · frames · steps.
    Linear,
    /// a + b · area · frames · steps, by least squares over warm-ups of two or more shapes, the largest at least a tenth
    /// larger than the smallest. A fit in which time does not grow with size is none: the limits are then undefined.
    Affine,
}

/// A limit that each row carries.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[expect(dead_code, reason = "its one value says all")]
pub struct FromRow {
    /// Where it stands.
    #[schemars(example = &"row")]
    pub from: RowField,
}

/// Where a row's limit stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RowField {
    /// In the row's `slo_ms`.
    Row,
}

/// What a cell must reach.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Objective {
    /// For every cell.
    All(String),
    /// For some cells.
    Some(Conditional),
}

/// An objective for some cells.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Conditional {
    /// `<metric>[.<statistic>] <op> <value>`.
    #[schemars(example = &"slo_attainment >= 95%")]
    pub objective: String,
    /// Axis values of the cells that it is for; a list is any of them.
    #[serde(default, rename = "where")]
    #[schemars(example = &serde_json::json!({ "rate": [0.1, 0.5] }))]
    pub only: IndexMap<String, Value>,
}
