//! Protocols: a request becomes exchanges, exchanges become an outcome.
//!
//! Each is a state machine in one file: told what arrived and when, it says what to do next. It opens no socket, reads
//! no clock and never sleeps, and any split of an answer's bytes gives the same outcome.

mod answer;
pub mod comfyui;
pub mod framing;
mod head;
pub mod http;
mod kept;
mod later;
pub mod model_load;
mod ollama;
mod openai;
mod prepare;
#[cfg(test)]
mod rehearsal;
#[cfg(test)]
mod tests;
pub mod triton;
mod vllm_omni;

use crate::foundation::kinds::kinds;
use crate::foundation::secret::Secret;
use crate::instruments::exchange::{Exchange, Issue, Steps};
use crate::kinds::dataset::{Folders, Request, Task};

kinds! {
    /// The protocols, as a scenario names them.
    #[schemars(rename = "Protocol")]
    pub enum Kind: About {
        /// POST /v1/chat/completions.
        OpenaiChat = "openai-chat" => openai::CHAT,
        /// POST /v1/completions.
        OpenaiCompletions = "openai-completions" => openai::COMPLETIONS,
        /// POST /v1/embeddings.
        OpenaiEmbeddings = "openai-embeddings" => later::OPENAI_EMBEDDINGS,
        /// POST /v1/images/generations and /v1/images/edits.
        OpenaiImages = "openai-images" => later::OPENAI_IMAGES,
        /// POST /v1/videos, poll, download.
        OpenaiVideos = "openai-videos" => later::OPENAI_VIDEOS,
        /// POST /v1/chat/completions with `extra_body`, pictures as data URLs.
        VllmOmni = "vllm-omni" => vllm_omni::ABOUT,
        /// POST /generate and /generate_stream.
        Tgi = "tgi" => later::TGI,
        /// POST /runsync, or the native queue.
        Comfyui = "comfyui" => comfyui::ABOUT,
        /// POST /v2/models/{m}/infer.
        Triton = "triton" => triton::ABOUT,
        /// POST /api/generate and /api/chat.
        Ollama = "ollama" => ollama::ABOUT,
        /// POST /v1/messages.
        Anthropic = "anthropic" => later::ANTHROPIC,
        /// Any method, path, headers and body.
        Http = "http" => http::ABOUT,
        /// Load, probe and unload.
        ModelLoad = "model-load" => model_load::ABOUT,
    }
}

/// What a protocol's file says of it.
struct About {
    /// The tasks that it can serve.
    tasks: &'static [Task],
    /// Whether it can serve a dataset that states no task, or none at all.
    without_task: bool,
    /// Whether its own path begins with `/v1`, with which a base URL may end already.
    under_v1: bool,
    /// Makes it ready for a target and its dataset; `None` while it is only known to the language.
    build: Option<Build>,
}

/// Every task that sends requests of a dataset.
const ANY_TASK: &[Task] = &[
    Task::Chat,
    Task::Completion,
    Task::Embedding,
    Task::T2i,
    Task::I2i,
    Task::Ti2i,
    Task::T2v,
    Task::I2v,
    Task::Ti2v,
];

/// How a protocol is made ready for a target and its dataset.
type Build = fn(Settings) -> Result<Box<dyn Protocol>, PrepareError>;

impl Kind {
    /// Whether it can serve a dataset of that task, or one that states none.
    pub fn serves(self, task: Option<Task>) -> bool {
        match task {
            Some(task) => self.about().tasks.contains(&task),
            None => self.about().without_task,
        }
    }

    /// Whether its own path begins with `/v1`, with which a base URL may end already.
    pub const fn under_v1(self) -> bool {
        self.about().under_v1
    }

    /// Whether requests in it can be sent; the others parse, validate and plan.
    pub const fn supported(self) -> bool {
        self.about().build.is_some()
    }
}

/// Makes a protocol ready for a target and its dataset.
///
/// # Errors
/// Where the protocol is not supported yet, or its options cannot work: a template that is not one, several bodies.
pub fn build(kind: Kind, settings: Settings) -> Result<Box<dyn Protocol>, PrepareError> {
    let Some(build) = kind.about().build else {
        let supported: Vec<&str> = Kind::ALL
            .into_iter()
            .filter(|kind| kind.supported())
            .map(Kind::name)
            .collect();
        return Err(PrepareError {
            at: None,
            message: format!("protocol `{}` is not supported yet", kind.name()),
            help: format!("use one of {}", supported.join(", ")),
        });
    };
    build(settings)
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
