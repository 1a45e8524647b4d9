//! What the simulator says: paths, and the wire format of each. Written from recorded answers of real servers, never
//! from our own reader of them.

mod anthropic;
mod chat;
mod completions;
mod embeddings;
mod images;
mod ollama;
mod plain;
mod tgi;

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Body as _, Incoming};
use serde_json::json;

use super::answer::{self, Answer, Connection, Dropped, Reply};
use super::state::{Demand, Place, Refusal, Simulator};
use crate::foundation::units::Offset;

/// Longest body that is read.
const BODY: usize = 64 << 20;

/// Most tokens of one choice: the context of no real model is longer.
const TOKENS: u64 = 1_000_000;

/// Tokens of an answer unless the request says otherwise.
const DEFAULT_TOKENS: u64 = 16;

/// Most choices of one answer.
const CHOICES: u32 = 128;

/// What a wire format understood of a request.
trait Ask {
    /// What the request wants of the server.
    fn demand(&self) -> Demand;
    /// The answer.
    fn reply(self: Box<Self>, simulator: &Simulator, place: &Place) -> Reply;
    /// The answer where the request is not served.
    fn refuse(&self, refusal: Refusal) -> Reply {
        refused(refusal)
    }
}

/// What becomes of a request.
enum Routed {
    /// Answered at once, and counted nowhere: health checks, lists, nonsense.
    Aside(Reply),
    /// A request to serve.
    Work(Box<dyn Ask>),
}

impl Routed {
    fn work(ask: impl Ask + 'static) -> Self {
        Self::Work(Box::new(ask))
    }
}

/// Answers one request; `Err` ends its connection without an answer.
pub(super) async fn handle(
    simulator: Simulator,
    connection: Connection,
    request: Request<Incoming>,
) -> Result<Response<Answer>, Dropped> {
    let (head, body) = request.into_parts();
    let body = match read(body).await {
        Ok(body) => body,
        Err(reply) => return Ok(answer::aside(&simulator, reply).await),
    };
    match route(&simulator, &head, &body) {
        Routed::Aside(reply) => Ok(answer::aside(&simulator, reply).await),
        Routed::Work(ask) => {
            let (place, refusal) = simulator.admit(ask.demand(), connection.arrived());
            if let Some(refusal) = refusal {
                return Ok(answer::aside(&simulator, ask.refuse(refusal)).await);
            }
            let reply = ask.reply(&simulator, &place);
            answer::respond(&simulator, place, reply, &connection).await
        }
    }
}

/// Reads a body to its end.
async fn read(body: Incoming) -> Result<Bytes, Reply> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    match Limited::new(body, BODY).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => Err(error_reply(
            StatusCode::PAYLOAD_TOO_LARGE,
            "the body is longer than 64 MiB",
        )),
        Err(_) => Err(bad("the body ended before its time")),
    }
}

fn route(simulator: &Simulator, head: &http::request::Parts, body: &Bytes) -> Routed {
    let path = head.uri.path();
    let query = head.uri.query().unwrap_or_default();
    let get = head.method == Method::GET || head.method == Method::HEAD;
    if ABOUT.contains(&path) {
        return Routed::Aside(if get {
            about(path)
        } else {
            wrong_method("GET")
        });
    }
    let post = head.method == Method::POST;
    let understood = match path {
        _ if FORMATS.contains(&path) && !post => Err(wrong_method("POST")),
        "/v1/chat/completions" => chat::read(simulator, body),
        "/v1/completions" => completions::read(simulator, body),
        "/v1/embeddings" => embeddings::read(body),
        "/v1/images/generations" => images::read(body),
        "/v1/messages" => anthropic::read(simulator, body),
        "/generate" | "/generate_stream" => tgi::read(simulator, body, path == "/generate_stream"),
        "/api/generate" | "/api/chat" => ollama::read(simulator, body, path == "/api/chat"),
        _ => plain::read(&plain::Seen {
            method: &head.method,
            path,
            query,
            body,
        }),
    };
    understood.unwrap_or_else(Routed::Aside)
}

/// Paths that tell of the server.
const ABOUT: [&str; 4] = ["/health", "/version", "/v1/models", "/api/version"];

/// Paths of a wire format each, for POST alone.
const FORMATS: [&str; 9] = [
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/embeddings",
    "/v1/images/generations",
    "/v1/messages",
    "/generate",
    "/generate_stream",
    "/api/generate",
    "/api/chat",
];

/// What a server says about itself.
fn about(path: &str) -> Reply {
    match path {
        "/version" | "/api/version" => Reply::json(
            &json!({ "version": env!("CARGO_PKG_VERSION"), "server": "plimsoll-simulator" }),
        ),
        "/v1/models" => Reply::json(&json!({
            "object": "list",
            "data": [{ "id": MODEL, "object": "model", "created": EPOCH_S, "owned_by": "plimsoll" }],
        })),
        _ => Reply::json(&json!({ "status": "ok" })),
    }
}

/// The model's name where a request gives none.
const MODEL: &str = "simulator";

/// Second 0 of the simulator's calendar. It reads no wall clock, so that the same run gives the same bytes.
const EPOCH_S: u64 = 1_700_000_000;

/// The calendar's second.
fn created(now: Offset) -> u64 {
    EPOCH_S + now.as_nanos() / 1_000_000_000
}

/// An error as vLLM and llama.cpp write theirs, the code a number.
fn error_reply(status: StatusCode, message: &str) -> Reply {
    let kind = match status.as_u16() {
        429 => "rate_limit_exceeded",
        500.. => "internal_server_error",
        _ => "invalid_request_error",
    };
    let error = json!({ "error": { "message": message, "type": kind, "param": null, "code": status.as_u16() } });
    Reply::whole(status, "application/json", error.to_string())
}

/// A refusal of nonsense.
fn bad(message: &str) -> Reply {
    error_reply(StatusCode::BAD_REQUEST, message)
}

fn wrong_method(allowed: &'static str) -> Reply {
    error_reply(
        StatusCode::METHOD_NOT_ALLOWED,
        "this path has another method",
    )
    .header("allow", HeaderValue::from_static(allowed))
}

/// The answer to what is not served: one dialect with Retry-After, one without, since both exist.
fn refused(refusal: Refusal) -> Reply {
    match refusal {
        Refusal::Full => error_reply(StatusCode::TOO_MANY_REQUESTS, "the queue is full")
            .header("retry-after", HeaderValue::from_static("1")),
        Refusal::Limited => error_reply(StatusCode::TOO_MANY_REQUESTS, "the rate limit is reached"),
        Refusal::Broken => error_reply(StatusCode::INTERNAL_SERVER_ERROR, "the engine failed"),
    }
}

/// Reads a request's JSON; the error names what does not fit.
fn json_body<'a, T: serde::Deserialize<'a>>(body: &'a [u8]) -> Result<T, Reply> {
    serde_json::from_slice(body)
        .map_err(|error| bad(&format!("the body is not what this path takes: {error}")))
}

/// How many tokens and choices an answer has.
fn size(tokens: Option<u64>, choices: Option<u32>) -> Result<(u64, u32), Reply> {
    let tokens = tokens.unwrap_or(DEFAULT_TOKENS);
    let choices = choices.unwrap_or(1);
    if tokens == 0 || tokens > TOKENS {
        return Err(bad(&format!(
            "max_tokens must be from 1 to {TOKENS}, not {tokens}"
        )));
    }
    if choices == 0 || choices > CHOICES {
        return Err(bad(&format!(
            "n must be from 1 to {CHOICES}, not {choices}"
        )));
    }
    Ok((tokens, choices))
}

/// A JSON string, quoted and escaped.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Writes formatted text; a buffer in memory never refuses it.
fn say(out: &mut BytesMut, text: std::fmt::Arguments<'_>) {
    let _ = std::fmt::Write::write_fmt(out, text);
}

/// What OpenAI's formats ask for in `stream_options`.
#[derive(Debug, Default, serde::Deserialize)]
struct StreamOptions {
    /// Usage in a chunk of its own.
    include_usage: Option<bool>,
}

/// Token counts as OpenAI's formats give them.
fn usage(prompt: u64, completion: u64) -> serde_json::Value {
    json!({ "prompt_tokens": prompt, "total_tokens": prompt + completion, "completion_tokens": completion })
}
