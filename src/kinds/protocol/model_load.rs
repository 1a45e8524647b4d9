//! `model-load`: load, probe and unload steps against a driver. It is not spoken yet.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::About;
use crate::kinds::dataset::Task;

use super::http;

/// The protocol.
pub(super) const ABOUT: About = About {
    tasks: &[Task::Load],
    without_task: true,
    under_v1: false,
    build: None,
};

/// What `model-load` adds to a target. Flattened into it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Options {
    /// What loads and unloads models.
    #[schemars(example = &serde_json::json!({ "kind": "exec", "command": ["python3", "loaders/load.py"] }))]
    pub driver: Driver,
    /// The short generation that shows that a model is usable. None unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<Probe>,
}

/// What loads and unloads models.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Driver {
    /// Ollama's keep-alive.
    Ollama {},
    /// KServe's model repository.
    Kserve {},
    /// llama-server's router.
    LlamaServer {},
    /// vLLM's sleep and wake.
    VllmSleep {},
    /// Requests of your own.
    Http(Box<Requests>),
    /// A subprocess that prints JSON Lines.
    Exec(Exec),
}

/// Requests that load and unload a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Requests {
    /// The request that loads; asked until its `expect` holds.
    #[schemars(example = &serde_json::json!({ "name": "load", "method": "POST", "path": "/load" }))]
    pub load: http::Step,
    /// The request that unloads.
    #[schemars(example = &serde_json::json!({ "name": "unload", "method": "POST", "path": "/unload" }))]
    pub unload: http::Step,
}

/// A subprocess that loads models; needs `--allow-exec`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Exec {
    /// The program and its arguments; it runs in the scenario's folder.
    #[schemars(length(min = 1), example = &["python3", "loaders/load.py", "--format", "sllm"])]
    pub command: Vec<String>,
    /// How loads are kept apart. `process` unless given.
    #[serde(default)]
    #[schemars(example = &"process")]
    pub isolate: Isolate,
    /// The subprocess's environment, beside `PATH` and `HOME`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(example = &serde_json::json!({ "CUDA_VISIBLE_DEVICES": "0" }))]
    pub env: BTreeMap<String, String>,
}

/// How loads are kept apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Isolate {
    /// A process of its own for each load.
    #[default]
    Process,
    /// One process for all.
    None,
}

/// The short generation that shows that a model is usable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Probe {
    /// What it is asked.
    #[schemars(example = &"Please explain what a licence is.")]
    pub prompt: String,
    /// How many tokens it may answer. 50 unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1), example = 50)]
    pub max_tokens: Option<u32>,
}
