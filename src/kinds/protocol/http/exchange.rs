//! A step becomes a request: its templates are compiled once and filled in from the row and earlier steps.

use http::{HeaderName, HeaderValue};
use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::body::{Form, form, pairs, text};
use super::expect::Reads;
use super::options::{self, Expect, Extract, Step};
use super::{refusal, secret};
use crate::foundation::template::{TemplateError, Tree};
use crate::instruments::exchange::{Destination, Exchange};
use crate::kinds::protocol::{PrepareError, Settings};

/// A step, ready to be filled in.
pub struct Compiled {
    /// Its name; empty in the short form.
    pub name: String,
    /// What makes its answer count.
    pub expect: Expect,
    /// What is read out of its answer.
    pub extract: IndexMap<String, Extract>,
    /// What of its answer is looked into.
    pub reads: Reads,
    /// Whether a template names `request`, which only an attempt knows.
    pub names_request: bool,
    /// Everything that may hold templates, in one tree: `place`, `query`, `headers`, `body`.
    tree: Tree,
    /// Where it stands in the target.
    at: String,
    form: Form,
    is_url: bool,
    method: http::Method,
    timeout: Option<std::time::Duration>,
    streamed: bool,
}

impl Compiled {
    /// Compiles a step that stands at `at`, a JSON pointer below the target.
    pub fn new(step: Step, at: String, settings: &Settings) -> Result<Self, PrepareError> {
        if step.tls.is_some() {
            return Err(PrepareError {
                at: Some(format!("{at}/tls")),
                ..refusal("`tls` of a step is not supported yet: give the target's `http.tls`")
            });
        }
        let (form, body) = form(step.body, settings)?;
        let method = match step.method {
            Some(method) => method.into(),
            None if form == Form::None => http::Method::GET,
            None => http::Method::POST,
        };
        let is_url = step.url.is_some();
        let body_key = form.key();
        let place = step.url.or(step.path).unwrap_or_else(|| "/".to_owned());
        let object = |map: IndexMap<String, Value>| Value::Object(map.into_iter().collect());
        let value = Value::Object(Map::from_iter([
            ("place".to_owned(), Value::from(place)),
            ("query".to_owned(), object(step.query)),
            ("headers".to_owned(), object(step.headers)),
            ("body".to_owned(), body),
        ]));
        let expect = step.expect.unwrap_or_default();
        Ok(Self {
            name: step.name,
            reads: Reads::of(&expect, &step.extract),
            expect,
            extract: step.extract,
            names_request: names_request(&value),
            tree: Tree::compile(&value)
                .map_err(|error| unfilled(&error, pointer(&at, is_url, body_key, &error.name)))?,
            at,
            form,
            is_url,
            method,
            timeout: step.timeout.map(|timeout| timeout.0),
            streamed: step.stream.unwrap_or(false),
        })
    }

    /// The request that the step is under `context`.
    pub fn exchange(
        &self,
        context: &Map<String, Value>,
        settings: &Settings,
    ) -> Result<Exchange, PrepareError> {
        let mut filled = self.tree.fill(context).map_err(|error| {
            unfilled(
                &error,
                pointer(&self.at, self.is_url, self.form.key(), &error.name),
            )
        })?;
        reveal(&mut filled, settings)?;
        let mut take = |name: &str| filled.get_mut(name).map(Value::take).unwrap_or_default();
        let mut place = encoded(&text(&take("place")));
        let query = pairs(&take("query"));
        if !query.is_empty() {
            place.push(if place.contains('?') { '&' } else { '?' });
            place.push_str(&query);
        }
        let mut headers = Vec::new();
        for (name, value) in take("headers").as_object().into_iter().flatten() {
            let header = HeaderName::try_from(name.as_str())
                .ok()
                .zip(HeaderValue::from_str(&text(value)).ok());
            headers.push(header.ok_or_else(|| PrepareError {
                at: Some(format!("{}/headers/{}", self.at, escape(name))),
                ..refusal(format!("`{name}` and its value are no header"))
            })?);
        }
        let (media_type, body) = self.form.encode(&take("body"), settings)?;
        let has_type = headers
            .iter()
            .any(|(name, _)| name == http::header::CONTENT_TYPE);
        if let Some(media_type) = media_type.filter(|_| !has_type) {
            let value = HeaderValue::from_str(&media_type)
                .map_err(|_| refusal("the media type is no header"))?;
            headers.push((http::header::CONTENT_TYPE, value));
        }
        let destination = if self.is_url {
            Destination::Elsewhere(place)
        } else if place.starts_with('/') {
            Destination::Target(place)
        } else {
            Destination::Target(format!("/{place}"))
        };
        Ok(Exchange {
            method: self.method.clone(),
            destination,
            headers,
            body,
            streamed: self.streamed,
            timeout: self.timeout,
        })
    }
}

/// The option that a pointer within a step's tree of templates stands for, below the target.
fn pointer(at: &str, is_url: bool, body: &str, within: &str) -> String {
    let mut parts = within.splitn(3, '/').skip(1);
    let (part, rest) = (parts.next().unwrap_or_default(), parts.next());
    let key = match part {
        "place" if is_url => "url",
        "place" => "path",
        "body" => body,
        other => other,
    };
    rest.map_or_else(
        || format!("{at}/{key}"),
        |rest| format!("{at}/{key}/{rest}"),
    )
}

/// A key as a step of a JSON pointer.
fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

fn unfilled(error: &TemplateError, at: String) -> PrepareError {
    PrepareError {
        message: format!("template {at}: {}", error.message),
        at: Some(at),
        help: "templates see `row`, `request` (index, seed), `workload` and earlier steps by name"
            .to_owned(),
    }
}

fn names_request(value: &Value) -> bool {
    match value {
        Value::String(text) => {
            text.contains("{{") && text.contains("request") || text.contains("{%")
        }
        Value::Array(items) => items.iter().any(names_request),
        Value::Object(entries) => entries.values().any(names_request),
        _ => false,
    }
}

/// Puts credentials in the place of their references.
fn reveal(value: &mut Value, settings: &Settings) -> Result<(), PrepareError> {
    if let Some(reference) = secret(value) {
        let written = reference.to_string();
        let known = settings
            .secrets
            .iter()
            .find(|secret| secret.to_string() == written);
        let known = known.ok_or_else(|| refusal(format!("the secret {written} was not read")))?;
        *value = Value::from(known.expose());
        return Ok(());
    }
    match value {
        Value::Array(items) => items.iter_mut().try_for_each(|item| reveal(item, settings)),
        Value::Object(entries) => entries
            .values_mut()
            .try_for_each(|item| reveal(item, settings)),
        _ => Ok(()),
    }
}

/// A path or URL with what cannot stand in one percent-encoded; what is encoded already stays.
fn encoded(place: &str) -> String {
    let mut encoded = String::with_capacity(place.len());
    for byte in place.trim().bytes() {
        match byte {
            b'!' | b'#'..=b';' | b'=' | b'?'..=b'[' | b']' | b'_' | b'a'..=b'z' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => {
                use std::fmt::Write as _;
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}

impl From<options::Method> for http::Method {
    fn from(method: options::Method) -> Self {
        match method {
            options::Method::Get => Self::GET,
            options::Method::Head => Self::HEAD,
            options::Method::Post => Self::POST,
            options::Method::Put => Self::PUT,
            options::Method::Patch => Self::PATCH,
            options::Method::Delete => Self::DELETE,
            options::Method::Options => Self::OPTIONS,
        }
    }
}
