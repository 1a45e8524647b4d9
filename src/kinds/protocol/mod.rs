//! Protocols: a request becomes exchanges, exchanges become an outcome.
//!
//! Each is a state machine in one file: told what arrived and when, it says what to do next. It opens no socket, reads
//! no clock and never sleeps, and any split of an answer's bytes gives the same outcome.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::instruments::exchange::{Exchange, Issue, Steps};
use crate::kinds::dataset::{Request, Task};

/// The protocols, as a scenario names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// POST /v1/chat/completions.
    OpenaiChat,
    /// POST /v1/completions.
    OpenaiCompletions,
    /// POST /v1/embeddings.
    OpenaiEmbeddings,
    /// POST /v1/images/generations and /v1/images/edits.
    OpenaiImages,
    /// POST /v1/videos, poll, download.
    OpenaiVideos,
    /// POST /v1/chat/completions with `extra_body`, pictures as data URLs.
    VllmOmni,
    /// POST /generate and /generate_stream.
    Tgi,
    /// POST /runsync, or the native queue.
    Comfyui,
    /// POST /v2/models/{m}/infer.
    Triton,
    /// POST /api/generate and /api/chat.
    Ollama,
    /// POST /v1/messages.
    Anthropic,
    /// Any method, path, headers and body.
    Http,
    /// Load, probe and unload.
    ModelLoad,
}

/// What a protocol is built from: the parts of a target and its dataset that shape requests.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The target's model, or the cell's.
    pub model: Option<String>,
    /// Replaces the protocol's own path.
    pub path: Option<String>,
    /// The dataset's task.
    pub task: Option<Task>,
    /// Options of `http`.
    pub http: Option<http::Options>,
}

/// One wire format.
pub trait Protocol: Send + Sync {
    /// Makes, before the clock starts, what no attempt changes.
    ///
    /// # Errors
    /// Where the request cannot be put into this format: a missing prompt, an unreadable picture, a template that fails.
    fn prepare(&self, request: Request) -> Result<Prepared, PrepareError>;

    /// Begins an attempt; the one allocation of an attempt.
    fn begin<'a>(&'a self, prepared: &'a Prepared, issue: Issue) -> Box<dyn Steps + 'a>;
}

/// A request that is ready to be sent.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The request.
    pub request: Request,
    /// Its parameters as a JSON object, for the record.
    pub params_json: String,
    /// The first exchange; further ones are the steps' own.
    pub exchange: Exchange,
    /// Whether the answer is asked to stream.
    pub stream: bool,
    /// Choices that are asked for.
    pub choices: u32,
    /// Output tokens that are asked for.
    pub requested_tokens: Option<u64>,
}

/// Why a request cannot be put into a protocol's format.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct PrepareError {
    /// What is wrong.
    pub message: String,
    /// What the user can do.
    pub help: String,
}

pub mod http {
    //! Placeholder until the protocol lands.
    /// Options of `http`.
    #[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
    pub struct Options {}
}
