//! Protocols: a request becomes exchanges, exchanges become an outcome.
//!
//! Each is a state machine in one file: told what arrived and when, it says what to do next. It opens no socket, reads
//! no clock and never sleeps, and any split of an answer's bytes gives the same outcome.

pub mod comfyui;
pub mod framing;
mod head;
pub mod http;
pub mod model_load;
mod openai;
#[cfg(test)]
mod rehearsal;
pub mod triton;
mod vllm_omni;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::foundation::secret::Secret;
use crate::instruments::exchange::{Exchange, Issue, Steps};
use crate::kinds::dataset::{Folders, Request, Task};

/// The protocols, as a scenario names them.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "Protocol")]
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

impl Kind {
    /// Every protocol, in the order of the documentation.
    pub const ALL: [Self; 13] = [
        Self::OpenaiChat,
        Self::OpenaiCompletions,
        Self::OpenaiEmbeddings,
        Self::OpenaiImages,
        Self::OpenaiVideos,
        Self::VllmOmni,
        Self::Tgi,
        Self::Comfyui,
        Self::Triton,
        Self::Ollama,
        Self::Anthropic,
        Self::Http,
        Self::ModelLoad,
    ];

    /// The name as written in a scenario.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenaiChat => "openai-chat",
            Self::OpenaiCompletions => "openai-completions",
            Self::OpenaiEmbeddings => "openai-embeddings",
            Self::OpenaiImages => "openai-images",
            Self::OpenaiVideos => "openai-videos",
            Self::VllmOmni => "vllm-omni",
            Self::Tgi => "tgi",
            Self::Comfyui => "comfyui",
            Self::Triton => "triton",
            Self::Ollama => "ollama",
            Self::Anthropic => "anthropic",
            Self::Http => "http",
            Self::ModelLoad => "model-load",
        }
    }

    /// The tasks that it can serve. `http` serves any, and none at all.
    pub const fn tasks(self) -> &'static [Task] {
        use Task::{Chat, Completion, Embedding, I2i, I2v, Load, T2i, T2v, Ti2i, Ti2v};
        match self {
            Self::OpenaiChat | Self::Anthropic => &[Chat],
            Self::OpenaiCompletions | Self::Tgi => &[Completion],
            Self::OpenaiEmbeddings => &[Embedding],
            Self::OpenaiImages => &[T2i, I2i, Ti2i],
            Self::OpenaiVideos => &[T2v, I2v, Ti2v],
            Self::VllmOmni => &[T2i, I2i, Ti2i, T2v, I2v, Ti2v],
            Self::Comfyui => &[T2i, I2i],
            Self::Ollama => &[Chat, Completion],
            Self::Triton | Self::Http => {
                &[Chat, Completion, Embedding, T2i, I2i, Ti2i, T2v, I2v, Ti2v]
            }
            Self::ModelLoad => &[Load],
        }
    }

    /// Whether it can serve a dataset of that task, or one that states none.
    pub fn serves(self, task: Option<Task>) -> bool {
        match task {
            Some(task) => self.tasks().contains(&task),
            None => matches!(self, Self::Http | Self::ModelLoad),
        }
    }

    /// Whether requests in it can be sent; the others parse, validate and plan.
    pub const fn supported(self) -> bool {
        matches!(
            self,
            Self::OpenaiChat | Self::OpenaiCompletions | Self::VllmOmni | Self::Http
        )
    }
}

/// Makes a protocol ready for a target and its dataset.
///
/// # Errors
/// Where the protocol is not supported yet, or its options cannot work: a template that is not one, several bodies.
pub fn build(kind: Kind, settings: Settings) -> Result<Box<dyn Protocol>, PrepareError> {
    match kind {
        Kind::OpenaiChat => Ok(Box::new(openai::Chat::new(settings))),
        Kind::OpenaiCompletions => Ok(Box::new(openai::Completions::new(settings))),
        Kind::VllmOmni => Ok(Box::new(vllm_omni::VllmOmni::new(settings))),
        Kind::Http => Ok(Box::new(http::Http::new(settings)?)),
        _ => Err(PrepareError {
            at: None,
            message: format!("protocol `{}` is not supported yet", kind.name()),
            help: "use one of openai-chat, openai-completions, vllm-omni, http".to_owned(),
        }),
    }
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
    /// The credentials that a request's body names, as read.
    pub secrets: Vec<Secret>,
    /// What a file that a request names may be.
    pub folders: Option<Folders>,
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
    /// The option of the target that is at fault, as a JSON pointer below the target; `None` where it is the row or the
    /// whole target.
    pub at: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What the user can do.
    pub help: String,
}
