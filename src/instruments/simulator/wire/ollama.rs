//! `POST /api/generate` and `/api/chat` in JSON Lines, as Ollama answers; an empty prompt loads, `keep_alive: 0` unloads.

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::chat::{Message, prompt};
use super::{Ask, DEFAULT_TOKENS, EPOCH_S, MODEL, Reply, Routed, TOKENS, quoted, say};
use crate::foundation::units::Offset;
use crate::instruments::simulator::answer::Script;
use crate::instruments::simulator::state::{Demand, Place, Refusal, Simulator};
use crate::instruments::simulator::words;

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    model: Option<Cow<'a, str>>,
    #[serde(borrow)]
    prompt: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    messages: Vec<Message<'a>>,
    stream: Option<bool>,
    keep_alive: Option<Value>,
    #[serde(default)]
    options: Options,
}

#[derive(Deserialize, Default)]
struct Options {
    num_predict: Option<i64>,
}

/// Understands a request to generate, to chat, to load or to unload.
pub(super) fn read(simulator: &Simulator, body: &Bytes, chat: bool) -> Result<Routed, Reply> {
    let invalid = |message: &str| error(StatusCode::BAD_REQUEST, message);
    let body: Body<'_> =
        serde_json::from_slice(body).map_err(|error| invalid(&error.to_string()))?;
    let model = body.model.as_deref().unwrap_or(MODEL).to_owned();
    let prompt = if chat {
        prompt(&body.messages)
    } else {
        body.prompt.unwrap_or_default().into_owned()
    };
    if prompt.is_empty() {
        let unload = body
            .keep_alive
            .is_some_and(|value| value == 0 || value == "0" || value == "0s");
        return Ok(Routed::work(LoadAsk {
            cached: simulator.loads(&model),
            model,
            unload,
            chat,
        }));
    }
    let tokens = match body.options.num_predict {
        // Without a limit Ollama goes on until the model stops.
        None | Some(-2 | -1) => DEFAULT_TOKENS,
        Some(tokens) => u64::try_from(tokens).unwrap_or_default(),
    };
    if tokens == 0 || tokens > TOKENS {
        return Err(invalid(&format!("num_predict must be from 1 to {TOKENS}")));
    }
    Ok(Routed::work(GenerateAsk {
        model,
        key: simulator.content_key(&prompt),
        input: words::prompt_tokens(prompt.chars().count()),
        tokens,
        streamed: body.stream.unwrap_or(true),
        chat,
    }))
}

fn error(status: StatusCode, message: &str) -> Reply {
    Reply::whole(
        status,
        "application/json",
        json!({ "error": message }).to_string(),
    )
}

fn refused(refusal: Refusal) -> Reply {
    match refusal {
        Refusal::Full => error(
            StatusCode::SERVICE_UNAVAILABLE,
            "server busy, please try again. maximum pending requests exceeded",
        ),
        Refusal::Limited => error(StatusCode::TOO_MANY_REQUESTS, "the rate limit is reached"),
        Refusal::Broken => error(StatusCode::INTERNAL_SERVER_ERROR, "the engine failed"),
    }
}

/// The calendar's moment, to the nanosecond: 1.7·10⁹ s after 1970 is 2023-11-14T22:13:20Z.
fn created_at(now: Offset) -> String {
    const FROM_MIDNIGHT_S: u64 = EPOCH_S % 86_400;
    let seconds = FROM_MIDNIGHT_S + now.as_nanos() / 1_000_000_000;
    let (day, second) = (14 + (seconds / 86_400) % 16, seconds % 86_400);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!(
        "2023-11-{day:02}T{hour:02}:{minute:02}:{second:02}.{:09}Z",
        now.as_nanos() % 1_000_000_000
    )
}

/// What every object begins with, the text in its place.
fn object(model: &str, text: &str, chat: bool, now: Offset) -> String {
    let (model, at) = (quoted(model), created_at(now));
    if chat {
        format!(
            r#"{{"model":{model},"created_at":"{at}","message":{{"role":"assistant","content":"{text}"}}"#
        )
    } else {
        format!(r#"{{"model":{model},"created_at":"{at}","response":"{text}""#)
    }
}

struct GenerateAsk {
    model: String,
    key: u64,
    input: u64,
    tokens: u64,
    streamed: bool,
    chat: bool,
}

impl GenerateAsk {
    /// The last object's figures, durations in nanoseconds.
    fn figures(&self, place: &Place) -> String {
        let total = (place.start + place.timing.last)
            .since(place.arrival)
            .as_nanos();
        let prefill = place.timing.first.as_nanos();
        let decode = place
            .timing
            .last
            .saturating_sub(place.timing.first)
            .as_nanos();
        format!(
            r#""done":true,"done_reason":"length","total_duration":{total},"load_duration":0,"prompt_eval_count":{},"prompt_eval_duration":{prefill},"eval_count":{},"eval_duration":{decode}}}"#,
            self.input, self.tokens
        )
    }
}

impl Ask for GenerateAsk {
    fn demand(&self) -> Demand {
        Demand::Tokens {
            count: self.tokens,
            streamed: self.streamed,
        }
    }

    fn refuse(&self, refusal: Refusal) -> Reply {
        refused(refusal)
    }

    fn reply(self: Box<Self>, _simulator: &Simulator, place: &Place) -> Reply {
        if self.streamed {
            return Reply::stream(
                "application/x-ndjson",
                Stream {
                    figures: self.figures(place),
                    ask: *self,
                },
            );
        }
        let text = words::text(self.key, 0, self.tokens);
        let head = object(&self.model, &text, self.chat, place.arrival);
        Reply::whole(
            StatusCode::OK,
            "application/json; charset=utf-8",
            format!("{head},{}", self.figures(place)),
        )
    }
}

/// A streamed answer: a line a token, and one with the figures.
struct Stream {
    ask: GenerateAsk,
    figures: String,
}

impl Script for Stream {
    fn opening(&mut self, _now: Offset, _out: &mut BytesMut) {}

    fn token(&mut self, number: u64, now: Offset, out: &mut BytesMut) {
        let word = words::word(self.ask.key, 0, number);
        let text = if number == 0 {
            word.to_owned()
        } else {
            format!(" {word}")
        };
        let head = object(&self.ask.model, &text, self.ask.chat, now);
        let stamp = now.as_nanos();
        say(
            out,
            format_args!("{head},\"done\":false,\"simulator\":{{\"emitted_ns\":{stamp}}}}}\n"),
        );
    }

    fn closing(&mut self, now: Offset, out: &mut BytesMut) {
        let head = object(&self.ask.model, "", self.ask.chat, now);
        say(out, format_args!("{head},{}\n", self.figures));
    }
}

struct LoadAsk {
    model: String,
    cached: bool,
    unload: bool,
    chat: bool,
}

impl Ask for LoadAsk {
    fn demand(&self) -> Demand {
        if self.unload {
            Demand::Exactly(std::time::Duration::ZERO)
        } else {
            Demand::Load {
                cached: self.cached,
            }
        }
    }

    fn refuse(&self, refusal: Refusal) -> Reply {
        refused(refusal)
    }

    fn reply(self: Box<Self>, _simulator: &Simulator, place: &Place) -> Reply {
        let head = object(&self.model, "", self.chat, place.arrival);
        let reason = if self.unload { "unload" } else { "load" };
        let body = format!(r#"{head},"done":true,"done_reason":"{reason}"}}"#);
        Reply::whole(StatusCode::OK, "application/json; charset=utf-8", body)
    }
}
