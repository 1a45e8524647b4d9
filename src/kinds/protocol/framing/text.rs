//! Texts out of JSON as servers write them: a lone surrogate is no error, it becomes U+FFFD.

use std::fmt;

use serde::de::{Deserializer as _, Visitor};

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

/// Appends what a JSON string says; nothing where `json` is none.
pub fn push_string(kept: &mut Vec<u8>, json: &str) {
    struct Into<'k>(&'k mut Vec<u8>);

    impl Visitor<'_> for Into<'_> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text")
        }

        fn visit_bytes<E>(self, text: &[u8]) -> Result<(), E> {
            push_lossy(self.0, text);
            Ok(())
        }
    }

    if json.starts_with('"') {
        // As bytes, not as a string: only so does serde_json let a lone surrogate pass.
        let mut deserializer = serde_json::Deserializer::from_str(json);
        let pushed: Result<(), serde_json::Error> = deserializer.deserialize_bytes(Into(kept));
        debug_assert!(pushed.is_ok(), "what begins so was read as JSON before");
    }
}
