//! Syntax errors in words, and the one that is worth understanding: a reference that was not quoted.

use std::ops::Range;

use granit_parser::ErrorKind;

/// What was wrong and what to do, in the words of someone who writes YAML.
pub(super) struct Description {
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) help: &'static str,
}

/// Describes a syntax error.
pub(super) fn describe(kind: &ErrorKind) -> Description {
    let (code, message, help) = match kind {
        ErrorKind::RecursionLimitExceeded => (
            "too-deep",
            "nested too deeply".to_owned(),
            "keep prompts and other data in dataset files",
        ),
        other => {
            let (message, help) = structure(other)
                .or_else(|| token(other))
                .unwrap_or_else(|| {
                    (
                        other.to_string(),
                        "check the indentation, or quote the text",
                    )
                });
            ("yaml-syntax", message, help)
        }
    };
    Description {
        code,
        message,
        help,
    }
}

/// What is wrong with keys, lists, maps and their indentation.
fn structure(kind: &ErrorKind) -> Option<(String, &'static str)> {
    let (message, help) = match kind {
        ErrorKind::MappingValueNotAllowed => (
            "a `:` stands where no value can begin",
            "quote a text that contains `: `, or check the indentation of this line",
        ),
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation => ("a tab stands in the indentation", "indent with spaces"),
        ErrorKind::ExpectedFlowMappingSeparator => (
            "expected `,` or `}`",
            "separate entries with `,`, close the map with `}`, or quote the text",
        ),
        ErrorKind::ExpectedFlowSequenceSeparator => (
            "expected `,` or `]`",
            "separate items with `,`, close the list with `]`, or quote the text",
        ),
        ErrorKind::ExpectedBlockMappingKey | ErrorKind::SimpleKeyExpected => (
            "expected a key with `:`",
            "check the indentation of this line; a key is followed by `: `",
        ),
        ErrorKind::ExpectedBlockSequenceEntry | ErrorKind::InvalidIndentation => (
            "the indentation fits nothing above",
            "items of a list begin with `- ` in one column, keys of a map stand in one column",
        ),
        _ => return None,
    };
    Some((message.to_owned(), help))
}

/// What is wrong with brackets, quotes and characters.
fn token(kind: &ErrorKind) -> Option<(String, &'static str)> {
    let described = match kind {
        ErrorKind::UnclosedFlowCollection { open } => (
            format!("`{open}` is never closed"),
            "close it, or quote the text that it belongs to",
        ),
        ErrorKind::UnexpectedEofFlowMapping | ErrorKind::UnexpectedEofImplicitFlowMapping => {
            ("`{` is never closed".to_owned(), "close it with `}`")
        }
        ErrorKind::UnexpectedEofFlowSequence => {
            ("`[` is never closed".to_owned(), "close it with `]`")
        }
        ErrorKind::MismatchedFlowCollectionEnd { open, close } => (
            format!("`{close}` closes no `{open}`"),
            "check the brackets",
        ),
        ErrorKind::UnclosedQuotedScalar => ("the quote is never closed".to_owned(), "close it"),
        ErrorKind::UnknownQuotedScalarEscape => (
            "unknown escape in a double-quoted text".to_owned(),
            "write `\\\\` for a backslash, or use single quotes",
        ),
        ErrorKind::UnexpectedCharacter { character } => (
            format!("`{character}` cannot begin a value"),
            "quote the text",
        ),
        _ => return None,
    };
    Some(described)
}

/// The `${…}` that was read as a plain scalar ending in `$` and a flow mapping, where that is what broke at `at`.
///
/// The range runs over the whole of the plain text that the author meant, as far as one can tell.
pub(super) fn unquoted_reference(text: &str, at: usize) -> Option<Range<usize>> {
    if !text[..at].ends_with('$') || !text[at..].starts_with('{') {
        return None;
    }
    let line_end = text[at..]
        .find('\n')
        .map_or(text.len(), |length| at + length);
    let closing = if text[at..].starts_with("{{") {
        "}}"
    } else {
        "}"
    };
    let close = at + text[at..line_end].find(closing)? + closing.len();
    let delimiter = |character: char| {
        matches!(
            character,
            ',' | '[' | ']' | '{' | '}' | '\n' | '\r' | '"' | '\''
        )
    };
    let start =
        text[..at].rfind(|character: char| delimiter(character) || character.is_whitespace());
    let start = start.map_or(0, |before| {
        before + text[before..].chars().next().map_or(1, char::len_utf8)
    });
    let tail = text[close..line_end]
        .find(|character: char| delimiter(character) || character.is_whitespace());
    let mut end = tail.map_or(line_end, |length| close + length);
    // `${env:A}${env:B}` and `${env:A}:${env:B}`: a further reference belongs to the same text.
    while text[end..line_end].starts_with('{') && text[..end].ends_with('$') {
        end += text[end..line_end].find('}')? + 1;
        let tail = text[end..line_end]
            .find(|character: char| delimiter(character) || character.is_whitespace());
        end = tail.map_or(line_end, |length| end + length);
    }
    // `${env:A}: 1` is a key.
    while text[start..end].ends_with(':') {
        end -= 1;
    }
    Some(start..end)
}

/// Replaces what has a meaning in YAML within `range`, byte for byte, so that it reads as plain text and nothing moves.
pub(super) fn blank(text: &mut String, range: Range<usize>) {
    let blanked: String = text[range.clone()]
        .chars()
        .map(|character| if character.is_ascii() { '_' } else { character })
        .collect();
    text.replace_range(range, &blanked);
}
