//! One row.

use std::path::PathBuf;

use serde_json::{Map, Value};

/// Request parameters by name (`max_tokens`, `width`, …).
pub type Params = Map<String, Value>;

/// What a row says to the model.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Prompt {
    /// Nothing (plain HTTP, model loads).
    #[default]
    None,
    /// A text.
    Text(String),
    /// Chat messages in the OpenAI form.
    Messages(Vec<Value>),
}

/// One row, as read or generated.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Row {
    /// Its number in the dataset, from 0.
    pub number: u64,
    /// What it says.
    pub prompt: Prompt,
    /// Pictures that go with it.
    pub images: Vec<PathBuf>,
    /// Its request parameters, `negative_prompt`, `seed` and unknown keys included.
    pub params: Params,
    /// When it was sent in the trace, in seconds from the earliest row.
    pub timestamp_s: Option<f64>,
    /// Its own limit on e2e in milliseconds.
    pub slo_ms: Option<f64>,
    /// Recorded, never sent.
    pub request_id: Option<String>,
    /// Tokens of the prompt, where the dataset knows or estimates them.
    pub input_tokens: Option<u64>,
    /// The part of a mix that it came from.
    pub part: Option<String>,
}
