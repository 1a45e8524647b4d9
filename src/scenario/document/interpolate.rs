//! `${env:NAME}` in string leaves, filled in after parsing, so that a value can never change the structure.
//!
//! The environment comes as a function; nothing here reads it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use serde_json::Value;

use super::limits::Limits;
use super::node::{Node, Problem, Span};
use super::scalar::{Meaning, plain};

mod template;

use template::{Fallback, Piece};

/// A string leaf that does not stand as it was written: it held references, or `$${`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The leaf as written: `${env:HOST:-localhost}:8080`.
    pub written: String,
    /// The variables that it names; none where it only held `$${`.
    pub names: Vec<String>,
    /// Those of them that are not set and have no default; the leaf then stands as written.
    pub unset: Vec<String>,
}

/// The leaves that do not stand as they were written, by JSON pointer.
pub type References = BTreeMap<String, Reference>;

/// What a text from a reference would be as a plain YAML scalar: a number, a boolean or null; `None` for other text.
///
/// For fields whose schema wants no string: `requests: ${env:N}` with `N=100`.
pub fn coerced(text: &str) -> Option<Value> {
    match plain(text) {
        Meaning::Null => Some(Value::Null),
        Meaning::Bool(value) => Some(Value::Bool(value)),
        Meaning::Number(number) => Some(Value::Number(number)),
        Meaning::Text | Meaning::Refused(_) => None,
    }
}

/// What references are filled in with.
pub(super) struct Filling<'a> {
    /// The environment, by name.
    pub(super) environment: &'a dyn Fn(&str) -> Option<String>,
    /// Whether an unset reference without a default is a problem.
    pub(super) required: bool,
    /// How much may be filled in.
    pub(super) limits: &'a Limits,
    /// The text of each file, to find a reference within its leaf.
    pub(super) texts: &'a [String],
}

/// A document filled in.
pub(super) struct Filled {
    pub(super) value: Value,
    pub(super) references: References,
    /// Leaves whose references are wrong; they are null.
    pub(super) refused: Vec<String>,
    pub(super) problems: Vec<Problem>,
}

/// Fills in every string leaf.
pub(super) fn fill(root: &Node, filling: &Filling) -> Filled {
    let mut filled = Filled {
        value: Value::Null,
        references: References::new(),
        refused: Vec::new(),
        problems: Vec::new(),
    };
    let mut bytes = 0usize;
    let mut leaf = |pointer: &str, text: &Arc<str>, node: &Node| {
        if !text.contains("${") {
            return Value::String(text.to_string());
        }
        let problems = filled.problems.len();
        let done = one(pointer, text, node, filling, &mut filled.problems);
        bytes = bytes.saturating_add(done.text.len());
        if bytes > filling.limits.text_bytes {
            if bytes - done.text.len() <= filling.limits.text_bytes {
                let message = format!(
                    "references fill in more than {} MiB",
                    filling.limits.text_bytes >> 20
                );
                filled
                    .problems
                    .push(Problem::error("too-much-text", node.span, pointer, message));
            }
            return Value::Null;
        }
        if filled.problems.len() > problems && done.reference.unset.is_empty() {
            filled.refused.push(pointer.to_owned());
            return Value::Null;
        }
        filled.references.insert(pointer.to_owned(), done.reference);
        Value::String(done.text)
    };
    let value = root.to_value(&mut String::new(), &mut leaf);
    filled.value = value;
    filled
}

struct Done {
    text: String,
    reference: Reference,
}

/// Fills in one leaf.
fn one(
    pointer: &str,
    text: &Arc<str>,
    node: &Node,
    filling: &Filling,
    problems: &mut Vec<Problem>,
) -> Done {
    let mut reference = Reference {
        written: text.to_string(),
        names: Vec::new(),
        unset: Vec::new(),
    };
    let mut result = String::new();
    // Material under `x-…` is there to be used elsewhere; what is unset is said where it is used.
    let required = filling.required && !pointer.starts_with("/x-");
    for piece in template::pieces(text) {
        match piece {
            Piece::Text(text) => result.push_str(text),
            Piece::Variable {
                name,
                fallback,
                range,
            } => {
                reference.names.push(name.to_owned());
                let set = (filling.environment)(name);
                // As in a shell: `:-` and `:?` take an empty variable for an unset one.
                let set = set.filter(|value| fallback == Fallback::None || !value.is_empty());
                match (set, fallback) {
                    (Some(value), _) => result.push_str(&value),
                    (None, Fallback::Default(default)) => result.push_str(default),
                    (None, fallback) => {
                        reference.unset.push(name.to_owned());
                        if required {
                            let span = part(node, text, &range, filling.texts);
                            problems.push(unset(name, fallback, span, pointer));
                        }
                    }
                }
            }
            Piece::Wrong {
                range,
                message,
                help,
            } => {
                let span = part(node, text, &range, filling.texts);
                problems.push(Problem::error("bad-reference", span, pointer, message).help(help));
            }
        }
    }
    if !reference.unset.is_empty() {
        result.clone_from(&reference.written);
    }
    Done {
        text: result,
        reference,
    }
}

fn unset(name: &str, fallback: Fallback, span: Span, pointer: &str) -> Problem {
    let why = match fallback {
        Fallback::Why(why) if !why.is_empty() => format!(": {why}"),
        _ => String::new(),
    };
    Problem::error(
        "unset-variable",
        span,
        pointer,
        format!("the environment variable `{name}` is not set{why}"),
    )
    .help(format!(
        "set {name}, or write a default: `${{env:{name}:-…}}`"
    ))
}

/// The place of a part of a leaf, where the source shows it as it is; else of the leaf.
fn part(node: &Node, text: &str, range: &Range<usize>, texts: &[String]) -> Span {
    let span = node.span;
    let source = texts
        .get(span.file)
        .and_then(|file| file.get(span.start..span.end));
    let wanted = &text[range.clone()];
    let nth = text[..range.start].matches(wanted).count();
    let found = source.and_then(|source| source.match_indices(wanted).nth(nth));
    found.map_or(span, |(at, _)| Span {
        start: span.start + at,
        end: span.start + at + wanted.len(),
        ..span
    })
}

#[cfg(test)]
mod tests;
