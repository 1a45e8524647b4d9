//! Events into nodes.

use std::collections::HashMap;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use granit_parser::{Event, ScalarStyle, Tag};

use super::syntax::Description;
use super::{Input, Parsed};
use crate::scenario::document::limits::Limits;
use crate::scenario::document::node::{Entry, Kind, Node, Problem, Span, push_step};
use crate::scenario::document::scalar::{Meaning, plain};

/// What the next value of a map is for.
pub(super) enum Pending {
    /// The next node is a key.
    Key,
    /// The next node is this key's value.
    Value { key: Arc<str>, span: Span },
    /// The next node is merged (`<<`).
    Merge,
    /// The next node is read and dropped: its key was refused.
    Dropped,
}

/// An entry as written, or a merge that stands among them.
pub(super) enum Part {
    Entry(Entry),
    Merge(Vec<Entry>),
}

pub(super) enum Content {
    List(Vec<Node>),
    Map {
        parts: Vec<Part>,
        keys: HashMap<Arc<str>, Span>,
        pending: Pending,
    },
}

pub(super) struct Frame {
    pub(super) content: Content,
    span: Span,
    anchor: usize,
    /// Whether the collection itself was refused (a foreign tag).
    refused: bool,
}

/// A scalar as the parser tells it.
struct Scalar<'t> {
    text: &'t str,
    style: ScalarStyle,
    anchor: usize,
    /// Its tag and where that stands.
    tag: Option<(&'t Tag, Span)>,
}

/// Builds the tree of one document.
pub(super) struct Builder<'a> {
    pub(super) limits: &'a Limits,
    input: Input<'a>,
    /// References that were not quoted, blanked in what is parsed.
    unquoted: &'a [Range<usize>],
    pub(super) frames: Vec<Frame>,
    pub(super) anchors: HashMap<usize, Node>,
    root: Option<Node>,
    pub(super) problems: Vec<Problem>,
    pub(super) counts: Counts,
    pub(super) whole: bool,
}

/// What was used of the limits.
#[derive(Default)]
pub(super) struct Counts {
    documents: usize,
    pub(super) nodes: usize,
    pub(super) bytes: usize,
    pub(super) aliases: usize,
}

impl<'a> Builder<'a> {
    pub(super) fn new(input: Input<'a>, limits: &'a Limits, unquoted: &'a [Range<usize>]) -> Self {
        Self {
            limits,
            input,
            unquoted,
            frames: Vec::new(),
            anchors: HashMap::new(),
            root: None,
            problems: Vec::new(),
            counts: Counts::default(),
            whole: true,
        }
    }

    /// Takes one event; breaks where reading on makes no sense.
    pub(super) fn event(&mut self, event: Event, span: &granit_parser::Span) -> ControlFlow<()> {
        let at = self.span(span);
        match event {
            Event::DocumentStart(..) => {
                self.counts.documents += 1;
                if self.counts.documents > 1 {
                    self.problem(
                        "second-document",
                        at,
                        "a second document begins here",
                        "keep one scenario a file; remove the `---`",
                    );
                    return ControlFlow::Break(());
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                let tag_at = span.tag_span().map(|tag| self.span(&tag));
                let tag = tag.as_deref().zip(tag_at);
                return self.scalar(
                    &Scalar {
                        text: &text,
                        style,
                        anchor,
                        tag,
                    },
                    at,
                );
            }
            Event::SequenceStart(_, anchor, tag) => {
                let refused = self.collection_tag(tag, span, "seq");
                return self.open(Content::List(Vec::new()), anchor, at, refused);
            }
            Event::MappingStart(_, anchor, tag) => {
                let refused = self.collection_tag(tag, span, "map");
                let content = Content::Map {
                    parts: Vec::new(),
                    keys: HashMap::new(),
                    pending: Pending::Key,
                };
                return self.open(content, anchor, at, refused);
            }
            Event::SequenceEnd | Event::MappingEnd => return self.close(at.end),
            Event::Alias(anchor) => return self.alias(anchor, at),
            Event::UnresolvedAlias(name) => {
                self.problem(
                    "unknown-anchor",
                    at,
                    &format!("no anchor `&{name}` stands before this"),
                    &format!("mark the value that is meant with `&{name}`, above its first use"),
                );
                return self.value(Node::new(Kind::Refused, at), 0, None);
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }

    /// Records a syntax error at a byte of the text.
    pub(super) fn syntax_error(&mut self, description: &Description, at: usize) {
        let start = self.input.offset + at;
        let span = Span {
            file: self.input.file,
            start,
            end: start,
        };
        self.problem(
            description.code,
            span,
            &description.message,
            description.help,
        );
        self.whole = false;
    }

    /// The tree, with what is still open closed where it broke off.
    pub(super) fn finish(mut self, problems: &mut Vec<Problem>) -> Parsed {
        while let Some(frame) = self.frames.last() {
            let end = frame.span.end;
            let _ = self.close(end);
        }
        problems.append(&mut self.problems);
        Parsed {
            root: self.root,
            whole: self.whole,
        }
    }

    pub(super) fn span(&self, span: &granit_parser::Span) -> Span {
        let range = span.byte_range().unwrap_or(0..0);
        Span {
            file: self.input.file,
            start: self.input.offset + range.start,
            end: self.input.offset + range.end,
        }
    }

    /// The pointer of the node that comes next.
    pub(super) fn pointer(&self) -> String {
        let mut pointer = String::new();
        for frame in &self.frames {
            match &frame.content {
                Content::List(items) => push_step(&mut pointer, &items.len().to_string()),
                Content::Map {
                    pending: Pending::Value { key, .. },
                    ..
                } => push_step(&mut pointer, key),
                Content::Map {
                    pending: Pending::Merge,
                    ..
                } => push_step(&mut pointer, "<<"),
                Content::Map { .. } => {}
            }
        }
        pointer
    }

    pub(super) fn problem(&mut self, code: &'static str, at: Span, message: &str, help: &str) {
        let pointer = self.pointer();
        self.problems
            .push(Problem::error(code, at, &pointer, message).help(help));
    }

    fn open(
        &mut self,
        content: Content,
        anchor: usize,
        span: Span,
        refused: bool,
    ) -> ControlFlow<()> {
        if self.frames.len() >= self.limits.depth {
            let message = format!("nested deeper than {} levels", self.limits.depth);
            return self.exceeded("too-deep", span, &message);
        }
        self.frames.push(Frame {
            content,
            span,
            anchor,
            refused,
        });
        ControlFlow::Continue(())
    }

    fn close(&mut self, end: usize) -> ControlFlow<()> {
        let Some(frame) = self.frames.pop() else {
            return ControlFlow::Continue(());
        };
        let span = Span {
            end: end.max(frame.span.end),
            ..frame.span
        };
        let node = match frame.content {
            _ if frame.refused => Node::new(Kind::Refused, span),
            Content::List(items) => Node::list(items, span),
            Content::Map { parts, keys, .. } => Node::map(assemble(parts, &keys), span),
        };
        self.value(node, frame.anchor, None)
    }

    fn scalar(&mut self, scalar: &Scalar, at: Span) -> ControlFlow<()> {
        let Scalar {
            text,
            style,
            anchor,
            tag,
        } = *scalar;
        if text.len() > self.limits.scalar_bytes {
            let message = format!("a text of more than {} KiB", self.limits.scalar_bytes >> 10);
            return self.exceeded("text-too-large", at, &message);
        }
        let key = self.expects_key();
        let is_plain = style == ScalarStyle::Plain && tag.is_none();
        if key && is_plain && text == "<<" {
            self.merge_key(at);
            return ControlFlow::Continue(());
        }
        if style == ScalarStyle::Plain && self.is_unquoted_reference(at) {
            return self.value(Node::new(Kind::Refused, at), anchor, None);
        }
        let kind = match tag {
            // An omitted key reads as `~`; one that is written out is a name like any other.
            None if key && is_plain && at.start < at.end => Kind::Text(text.into()),
            None if is_plain => self.plain(text, at),
            None => Kind::Text(text.into()),
            Some((tag, tag_at)) => self.tagged(tag, text, tag_at, at),
        };
        self.value(Node::new(kind, at), anchor, None)
    }

    /// Whether a plain scalar is a reference that was not quoted, which is then said.
    fn is_unquoted_reference(&mut self, at: Span) -> bool {
        let Input { text, offset, .. } = self.input;
        let overlaps =
            |range: &&Range<usize>| at.start < offset + range.end && offset + range.start < at.end;
        let Some(range) = self.unquoted.iter().find(overlaps).cloned() else {
            return false;
        };
        let written = &text[range.clone()];
        let span = Span {
            start: offset + range.start,
            end: offset + range.end,
            ..at
        };
        let help =
            format!("within {{ }} and [ ] YAML reads the braces as its own; write \"{written}\"");
        self.problem(
            "unquoted-reference",
            span,
            &format!("`{written}` is not quoted"),
            &help,
        );
        true
    }

    pub(super) fn plain(&mut self, text: &str, at: Span) -> Kind {
        match plain(text) {
            Meaning::Null => Kind::Null,
            Meaning::Bool(value) => Kind::Bool(value),
            Meaning::Number(number) => Kind::Number(number),
            Meaning::Text => Kind::Text(text.into()),
            Meaning::Refused(refusal) => {
                self.problem(
                    refusal.code(),
                    at,
                    &refusal.message(text),
                    &refusal.help(text),
                );
                Kind::Refused
            }
        }
    }

    fn expects_key(&self) -> bool {
        matches!(
            self.frames.last().map(|frame| &frame.content),
            Some(Content::Map {
                pending: Pending::Key,
                ..
            })
        )
    }

    /// Puts a finished node where it belongs. What was written here was counted piece by piece; what an alias brings
    /// is counted now, before anything holds it.
    pub(super) fn value(
        &mut self,
        node: Node,
        anchor: usize,
        alias: Option<Span>,
    ) -> ControlFlow<()> {
        let at = alias.unwrap_or(node.span);
        let own = match (&node.kind, alias) {
            (_, Some(_)) => (node.weight.nodes, node.weight.bytes),
            (Kind::Text(text), None) => (1, text.len()),
            (_, None) => (1, 0),
        };
        self.count(own.0, own.1, at)?;
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        if self.expects_key() {
            self.key(&node, at);
            return ControlFlow::Continue(());
        }
        let Some(frame) = self.frames.last_mut() else {
            self.root = Some(node);
            return ControlFlow::Continue(());
        };
        match &mut frame.content {
            Content::List(items) => items.push(node),
            Content::Map { parts, pending, .. } => match std::mem::replace(pending, Pending::Key) {
                Pending::Value { key, span } => {
                    parts.push(Part::Entry(Entry {
                        key,
                        key_span: span,
                        used: None,
                        node,
                    }));
                }
                Pending::Merge => self.merge(&node),
                Pending::Key | Pending::Dropped => {}
            },
        }
        ControlFlow::Continue(())
    }
}

/// The entries of a map: explicit keys win over merged ones, which stand where `<<` stood.
fn assemble(parts: Vec<Part>, explicit: &HashMap<Arc<str>, Span>) -> Vec<Entry> {
    let mut entries = Vec::with_capacity(parts.len());
    for part in parts {
        match part {
            Part::Entry(entry) => entries.push(entry),
            Part::Merge(merged) => {
                entries.extend(
                    merged
                        .into_iter()
                        .filter(|entry| !explicit.contains_key(&entry.key)),
                );
            }
        }
    }
    entries
}
