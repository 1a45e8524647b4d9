//! One event (or whole answer) of the OpenAI form, read by visitors that build nothing.
//!
//! What is asked of an event is what it carries, not what it says: whether a choice has reasoning or an answer, whether
//! it finished, and the few numbers beside. Text is copied only where a sample is kept. Knows no clock and no outcome.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// What a choice carried in one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Choice {
    /// Its number.
    pub index: u32,
    /// Some reasoning.
    pub reasoning: bool,
    /// Some of the answer: text, a fragment of a tool call, a refusal's text.
    pub answer: bool,
    /// It has a finish reason.
    pub finished: bool,
}

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
    let event = EventSeed { text: &mut text, on_choice }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(event)
}

/// Where text goes.
struct Text<'k> {
    kept: Option<&'k mut Vec<u8>>,
}

impl Text<'_> {
    fn push(&mut self, text: &[u8]) {
        if let Some(kept) = &mut self.kept {
            push_lossy(kept, text);
        }
    }
}

/// Appends text in which lone surrogates stand as three bytes each; each becomes one U+FFFD.
fn push_lossy(kept: &mut Vec<u8>, text: &[u8]) {
    let mut rest = text;
    while let Err(error) = std::str::from_utf8(rest) {
        let (good, bad) = rest.split_at(error.valid_up_to());
        kept.extend_from_slice(good);
        kept.extend_from_slice("\u{FFFD}".as_bytes());
        let surrogate = matches!(bad, [0xed, 0xa0..=0xbf, 0x80..=0xbf, ..]);
        rest = &bad[if surrogate { 3 } else { 1 }..];
    }
    kept.extend_from_slice(rest);
}

/// The keys that matter; all others are passed over without being built.
#[derive(Clone, Copy)]
enum Key {
    Choices,
    Usage,
    Timings,
    Error,
    Object,
    Index,
    Delta,
    Text,
    Call,
    FinishReason,
    Reasoning,
    ToolCalls,
    Function,
    Other,
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;
        impl Visitor<'_> for Name {
            type Value = Key;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_bytes<E>(self, name: &[u8]) -> Result<Key, E> {
                Ok(match name {
                    b"choices" => Key::Choices,
                    b"usage" => Key::Usage,
                    b"timings" => Key::Timings,
                    b"error" => Key::Error,
                    b"index" => Key::Index,
                    b"delta" | b"message" => Key::Delta,
                    b"text" | b"content" | b"refusal" => Key::Text,
                    b"name" | b"arguments" => Key::Call,
                    b"object" => Key::Object,
                    b"finish_reason" => Key::FinishReason,
                    b"reasoning" | b"reasoning_content" => Key::Reasoning,
                    b"tool_calls" => Key::ToolCalls,
                    b"function" | b"function_call" => Key::Function,
                    _ => Key::Other,
                })
            }

            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Key, E> {
                self.visit_bytes(name.as_bytes())
            }
        }
        // As bytes: a key with a lone surrogate is none of ours, and no error.
        deserializer.deserialize_bytes(Name)
    }
}

struct EventSeed<'a, 'k> {
    text: &'a mut Text<'k>,
    on_choice: &'a mut dyn FnMut(Choice),
}

impl<'de> DeserializeSeed<'de> for EventSeed<'_, '_> {
    type Value = Event<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Event<'de>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for EventSeed<'_, '_> {
    type Value = Event<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with choices")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Event<'de>, A::Error> {
        let mut event = Event::default();
        while let Some(key) = map.next_key::<Key>()? {
            match key {
                Key::Choices => map.next_value_seed(Choices { text: self.text, on_choice: self.on_choice })?,
                Key::Usage => event.usage = map.next_value()?,
                Key::Timings => event.timings = map.next_value()?,
                Key::Error => event.error = map.next_value::<Option<&'de RawValue>>()?,
                Key::Object => event.is_error = map.next_value_seed(Is(b"error"))?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(event)
    }
}

struct Choices<'a, 'k> {
    text: &'a mut Text<'k>,
    on_choice: &'a mut dyn FnMut(Choice),
}

impl<'de> DeserializeSeed<'de> for Choices<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for Choices<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of choices")
    }

    fn visit_none<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut choices: A) -> Result<(), A::Error> {
        while let Some(choice) = choices.next_element_seed(ChoiceSeed { text: self.text })? {
            (self.on_choice)(choice);
        }
        Ok(())
    }
}

struct ChoiceSeed<'a, 'k> {
    text: &'a mut Text<'k>,
}

impl<'de> DeserializeSeed<'de> for ChoiceSeed<'_, '_> {
    type Value = Choice;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Choice, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ChoiceSeed<'_, '_> {
    type Value = Choice;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a choice")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Choice, A::Error> {
        let mut choice = Choice::default();
        let start = self.text.kept.as_ref().map_or(0, |kept| kept.len());
        while let Some(key) = map.next_key::<Key>()? {
            match key {
                Key::Index => choice.index = map.next_value::<Option<u32>>()?.unwrap_or(0),
                Key::Delta => {
                    let delta = map.next_value_seed(Parts { text: self.text, found: Found::default(), call: false })?;
                    choice.reasoning |= delta.reasoning;
                    choice.answer |= delta.answer;
                }
                Key::Text => choice.answer |= map.next_value_seed(Words { text: self.text })?,
                Key::FinishReason => choice.finished = map.next_value_seed(Words { text: &mut Text { kept: None } })?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        if choice.index != 0
            && let Some(kept) = &mut self.text.kept
        {
            kept.truncate(start);
        }
        Ok(choice)
    }
}

/// What a delta, a message or a part of one carried.
#[derive(Debug, Clone, Copy, Default)]
struct Found {
    reasoning: bool,
    answer: bool,
}

/// Reads a delta or message, or a tool call within it: an object, a list of such objects, or null.
struct Parts<'a, 'k> {
    text: &'a mut Text<'k>,
    found: Found,
    /// Within a tool call, whose name and arguments are content.
    call: bool,
}

impl<'de> DeserializeSeed<'de> for Parts<'_, '_> {
    type Value = Found;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Found, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Parts<'_, '_> {
    type Value = Found;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a message or its parts")
    }

    fn visit_unit<E>(self) -> Result<Found, E> {
        Ok(self.found)
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Found, A::Error> {
        while let Some(key) = map.next_key::<Key>()? {
            match key {
                Key::Text => self.found.answer |= map.next_value_seed(Words { text: self.text })?,
                Key::Call if self.call => self.found.answer |= map.next_value_seed(Words { text: self.text })?,
                Key::Reasoning => {
                    // Thinking is no part of the text that a report shows.
                    self.found.reasoning |= map.next_value_seed(Words { text: &mut Text { kept: None } })?;
                }
                Key::ToolCalls | Key::Function => {
                    let call = Parts { text: self.text, found: Found::default(), call: true };
                    self.found.answer |= map.next_value_seed(call)?.answer;
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(self.found)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Found, A::Error> {
        while let Some(item) = items.next_element_seed(Parts { text: self.text, found: Found::default(), call: self.call })? {
            self.found.answer |= item.answer;
            self.found.reasoning |= item.reasoning;
        }
        Ok(self.found)
    }
}

/// Reads a text, a list of content parts, or null: whether there is any.
struct Words<'a, 'k> {
    text: &'a mut Text<'k>,
}

impl<'de> DeserializeSeed<'de> for Words<'_, '_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for Words<'_, '_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_none<E>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        // As bytes, not as a string: only so does serde_json let a lone surrogate pass.
        deserializer.deserialize_bytes(self)
    }

    fn visit_bytes<E>(self, text: &[u8]) -> Result<bool, E> {
        self.text.push(text);
        Ok(!text.is_empty())
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<bool, E> {
        self.visit_bytes(text.as_bytes())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<bool, A::Error> {
        Parts { text: self.text, found: Found::default(), call: false }.visit_seq(items).map(|found| found.answer)
    }
}

/// Reads a text, or null: whether it is this one.
struct Is(&'static [u8]);

impl<'de> DeserializeSeed<'de> for Is {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for Is {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_none<E>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_bytes(self)
    }

    fn visit_bytes<E>(self, text: &[u8]) -> Result<bool, E> {
        Ok(text == self.0)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<bool, E> {
        self.visit_bytes(text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choices(json: &str) -> (Vec<Choice>, String) {
        let (mut choices, mut kept) = (Vec::new(), Vec::new());
        read(json.as_bytes(), Some(&mut kept), &mut |choice| choices.push(choice)).unwrap();
        (choices, String::from_utf8(kept).unwrap())
    }

    fn one(delta: &str) -> (bool, bool, String) {
        let (choices, kept) = choices(&format!(r#"{{"choices":[{{"delta":{delta},"index":0}}]}}"#));
        (choices[0].reasoning, choices[0].answer, kept)
    }

    #[test]
    fn content_is_told_from_its_absence_and_from_reasoning() {
        assert_eq!(one(r#"{"role":"assistant","content":null}"#), (false, false, String::new()));
        assert_eq!(one(r#"{"role":"assistant","content":"","name":"bot"}"#), (false, false, String::new()));
        assert_eq!(one(r#"{"content":" ad"}"#), (false, true, " ad".to_owned()));
        assert_eq!(one(r#"{"reasoning_content":"hm","content":null}"#), (true, false, String::new()));
        assert_eq!(one(r#"{"reasoning":"hm","content":"so"}"#), (true, true, "so".to_owned()));
        assert_eq!(one(r#"{"content":[{"type":"text","text":"part"}]}"#), (false, true, "part".to_owned()));
        assert_eq!(one(r#"{"refusal":"no"}"#), (false, true, "no".to_owned()));
        assert_eq!(one("null"), (false, false, String::new()));
    }

    #[test]
    fn fragments_of_tool_calls_are_content() {
        let call = r#"{"tool_calls":[{"index":0,"id":"x","type":"function","function":{"name":"f","arguments":""}}]}"#;
        assert_eq!(one(call), (false, true, "f".to_owned()));
        assert_eq!(one(r#"{"tool_calls":[{"index":0,"function":{"arguments":"{\"a"}}]}"#), (false, true, "{\"a".to_owned()));
        assert_eq!(one(r#"{"tool_calls":[{"index":0,"function":{"arguments":""}}]}"#), (false, false, String::new()));
        assert_eq!(one(r#"{"tool_calls":null}"#), (false, false, String::new()));
    }

    #[test]
    fn an_empty_finish_reason_is_none() {
        let finished = |reason: &str| choices(&format!(r#"{{"choices":[{{"finish_reason":{reason}}}]}}"#)).0[0].finished;
        assert!(finished(r#""stop""#));
        assert!(!finished(r#""""#));
        assert!(!finished("null"));
    }

    #[test]
    fn a_lone_surrogate_is_one_replacement_character() {
        assert_eq!(one(r#"{"content":"a\ud83d b\udc00"}"#), (false, true, "a\u{FFFD} b\u{FFFD}".to_owned()));
        assert_eq!(one(r#"{"content":"\ud83c\udf88"}"#).2, "🎈");
        assert_eq!(one(r#"{"\ud800":"\ud800","content":"x"}"#).2, "x");
    }

    #[test]
    fn only_the_first_choice_is_kept_whatever_the_order_of_keys() {
        let json = r#"{"choices":[{"delta":{"content":"b"},"index":1},{"index":0,"delta":{"content":"a"}}]}"#;
        let (found, kept) = choices(json);
        assert_eq!((found[0].index, found[1].index, kept.as_str()), (1, 0, "a"));
    }

    #[test]
    fn names_of_keys_within_text_mislead_nobody() {
        let (found, _) = choices(r#"{"id":"\"choices\":[{\"finish_reason\":\"stop\"}]","choices":[{"delta":{"content":"\"finish_reason\":\"x\""}}]}"#);
        assert_eq!((found.len(), found[0].finished), (1, false));
    }

    #[test]
    fn numbers_beside_the_choices_are_read() {
        let json = br#"{"choices":[],"usage":{"prompt_tokens":26,"completion_tokens":8,"prompt_tokens_details":{"cached_tokens":25},
            "completion_tokens_details":null},"timings":{"prompt_ms":2.5,"predicted_ms":4.0,"x":"y"},"error":null}"#;
        let event = read(json, None, &mut |_| {}).unwrap();
        let usage = event.usage.unwrap();
        assert_eq!((usage.prompt_tokens, usage.completion_tokens), (Some(26.0), Some(8.0)));
        assert_eq!(usage.prompt_tokens_details.unwrap().cached_tokens, Some(25.0));
        assert_eq!(event.timings.unwrap().prompt_ms, Some(2.5));
        assert!(event.error.is_none() && !event.is_error);
        assert!(read(br#"{"object":"error","message":"x"}"#, None, &mut |_| {}).unwrap().is_error);
        assert!(read(br#"{"error":{"code":500}}"#, None, &mut |_| {}).unwrap().error.is_some());
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        for json in ["", "[]", "7", "{", r#"{"choices":5}"#, r#"{"choices":[{"delta":{"content":5}}]}"#, "{} x"] {
            assert!(read(json.as_bytes(), None, &mut |_| {}).is_err(), "{json}");
        }
    }
}
