//! The document as a tree in which every value and key knows where it was written.
//!
//! Aliases share what they stand for; [`Weight`] says how large it is when written out, so that a bomb is seen before
//! anything is copied.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Arc;

use serde_json::{Map, Number, Value};

use crate::foundation::diagnostic::{Code, Severity};

/// A file by its place in the list of files that were read.
pub(super) type FileId = usize;

/// A stretch of bytes of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Span {
    /// The file.
    pub(super) file: FileId,
    /// First byte.
    pub(super) start: usize,
    /// One past the last byte.
    pub(super) end: usize,
}

/// A problem while the text of files is not yet masked; becomes a finding when it is.
#[derive(Debug, Clone)]
pub(super) struct Problem {
    pub(super) code: Code,
    pub(super) severity: Severity,
    pub(super) pointer: String,
    pub(super) message: String,
    pub(super) help: Option<String>,
    pub(super) span: Span,
    pub(super) labels: Vec<(Span, String)>,
}

impl Problem {
    /// An error at `span`.
    pub(super) fn error(code: Code, span: Span, pointer: &str, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            pointer: pointer.to_owned(),
            message: message.into(),
            help: None,
            span,
            labels: Vec::new(),
        }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(super) fn label(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push((span, text.into()));
        self
    }
}

/// What a value is.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    Null,
    Bool(bool),
    Number(Number),
    Text(Arc<str>),
    /// A value that was refused, with a problem of its own; null where a value is needed.
    Refused,
    List(Arc<Vec<Node>>),
    Map(Arc<Entries>),
}

/// How large a node is with all its aliases written out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Weight {
    /// Values, itself included.
    pub(super) nodes: usize,
    /// Bytes of keys and texts.
    pub(super) bytes: usize,
    /// Levels of maps and lists; 0 for a scalar.
    pub(super) depth: usize,
}

/// The entries of a map in their order, found by key without a search.
#[derive(Debug)]
pub(super) struct Entries {
    list: Vec<Entry>,
    index: HashMap<Arc<str>, usize>,
}

impl Entries {
    fn new(list: Vec<Entry>) -> Self {
        let index = list
            .iter()
            .enumerate()
            .map(|(at, entry)| (entry.key.clone(), at))
            .collect();
        Self { list, index }
    }

    /// Where the entry with that key stands.
    pub(super) fn position(&self, key: &str) -> Option<usize> {
        self.index.get(key).copied()
    }

    /// The entry with that key.
    pub(super) fn named(&self, key: &str) -> Option<&Entry> {
        self.position(key).map(|at| &self.list[at])
    }
}

impl Deref for Entries {
    type Target = [Entry];

    fn deref(&self) -> &[Entry] {
        &self.list
    }
}

/// A value with its place.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) span: Span,
    /// The alias through which it stands here, where it was written at an anchor.
    pub(super) used: Option<Span>,
    pub(super) weight: Weight,
}

/// A key with its value.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: Arc<str>,
    pub(super) key_span: Span,
    /// The merge (`<<`) through which it stands here.
    pub(super) used: Option<Span>,
    pub(super) node: Node,
}

impl Node {
    /// A node whose weight is reckoned from its children.
    pub(super) fn new(kind: Kind, span: Span) -> Self {
        let mut weight = Weight {
            nodes: 1,
            bytes: 0,
            depth: 0,
        };
        let mut add = |child: &Node, key: usize| {
            weight.nodes = weight.nodes.saturating_add(child.weight.nodes);
            weight.bytes = weight
                .bytes
                .saturating_add(child.weight.bytes)
                .saturating_add(key);
            weight.depth = weight.depth.max(child.weight.depth);
        };
        match &kind {
            Kind::List(items) => items.iter().for_each(|item| add(item, 0)),
            Kind::Map(entries) => entries
                .iter()
                .for_each(|entry| add(&entry.node, entry.key.len())),
            Kind::Text(text) => weight.bytes = text.len(),
            Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::Refused => {}
        }
        if matches!(kind, Kind::List(_) | Kind::Map(_)) {
            weight.depth += 1;
        }
        Self {
            kind,
            span,
            used: None,
            weight,
        }
    }

    pub(super) fn list(items: Vec<Node>, span: Span) -> Self {
        Self::new(Kind::List(Arc::new(items)), span)
    }

    pub(super) fn map(entries: Vec<Entry>, span: Span) -> Self {
        Self::new(Kind::Map(Arc::new(Entries::new(entries))), span)
    }

    /// The entries of a map; `None` of anything else.
    pub(super) fn entries(&self) -> Option<&Entries> {
        match &self.kind {
            Kind::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The entry of a map by its key.
    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries()?.named(key)
    }

    /// As a JSON value, with `text` deciding what stands for each string leaf; `pointer` is this node's.
    pub(super) fn to_value(
        &self,
        pointer: &mut String,
        text: &mut dyn FnMut(&str, &Arc<str>, &Node) -> Value,
    ) -> Value {
        match &self.kind {
            Kind::Null | Kind::Refused => Value::Null,
            Kind::Bool(value) => Value::Bool(*value),
            Kind::Number(number) => Value::Number(number.clone()),
            Kind::Text(written) => text(pointer, written, self),
            Kind::List(items) => {
                let step = |(index, item): (usize, &Node)| {
                    within(pointer, &index.to_string(), |pointer| {
                        item.to_value(pointer, text)
                    })
                };
                Value::Array(items.iter().enumerate().map(step).collect())
            }
            Kind::Map(entries) => {
                let mut map = Map::with_capacity(entries.len());
                for entry in entries.iter() {
                    let value = within(pointer, &entry.key, |pointer| {
                        entry.node.to_value(pointer, text)
                    });
                    map.insert(entry.key.to_string(), value);
                }
                Value::Object(map)
            }
        }
    }

    /// Calls `visit` with the pointer of each leaf (scalar), in document order.
    pub(super) fn leaves(&self, pointer: &mut String, visit: &mut dyn FnMut(&str, &Node)) {
        match &self.kind {
            Kind::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    within(pointer, &index.to_string(), |pointer| {
                        item.leaves(pointer, visit);
                    });
                }
            }
            Kind::Map(entries) => {
                for entry in entries.iter() {
                    within(pointer, &entry.key, |pointer| {
                        entry.node.leaves(pointer, visit);
                    });
                }
            }
            _ => visit(pointer, self),
        }
    }
}

/// Runs `work` with `pointer` one step deeper.
fn within<T>(pointer: &mut String, step: &str, work: impl FnOnce(&mut String) -> T) -> T {
    let length = pointer.len();
    push_step(pointer, step);
    let result = work(pointer);
    pointer.truncate(length);
    result
}

/// Appends one step to a JSON pointer, escaped as RFC 6901 says.
pub(super) fn push_step(pointer: &mut String, step: &str) {
    pointer.push('/');
    for character in step.chars() {
        match character {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            other => pointer.push(other),
        }
    }
}

/// The steps of a JSON pointer, unescaped.
pub fn steps(pointer: &str) -> impl Iterator<Item = String> + '_ {
    pointer
        .split('/')
        .skip(1)
        .map(|step| step.replace("~1", "/").replace("~0", "~"))
}
