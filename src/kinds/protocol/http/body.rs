//! A body in each of the forms that it may have, and its bytes once its templates are filled in.

use bytes::Bytes;
use indexmap::IndexMap;
use serde_json::Value;

use super::options;
use super::refusal;
use crate::kinds::protocol::framing::media::Media;
use crate::kinds::protocol::{PrepareError, Settings};

/// The form of a body.
#[derive(Debug, Clone, PartialEq)]
pub enum Form {
    None,
    Json,
    UrlEncoded,
    Multipart,
    Text,
    File(Bytes),
}

impl Form {
    /// The option that it is written as; empty where there is no body.
    pub const fn key(&self) -> &'static str {
        match self {
            Self::None => "",
            Self::Json => "json",
            Self::UrlEncoded => "form",
            Self::Multipart => "multipart",
            Self::Text => "text",
            Self::File(_) => "file",
        }
    }

    /// The body that `value`, its templates filled in, is in this form, and its media type.
    pub fn encode(
        &self,
        value: &Value,
        settings: &Settings,
    ) -> Result<(Option<String>, Bytes), PrepareError> {
        let media_type = |name: &str| Some(name.to_owned());
        Ok(match self {
            Self::None => (None, Bytes::new()),
            Self::Json => {
                let body = serde_json::to_vec(value).map_err(|error| refusal(error.to_string()))?;
                (media_type("application/json"), body.into())
            }
            Self::UrlEncoded => (
                media_type("application/x-www-form-urlencoded"),
                pairs(value).into(),
            ),
            Self::Text => (media_type("text/plain; charset=utf-8"), text(value).into()),
            Self::File(bytes) => {
                let known = Media::of(bytes).map_or("application/octet-stream", |media| media.mime);
                (media_type(known), bytes.clone())
            }
            Self::Multipart => {
                let (boundary, body) = multipart(value, settings)?;
                (
                    Some(format!("multipart/form-data; boundary={boundary}")),
                    body,
                )
            }
        })
    }
}

/// The one form that a body has, and what of it may hold templates.
pub fn form(body: options::Body, settings: &Settings) -> Result<(Form, Value), PrepareError> {
    let object = |map: IndexMap<String, Value>| Value::Object(map.into_iter().collect());
    let forms = [
        body.json.map(|json| (Form::Json, json)),
        body.form.map(|form| (Form::UrlEncoded, object(form))),
        body.multipart.map(|parts| (Form::Multipart, object(parts))),
        body.text.map(|text| (Form::Text, Value::String(text))),
        match body.file {
            Some(path) => Some((Form::File(file(&path, settings)?), Value::Null)),
            None => None,
        },
    ];
    let mut given = forms.into_iter().flatten();
    let first = given.next().unwrap_or((Form::None, Value::Null));
    if given.next().is_some() {
        return Err(refusal(
            "a body has one form: json, form, multipart, text or file",
        ));
    }
    Ok(first)
}

fn file(path: &std::path::Path, settings: &Settings) -> Result<Bytes, PrepareError> {
    let folders = settings
        .folders
        .as_ref()
        .ok_or_else(|| refusal("files cannot be sent here"))?;
    let inside = folders
        .inside(path)
        .map_err(|error| refusal(error.to_string()))?;
    let bytes = std::fs::read(inside)
        .map_err(|error| refusal(format!("cannot read {}: {error}", path.display())))?;
    Ok(bytes.into())
}

/// A value as text: a string as it is, anything else as JSON, null as nothing.
pub fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// An object as URL-encoded pairs; nulls are left out, a list gives its key several times.
pub fn pairs(value: &Value) -> String {
    let mut pairs = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in value.as_object().into_iter().flatten() {
        match value {
            Value::Null => {}
            Value::Array(items) => {
                for item in items {
                    pairs.append_pair(name, &text(item));
                }
            }
            value => {
                pairs.append_pair(name, &text(value));
            }
        }
    }
    pairs.finish()
}

/// A multipart form: its boundary and its bytes. A part that is `{ upload: PATH }` is that file.
fn multipart(value: &Value, settings: &Settings) -> Result<(String, Bytes), PrepareError> {
    let mut parts = Vec::new();
    for (name, value) in value.as_object().into_iter().flatten() {
        let upload = value
            .as_object()
            .filter(|part| part.len() == 1)
            .and_then(|part| part.get("upload"));
        let quoted = |text: &str| {
            text.replace('\\', "\\\\")
                .replace('"', "%22")
                .replace(['\r', '\n'], " ")
        };
        let mut head = format!("Content-Disposition: form-data; name=\"{}\"", quoted(name));
        let content = match upload {
            Some(path) => {
                let path = std::path::PathBuf::from(text(path));
                let bytes = file(&path, settings)?;
                let media_type =
                    Media::of(&bytes).map_or("application/octet-stream", |media| media.mime);
                let file_name = path
                    .file_name()
                    .map(|name| name.to_string_lossy().into_owned())
                    .unwrap_or_default();
                head = format!(
                    "{head}; filename=\"{}\"\r\nContent-Type: {media_type}",
                    quoted(&file_name)
                );
                bytes
            }
            None if value.is_null() => continue,
            None => text(value).into(),
        };
        parts.push((head, content));
    }
    // A boundary that is the same for the same content, and stands nowhere in it.
    let mut boundary = "plimsoll-part".to_owned();
    while parts
        .iter()
        .any(|(_, content)| memchr::memmem::find(content, boundary.as_bytes()).is_some())
    {
        boundary.push('-');
    }
    let mut body = Vec::new();
    for (head, content) in parts {
        body.extend_from_slice(format!("--{boundary}\r\n{head}\r\n\r\n").as_bytes());
        body.extend_from_slice(&content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    Ok((boundary, body.into()))
}
