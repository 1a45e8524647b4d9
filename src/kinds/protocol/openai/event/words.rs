//! Single words of an event: a text or null, judged without being kept.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Visitor};

use super::{Finish, GIVEN_UP};

/// Why a choice finished; `None` where it has not.
pub fn finish(reason: Option<&[u8]>) -> Option<Finish> {
    let reason = reason.filter(|reason| !reason.is_empty())?;
    let given_up = GIVEN_UP.iter().find(|word| word.as_bytes() == reason);
    Some(given_up.map_or(Finish::Complete, |word| Finish::GivenUp(word)))
}

/// Whether an event calls itself an error.
pub fn is_error(kind: Option<&[u8]>) -> bool {
    kind == Some(b"error")
}

/// Reads a text or null, and judges it.
pub struct Word<T>(pub fn(Option<&[u8]>) -> T);

impl<'de, T> DeserializeSeed<'de> for Word<T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de, T> Visitor<'de> for Word<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_none<E>(self) -> Result<T, E> {
        Ok((self.0)(None))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_bytes(self)
    }

    fn visit_bytes<E>(self, text: &[u8]) -> Result<T, E> {
        Ok((self.0)(Some(text)))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        self.visit_bytes(text.as_bytes())
    }
}
