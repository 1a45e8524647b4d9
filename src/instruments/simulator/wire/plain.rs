//! Plain HTTP: what the `http` protocol is tried on, and the little service of seed 002.
//!
//! `/` and `/echo` (any method), `/status/{code}`, `/bytes/{n}`, `/tokenizer?output_tokens=…&input_text=…`, `/hello`,
//! `/sleeper?sleep_length=SECONDS`.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::json;

use super::{Ask, Reply, Routed, TOKENS, bad, error_reply, refused};
use crate::instruments::simulator::state::{Demand, Place, Refusal, Simulator};
use crate::instruments::simulator::words;

/// Most bytes of `/bytes/{n}`.
const BYTES: usize = 256 << 20;

/// Longest time of `/sleeper`.
const SLEEP_S: f64 = 3600.0;

/// What is seen of a request.
pub(super) struct Seen<'a> {
    pub method: &'a Method,
    pub path: &'a str,
    pub query: &'a str,
    pub body: &'a Bytes,
}

/// Understands a plain request.
pub(super) fn read(seen: &Seen<'_>) -> Result<Routed, Reply> {
    let mut parts = seen.path.splitn(3, '/').skip(1);
    let (first, rest) = (parts.next().unwrap_or_default(), parts.next());
    let work = |demand: Demand, answer: Plain| Ok(Routed::work(PlainAsk { demand, answer }));
    match (first, rest) {
        ("", None) => work(Demand::Plain, Plain::Json(json!({ "ok": true }))),
        ("hello", None) => work(Demand::Plain, Plain::Json(json!({ "message": "hello" }))),
        ("echo", _) => work(Demand::Plain, Plain::Json(echo(seen))),
        ("status", Some(code)) => match code
            .parse()
            .ok()
            .and_then(|code| StatusCode::from_u16(code).ok())
        {
            // An interim head is no answer.
            Some(status) if !status.is_informational() => {
                work(Demand::Plain, Plain::Status(status))
            }
            _ => Err(bad("a status is a number from 200 to 999")),
        },
        ("bytes", Some(count)) => match count.parse() {
            Ok(count) if count <= BYTES => work(Demand::Plain, Plain::Bytes(count)),
            _ => Err(bad("a number of bytes, 256 MiB at most, must follow")),
        },
        ("sleeper", None) => {
            let seconds =
                query(seen.query, "sleep_length").and_then(|text| text.parse::<f64>().ok());
            match seconds.filter(|seconds| (0.0..=SLEEP_S).contains(seconds)) {
                Some(seconds) => {
                    let slept = Plain::Json(json!({ "slept_s": seconds }));
                    work(Demand::Exactly(Duration::from_secs_f64(seconds)), slept)
                }
                None => Err(bad(
                    "sleep_length must be a number of seconds from 0 to 3600",
                )),
            }
        }
        ("tokenizer", None) => tokenizer(seen.query),
        _ => Err(error_reply(
            StatusCode::NOT_FOUND,
            "there is nothing at this path",
        )),
    }
}

/// The value of a query's key, decoded.
fn query<'a>(query: &'a str, key: &str) -> Option<Cow<'a, str>> {
    url::form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name == key)
        .map(|(_, value)| value)
}

/// What came, as JSON; a body that is JSON as such, else as text.
fn echo(seen: &Seen<'_>) -> serde_json::Value {
    let query: serde_json::Map<_, _> = url::form_urlencoded::parse(seen.query.as_bytes())
        .map(|(name, value)| (name.into_owned(), value.into_owned().into()))
        .collect();
    let body = match seen.body.as_ref() {
        [] => serde_json::Value::Null,
        body => {
            serde_json::from_slice(body).unwrap_or_else(|_| String::from_utf8_lossy(body).into())
        }
    };
    json!({ "method": seen.method.as_str(), "path": seen.path, "query": query, "body": body })
}

/// Seed 002's service, its mistyped key included: clients have been written for it.
fn tokenizer(text: &str) -> Result<Routed, Reply> {
    let invalid = || {
        Reply::whole(
            StatusCode::BAD_REQUEST,
            "text/plain; charset=utf-8",
            "Invalid input",
        )
    };
    let tokens: u64 = query(text, "output_tokens")
        .and_then(|tokens| tokens.parse().ok())
        .ok_or_else(invalid)?;
    let input = query(text, "input_text")
        .filter(|input| !input.is_empty())
        .ok_or_else(invalid)?;
    if tokens == 0 || tokens > TOKENS {
        return Err(invalid());
    }
    let answer = Plain::Tokens {
        input: input.into_owned(),
        tokens,
    };
    Ok(Routed::work(PlainAsk {
        demand: Demand::Tokens {
            count: tokens,
            streamed: false,
        },
        answer,
    }))
}

enum Plain {
    Json(serde_json::Value),
    Status(StatusCode),
    Bytes(usize),
    Tokens { input: String, tokens: u64 },
}

struct PlainAsk {
    demand: Demand,
    answer: Plain,
}

impl Ask for PlainAsk {
    fn demand(&self) -> Demand {
        self.demand
    }

    fn refuse(&self, refusal: Refusal) -> Reply {
        match (&self.answer, refusal) {
            (Plain::Tokens { .. }, Refusal::Full | Refusal::Limited) => {
                let body = json!({ "error": "Too many concurrent requests" }).to_string();
                Reply::whole(StatusCode::TOO_MANY_REQUESTS, "application/json", body)
            }
            _ => refused(refusal),
        }
    }

    fn reply(self: Box<Self>, simulator: &Simulator, _place: &Place) -> Reply {
        match self.answer {
            Plain::Json(value) => Reply::json(&value),
            Plain::Status(status) => {
                let body = json!({ "status": status.as_u16() }).to_string();
                Reply::whole(status, "application/json", body)
            }
            Plain::Bytes(count) => Reply::whole(
                StatusCode::OK,
                "application/octet-stream",
                vec![b'x'; count],
            ),
            Plain::Tokens { input, tokens } => {
                let text = words::text(simulator.content_key(&input), 0, tokens);
                Reply::json(&json!({ "input_text": input, "ouput_text": text,
                                     "input_tokens": words::prompt_tokens(input.chars().count()),
                                     "output_tokens": tokens }))
            }
        }
    }
}
