//! The whole file, as written.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::compare::Compare;
use super::load::Load;
use super::matrix::Matrix;
use super::report::Report;
use super::slo::Slo;
use super::target::Target;
use crate::kinds::dataset::Dataset;

/// One experiment: everything that can change a measurement stands in it, and nothing that cannot.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Document {
    /// The version of the scenario language: 1.
    #[schemars(extend("const" = 1), example = 1)]
    #[expect(dead_code, reason = "the schema takes one version only")]
    pub version: u32,
    /// The scenario's name; the report folder is named by it.
    #[schemars(regex(pattern = r"^[a-z0-9][a-z0-9._-]*$"), example = &"qwen-image-slo-vs-rate")]
    pub name: String,
    /// What the scenario is for.
    #[schemars(example = &"SLO attainment of Qwen-Image as the request rate grows.")]
    pub description: Option<String>,
    /// Other files that this one is merged over: maps merge deeply, lists replace, this file wins; of several, the later
    /// wins. Relative to the file, inside the project root, at most 5 deep.
    #[schemars(example = &["../common.yaml"])]
    #[expect(
        dead_code,
        reason = "reading has merged the files; the key is published for editors"
    )]
    pub extends: Option<OneOrMany<String>>,
    /// Free labels, shown in the report. They change no cell's key.
    #[serde(default)]
    #[schemars(example = &serde_json::json!({ "gpu": "H100", "replicas": "8" }))]
    pub labels: BTreeMap<String, Label>,
    /// What is loaded, by name.
    #[schemars(
        length(min = 1),
        extend("propertyNames" = { "pattern": "^[a-z0-9][a-z0-9._-]*$" }),
        example = &serde_json::json!({ "omni": { "protocol": "vllm-omni", "base_url": "http://127.0.0.1:8099" } })
    )]
    pub targets: IndexMap<String, Target>,
    /// Where requests come from, by name. None is needed for model loads and plain `http`.
    #[serde(default)]
    #[schemars(
        extend("propertyNames" = { "pattern": "^[a-z0-9][a-z0-9._-]*$" }),
        example = &serde_json::json!({ "smoke": { "kind": "random", "task": "t2i" } })
    )]
    pub datasets: IndexMap<String, Dataset>,
    /// Axes, whose product gives the cells.
    #[serde(default)]
    pub matrix: Matrix,
    /// How load is put on a target in each cell.
    #[serde(default)]
    pub load: Load,
    /// What makes a request good, and what a cell must reach.
    #[serde(default)]
    #[expect(
        dead_code,
        reason = "read from its JSON, which targets' own limits are merged over"
    )]
    pub slo: Slo,
    /// Two values of one axis that are compared, or the gates of a stored comparison.
    pub compare: Option<Compare>,
    /// What is written.
    #[serde(default)]
    pub report: Report,
}

/// One value, or a list of them.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "OneOrMany_{T}")]
pub enum OneOrMany<T> {
    /// One.
    One(T),
    /// Several.
    Many(#[schemars(length(min = 1))] Vec<T>),
}

/// The value of a label: a text; a number or a boolean is taken as its text.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Label {
    /// A text.
    Text(String),
    /// A number.
    Number(serde_json::Number),
    /// A boolean.
    Boolean(bool),
}

impl std::fmt::Display for Label {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => write!(f, "{number}"),
            Self::Boolean(boolean) => write!(f, "{boolean}"),
        }
    }
}
