//! `POST /v1/chat/completions`: text as vLLM and llama.cpp stream it, pictures as vLLM-Omni returns them.

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};
use serde::Deserialize;
use serde_json::json;

use super::images::{self, Shape};
use super::{
    Ask, MODEL, Reply, Routed, StreamOptions, bad, created, json_body, quoted, say, size, usage,
};
use crate::foundation::units::Offset;
use crate::instruments::simulator::answer::Script;
use crate::instruments::simulator::model::FaultKind;
use crate::instruments::simulator::state::{Demand, Place, Simulator};
use crate::instruments::simulator::words;

#[derive(Deserialize)]
struct ChatBody<'a> {
    #[serde(borrow)]
    model: Option<Cow<'a, str>>,
    #[serde(borrow)]
    messages: Vec<Message<'a>>,
    max_tokens: Option<u64>,
    max_completion_tokens: Option<u64>,
    n: Option<u32>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    extra_body: Option<Shape>,
    // The OpenAI SDK sends what is in `extra_body` at the top.
    #[serde(flatten)]
    flat: Shape,
}

/// One turn of a conversation; several formats share its form.
#[derive(Deserialize)]
pub(super) struct Message<'a> {
    #[serde(borrow, default)]
    content: Content<'a>,
}

#[derive(Deserialize, Default)]
#[serde(untagged)]
enum Content<'a> {
    #[serde(borrow)]
    Text(Cow<'a, str>),
    #[serde(borrow)]
    Parts(Vec<Part<'a>>),
    #[default]
    None,
}

#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
}

/// The text of all turns, one after the other.
pub(super) fn prompt(messages: &[Message<'_>]) -> String {
    let mut prompt = String::new();
    for message in messages {
        match &message.content {
            Content::Text(text) => prompt.push_str(text),
            Content::Parts(parts) => {
                prompt.extend(parts.iter().filter_map(|part| part.text.as_deref()));
            }
            Content::None => {}
        }
    }
    prompt
}

/// Understands a chat.
pub(super) fn read(simulator: &Simulator, body: &Bytes) -> Result<Routed, Reply> {
    let body: ChatBody<'_> = json_body(body)?;
    if body.messages.is_empty() {
        return Err(bad("messages must not be empty"));
    }
    let prompt = prompt(&body.messages);
    let model = body.model.as_deref().unwrap_or(MODEL).to_owned();
    let shape = body.flat.over(body.extra_body.unwrap_or_default());
    if shape.is_given() || simulator.makes_pictures_only() {
        let picture = images::Picture::new(&shape, prompt)?;
        return Ok(Routed::work(PictureAsk { model, picture }));
    }
    let (tokens, choices) = size(body.max_completion_tokens.or(body.max_tokens), body.n)?;
    Ok(Routed::work(TextAsk {
        model,
        prompt_tokens: words::prompt_tokens(prompt.chars().count()),
        prompt,
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
    prompt: String,
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
        let id = format!("chatcmpl-{:016x}", simulator.answer_id(place));
        let key = simulator.content_key(&self.prompt);
        let created = created(place.arrival);
        let usage = usage(self.prompt_tokens, self.tokens * u64::from(self.choices));
        if self.streamed {
            let head = format!(
                r#"data: {{"id":"{id}","object":"chat.completion.chunk","created":{created},"model":{},"choices":["#,
                quoted(&self.model)
            );
            let usage = self.include_usage.then(|| usage.to_string());
            return Reply::stream(
                "text/event-stream",
                Stream {
                    head,
                    key,
                    choices: self.choices,
                    usage,
                },
            );
        }
        let choices: Vec<_> = (0..self.choices)
            .map(|index| {
                let content = words::text(key, index, self.tokens);
                json!({ "index": index, "message": { "role": "assistant", "content": content },
                        "logprobs": null, "finish_reason": "length" })
            })
            .collect();
        Reply::json(
            &json!({ "id": id, "object": "chat.completion", "created": created, "model": self.model,
                             "choices": choices, "usage": usage }),
        )
    }
}

/// A streamed chat: a chunk with the role, one a token, one with the reason of its end, one with usage, the end mark.
struct Stream {
    head: String,
    key: u64,
    choices: u32,
    usage: Option<String>,
}

impl Stream {
    fn chunk(&self, choice: std::fmt::Arguments<'_>, now: Offset, out: &mut BytesMut) {
        let stamp = now.as_nanos();
        say(
            out,
            format_args!(
                "{}{choice}],\"simulator\":{{\"emitted_ns\":{stamp}}}}}\n\n",
                self.head
            ),
        );
    }
}

impl Script for Stream {
    fn opening(&mut self, now: Offset, out: &mut BytesMut) {
        for index in 0..self.choices {
            let choice = format_args!(
                r#"{{"index":{index},"delta":{{"role":"assistant","content":""}},"finish_reason":null}}"#
            );
            self.chunk(choice, now, out);
        }
    }

    fn token(&mut self, number: u64, now: Offset, out: &mut BytesMut) {
        let blank = if number == 0 { "" } else { " " };
        for index in 0..self.choices {
            let word = words::word(self.key, index, number);
            let choice = format_args!(
                r#"{{"index":{index},"delta":{{"content":"{blank}{word}"}},"finish_reason":null}}"#
            );
            self.chunk(choice, now, out);
        }
    }

    fn closing(&mut self, now: Offset, out: &mut BytesMut) {
        for index in 0..self.choices {
            let choice =
                format_args!(r#"{{"index":{index},"delta":{{}},"finish_reason":"length"}}"#);
            self.chunk(choice, now, out);
        }
        if let Some(usage) = &self.usage {
            say(out, format_args!("{}],\"usage\":{usage}}}\n\n", self.head));
        }
        say(out, format_args!("data: [DONE]\n\n"));
    }
}

struct PictureAsk {
    model: String,
    picture: images::Picture,
}

impl Ask for PictureAsk {
    fn demand(&self) -> Demand {
        self.picture.demand()
    }

    fn reply(self: Box<Self>, simulator: &Simulator, place: &Place) -> Reply {
        let made = if place.fault == Some(FaultKind::NoImage) {
            Vec::new()
        } else {
            self.picture.encoded(simulator)
        };
        // What vLLM-Omni says, with status 200, where nothing came out.
        let content = if made.is_empty() {
            json!("Image generation completed but no images were produced.")
        } else {
            let stages = images::stage_durations(place);
            made.iter()
                .map(|png| {
                    json!({ "type": "image_url", "image_url": { "url": format!("data:image/png;base64,{png}") },
                            "stage_durations": stages, "peak_memory_mb": self.picture.peak_memory_mb() })
                })
                .collect()
        };
        let words = self.picture.prompt().split_whitespace().count() as u64;
        Reply::json(&json!({
            "id": format!("chatcmpl-{:016x}", simulator.answer_id(place)),
            "object": "chat.completion",
            "created": created(place.arrival),
            "model": self.model,
            "choices": [{ "index": 0, "message": { "role": "assistant", "content": content },
                          "logprobs": null, "finish_reason": "stop", "stop_reason": null }],
            "usage": usage(words, 1),
            "metrics": null,
        }))
    }
}
