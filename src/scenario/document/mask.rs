//! Credentials that were written as literals, hidden wherever source lines or messages are shown.
//!
//! A rule of its own refuses them; this only keeps them off the screen. What is masked keeps its length in bytes and
//! characters, so that every place stays where it is.

use std::borrow::Cow;
use std::ops::Range;

use super::node::{Entry, Kind, Node, Span, push_step};

/// What stands for a credential in a sentence.
pub(super) const MASK: &str = "***";

/// Query parameters that sign a URL (running.md, "Secrets").
const SIGNING: [&str; 7] = [
    "x-amz-signature",
    "x-amz-credential",
    "x-amz-security-token",
    "x-goog-signature",
    "signature",
    "sig",
    "token",
];

/// Headers (and the key `secret`) whose value is a credential wherever they stand.
const CREDENTIALS: [&str; 15] = [
    "authorization",
    "proxy-authorization",
    "x-api-key",
    "api-key",
    "cookie",
    "set-cookie",
    "secret",
    "api_key",
    "apikey",
    "x-auth-token",
    "x-amz-security-token",
    "x-secret",
    "access_token",
    "client_secret",
    "password",
];

/// Keys that look like credentials where a broken file or a comment leaves nothing but its lines to go by.
const SUSPECTS: [&str; 5] = ["bearer", "password", "token", "api_key", "apikey"];

/// The credentials of a document.
#[derive(Debug, Default)]
pub(super) struct Credentials {
    /// Pointers of what should have been a reference: literals, and `${env:…}`.
    pub(super) pointers: Vec<String>,
    /// Where the literals stand.
    pub(super) spans: Vec<Span>,
    /// What they are.
    pub(super) texts: Vec<String>,
}

/// Finds literals in credential fields: `auth`, `secret`, and the headers that carry credentials.
pub(super) fn find(root: &Node) -> Credentials {
    let mut found = Credentials::default();
    walk(root, false, &mut String::new(), &mut found);
    found
}

fn walk(node: &Node, credential: bool, pointer: &mut String, found: &mut Credentials) {
    match &node.kind {
        Kind::Map(entries) if credential && is_reference(entries) => {
            // `{ env: sk-live-… }` names no variable: someone put the secret itself there.
            if let Some(Entry { key, node, .. }) = entries.first()
                && let Kind::Text(text) = &node.kind
                && &**key == "env"
                && !is_name(text)
            {
                found.spans.push(node.span);
                found.texts.push(text.to_string());
            }
        }
        Kind::Map(entries) => {
            for entry in entries.iter() {
                let open = matches!(&*entry.key, "user" | "username" | "name");
                let own = &*entry.key == "auth" || is_credential(&entry.key);
                let length = pointer.len();
                push_step(pointer, &entry.key);
                walk(&entry.node, own || credential && !open, pointer, found);
                pointer.truncate(length);
            }
        }
        Kind::List(items) => {
            for (index, item) in items.iter().enumerate() {
                let length = pointer.len();
                push_step(pointer, &index.to_string());
                walk(item, credential, pointer, found);
                pointer.truncate(length);
            }
        }
        Kind::Text(text) if credential => {
            found.pointers.push(pointer.clone());
            if !is_bare_reference(text) {
                found.spans.push(node.span);
                found.texts.push(text.to_string());
            }
        }
        Kind::Number(number) if credential => {
            found.pointers.push(pointer.clone());
            found.spans.push(node.span);
            found.texts.push(number.to_string());
        }
        Kind::Refused if credential => found.spans.push(node.span),
        _ => {}
    }
}

fn is_reference(entries: &[Entry]) -> bool {
    matches!(entries, [entry] if matches!(&*entry.key, "env" | "file"))
}

fn is_credential(key: &str) -> bool {
    CREDENTIALS
        .iter()
        .any(|name| key.eq_ignore_ascii_case(name))
}

fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || character == '_')
}

/// Whether a text is `${env:NAME}` and nothing else (a default may be the secret itself).
fn is_bare_reference(text: &str) -> bool {
    text.strip_prefix("${env:")
        .and_then(|rest| rest.strip_suffix('}'))
        .is_some_and(is_name)
}

/// A file's text as it may be shown: credentials masked where they stand, and what is in any URL of it.
///
/// Where the file is `broken`, its lines are all there is to go by.
pub(super) fn source(text: &str, spans: &[Range<usize>], broken: bool) -> String {
    let mut ranges: Vec<Range<usize>> = spans.to_vec();
    ranges.extend(in_urls(text));
    ranges.extend(suspicious_lines(text, broken));
    ranges.sort_by_key(|range| range.start);
    let mut masked = String::with_capacity(text.len());
    let mut from = 0;
    for range in ranges {
        let start = text.ceil_char_boundary(range.start.max(from));
        let end = text.ceil_char_boundary(range.end.max(start));
        masked.push_str(&text[from..start]);
        masked.extend(text[start..end].chars().map(stand_in));
        from = end;
    }
    masked.push_str(&text[from..]);
    masked
}

/// A character that shows nothing of another but its length in bytes; white space stays.
fn stand_in(character: char) -> char {
    if character.is_whitespace() {
        return character;
    }
    match character.len_utf8() {
        1 => '*',
        2 => '\u{d7}',
        3 => '\u{2217}',
        _ => '\u{1d7b7}',
    }
}

/// A text with user-info and signing query parameters of its URLs replaced by `***`.
///
/// For whatever is written out: messages, `effective.yaml`.
pub fn urls(text: &str) -> Cow<'_, str> {
    let mut ranges: Vec<Range<usize>> = in_urls(text).collect();
    if ranges.is_empty() {
        return Cow::Borrowed(text);
    }
    ranges.sort_by_key(|range| range.start);
    let mut masked = String::with_capacity(text.len());
    let mut from = 0;
    for range in ranges.into_iter().filter(|range| !range.is_empty()) {
        if range.start < from {
            continue;
        }
        masked.push_str(&text[from..range.start]);
        masked.push_str(MASK);
        from = range.end;
    }
    masked.push_str(&text[from..]);
    Cow::Owned(masked)
}

fn in_urls(text: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    user_info(text).chain(signing(text))
}

fn ends_url(character: char) -> bool {
    character.is_whitespace() || matches!(character, '"' | '\'' | '<' | '>' | '`')
}

fn user_info(text: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    text.match_indices("://").filter_map(move |(at, _)| {
        let start = at + 3;
        let ends = |character: char| ends_url(character) || matches!(character, '/' | '?' | '#');
        let end = text[start..]
            .find(ends)
            .map_or(text.len(), |length| start + length);
        let length = text[start..end].rfind('@')?;
        let bare = text[start..start + length]
            .split(':')
            .collect::<Vec<_>>()
            .join(":");
        (!only_references(&bare)).then_some(start..start + length)
    })
}

/// Whether user-info consists of `${env:NAME}` alone, which hides itself.
fn only_references(text: &str) -> bool {
    let mut rest = text;
    while !rest.is_empty() {
        let Some(after) = rest.strip_prefix("${env:") else {
            match rest.strip_prefix(':') {
                Some(after) => {
                    rest = after;
                    continue;
                }
                None => return false,
            }
        };
        match after.find('}') {
            Some(close) if is_name(&after[..close]) => rest = &after[close + 1..],
            _ => return false,
        }
    }
    !text.is_empty()
}

fn signing(text: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    memchr::memchr2_iter(b'?', b'&', text.as_bytes()).filter_map(move |at| {
        let rest = &text[at + 1..];
        let equals = rest.find('=')?;
        let known = SIGNING
            .iter()
            .any(|name| rest[..equals].eq_ignore_ascii_case(name));
        let start = at + 1 + equals + 1;
        let ends = |character: char| ends_url(character) || matches!(character, '&' | '#');
        let end = text[start..]
            .find(ends)
            .map_or(text.len(), |length| start + length);
        (known && !is_bare_reference(&text[start..end])).then_some(start..end)
    })
}

/// Values after what looks like a credential's key, in comments; of a broken file, in all lines.
fn suspicious_lines(text: &str, broken: bool) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut from = 0;
    while let Some(start) = if broken {
        (from < text.len()).then_some(from)
    } else {
        text[from..].find('#').map(|length| from + length)
    } {
        let end = text[start..]
            .find('\n')
            .map_or(text.len(), |length| start + length + 1);
        let line = &text[start..end];
        // Most lines of a large file name nothing.
        if line.contains(':') {
            ranges.extend(suspicious(line).map(|range| start + range.start..start + range.end));
        }
        from = end;
    }
    ranges
}

fn suspicious(line: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    let lower = line.to_ascii_lowercase();
    line.match_indices(':').filter_map(move |(colon, _)| {
        let key = lower[..colon].trim_end().trim_end_matches(['"', '\'']);
        let known = |name: &str| {
            key.strip_suffix(name).is_some_and(|before| {
                !before.ends_with(|last: char| {
                    last.is_ascii_alphanumeric() || matches!(last, '-' | '_')
                })
            })
        };
        if !CREDENTIALS.iter().chain(&SUSPECTS).any(|name| known(name)) {
            return None;
        }
        let after = &line[colon + 1..];
        let value = after.trim_start();
        let start = colon + 1 + after.len() - value.len();
        if value.is_empty()
            || value.starts_with(['{', '*', '|', '>'])
            || value.starts_with("${env:")
        {
            return None;
        }
        let end = value
            .find([',', '}', '\n', '\r'])
            .map_or(line.len(), |length| start + length);
        Some(start..end)
    })
}

#[cfg(test)]
mod tests {
    use super::{source, urls};

    #[test]
    fn user_info_and_signing_parameters_are_masked_in_any_text() {
        let cases = [
            ("see http://me:pw@host:1/x", "see http://***@host:1/x"),
            ("https://token@host", "https://***@host"),
            (
                "https://h/a?X-Amz-Signature=ab12&x=1",
                "https://h/a?X-Amz-Signature=***&x=1",
            ),
            ("https://h/a?x=1&SIG=ab#top", "https://h/a?x=1&SIG=***#top"),
            (
                "https://${env:USER}:${env:PW}@h",
                "https://${env:USER}:${env:PW}@h",
            ),
            ("https://me:${env:PW:-hunter2}@h", "https://***@h"),
            ("https://h/a?sig=${env:SIG}", "https://h/a?sig=${env:SIG}"),
            ("a design=1 e@mail", "a design=1 e@mail"),
        ];
        for (text, expected) in cases {
            assert_eq!(urls(text), expected, "{text}");
        }
    }

    #[test]
    fn a_masked_source_keeps_every_byte_and_character_in_its_place() {
        let text = "a: http://mé:p\u{20ac}\u{1f600}@h/ # b\n";
        let shown = source(text, &[], false);
        assert_eq!(shown.len(), text.len());
        assert_eq!(shown.chars().count(), text.chars().count());
        assert!(
            shown.ends_with("@h/ # b\n") && !shown.contains('m') && !shown.contains('\u{20ac}'),
            "{shown}"
        );
    }

    #[test]
    fn a_broken_file_and_comments_are_masked_by_their_lines() {
        let text = "auth: { bearer: sk-123, x: [\n# password: hunter2\ntoken_limit: 5\nauth: { bearer: { env: A } }";
        let shown = source(text, &[], true);
        assert_eq!(
            shown,
            "auth: { bearer: ******, x: [\n# password: *******\ntoken_limit: 5\nauth: { bearer: { env: A } }"
        );
        assert_eq!(
            source("token: 5 # x-api-key: abc", &[], false),
            "token: 5 # x-api-key: ***"
        );
    }
}
