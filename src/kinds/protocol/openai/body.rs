//! Requests of the OpenAI form.

use serde_json::{Map, Value, json};

use crate::instruments::exchange::Exchange;
use crate::kinds::dataset::Request;
use crate::kinds::protocol::framing::media;
use crate::kinds::protocol::prepare::{body_json, number, params_json, stream_of, unreadable};
use crate::kinds::protocol::{PrepareError, Prepared, Settings};

/// What a user's message holds: its text, or a list of parts where pictures go with it.
///
/// # Errors
/// Where a picture cannot be read.
pub fn content(text: &str, request: &Request) -> Result<Value, PrepareError> {
    if request.row.images.is_empty() {
        return Ok(Value::from(text));
    }
    let mut parts = Vec::new();
    if !text.is_empty() {
        parts.push(json!({ "type": "text", "text": text }));
    }
    parts.extend(parts_of(request)?);
    Ok(Value::Array(parts))
}

/// The row's pictures as parts of a message, each as a data URL.
///
/// # Errors
/// Where a picture cannot be read.
pub fn parts_of(request: &Request) -> Result<Vec<Value>, PrepareError> {
    let part = |path: &std::path::PathBuf| match media::data_url(path) {
        Ok(url) => Ok(json!({ "type": "image_url", "image_url": { "url": url } })),
        Err(error) => Err(unreadable(path, &error)),
    };
    request.row.images.iter().map(part).collect()
}

/// Completes a request: the model, `first` (messages or prompt), then the parameters as they are, and what a stream needs.
///
/// `stream` is the protocol's default where the parameters do not say.
pub fn prepare(
    settings: &Settings,
    path: &str,
    first: (&str, Value),
    stream: bool,
    request: Request,
) -> Result<Prepared, PrepareError> {
    let params = &request.params;
    let stream = stream_of(params)?.unwrap_or(stream);
    let mut body = Map::new();
    if let Some(model) = &settings.model {
        body.insert("model".to_owned(), Value::from(model.as_str()));
    }
    body.insert(first.0.to_owned(), first.1);
    for (name, value) in params {
        body.insert(name.clone(), value.clone());
    }
    if stream {
        body.insert("stream".to_owned(), Value::Bool(true));
        // Without it most servers count nothing in a stream.
        let options = body.entry("stream_options").or_insert_with(|| json!({}));
        if let Some(options) = options.as_object_mut() {
            options.entry("include_usage").or_insert(Value::Bool(true));
        }
    }
    let body = body_json(&body)?;
    let mut exchange = Exchange::post_json(settings.path.as_deref().unwrap_or(path), body);
    exchange.streamed = stream;
    Ok(Prepared {
        params_json: params_json(params)?,
        exchange,
        stream,
        choices: number(params, "n")
            .and_then(|n| u32::try_from(n).ok())
            .unwrap_or(1)
            .max(1),
        requested_tokens: number(params, "max_tokens")
            .or_else(|| number(params, "max_completion_tokens")),
        request,
    })
}
