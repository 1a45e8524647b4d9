//! `openai-completions`: POST /v1/completions, streamed where `stream` is true.

use serde_json::Value;

use super::answer::Answer;
use super::body;
use crate::instruments::exchange::{Issue, Steps};
use crate::kinds::dataset::{Prompt, Request};
use crate::kinds::protocol::{PrepareError, Prepared, Protocol, Settings};

/// The path below the target's base URL.
const PATH: &str = "/v1/completions";

/// The protocol for one target.
#[derive(Debug)]
pub struct Completions {
    settings: Settings,
}

impl Completions {
    /// For a target and its dataset.
    pub fn new(settings: Settings) -> Self {
        Self { settings }
    }
}

impl Protocol for Completions {
    fn prepare(&self, request: Request) -> Result<Prepared, PrepareError> {
        let Prompt::Text(prompt) = &request.row.prompt else {
            return Err(PrepareError {
                at: None,
                message: "the row has no prompt".to_owned(),
                help: "give each row a `prompt`; chat messages go with `openai-chat`".to_owned(),
            });
        };
        let prompt = Value::from(prompt.as_str());
        body::prepare(&self.settings, PATH, ("prompt", prompt), false, request)
    }

    fn begin<'a>(&'a self, prepared: &'a Prepared, _issue: Issue) -> Box<dyn Steps + 'a> {
        Box::new(Answer::new(prepared))
    }
}
