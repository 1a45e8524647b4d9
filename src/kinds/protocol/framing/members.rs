//! The members of a JSON object or array, one after the other as texts. Nothing is built of them: a value in memory can
//! be seventy times as long as its text.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error as _, IntoDeserializer as _, MapAccess,
    SeqAccess, Visitor,
};
use serde_json::value::RawValue;

use super::text::Text;

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
    struct Entries<F>(F);

    impl<'a, F: FnMut(&str, &'a RawValue) -> Read> Visitor<'a> for Entries<F> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'a>>(mut self, mut map: A) -> Result<(), A::Error> {
            while let Some((key, value)) = map.next_entry::<Text<'a>, _>()? {
                self.0(&key.read(), value).map_err(A::Error::custom)?;
            }
            Ok(())
        }
    }

    serde_json::Deserializer::from_str(json.get()).deserialize_map(Entries(on_entry))
}

/// What of an object is read, and nothing but an object: alone, a struct would take a list for its fields in order. A key
/// with a lone surrogate is none of the struct's, and no error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(Lossy(map))).map(Object)
            }
        }

        deserializer.deserialize_map(Members(PhantomData))
    }
}

/// The same members, their keys read as texts are.
struct Lossy<A>(A);

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Lossy<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        let key: Option<Text<'de>> = self.0.next_key()?;
        key.map(|key| seed.deserialize(key.read().into_deserializer()))
            .transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.0.next_value_seed(seed)
    }
}
