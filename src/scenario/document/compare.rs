//! `compare`, as written.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::foundation::units::Ratio;

/// What is compared, and what of it can fail a pull request.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct Compare {
    /// One axis and two of its values, base first. Without it, the gates are those of a stored comparison.
    #[schemars(extend("minProperties" = 1, "maxProperties" = 1), example = &serde_json::json!({ "target": ["base", "head"] }))]
    pub by: Option<IndexMap<String, Pair>>,
    /// What can fail a pull request; all else is shown.
    #[serde(default)]
    #[schemars(example = &serde_json::json!([{ "metric": "ttft.p95", "tolerance": "10%" }]))]
    pub gates: Vec<Gate>,
    /// The share of false discoveries that is accepted over all gates. 5% unless given.
    #[schemars(example = &"5%")]
    pub false_discovery_rate: Option<Ratio>,
}

/// Two values of an axis, base first.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Pair(#[schemars(length(min = 2, max = 2))] pub Vec<Value>);

/// A metric that can fail a pull request.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Gate {
    /// `<metric>[.<statistic>]`.
    #[schemars(example = &"ttft.p95")]
    pub metric: String,
    /// How much worse is too much: a share, for rates of errors in points. 5% unless given, for a p99 10%.
    #[schemars(example = &"10%")]
    pub tolerance: Option<Ratio>,
}
