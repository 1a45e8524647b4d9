//! `POST /v1/messages`, as Anthropic's API and vLLM's copy of it answer.

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::chat::{Message, prompt};
use super::{Ask, MODEL, Reply, Routed, TOKENS, quoted, say};
use crate::foundation::units::Offset;
use crate::instruments::simulator::answer::Script;
use crate::instruments::simulator::state::{Demand, Place, Refusal, Simulator};
use crate::instruments::simulator::words;

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    model: Option<Cow<'a, str>>,
    #[serde(borrow)]
    messages: Vec<Message<'a>>,
    max_tokens: u64,
    stream: Option<bool>,
}

/// Understands a request for a message.
pub(super) fn read(simulator: &Simulator, body: &Bytes) -> Result<Routed, Reply> {
    let invalid = |message: &str| error(StatusCode::BAD_REQUEST, "invalid_request_error", message);
    let body: Body<'_> =
        serde_json::from_slice(body).map_err(|error| invalid(&error.to_string()))?;
    if body.messages.is_empty() {
        return Err(invalid("messages must not be empty"));
    }
    if body.max_tokens == 0 || body.max_tokens > TOKENS {
        return Err(invalid(&format!("max_tokens must be from 1 to {TOKENS}")));
    }
    let prompt = prompt(&body.messages);
    Ok(Routed::work(MessageAsk {
        model: body.model.as_deref().unwrap_or(MODEL).to_owned(),
        key: simulator.content_key(&prompt),
        input: words::prompt_tokens(prompt.chars().count()),
        tokens: body.max_tokens,
        streamed: body.stream.unwrap_or(false),
    }))
}

/// An error in Anthropic's words.
fn error(status: StatusCode, kind: &str, message: &str) -> Reply {
    let error = json!({ "type": "error", "error": { "type": kind, "message": message } });
    Reply::whole(status, "application/json", error.to_string())
}

struct MessageAsk {
    model: String,
    key: u64,
    input: u64,
    tokens: u64,
    streamed: bool,
}

impl Ask for MessageAsk {
    fn demand(&self) -> Demand {
        Demand::Tokens {
            count: self.tokens,
            streamed: self.streamed,
        }
    }

    fn refuse(&self, refusal: Refusal) -> Reply {
        match refusal {
            Refusal::Full => error(
                StatusCode::SERVICE_UNAVAILABLE,
                "overloaded_error",
                "Overloaded",
            ),
            Refusal::Limited => error(
                StatusCode::TOO_MANY_REQUESTS,
                "rate_limit_error",
                "the rate limit is reached",
            ),
            Refusal::Broken => error(
                StatusCode::INTERNAL_SERVER_ERROR,
                "api_error",
                "the engine failed",
            ),
        }
    }

    fn reply(self: Box<Self>, simulator: &Simulator, place: &Place) -> Reply {
        let id = format!("msg_{:016x}", simulator.answer_id(place));
        if self.streamed {
            return Reply::stream(
                "text/event-stream; charset=utf-8",
                Stream { id, ask: *self },
            );
        }
        Reply::json(&json!({
            "id": id, "type": "message", "role": "assistant", "model": self.model,
            "content": [{ "type": "text", "text": words::text(self.key, 0, self.tokens) }],
            "stop_reason": "max_tokens", "stop_sequence": null,
            "usage": { "input_tokens": self.input, "output_tokens": self.tokens },
        }))
    }
}

/// A streamed message: its events by name, a delta a token.
struct Stream {
    id: String,
    ask: MessageAsk,
}

fn event(out: &mut BytesMut, name: &str, rest: std::fmt::Arguments<'_>) {
    say(
        out,
        format_args!("event: {name}\ndata: {{\"type\":\"{name}\"{rest}}}\n\n"),
    );
}

impl Script for Stream {
    fn opening(&mut self, _now: Offset, out: &mut BytesMut) {
        let (id, model, input) = (&self.id, quoted(&self.ask.model), self.ask.input);
        let message = format_args!(
            r#","message":{{"id":"{id}","type":"message","role":"assistant","content":[],"model":{model},"stop_reason":null,"stop_sequence":null,"usage":{{"input_tokens":{input},"output_tokens":0}}}}"#
        );
        event(out, "message_start", message);
        event(
            out,
            "content_block_start",
            format_args!(r#","index":0,"content_block":{{"type":"text","text":""}}"#),
        );
        event(out, "ping", format_args!(""));
    }

    fn token(&mut self, number: u64, now: Offset, out: &mut BytesMut) {
        let blank = if number == 0 { "" } else { " " };
        let word = words::word(self.ask.key, 0, number);
        let delta = format_args!(
            r#","index":0,"delta":{{"type":"text_delta","text":"{blank}{word}"}},"simulator":{{"emitted_ns":{}}}"#,
            now.as_nanos()
        );
        event(out, "content_block_delta", delta);
    }

    fn closing(&mut self, _now: Offset, out: &mut BytesMut) {
        event(out, "content_block_stop", format_args!(r#","index":0"#));
        let usage = format_args!(
            r#","delta":{{"stop_reason":"max_tokens","stop_sequence":null}},"usage":{{"input_tokens":{},"output_tokens":{}}}"#,
            self.ask.input, self.ask.tokens
        );
        event(out, "message_delta", usage);
        event(out, "message_stop", format_args!(""));
    }
}
