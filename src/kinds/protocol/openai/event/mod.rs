//! One event (or whole answer) of the OpenAI form, read by visitors that build nothing.
//!
//! What is asked of an event is what it carries, not what it says: whether a choice has reasoning or an answer, whether
//! it finished, and the few numbers beside. Text is copied only where a sample is kept. Knows no clock and no outcome.

mod visit;
mod words;

use std::ops::Range;

use serde::de::DeserializeSeed as _;
use serde_json::value::RawValue;

use self::visit::{EventSeed, Spot, Text};
use crate::instruments::record::Seen;
use crate::kinds::protocol::framing::members::Object;
use crate::kinds::protocol::head;

/// What a choice carried in one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Choice {
    /// Its number.
    pub index: u32,
    /// Some reasoning.
    pub reasoning: bool,
    /// Some of the answer: text, a fragment of a tool call, a refusal's text.
    pub answer: bool,
    /// How it ended, where it did.
    pub finish: Option<Finish>,
}

/// What a choice's `finish_reason` says; an empty one says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// The choice is complete.
    Complete,
    /// The server gave it up, and says so by this word: what came of it is no answer.
    GivenUp(&'static str),
}

/// The words by which servers give a choice up in an answer that is good otherwise: vLLM's and SGLang's engines say
/// `abort`, gateways `error`.
const GIVEN_UP: [&str; 3] = ["abort", "error", "cancelled"];

/// The server's counts of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Deserialize)]
pub struct Usage {
    /// Tokens of the prompt.
    pub prompt_tokens: Option<f64>,
    /// Tokens generated, reasoning included.
    pub completion_tokens: Option<f64>,
    /// Of the prompt's.
    pub prompt_tokens_details: Option<Object<PromptDetails>>,
    /// Of the generated.
    pub completion_tokens_details: Option<Object<CompletionDetails>>,
}

/// What the prompt's tokens were.
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Deserialize)]
pub struct PromptDetails {
    /// Taken from a cache.
    pub cached_tokens: Option<f64>,
}

/// What the generated tokens were.
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Deserialize)]
pub struct CompletionDetails {
    /// Reasoning.
    pub reasoning_tokens: Option<f64>,
}

/// llama.cpp's own times, in milliseconds, and the tokens behind them.
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Deserialize)]
pub struct Timings {
    /// Tokens of the prompt taken from the cache.
    pub cache_n: Option<f64>,
    /// Tokens of the prompt that were processed.
    pub prompt_n: Option<f64>,
    /// Time to process them.
    pub prompt_ms: Option<f64>,
    /// Tokens generated.
    pub predicted_n: Option<f64>,
    /// Time to generate them.
    pub predicted_ms: Option<f64>,
}

impl Timings {
    /// Notes them as the server's own measures.
    pub fn note(self, seen: &mut Seen) {
        let named = [
            ("timings.cache_n", self.cache_n),
            ("timings.prompt_n", self.prompt_n),
            ("timings.prompt_ms", self.prompt_ms),
            ("timings.predicted_n", self.predicted_n),
            ("timings.predicted_ms", self.predicted_ms),
        ];
        for (name, value) in named {
            if let Some(value) = value {
                head::note_measure(seen, name, value);
            }
        }
        if let (Some(prompt), Some(predicted)) = (self.prompt_ms, self.predicted_ms) {
            // A total in the head counts more: it has the waiting too.
            seen.server
                .entry(head::TOTAL.to_owned())
                .or_insert((prompt + predicted) / 1000.0);
        }
    }
}

/// What an event carried beside its choices.
#[derive(Debug, Default)]
pub struct Event<'de> {
    /// The server's counts, where it has any.
    pub usage: Option<Usage>,
    /// The server's times, where it has any.
    pub timings: Option<Timings>,
    /// An error in place of an answer.
    pub error: Option<&'de RawValue>,
    /// The whole event is an error (`"object": "error"`, as older vLLM says it).
    pub is_error: bool,
    /// Where the one text stands that it carries, and of which choice, where it says nothing else.
    lone: Option<(Range<usize>, Choice)>,
}

impl Event<'_> {
    /// The text of the error that the event is or holds; `None` where it is none. `data` is the whole event.
    pub fn error_text(&self, data: &[u8]) -> Option<String> {
        match self.error {
            Some(error) => Some(head::error_text(error.get().as_bytes())),
            None => self.is_error.then(|| head::error_text(data)),
        }
    }
}

/// Reads an event; `on_choice` is given each choice, and the text of the first goes into `kept`, where there is one.
///
/// # Errors
/// Where it is no JSON object of this form. What is no UTF-8 within a text or what is passed over is none: an event stream
/// is decoded with U+FFFD in its place (WHATWG HTML, "Interpreting an event stream").
pub fn read<'de>(
    json: &'de [u8],
    kept: Option<&mut Vec<u8>>,
    on_choice: &mut dyn FnMut(Choice),
) -> Result<Event<'de>, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let mut text = Text {
        kept,
        spot: Spot::default(),
    };
    let (mut choices, mut last) = (0, Choice::default());
    let mut event = EventSeed {
        text: &mut text,
        on_choice: &mut |choice| {
            (choices, last) = (choices + 1, choice);
            on_choice(choice);
        },
    }
    .deserialize(&mut deserializer)?;
    deserializer.end()?;
    let nothing_else = event.usage.is_none()
        && event.timings.is_none()
        && event.error.is_none()
        && !event.is_error
        && last.finish.is_none();
    if nothing_else && choices == 1 && text.spot.texts == 1 {
        let from = text.spot.address - json.as_ptr().addr();
        event.lone = Some((from..from + text.spot.length, last));
    }
    Ok(event)
}

/// The last event that carried one text and nothing else. A server writes the same around every token, and an event that
/// differs from the last one within that text alone says the same as that one did.
#[derive(Debug, Default)]
pub struct Last {
    /// Its bytes up to the text; none where there is no such event.
    before: Vec<u8>,
    /// Its bytes behind the text, from the quotation mark on.
    after: Vec<u8>,
    choice: Choice,
}

impl Last {
    /// What an event carries, where it is the last one with another text. A text that is escaped is not looked at: its
    /// end is not where it seems to be.
    pub fn again(&self, json: &[u8]) -> Option<Choice> {
        let rest = json.strip_prefix(self.before.as_slice())?;
        let text = rest.strip_suffix(self.after.as_slice())?;
        let is_plain = |byte: &u8| *byte >= b' ' && !matches!(byte, b'"' | b'\\');
        let is_text = !self.before.is_empty() && !text.is_empty() && text.iter().all(is_plain);
        is_text.then_some(self.choice)
    }

    /// Takes note of an event that was read.
    pub fn keep(&mut self, json: &[u8], event: &Event<'_>) {
        if let Some((text, choice)) = &event.lone {
            self.before.clear();
            self.before.extend_from_slice(&json[..text.start]);
            self.after.clear();
            self.after.extend_from_slice(&json[text.end..]);
            self.choice = *choice;
        }
    }
}

#[cfg(test)]
mod tests;
