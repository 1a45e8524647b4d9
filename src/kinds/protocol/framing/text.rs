//! Texts out of JSON as servers write them: a lone surrogate is no error, it becomes U+FFFD.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, Visitor};
use serde_json::value::RawValue;

/// Appends text in which lone surrogates stand as three bytes each, as `serde_json` gives them when asked for bytes; each
/// becomes one U+FFFD.
pub fn push_lossy(kept: &mut Vec<u8>, text: &[u8]) {
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

/// A JSON string as it stands, with its quotation marks: nothing of it is copied.
#[derive(Debug, Clone, Copy)]
pub struct Text<'a>(&'a str);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = <&RawValue>::deserialize(deserializer)?;
        Self::of(json).ok_or_else(|| D::Error::custom("a text was expected"))
    }
}

impl<'a> Text<'a> {
    /// The text that a value is; `None` where it is none.
    pub fn of(json: &'a RawValue) -> Option<Self> {
        json.get().starts_with('"').then_some(Self(json.get()))
    }

    /// Whether it says nothing.
    pub fn is_empty(self) -> bool {
        self.0 == "\"\""
    }

    /// What it says; copied only where something in it is escaped.
    pub fn read(self) -> Cow<'a, str> {
        let within = &self.0[1..self.0.len() - 1];
        if !within.contains('\\') {
            return Cow::Borrowed(within);
        }
        let mut said = Vec::new();
        self.push(&mut said, usize::MAX);
        Cow::Owned(String::from_utf8(said).unwrap_or_default())
    }

    /// Appends what it says, up to where `most` bytes are kept.
    pub fn push(self, kept: &mut Vec<u8>, most: usize) {
        struct Into<'k>(&'k mut Vec<u8>, usize);

        impl Visitor<'_> for Into<'_> {
            type Value = ();

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_bytes<E>(self, text: &[u8]) -> Result<(), E> {
                let room = self.1.saturating_sub(self.0.len());
                push_lossy(self.0, &text[..text.len().min(room)]);
                Ok(())
            }
        }

        // As bytes, not as a string: only so does serde_json let a lone surrogate pass.
        let mut deserializer = serde_json::Deserializer::from_str(self.0);
        let pushed: Result<(), serde_json::Error> =
            deserializer.deserialize_bytes(Into(kept, most));
        debug_assert!(pushed.is_ok(), "what begins so was read as JSON before");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_copied_only_where_something_in_it_is_escaped() {
        let read = |json| serde_json::from_str::<Text<'_>>(json).unwrap().read();
        assert!(matches!(read(r#""é a""#), Cow::Borrowed("é a")));
        assert!(matches!(read(r#""""#), Cow::Borrowed("")));
        for (json, said) in [
            (r#""a\/b\\""#, "a/b\\"),
            (r#""\u00e9\ud83c\udf88""#, "é🎈"),
            (r#""\ud83c \udf88\ud800""#, "\u{fffd} \u{fffd}\u{fffd}"),
        ] {
            assert_eq!(read(json), said, "{json}");
        }
        assert!(serde_json::from_str::<Text<'_>>("[\"a\"]").is_err());
    }

    #[test]
    fn no_more_is_kept_of_a_text_than_is_wanted() {
        for json in [r#""abcd""#, r#""ab\u0063d""#] {
            let mut kept = b"x".to_vec();
            let text: Text<'_> = serde_json::from_str(json).unwrap();
            text.push(&mut kept, 4);
            text.push(&mut kept, 4);
            assert_eq!(kept, b"xabc", "{json}");
        }
    }
}
