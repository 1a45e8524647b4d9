//! `POST /generate` and `/generate_stream`, as text-generation-inference answers.

use std::borrow::Cow;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::{Ask, DEFAULT_TOKENS, Reply, Routed, TOKENS, say};
use crate::foundation::units::Offset;
use crate::instruments::simulator::answer::Script;
use crate::instruments::simulator::state::{Demand, Place, Refusal, Simulator};
use crate::instruments::simulator::words;

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    inputs: Cow<'a, str>,
    #[serde(default)]
    parameters: Parameters,
}

#[derive(Deserialize, Default)]
struct Parameters {
    max_new_tokens: Option<u64>,
    details: Option<bool>,
}

/// Understands a request to generate.
pub(super) fn read(simulator: &Simulator, body: &Bytes, streamed: bool) -> Result<Routed, Reply> {
    let invalid = |message: &str| {
        error(
            StatusCode::UNPROCESSABLE_ENTITY,
            "Input validation error",
            "validation",
            message,
        )
    };
    let body: Body<'_> =
        serde_json::from_slice(body).map_err(|error| invalid(&error.to_string()))?;
    let tokens = body.parameters.max_new_tokens.unwrap_or(DEFAULT_TOKENS);
    if tokens == 0 || tokens > TOKENS {
        return Err(invalid(&format!(
            "`max_new_tokens` must be from 1 to {TOKENS}"
        )));
    }
    if body.inputs.is_empty() {
        return Err(invalid("`inputs` cannot be empty"));
    }
    Ok(Routed::work(GenerateAsk {
        key: simulator.content_key(&body.inputs),
        input: words::prompt_tokens(body.inputs.chars().count()),
        tokens,
        details: body.parameters.details.unwrap_or(false),
        streamed,
    }))
}

fn error(status: StatusCode, what: &str, kind: &str, message: &str) -> Reply {
    let error = json!({ "error": format!("{what}: {message}"), "error_type": kind });
    Reply::whole(status, "application/json", error.to_string())
}

struct GenerateAsk {
    key: u64,
    input: u64,
    tokens: u64,
    details: bool,
    streamed: bool,
}

impl Ask for GenerateAsk {
    fn demand(&self) -> Demand {
        Demand::Tokens {
            count: self.tokens,
            streamed: self.streamed,
        }
    }

    fn refuse(&self, refusal: Refusal) -> Reply {
        match refusal {
            Refusal::Full | Refusal::Limited => {
                let error = json!({ "error": "Model is overloaded", "error_type": "overloaded" });
                Reply::whole(
                    StatusCode::TOO_MANY_REQUESTS,
                    "application/json",
                    error.to_string(),
                )
            }
            Refusal::Broken => error(
                StatusCode::FAILED_DEPENDENCY,
                "Request failed during generation",
                "generation",
                "the engine failed",
            ),
        }
    }

    fn reply(self: Box<Self>, _simulator: &Simulator, place: &Place) -> Reply {
        if self.streamed {
            return Reply::stream("text/event-stream", Stream { ask: *self });
        }
        let text = words::text(self.key, 0, self.tokens);
        let mut answer = json!({ "generated_text": text });
        if self.details {
            answer["details"] = json!({ "finish_reason": "length", "generated_tokens": self.tokens, "seed": null,
                                        "prefill": [], "tokens": [] });
        }
        let ms =
            |time: Duration| HeaderValue::from(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        let (queue, inference) = (place.start.since(place.arrival), place.timing.last);
        let each = u32::try_from(self.tokens).map_or(Duration::ZERO, |tokens| inference / tokens);
        Reply::json(&answer)
            .header("x-total-time", ms(queue + inference))
            .header("x-queue-time", ms(queue))
            .header("x-inference-time", ms(inference))
            .header("x-time-per-token", ms(each))
            .header("x-prompt-tokens", self.input)
            .header("x-generated-tokens", self.tokens)
    }
}

/// A streamed answer: an event a token, the whole text in the last, no end mark.
struct Stream {
    ask: GenerateAsk,
}

impl Script for Stream {
    fn opening(&mut self, _now: Offset, _out: &mut BytesMut) {}

    fn token(&mut self, number: u64, now: Offset, out: &mut BytesMut) {
        let ask = &self.ask;
        let blank = if number == 0 { "" } else { " " };
        let word = words::word(ask.key, 0, number);
        say(
            out,
            format_args!(
                "data:{{\"index\":{},\"token\":{{\"id\":{},\"text\":\"{blank}{word}\",\"logprob\":-1.0,\"special\":false}}",
                number + 1,
                word.len()
            ),
        );
        if number + 1 == ask.tokens {
            let (text, input) = (words::text(ask.key, 0, ask.tokens), ask.input);
            say(
                out,
                format_args!(
                    r#","generated_text":"{text}","details":{{"finish_reason":"length","generated_tokens":{},"seed":null,"input_length":{input}}}"#,
                    ask.tokens
                ),
            );
        } else {
            say(
                out,
                format_args!(r#","generated_text":null,"details":null"#),
            );
        }
        say(
            out,
            format_args!(",\"simulator\":{{\"emitted_ns\":{}}}}}\n\n", now.as_nanos()),
        );
    }

    fn closing(&mut self, _now: Offset, _out: &mut BytesMut) {}
}
