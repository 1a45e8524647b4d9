//! Aliases, and the limits that they are held against.

use std::ops::ControlFlow;

use super::build::Builder;
use crate::scenario::document::node::{Kind, Node, Span};

impl Builder<'_> {
    /// Stops reading: a limit is exceeded. Said once, for closing what is open counts too.
    pub(super) fn exceeded(
        &mut self,
        code: &'static str,
        at: Span,
        message: &str,
    ) -> ControlFlow<()> {
        if self.whole {
            self.problem(
                code,
                at,
                message,
                "keep prompts and other data in dataset files",
            );
        }
        self.whole = false;
        ControlFlow::Break(())
    }

    pub(super) fn alias(&mut self, anchor: usize, at: Span) -> ControlFlow<()> {
        self.counts.aliases += 1;
        if self.counts.aliases > self.limits.aliases {
            let message = format!("more than {} aliases", self.limits.aliases);
            return self.exceeded("too-many-aliases", at, &message);
        }
        let Some(node) = self.anchors.get(&anchor) else {
            self.problem(
                "recursive-alias",
                at,
                "this alias stands within its own anchor",
                "write the value out",
            );
            return self.value(Node::new(Kind::Refused, at), 0, None);
        };
        // A clone shares what it stands for; only its weight tells how large it is.
        let node = Node {
            used: Some(at),
            ..node.clone()
        };
        let depth = self.frames.len() + node.weight.depth;
        if depth > self.limits.depth {
            let message = format!(
                "nested deeper than {} levels through this alias",
                self.limits.depth
            );
            return self.exceeded("too-deep", at, &message);
        }
        self.value(node, 0, Some(at))
    }

    /// Counts what a value adds when it is written out.
    pub(super) fn count(&mut self, nodes: usize, bytes: usize, at: Span) -> ControlFlow<()> {
        self.counts.nodes = self.counts.nodes.saturating_add(nodes);
        self.counts.bytes = self.counts.bytes.saturating_add(bytes);
        if self.counts.nodes > self.limits.nodes {
            let message = format!("more than {} values", self.limits.nodes);
            return self.exceeded("too-many-values", at, &message);
        }
        if self.counts.bytes > self.limits.text_bytes {
            let message = format!("more than {} MiB of text", self.limits.text_bytes >> 20);
            return self.exceeded("too-much-text", at, &message);
        }
        ControlFlow::Continue(())
    }
}
