//! The members of a JSON object or array, one after the other as texts. Nothing is built of them: a value in memory can
//! be seventy times as long as its text.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer as _, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

type Read = Result<(), serde_json::Error>;

/// Gives each element of an array.
///
/// # Errors
/// Where it is none, and what `on_element` says.
pub fn elements<'a>(json: &'a RawValue, on_element: impl FnMut(&'a RawValue) -> Read) -> Read {
    struct Elements<F>(F);

    impl<'a, F: FnMut(&'a RawValue) -> Read> Visitor<'a> for Elements<F> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array")
        }

        fn visit_seq<A: SeqAccess<'a>>(mut self, mut seq: A) -> Result<(), A::Error> {
            while let Some(element) = seq.next_element()? {
                self.0(element).map_err(A::Error::custom)?;
            }
            Ok(())
        }
    }

    serde_json::Deserializer::from_str(json.get()).deserialize_seq(Elements(on_element))
}

/// Gives each key of an object and what it holds; a key may come twice.
///
/// # Errors
/// Where it is none, and what `on_entry` says.
pub fn entries<'a>(json: &'a RawValue, on_entry: impl FnMut(&str, &'a RawValue) -> Read) -> Read {
    #[derive(Deserialize)]
    struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

    struct Entries<F>(F);

    impl<'a, F: FnMut(&str, &'a RawValue) -> Read> Visitor<'a> for Entries<F> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'a>>(mut self, mut map: A) -> Result<(), A::Error> {
            while let Some((Key(key), value)) = map.next_entry()? {
                self.0(&key, value).map_err(A::Error::custom)?;
            }
            Ok(())
        }
    }

    serde_json::Deserializer::from_str(json.get()).deserialize_map(Entries(on_entry))
}
