//! Keys of a map: their names, duplicates, and `<<`.

use std::collections::HashSet;
use std::sync::Arc;

use super::build::{Builder, Content, Frame, Part, Pending};
use crate::scenario::document::node::{Entry, Kind, Node, Problem, Span, push_step};

impl Builder<'_> {
    pub(super) fn key(&mut self, node: &Node, at: Span) {
        let pending = match &node.kind {
            Kind::Text(text) if text.len() > self.limits.key_bytes => {
                let message = format!("a key of more than {} bytes", self.limits.key_bytes);
                self.problem("key-too-long", at, &message, "shorten it");
                Pending::Dropped
            }
            Kind::Text(text) => self.named_key(text.clone(), at),
            Kind::Null => {
                self.problem(
                    "empty-key",
                    at,
                    "a key is missing",
                    "write the key before the `:`",
                );
                Pending::Dropped
            }
            Kind::Bool(_) | Kind::Number(_) => self.named_key(kind_text(&node.kind).into(), at),
            Kind::Refused => Pending::Dropped,
            Kind::List(_) | Kind::Map(_) => {
                self.problem(
                    "complex-key",
                    at,
                    "a list or map cannot be a key",
                    "write a text as the key",
                );
                Pending::Dropped
            }
        };
        self.expect(pending);
    }

    fn named_key(&mut self, key: Arc<str>, at: Span) -> Pending {
        if key.contains("${env:") {
            self.problem(
                "reference-in-key",
                at,
                &format!("the reference in the key `{key}` is not filled in"),
                "references stand in values only",
            );
        }
        let Some(Frame {
            content: Content::Map { keys, .. },
            ..
        }) = self.frames.last_mut()
        else {
            return Pending::Dropped;
        };
        if let Some(first) = keys.get(&key).copied() {
            let mut pointer = self.pointer();
            push_step(&mut pointer, &key);
            let problem = Problem::error(
                "duplicate-key",
                at,
                &pointer,
                format!("duplicate key `{key}`"),
            )
            .help("remove one of the two")
            .label(first, "first defined here");
            self.problems.push(problem);
            return Pending::Dropped;
        }
        keys.insert(key.clone(), at);
        Pending::Value { key, span: at }
    }

    pub(super) fn merge_key(&mut self, at: Span) {
        let pending = match self.named_key("<<".into(), at) {
            Pending::Value { .. } => Pending::Merge,
            other => other,
        };
        self.expect(pending);
    }

    fn expect(&mut self, next: Pending) {
        if let Some(Frame {
            content: Content::Map { pending, .. },
            ..
        }) = self.frames.last_mut()
        {
            *pending = next;
        }
    }

    /// Merges a map, or each map of a list (of which the earlier wins), into the map that is being built.
    pub(super) fn merge(&mut self, node: &Node) {
        let sources: Vec<&Node> = match &node.kind {
            Kind::List(items) => items.iter().collect(),
            _ => vec![node],
        };
        let mut merged: Vec<Entry> = Vec::new();
        let mut seen: HashSet<Arc<str>> = HashSet::new();
        for source in sources {
            let used = source.used.or(node.used);
            match source.entries() {
                Some(entries) => {
                    for entry in entries.iter() {
                        if seen.insert(entry.key.clone()) {
                            merged.push(Entry {
                                used: used.or(entry.used),
                                ..entry.clone()
                            });
                        }
                    }
                }
                None if matches!(source.kind, Kind::Refused) => {}
                None => self.problem(
                    "merge-of-no-map",
                    used.unwrap_or(source.span),
                    "`<<` merges maps, and this is none",
                    "name the anchor of a map: `<<: *name`",
                ),
            }
        }
        // An alias was counted as it came, and what was written under `<<` itself too.
        if let Some(Frame {
            content: Content::Map { parts, .. },
            ..
        }) = self.frames.last_mut()
        {
            parts.push(Part::Merge(merged));
        }
    }
}

/// The text of a scalar that is no text.
fn kind_text(kind: &Kind) -> String {
    match kind {
        Kind::Bool(value) => value.to_string(),
        Kind::Number(number) => number.to_string(),
        _ => String::new(),
    }
}
