//! One line (or whole answer) of Ollama's. Nothing of a text is copied: where it stands in the line is enough to say
//! whether there is any, and to read it where a sample is kept.

use serde::de::{Deserialize, Deserializer, Error as _};
use serde_json::value::RawValue;

use crate::kinds::protocol::answer::LONGEST_SAMPLE;
use crate::kinds::protocol::framing::members::{Object, elements};
use crate::kinds::protocol::framing::text::Text;

/// What of a line is read.
#[derive(serde::Deserialize)]
pub struct Line<'a> {
    /// An error in place of an answer.
    #[serde(borrow)]
    pub error: Option<&'a RawValue>,
    /// A piece of chat.
    #[serde(borrow)]
    message: Option<Object<Message<'a>>>,
    /// A piece of a completion; its thinking and its calls stand beside it.
    #[serde(borrow)]
    response: Option<Text<'a>>,
    #[serde(borrow)]
    thinking: Option<Text<'a>>,
    #[serde(borrow)]
    tool_calls: Option<Calls<'a>>,
    /// The answer is complete.
    pub done: Option<bool>,
    /// Why: `stop`, `length`; `load` and `unload` where nothing was asked.
    #[serde(borrow)]
    pub done_reason: Option<Text<'a>>,
    /// Durations are nanoseconds: from the request's arrival to its last token,
    pub total_duration: Option<f64>,
    /// of it until the model was loaded,
    pub load_duration: Option<f64>,
    /// for the prompt,
    pub prompt_eval_duration: Option<f64>,
    /// and for what was generated.
    pub eval_duration: Option<f64>,
    /// Tokens of the prompt.
    pub prompt_eval_count: Option<f64>,
    /// Tokens generated, thinking included.
    pub eval_count: Option<f64>,
}

#[derive(serde::Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    content: Option<Text<'a>>,
    #[serde(borrow)]
    thinking: Option<Text<'a>>,
    #[serde(borrow)]
    tool_calls: Option<Calls<'a>>,
}

/// A list of calls of tools as it stands in the line.
struct Calls<'a>(&'a RawValue);

impl<'de: 'a, 'a> Deserialize<'de> for Calls<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = <&RawValue>::deserialize(deserializer)?;
        if json.get().starts_with('[') {
            Ok(Self(json))
        } else {
            Err(D::Error::custom("a list was expected"))
        }
    }
}

impl Calls<'_> {
    fn are_some(&self) -> bool {
        !self.0.get()[1..].trim_start().starts_with(']')
    }

    fn push(&self, kept: &mut Vec<u8>) {
        let pushed = elements(self.0, |call| {
            kept.extend_from_slice(call.get().as_bytes());
            Ok(())
        });
        debug_assert!(pushed.is_ok(), "what begins so was read as JSON before");
    }
}

impl Line<'_> {
    /// Whether it has some thinking.
    pub fn has_reasoning(&self) -> bool {
        let within = self.message.as_ref().and_then(|m| m.0.thinking);
        let mut texts = [self.thinking, within].into_iter().flatten();
        texts.any(|text| !text.is_empty())
    }

    /// Whether it has some of the answer: text or calls of tools.
    pub fn has_answer(&self) -> bool {
        self.texts().any(|text| !text.is_empty()) || self.calls().any(Calls::are_some)
    }

    /// Appends the answer's text, and its calls of tools as they are written.
    pub fn push_answer(&self, kept: &mut Vec<u8>) {
        for text in self.texts() {
            text.push(kept, LONGEST_SAMPLE);
        }
        for calls in self.calls() {
            calls.push(kept);
        }
    }

    fn texts(&self) -> impl Iterator<Item = Text<'_>> {
        let within = self.message.as_ref().and_then(|m| m.0.content);
        [self.response, within].into_iter().flatten()
    }

    fn calls(&self) -> impl Iterator<Item = &Calls<'_>> {
        let within = self.message.as_ref().and_then(|m| m.0.tool_calls.as_ref());
        [self.tool_calls.as_ref(), within].into_iter().flatten()
    }
}
