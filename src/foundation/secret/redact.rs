//! The redaction sink: what stands before every output that could hold a secret.
//!
//! It knows each secret in every form that a server or a library may echo (raw, URL-encoded, base64 at its three
//! alignments, hex, JSON-escaped) and masks what signs a URL whether or not it is a known secret. Text is redacted
//! before it is shortened, so that no part of a secret remains.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

use super::Secret;

/// Query parameters whose value signs a URL.
const SIGNING: [&str; 7] = [
    "x-amz-signature",
    "x-amz-credential",
    "x-amz-security-token",
    "x-goog-signature",
    "signature",
    "sig",
    "token",
];

/// What stands in a secret's place.
const MASK: &str = "***";

/// A secret shorter than this is masked only where it stands alone: as part of words it would mask half the text.
const SHORT: usize = 8;

/// Masks secrets in text.
#[derive(Clone, Default)]
pub struct Redactor {
    /// Forms of secrets, longest first, each with whether it must stand alone.
    forms: Vec<(String, bool)>,
}

impl Redactor {
    /// A sink that knows these secrets.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        let mut forms = Vec::new();
        for secret in secrets {
            let value = secret.expose();
            let alone = value.chars().count() < SHORT;
            forms.push((value.to_owned(), alone));
            if !alone {
                forms.extend(derived(value).into_iter().map(|form| (form, false)));
            }
        }
        forms.retain(|(form, _)| !form.is_empty());
        forms.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.0.cmp(&b.0)));
        forms.dedup();
        Self { forms }
    }

    /// The text with every secret and every signature masked.
    pub fn text(&self, text: &str) -> String {
        let mut redacted = text.to_owned();
        for (form, alone) in &self.forms {
            if redacted.contains(form.as_str()) {
                redacted = replace(&redacted, form, *alone);
            }
        }
        mask_urls(&redacted)
    }

    /// Bytes of a file with every secret and every signature masked; what is no text is left as it is.
    pub fn bytes(&self, bytes: Vec<u8>) -> Vec<u8> {
        match String::from_utf8(bytes) {
            Ok(text) => self.text(&text).into_bytes(),
            Err(binary) => binary.into_bytes(),
        }
    }

    /// The text redacted, then cut to `most` characters.
    pub fn shortened(&self, text: &str, most: usize) -> String {
        let redacted = self.text(text);
        match redacted.char_indices().nth(most) {
            Some((cut, _)) => format!("{}…", &redacted[..cut]),
            None => redacted,
        }
    }
}

fn derived(value: &str) -> Vec<String> {
    let bytes = value.as_bytes();
    let mut forms = Vec::new();
    let mut hex = String::with_capacity(bytes.len() * 2);
    let mut percent = String::new();
    for byte in bytes {
        let _ = write!(hex, "{byte:02x}");
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(byte) {
            percent.push(char::from(*byte));
        } else {
            let _ = write!(percent, "%{byte:02X}");
        }
    }
    forms.push(hex.to_uppercase());
    forms.push(hex);
    forms.push(percent.to_lowercase());
    forms.push(percent);
    if let Ok(json) = serde_json::to_string(value) {
        forms.push(json.trim_matches('"').to_owned());
    }
    for engine in [&STANDARD, &URL_SAFE] {
        for before in 0..3 {
            let mut padded = vec![0; before];
            padded.extend_from_slice(bytes);
            let encoded = engine.encode(&padded);
            // The first characters mix with what stands before, the last ones with what follows.
            let from = [0, 2, 3][before];
            let to = padded.len() / 3 * 4;
            if to > from + 4 {
                forms.push(encoded[from..to].to_owned());
            }
        }
    }
    forms
}

fn replace(text: &str, form: &str, alone: bool) -> String {
    let word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(form) {
        let after = &rest[at + form.len()..];
        let before = rest[..at]
            .chars()
            .next_back()
            .or_else(|| result.chars().next_back());
        result.push_str(&rest[..at]);
        let masked = !alone || !(word(before) || word(after.chars().next()));
        result.push_str(if masked { MASK } else { form });
        rest = after;
    }
    result.push_str(rest);
    result
}

/// Masks signatures in query strings and user-info in URLs.
fn mask_urls(text: &str) -> String {
    let ends = |c: char| c.is_whitespace() || "&\"'<>#)]}".contains(c);
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('=') {
        let name_at = rest[..at]
            .rfind(['?', '&', ';'])
            .map_or(at, |before| before + 1);
        let signs = SIGNING
            .iter()
            .any(|name| rest[name_at..at].eq_ignore_ascii_case(name));
        result.push_str(&rest[..=at]);
        rest = &rest[at + 1..];
        if signs {
            result.push_str(MASK);
            rest = &rest[rest.find(ends).unwrap_or(rest.len())..];
        }
    }
    result.push_str(rest);
    mask_user_info(&result)
}

fn mask_user_info(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let after = &rest[at + 3..];
        result.push_str(&rest[..at + 3]);
        let authority = after
            .find(|c: char| c.is_whitespace() || "/?#\"'<>".contains(c))
            .unwrap_or(after.len());
        rest = match after[..authority].rfind('@') {
            Some(user_info) => {
                result.push_str(MASK);
                &after[user_info..]
            }
            None => after,
        };
    }
    result.push_str(rest);
    result
}

#[cfg(test)]
mod tests {
    use super::super::{Secret, SecretRef};
    use super::*;
    use proptest::prelude::*;

    fn redactor(value: &str) -> Redactor {
        Redactor::new([&Secret::new(SecretRef::Env("KEY".into()), value.into())])
    }

    #[test]
    fn a_url_that_is_signed_is_masked_though_nobody_named_the_secret() {
        let redacted = Redactor::default().text(
            "GET https://u:p@b.example/a?x=1&X-Amz-Signature=abc123&y=2 token=kept ?token=gone",
        );
        assert_eq!(
            redacted,
            "GET https://***@b.example/a?x=1&X-Amz-Signature=***&y=2 token=kept ?token=***"
        );
    }

    #[test]
    fn a_short_secret_is_masked_only_where_it_stands_alone() {
        assert_eq!(
            redactor("EMPTY").text("Bearer EMPTY, not EMPTYING"),
            "Bearer ***, not EMPTYING"
        );
    }

    #[test]
    fn a_secret_is_masked_before_the_text_is_cut() {
        let redacted =
            redactor("sk-very-secret-key").shortened("key sk-very-secret-key refused", 6);
        assert_eq!(redacted, "key **…");
    }

    proptest! {
        #[test]
        fn no_form_of_a_secret_remains(secret in "[!-~]{12,40}", before in "[a-z ]{0,7}", after in "[a-z ]{0,7}") {
            let sink = redactor(&secret);
            let plain = format!("{before}{secret}{after}");
            let json = serde_json::to_string(&plain).unwrap();
            for text in [&plain, &json, &STANDARD.encode(&plain), &STANDARD.encode(format!("{before}:{secret}"))] {
                let redacted = sink.text(text);
                prop_assert!(!redacted.contains(&secret), "{redacted}");
                prop_assert!(redacted.contains(MASK), "{text} -> {redacted}");
            }
        }
    }
}
