//! `comfyui`: the wrapper's POST /runsync, or the native queue. It is not spoken yet.

use std::path::PathBuf;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::About;
use crate::kinds::dataset::Task;

/// The protocol.
pub(super) const ABOUT: About = About {
    tasks: &[Task::T2i, Task::I2i],
    without_task: false,
    under_v1: false,
    build: None,
};

/// What `comfyui` adds to a target. Flattened into it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Options {
    /// The workflow, and how it is sent.
    pub comfyui: Workflow,
}

/// A workflow, and how it is sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Workflow {
    /// Which interface is spoken. `runsync` unless given.
    #[serde(default)]
    #[schemars(example = &"runsync")]
    pub api: Api,
    #[expect(clippy::struct_field_names, reason = "the name is the language's")]
    /// The workflow in ComfyUI's API form, relative to the scenario.
    #[schemars(example = &"flux.json")]
    pub workflow: PathBuf,
    /// Where request parameters stand in the workflow: JSON pointers by the parameter's name.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    #[schemars(example = &serde_json::json!({ "prompt": "/6/inputs/text", "seed": "/3/inputs/seed" }))]
    pub bind: IndexMap<String, String>,
}

/// Which interface is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Api {
    /// The wrapper's POST /runsync.
    #[default]
    Runsync,
    /// The wrapper's POST /generate.
    Generate,
    /// ComfyUI's own POST /prompt, websocket or /history, and /view.
    Native,
}
