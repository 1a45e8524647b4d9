//! `mix`: rows of other datasets by weight, drawn from the seed. Its rows are not drawn yet.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Options of `mix`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Options {
    /// Other datasets by name, each with its weight.
    #[schemars(length(min = 1), extend("minProperties" = 1), example = &serde_json::json!({ "short": 7, "long": 3 }))]
    pub of: IndexMap<String, f64>,
}
