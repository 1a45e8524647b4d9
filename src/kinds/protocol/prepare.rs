//! What protocols share in making a request, before the clock starts.

use std::path::Path;

use serde_json::{Map, Value};

use super::PrepareError;
use crate::kinds::dataset::Params;

/// Whether the parameters ask for a stream; `None` where they do not say.
///
/// # Errors
/// Where they say what no server reads as a yes or a no.
pub fn stream_of(params: &Params) -> Result<Option<bool>, PrepareError> {
    match params.get("stream") {
        None => Ok(None),
        Some(Value::Bool(stream)) => Ok(Some(*stream)),
        Some(other) => Err(PrepareError {
            at: None,
            message: format!("`stream` is true or false, and not {other}"),
            help: "write `stream: true` or `stream: false`; YAML 1.2 reads `yes` and `on` as texts"
                .to_owned(),
        }),
    }
}

/// A parameter that is a whole number from 0 on.
pub fn number(params: &Params, name: &str) -> Option<u64> {
    params.get(name).and_then(Value::as_u64)
}

/// The parameters as they are recorded.
///
/// # Errors
/// Where they are no JSON.
pub fn params_json(params: &Params) -> Result<String, PrepareError> {
    serde_json::to_string(params).map_err(unwritable)
}

/// A body as it is sent.
///
/// # Errors
/// Where it is no JSON.
pub fn body_json(body: &Map<String, Value>) -> Result<Vec<u8>, PrepareError> {
    serde_json::to_vec(body).map_err(unwritable)
}

#[expect(clippy::needless_pass_by_value, reason = "given to map_err")]
fn unwritable(error: serde_json::Error) -> PrepareError {
    PrepareError {
        at: None,
        message: format!("the request cannot be written as JSON: {error}"),
        help: "parameters are JSON values with finite numbers".to_owned(),
    }
}

/// A picture of the row that cannot be read.
pub fn unreadable(path: &Path, error: &std::io::Error) -> PrepareError {
    PrepareError {
        at: None,
        message: format!("cannot read {}: {error}", path.display()),
        help: "paths of pictures are relative to the scenario's file".to_owned(),
    }
}

/// The last message of the user, with which the row's pictures go.
///
/// # Errors
/// Where there is none.
pub fn last_of_user(messages: &mut [Value]) -> Result<&mut Value, PrepareError> {
    let last = messages
        .iter_mut()
        .rfind(|message| message["role"] == "user");
    last.ok_or_else(|| PrepareError {
        at: None,
        message: "the row has pictures, but no message of the user that they could go with"
            .to_owned(),
        help: "add a message with `role: user`".to_owned(),
    })
}

/// A chat without anything to say.
pub fn nothing_said() -> PrepareError {
    PrepareError {
        at: None,
        message: "the row has neither a prompt nor messages".to_owned(),
        help: "give each row a `prompt` or `messages`".to_owned(),
    }
}
