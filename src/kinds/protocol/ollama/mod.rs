//! `ollama`: POST /api/chat and /api/generate, answered in JSON Lines unless `stream: false`.

mod line;
mod told;

use serde_json::{Map, Value, json};

use self::told::Told;
use super::answer::Answer;
use super::framing::media;
use super::prepare::{
    body_json, last_of_user, nothing_said, number, params_json, stream_of, unreadable,
};
use super::{About, PrepareError, Prepared, Protocol, Settings};
use crate::instruments::exchange::{Exchange, Issue, Steps};
use crate::kinds::dataset::{Params, Prompt, Request, Task};

/// The protocol.
pub(super) const ABOUT: About = About {
    tasks: &[Task::Chat, Task::Completion],
    without_task: false,
    under_v1: false,
    build: Some(|settings| Ok(Box::new(Ollama { settings }))),
};

/// Parameters of the request itself; all others are the model's, and go into `options`.
const TOP_LEVEL: [&str; 16] = [
    "model",
    "stream",
    "think",
    "format",
    "tools",
    "keep_alive",
    "system",
    "template",
    "suffix",
    "raw",
    "context",
    "images",
    "truncate",
    "shift",
    "logprobs",
    "top_logprobs",
];

/// The protocol for one target.
#[derive(Debug)]
struct Ollama {
    settings: Settings,
}

impl Protocol for Ollama {
    fn prepare(&self, request: Request) -> Result<Prepared, PrepareError> {
        let params = &request.params;
        let stream = stream_of(params)?.unwrap_or(true);
        let mut body = Map::new();
        if let Some(model) = &self.settings.model {
            body.insert("model".to_owned(), Value::from(model.as_str()));
        }
        let path = if self.settings.task == Some(Task::Chat) {
            body.insert("messages".to_owned(), messages(&request)?);
            "/api/chat"
        } else {
            body.insert("prompt".to_owned(), prompt(&request)?);
            if !request.row.images.is_empty() {
                body.insert("images".to_owned(), images(&request)?);
            }
            "/api/generate"
        };
        for name in TOP_LEVEL {
            if let Some(value) = params.get(name) {
                body.insert(name.to_owned(), value.clone());
            }
        }
        // Without it the server streams.
        body.insert("stream".to_owned(), Value::Bool(stream));
        let options = options(params)?;
        let requested_tokens = number(&options, "num_predict");
        if !options.is_empty() {
            body.insert("options".to_owned(), Value::Object(options));
        }
        let path = self.settings.path.as_deref().unwrap_or(path);
        let mut exchange = Exchange::post_json(path, body_json(&body)?);
        exchange.streamed = stream;
        Ok(Prepared {
            params_json: params_json(params)?,
            exchange,
            stream,
            choices: 1,
            requested_tokens,
            request,
        })
    }

    fn begin<'a>(&'a self, prepared: &'a Prepared, _issue: Issue) -> Box<dyn Steps + 'a> {
        Box::new(Answer::<Told>::new(prepared))
    }
}

/// The row's messages, its prompt being one of the user; pictures go with the last message of the user.
fn messages(request: &Request) -> Result<Value, PrepareError> {
    let mut messages = match &request.row.prompt {
        Prompt::Text(text) => vec![json!({ "role": "user", "content": text })],
        Prompt::Messages(messages) => messages.clone(),
        Prompt::None => return Err(nothing_said()),
    };
    if !request.row.images.is_empty() {
        last_of_user(&mut messages)?["images"] = images(request)?;
    }
    Ok(Value::Array(messages))
}

fn prompt(request: &Request) -> Result<Value, PrepareError> {
    match &request.row.prompt {
        Prompt::Text(prompt) => Ok(Value::from(prompt.as_str())),
        _ => Err(PrepareError {
            at: None,
            message: "the row has no prompt".to_owned(),
            help: "give each row a `prompt`; chat messages go with a dataset of `task: chat`"
                .to_owned(),
        }),
    }
}

/// The row's pictures, each in bare base64.
fn images(request: &Request) -> Result<Value, PrepareError> {
    let image = |path: &std::path::PathBuf| {
        media::base64(path)
            .map(Value::from)
            .map_err(|error| unreadable(path, &error))
    };
    request.row.images.iter().map(image).collect()
}

/// The model's own parameters: `max_tokens` is `num_predict` here; what the request's own `options` say wins.
fn options(params: &Params) -> Result<Params, PrepareError> {
    let refusal = |message: String, help: &str| PrepareError {
        at: None,
        message,
        help: help.to_owned(),
    };
    if let Some(n) = number(params, "n").filter(|n| *n > 1) {
        return Err(refusal(
            format!("Ollama gives one answer to a request, and `n` asks for {n}"),
            "leave `n` out, and send more requests",
        ));
    }
    let mut options = Map::new();
    for (name, value) in params {
        match name.as_str() {
            "options" | "n" => {}
            "max_tokens" => {
                options
                    .entry("num_predict")
                    .or_insert_with(|| value.clone());
            }
            name if TOP_LEVEL.contains(&name) => {}
            name => {
                options.insert(name.to_owned(), value.clone());
            }
        }
    }
    match params.get("options") {
        None => {}
        Some(Value::Object(own)) => options.extend(own.clone()),
        Some(other) => {
            return Err(refusal(
                format!("`options` is a map of the model's parameters, and not {other}"),
                "write `options: { num_ctx: 8192 }`, or the parameters themselves",
            ));
        }
    }
    Ok(options)
}

#[cfg(test)]
mod tests;
