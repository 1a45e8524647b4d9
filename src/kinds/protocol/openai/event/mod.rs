//! One event (or whole answer) of the OpenAI form, read by visitors that build nothing.
//!
//! What is asked of an event is what it carries, not what it says: whether a choice has reasoning or an answer, whether
//! it finished, and the few numbers beside. Text is copied only where a sample is kept. Knows no clock and no outcome.

mod visit;
mod words;

use serde::de::DeserializeSeed as _;
use serde_json::value::RawValue;

use self::visit::{EventSeed, Text};
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
    pub prompt_tokens_details: Option<PromptDetails>,
    /// Of the generated.
    pub completion_tokens_details: Option<CompletionDetails>,
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
/// Where it is no JSON object of this form.
pub fn read<'de>(
    json: &'de [u8],
    kept: Option<&mut Vec<u8>>,
    on_choice: &mut dyn FnMut(Choice),
) -> Result<Event<'de>, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let mut text = Text { kept };
    let event = EventSeed {
        text: &mut text,
        on_choice,
    }
    .deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(event)
}

#[cfg(test)]
mod tests;
