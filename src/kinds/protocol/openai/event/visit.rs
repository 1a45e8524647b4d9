//! The visitors: one for each level of an event. They are told keys and values in whatever order these come, and keep
//! nothing but flags and numbers.

use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::value::RawValue;

use super::words::{Word, finish, is_error};
use super::{Choice, Event};
use crate::kinds::protocol::framing::members::Object;
use crate::kinds::protocol::framing::text::push_lossy;

/// Where text goes, and where it stood.
pub struct Text<'k> {
    /// The sample; nothing is copied where there is none.
    pub kept: Option<&'k mut Vec<u8>>,
    /// The texts that carried something.
    pub spot: Spot,
}

/// The texts of an event that carried something: how many, and where the last one stands in memory.
#[derive(Debug, Clone, Copy, Default)]
pub struct Spot {
    /// How many; one that was escaped, so that it stands nowhere as it is, counts as several.
    pub texts: u32,
    /// The address of the last one's first byte.
    pub address: usize,
    /// Its length.
    pub length: usize,
}

impl Text<'_> {
    fn push(&mut self, text: &[u8], stands: bool) {
        if !text.is_empty() {
            self.spot = Spot {
                texts: self.spot.texts + if stands { 1 } else { 2 },
                address: text.as_ptr().addr(),
                length: text.len(),
            };
        }
        if let Some(kept) = &mut self.kept {
            push_lossy(kept, text);
        }
    }
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

/// Reads the event itself.
pub struct EventSeed<'a, 'k> {
    /// Where text goes.
    pub text: &'a mut Text<'k>,
    /// Is given each choice.
    pub on_choice: &'a mut dyn FnMut(Choice),
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
                Key::Choices => map.next_value_seed(Choices {
                    text: self.text,
                    on_choice: self.on_choice,
                })?,
                Key::Usage => event.usage = object(&mut map)?,
                Key::Timings => event.timings = object(&mut map)?,
                Key::Error => event.error = map.next_value::<Option<&'de RawValue>>()?,
                Key::Object => event.is_error = map.next_value_seed(Word(is_error))?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(event)
    }
}

/// What of an object is read; `None` where null stands in its place.
fn object<'de, T: Deserialize<'de>, A: MapAccess<'de>>(map: &mut A) -> Result<Option<T>, A::Error> {
    let object: Option<Object<T>> = map.next_value()?;
    Ok(object.map(|object| object.0))
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
                    let delta = map.next_value_seed(Parts {
                        text: self.text,
                        found: Found::default(),
                        call: false,
                    })?;
                    choice.reasoning |= delta.reasoning;
                    choice.answer |= delta.answer;
                }
                Key::Text => choice.answer |= map.next_value_seed(Words { text: self.text })?,
                Key::FinishReason => choice.finish = map.next_value_seed(Word(finish))?,
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
                Key::Call if self.call => {
                    self.found.answer |= map.next_value_seed(Words { text: self.text })?;
                }
                Key::Reasoning => {
                    // Thinking is no part of the text that a report shows.
                    let mut unshown = Text {
                        kept: None,
                        spot: self.text.spot,
                    };
                    self.found.reasoning |= map.next_value_seed(Words { text: &mut unshown })?;
                    self.text.spot = unshown.spot;
                }
                Key::ToolCalls | Key::Function => {
                    let call = Parts {
                        text: self.text,
                        found: Found::default(),
                        call: true,
                    };
                    self.found.answer |= map.next_value_seed(call)?.answer;
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(self.found)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Found, A::Error> {
        while let Some(item) = items.next_element_seed(Parts {
            text: self.text,
            found: Found::default(),
            call: self.call,
        })? {
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

    fn visit_borrowed_bytes<E>(self, text: &'de [u8]) -> Result<bool, E> {
        self.text.push(text, true);
        Ok(!text.is_empty())
    }

    fn visit_bytes<E>(self, text: &[u8]) -> Result<bool, E> {
        self.text.push(text, false);
        Ok(!text.is_empty())
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<bool, E> {
        self.visit_bytes(text.as_bytes())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<bool, A::Error> {
        Parts {
            text: self.text,
            found: Found::default(),
            call: false,
        }
        .visit_seq(items)
        .map(|found| found.answer)
    }
}
