//! `POST /v1/completions`, as vLLM answers it: the last token's chunk carries the reason of its end.

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};
use serde::Deserialize;
use serde_json::json;

use super::{
    Ask, CHOICES, MODEL, Reply, Routed, StreamOptions, bad, created, json_body, quoted, say, size,
    usage,
};
use crate::foundation::units::Offset;
use crate::instruments::simulator::answer::Script;
use crate::instruments::simulator::state::{Demand, Place, Simulator};
use crate::instruments::simulator::words;

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    model: Option<Cow<'a, str>>,
    #[serde(borrow)]
    prompt: Prompt<'a>,
    max_tokens: Option<u64>,
    n: Option<u32>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Prompt<'a> {
    #[serde(borrow)]
    Text(Cow<'a, str>),
    #[serde(borrow)]
    Texts(Vec<Cow<'a, str>>),
    Tokens(Vec<u64>),
    TokenLists(Vec<Vec<u64>>),
}

impl Prompt<'_> {
    /// How many prompts, and how many tokens they have together.
    fn size(&self) -> (usize, u64) {
        let of_text = |text: &str| words::prompt_tokens(text.chars().count());
        match self {
            Self::Text(text) => (1, of_text(text)),
            Self::Texts(texts) => (texts.len(), texts.iter().map(|text| of_text(text)).sum()),
            Self::Tokens(tokens) => (1, tokens.len() as u64),
            Self::TokenLists(lists) => (
                lists.len(),
                lists.iter().map(|list| list.len() as u64).sum(),
            ),
        }
    }

    fn key(&self, simulator: &Simulator) -> u64 {
        match self {
            Self::Text(text) => simulator.content_key(text),
            Self::Texts(texts) => simulator.content_key(&texts.concat()),
            Self::Tokens(tokens) => simulator.content_key(&format!("{tokens:?}")),
            Self::TokenLists(lists) => simulator.content_key(&format!("{lists:?}")),
        }
    }
}

/// Understands a completion.
pub(super) fn read(simulator: &Simulator, body: &Bytes) -> Result<Routed, Reply> {
    let body: Body<'_> = json_body(body)?;
    let (tokens, n) = size(body.max_tokens, body.n)?;
    let (prompts, prompt_tokens) = body.prompt.size();
    let choices = u32::try_from(prompts)
        .ok()
        .and_then(|prompts| prompts.checked_mul(n));
    let Some(choices) = choices.filter(|choices| (1..=CHOICES).contains(choices)) else {
        return Err(bad(&format!("prompts times n must be from 1 to {CHOICES}")));
    };
    Ok(Routed::work(TextAsk {
        model: body.model.as_deref().unwrap_or(MODEL).to_owned(),
        key: body.prompt.key(simulator),
        prompt_tokens,
        tokens,
        choices,
        streamed: body.stream.unwrap_or(false),
        include_usage: body
            .stream_options
            .is_some_and(|options| options.include_usage == Some(true)),
    }))
}

struct TextAsk {
    model: String,
    key: u64,
    prompt_tokens: u64,
    tokens: u64,
    choices: u32,
    streamed: bool,
    include_usage: bool,
}

impl Ask for TextAsk {
    fn demand(&self) -> Demand {
        Demand::Tokens {
            count: self.tokens,
            streamed: self.streamed,
        }
    }

    fn reply(self: Box<Self>, simulator: &Simulator, place: &Place) -> Reply {
        let id = format!("cmpl-{:016x}", simulator.answer_id(place));
        let created = created(place.arrival);
        let usage = usage(self.prompt_tokens, self.tokens * u64::from(self.choices));
        if self.streamed {
            let head = format!(
                r#"data: {{"id":"{id}","object":"text_completion","created":{created},"model":{},"choices":["#,
                quoted(&self.model)
            );
            let usage = self.include_usage.then(|| usage.to_string());
            let stream = Stream {
                head,
                key: self.key,
                choices: self.choices,
                last: self.tokens - 1,
                usage,
            };
            return Reply::stream("text/event-stream; charset=utf-8", stream);
        }
        let choices: Vec<_> = (0..self.choices)
            .map(|index| {
                let text = words::text(self.key, index, self.tokens);
                json!({ "index": index, "text": text, "logprobs": null, "finish_reason": "length" })
            })
            .collect();
        Reply::json(
            &json!({ "id": id, "object": "text_completion", "created": created, "model": self.model,
                             "choices": choices, "usage": usage }),
        )
    }
}

/// A streamed completion: a chunk a token, one with usage, the end mark.
struct Stream {
    head: String,
    key: u64,
    choices: u32,
    /// Number of the last token.
    last: u64,
    usage: Option<String>,
}

impl Script for Stream {
    fn opening(&mut self, _now: Offset, _out: &mut BytesMut) {}

    fn token(&mut self, number: u64, now: Offset, out: &mut BytesMut) {
        let blank = if number == 0 { "" } else { " " };
        let reason = if number == self.last {
            r#""length""#
        } else {
            "null"
        };
        for index in 0..self.choices {
            let word = words::word(self.key, index, number);
            say(
                out,
                format_args!(
                    "{}{{\"index\":{index},\"text\":\"{blank}{word}\",\"logprobs\":null,\"finish_reason\":{reason}}}],\
                     \"simulator\":{{\"emitted_ns\":{}}}}}\n\n",
                    self.head,
                    now.as_nanos()
                ),
            );
        }
    }

    fn closing(&mut self, _now: Offset, out: &mut BytesMut) {
        if let Some(usage) = &self.usage {
            say(out, format_args!("{}],\"usage\":{usage}}}\n\n", self.head));
        }
        say(out, format_args!("data: [DONE]\n\n"));
    }
}
