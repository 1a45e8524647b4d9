//! `triton`: POST /v2/models/{m}/infer. It is not spoken yet.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ANY_TASK, About};

/// The protocol.
pub(super) const ABOUT: About = About {
    tasks: ANY_TASK,
    without_task: false,
    under_v1: false,
    build: None,
};

/// What `triton` adds to a target. Flattened into it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Options {
    /// Tensors in and out.
    pub triton: Tensors,
}

/// Tensors in and out of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Tensors {
    /// How tensors are encoded. `json` unless given.
    #[serde(default)]
    #[schemars(example = &"binary")]
    pub encoding: Encoding,
    /// The model's inputs by name.
    #[schemars(example = &serde_json::json!({ "pos_prompt": { "from": "prompt", "datatype": "BYTES", "shape": [1, 1] } }))]
    pub inputs: IndexMap<String, Input>,
    /// What each output is: judged as a picture, or read into `server.<name>`.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    #[schemars(example = &serde_json::json!({ "image": "picture", "metadata": "server" }))]
    pub outputs: IndexMap<String, Output>,
}

/// How tensors are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// JSON.
    #[default]
    Json,
    /// The binary tensor extension.
    Binary,
    /// The binary form behind SageMaker's content type.
    Sagemaker,
}

/// One input tensor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Input {
    /// `prompt`, or the request parameter that fills it.
    #[schemars(example = &"prompt")]
    pub from: String,
    /// Triton's data type.
    #[schemars(example = &"BYTES")]
    pub datatype: Datatype,
    /// Its shape.
    #[schemars(length(min = 1), example = &[1, 1])]
    pub shape: Vec<u64>,
}

/// Triton's data types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Datatype {
    Bool,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
    Int8,
    Int16,
    Int32,
    Int64,
    Fp16,
    Fp32,
    Fp64,
    Bytes,
}

/// What an output is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Output {
    /// Judged as a picture.
    Picture,
    /// JSON that is read into `server.<name>`.
    Server,
    /// Left unread.
    Ignore,
}
