//! `openai-completions`: POST /v1/completions, streamed where `stream` is true.

use serde_json::Value;

use super::answer::Told;
use super::body;
use crate::instruments::exchange::{Issue, Steps};
use crate::kinds::dataset::{Prompt, Request, Task};
use crate::kinds::protocol::answer::Answer;
use crate::kinds::protocol::{About, PrepareError, Prepared, Protocol, Settings};

/// The path below the target's base URL.
const PATH: &str = "/v1/completions";

/// The protocol.
pub(in crate::kinds::protocol) const COMPLETIONS: About = About {
    tasks: &[Task::Completion],
    without_task: false,
    under_v1: true,
    build: Some(|settings| Ok(Box::new(Completions { settings }))),
};

/// The protocol for one target.
#[derive(Debug)]
struct Completions {
    settings: Settings,
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
        Box::new(Answer::<Told>::new(prepared))
    }
}
