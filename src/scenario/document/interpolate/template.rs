//! The syntax of references: a text into pieces.

use std::ops::Range;

/// A part of a leaf.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'t> {
    /// Text as it is (`$${` already read as `${`).
    Text(&'t str),
    /// `${env:NAME…}`.
    Variable {
        name: &'t str,
        fallback: Fallback<'t>,
        range: Range<usize>,
    },
    /// What looks like a reference and is none.
    Wrong {
        range: Range<usize>,
        message: String,
        help: String,
    },
}

/// What stands in for an unset variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fallback<'t> {
    /// Nothing: `${env:NAME}`.
    None,
    /// `${env:NAME:-default}`.
    Default(&'t str),
    /// Nothing, and why it is needed: `${env:NAME:?why}`.
    Why(&'t str),
}

/// Splits a text. Concatenating the pieces, with values for variables, gives what the leaf stands for.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut from = 0;
    while let Some(length) = text[from..].find("${") {
        let at = from + length;
        // `$${` stands for `${`: of the two dollars, the second stays.
        if text[..at].ends_with('$') && at > from {
            push_text(&mut pieces, &text[from..at - 1]);
            push_text(&mut pieces, &text[at..at + 2]);
            from = at + 2;
            continue;
        }
        push_text(&mut pieces, &text[from..at]);
        let (piece, end) = reference(text, at);
        pieces.push(piece);
        from = end;
    }
    push_text(&mut pieces, &text[from..]);
    pieces
}

fn push_text<'t>(pieces: &mut Vec<Piece<'t>>, text: &'t str) {
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
}

/// Reads what begins with `${` at `at`; also says where it ends.
fn reference(text: &str, at: usize) -> (Piece<'_>, usize) {
    let inner = at + 2;
    if text[inner..].starts_with('{') {
        return expression(text, at);
    }
    let Some(length) = text[inner..].find('}') else {
        let range = at..text.len();
        let piece = Piece::Wrong {
            range,
            message: "`${` is never closed".to_owned(),
            help: "write `${env:NAME}` for a variable, or `$${` for the two characters".to_owned(),
        };
        return (piece, text.len());
    };
    let end = inner + length + 1;
    let range = at..end;
    let content = &text[inner..inner + length];
    let Some(content) = content.strip_prefix("env:") else {
        let piece = Piece::Wrong {
            message: format!(
                "`{}` does not say where its value comes from",
                &text[range.clone()]
            ),
            help: format!(
                "write `${{env:{}}}` for an environment variable, or `${}` for the text itself",
                suggested(content),
                &text[range.clone()]
            ),
            range,
        };
        return (piece, end);
    };
    (variable(text, content, range), end)
}

fn variable<'t>(text: &'t str, content: &'t str, range: Range<usize>) -> Piece<'t> {
    let end =
        content.find(|character: char| !(character.is_ascii_alphanumeric() || character == '_'));
    let (name, rest) = content.split_at(end.unwrap_or(content.len()));
    let written = &text[range.clone()];
    if name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) {
        return Piece::Wrong {
            message: format!("`{written}` names no variable"),
            help: "a name is made of letters, digits and `_`: `${env:NAME}`".to_owned(),
            range,
        };
    }
    let fallback = match (rest.strip_prefix(":-"), rest.strip_prefix(":?")) {
        _ if rest.is_empty() => Fallback::None,
        (Some(default), _) if default.contains("${") => {
            return Piece::Wrong {
                message: format!("the default in `{written}}}` holds a reference"),
                help: "a default is plain text".to_owned(),
                range,
            };
        }
        (Some(default), _) => Fallback::Default(default),
        (_, Some(why)) => Fallback::Why(why),
        _ => {
            return Piece::Wrong {
                message: format!("`{written}` has `{rest}` after the name"),
                help: format!(
                    "write `${{env:{name}}}`, `${{env:{name}:-default}}` or `${{env:{name}:?why it is needed}}`"
                ),
                range,
            };
        }
    };
    Piece::Variable {
        name,
        fallback,
        range,
    }
}

/// `${{ … }}`, as GitHub's workflows have it.
fn expression(text: &str, at: usize) -> (Piece<'_>, usize) {
    let close = text[at..].find("}}").map(|length| at + length + 2);
    let end = close
        .or_else(|| text[at..].find('}').map(|length| at + length + 1))
        .unwrap_or(text.len());
    let range = at..end;
    let inner = text[range.clone()].trim_matches(['$', '{', '}', ' ']);
    let piece = Piece::Wrong {
        message: format!(
            "`{}` is an expression of GitHub's workflows, which scenarios do not have",
            &text[range.clone()]
        ),
        help: format!(
            "write `${{env:{}}}` for an environment variable",
            suggested(inner)
        ),
        range,
    };
    (piece, end)
}

/// The name that was probably meant: of `env.NAME` and `NAME:-x` the name.
fn suggested(content: &str) -> String {
    let last = content.rsplit(['.', ':']).find(|part| is_name(part.trim()));
    let first = content
        .split([':', '-', '?', ' '])
        .next()
        .filter(|part| is_name(part.trim()));
    first
        .or(last)
        .map_or_else(|| "NAME".to_owned(), |name| name.trim().to_owned())
}

fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || character == '_')
}
