//! `openai-chat`: POST /v1/chat/completions, streamed unless told otherwise.

use serde_json::{Value, json};

use super::answer::Told;
use super::body::{self, content, parts_of};
use crate::instruments::exchange::{Issue, Steps};
use crate::kinds::dataset::{Prompt, Request, Task};
use crate::kinds::protocol::answer::Answer;
use crate::kinds::protocol::prepare::{last_of_user, nothing_said};
use crate::kinds::protocol::{About, PrepareError, Prepared, Protocol, Settings};

/// The path below the target's base URL.
const PATH: &str = "/v1/chat/completions";

/// The protocol.
pub(in crate::kinds::protocol) const CHAT: About = About {
    tasks: &[Task::Chat],
    without_task: false,
    under_v1: true,
    build: Some(|settings| Ok(Box::new(Chat { settings }))),
};

/// The protocol for one target.
#[derive(Debug)]
struct Chat {
    settings: Settings,
}

impl Protocol for Chat {
    fn prepare(&self, request: Request) -> Result<Prepared, PrepareError> {
        let messages = messages(&request)?;
        body::prepare(&self.settings, PATH, ("messages", messages), true, request)
    }

    fn begin<'a>(&'a self, prepared: &'a Prepared, _issue: Issue) -> Box<dyn Steps + 'a> {
        Box::new(Answer::<Told>::new(prepared))
    }
}

/// The row's messages, its prompt being one of the user; pictures go with the last message of the user.
fn messages(request: &Request) -> Result<Value, PrepareError> {
    match &request.row.prompt {
        Prompt::Text(text) => Ok(json!([{ "role": "user", "content": content(text, request)? }])),
        Prompt::Messages(messages) if request.row.images.is_empty() => {
            Ok(Value::Array(messages.clone()))
        }
        Prompt::Messages(messages) => {
            let mut messages = messages.clone();
            let last = last_of_user(&mut messages)?;
            let content = match last["content"].take() {
                Value::String(text) => content(&text, request)?,
                Value::Array(mut parts) => {
                    parts.extend(parts_of(request)?);
                    Value::Array(parts)
                }
                _ => Value::Array(parts_of(request)?),
            };
            last["content"] = content;
            Ok(Value::Array(messages))
        }
        Prompt::None => Err(nothing_said()),
    }
}
