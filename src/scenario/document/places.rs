//! Where in which file each value was written.

use std::sync::Arc;

use super::mask::{self, MASK};
use super::node::{Kind, Node, Span, steps};
use crate::foundation::diagnostic::{Finding, Label, Place, SourceFile};

/// The places of a document's values and keys, by JSON pointer; also what must not be shown of them.
#[derive(Debug, Clone)]
pub struct Places {
    root: Arc<Node>,
    files: Vec<Arc<SourceFile>>,
    hidden: Arc<Vec<Hidden>>,
}

/// A text that must not be shown, and what is shown instead.
#[derive(Debug, Clone)]
pub(super) struct Hidden {
    text: String,
    shown: String,
    /// Whether it is hidden wherever it stands, or only where it is quoted: a short one is a word of other texts too.
    everywhere: bool,
}

impl Hidden {
    /// A credential.
    pub(super) fn credential(text: String) -> Self {
        Self {
            everywhere: text.len() >= 4,
            text,
            shown: MASK.to_owned(),
        }
    }

    /// What a reference was filled in with.
    pub(super) fn filled(text: String, written: String) -> Self {
        Self {
            everywhere: text.len() >= 8,
            text,
            shown: written,
        }
    }
}

/// The place of a value and its key within the tree.
struct Located<'n> {
    node: &'n Node,
    key: Option<Span>,
    /// Where it is used, when it was written elsewhere: through which aliases and merges the key, then the value.
    key_used: Vec<Span>,
    used: Vec<Span>,
    /// Whether the pointer was followed to its end.
    exact: bool,
}

impl Places {
    pub(super) fn new(root: Node, files: Vec<Arc<SourceFile>>, mut hidden: Vec<Hidden>) -> Self {
        hidden.retain(|hidden| !hidden.text.is_empty());
        // Longest first: a part of a credential must not be replaced before the whole.
        hidden.sort_by_key(|hidden| std::cmp::Reverse(hidden.text.len()));
        Self {
            root: Arc::new(root),
            files,
            hidden: Arc::new(hidden),
        }
    }

    /// The place of the value that `pointer` names; `None` where it was not written.
    #[cfg(test)]
    pub fn value(&self, pointer: &str) -> Option<Place> {
        let located = self.locate(pointer);
        located.exact.then(|| self.place(located.node.span))
    }

    /// The place of the key of the value that `pointer` names; `None` where it was not written or has no key.
    #[cfg(test)]
    pub fn key(&self, pointer: &str) -> Option<Place> {
        let located = self.locate(pointer);
        located
            .key
            .filter(|_| located.exact)
            .map(|span| self.place(span))
    }

    /// Fills the finding's place from its pointer, unless it has one: the value's, or the key's with `at_key` and for a
    /// value of several lines; of what was not written, the nearest parent's key. A value that stands here through an
    /// alias is shown at its anchor, with a label where it is used. Credentials, and what references were filled in
    /// with, are hidden in the finding's texts.
    pub fn attach(&self, finding: &mut Finding) {
        if finding.place.is_none() {
            let located = self.locate(&finding.pointer);
            let (span, used) = self.choose(&located, finding.at_key);
            finding.place = Some(self.place(span));
            for span in used.iter().take(3) {
                let label = Label {
                    place: self.place(*span),
                    text: "used here".to_owned(),
                };
                if !finding.labels.contains(&label) {
                    finding.labels.push(label);
                }
            }
        }
        finding.message = self.shown(&finding.message);
        finding.help = finding.help.as_deref().map(|help| self.shown(help));
        for label in &mut finding.labels {
            label.text = self.shown(&label.text);
        }
    }

    /// A text as it may be shown: without credentials, with references in place of what they were filled in with.
    pub fn shown(&self, text: &str) -> String {
        let mut text = mask::urls(text).into_owned();
        for hidden in self.hidden.iter() {
            if hidden.everywhere {
                text = text.replace(&hidden.text, &hidden.shown);
            } else if text.contains(&hidden.text) {
                for quote in ['`', '"', '\''] {
                    let quoted = |text: &str| format!("{quote}{text}{quote}");
                    text = text.replace(&quoted(&hidden.text), &quoted(&hidden.shown));
                }
            }
        }
        text
    }

    /// The files read, the scenario first, settings last; masked.
    #[cfg(test)]
    pub(super) fn files(&self) -> &[Arc<SourceFile>] {
        &self.files
    }

    pub(super) fn place(&self, span: Span) -> Place {
        let file = self
            .files
            .get(span.file)
            .or_else(|| self.files.first())
            .cloned();
        let file = file.unwrap_or_else(|| {
            Arc::new(SourceFile {
                path: String::new(),
                text: String::new(),
            })
        });
        Place {
            span: span.start..span.end,
            file,
        }
    }

    /// The order of a place among the files that were read.
    pub(super) fn rank(&self, place: &Place) -> (usize, usize) {
        let file = self
            .files
            .iter()
            .position(|file| Arc::ptr_eq(file, &place.file));
        (file.unwrap_or(self.files.len()), place.span.start)
    }

    fn locate(&self, pointer: &str) -> Located<'_> {
        let root: &Node = &self.root;
        let mut at = Located {
            node: root,
            key: None,
            key_used: Vec::new(),
            used: Vec::new(),
            exact: true,
        };
        for step in steps(pointer) {
            let (node, key, through) = match &at.node.kind {
                Kind::Map(entries) => match entries.named(&step) {
                    Some(entry) => (&entry.node, Some(entry.key_span), entry.used),
                    None => return Located { exact: false, ..at },
                },
                Kind::List(items) => {
                    match step.parse().ok().and_then(|index: usize| items.get(index)) {
                        Some(item) => (item, None, None),
                        None => return Located { exact: false, ..at },
                    }
                }
                _ => return Located { exact: false, ..at },
            };
            let mut key_used = at.used;
            key_used.extend(through);
            let mut used = key_used.clone();
            used.extend(node.used);
            at = Located {
                node,
                key,
                key_used,
                used,
                exact: true,
            };
        }
        at
    }

    /// The span that shows a located value best, with the aliases that lead there.
    fn choose<'l>(&self, located: &'l Located, at_key: bool) -> (Span, &'l [Span]) {
        let node = located.node;
        let lines = self.text(node.span).contains('\n');
        let collection = matches!(node.kind, Kind::List(_) | Kind::Map(_));
        let nothing = node.span.start >= node.span.end;
        if let Some(key) = located.key
            && (at_key || !located.exact || nothing || (lines && collection))
        {
            return (key, &located.key_used);
        }
        // A map without a key (the document, an item) is shown by its first key.
        if lines
            && let Some(first) = node.entries().and_then(|entries| entries.first())
            && first.used.is_none()
        {
            return (first.key_span, &located.used);
        }
        let length = self
            .text(node.span)
            .lines()
            .next()
            .map_or(0, |line| line.trim_end().len());
        (
            Span {
                end: node.span.start + length,
                ..node.span
            },
            &located.used,
        )
    }

    fn text(&self, span: Span) -> &str {
        self.files
            .get(span.file)
            .and_then(|file| file.text.get(span.start..span.end))
            .unwrap_or("")
    }
}
