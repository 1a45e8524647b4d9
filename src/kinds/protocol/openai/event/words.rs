//! Visitors of single words: what an event calls itself, and why a choice finished.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Visitor};

use super::{Finish, GIVEN_UP};

/// Reads a finish reason: a text, or null.
pub struct Reason;

impl<'de> DeserializeSeed<'de> for Reason {
    type Value = Option<Finish>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for Reason {
    type Value = Option<Finish>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a finish reason")
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_bytes(self)
    }

    fn visit_bytes<E>(self, reason: &[u8]) -> Result<Self::Value, E> {
        let given_up = GIVEN_UP.iter().find(|word| word.as_bytes() == reason);
        Ok(match given_up {
            _ if reason.is_empty() => None,
            Some(word) => Some(Finish::GivenUp(word)),
            None => Some(Finish::Complete),
        })
    }

    fn visit_str<E: serde::de::Error>(self, reason: &str) -> Result<Self::Value, E> {
        self.visit_bytes(reason.as_bytes())
    }
}

/// Reads what an event calls itself: whether that is `error`.
pub struct IsError;

impl<'de> DeserializeSeed<'de> for IsError {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for IsError {
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
        Ok(text == b"error")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<bool, E> {
        self.visit_bytes(text.as_bytes())
    }
}
