//! Tags: those of the core schema are read, all others refused.

use std::borrow::Cow;

use granit_parser::Tag;

use super::build::Builder;
use crate::scenario::document::node::{Kind, Span};

impl Builder<'_> {
    pub(super) fn tagged(&mut self, tag: &Tag, text: &str, tag_at: Span, at: Span) -> Kind {
        let expected = match tag.core_suffix() {
            Some("str") => return Kind::Text(text.into()),
            None if tag.handle().is_empty() && tag.suffix() == "!" => {
                return Kind::Text(text.into());
            }
            Some("null") => "null",
            Some("bool") => "a boolean",
            Some("int") => "an integer",
            Some("float") => "a number",
            _ => return self.foreign_tag(&tag.original(), tag_at),
        };
        let kind = self.plain(text, at);
        let fits = match (&kind, expected) {
            (Kind::Null, "null")
            | (Kind::Bool(_), "a boolean")
            | (Kind::Number(_), "a number")
            | (Kind::Refused, _) => true,
            (Kind::Number(number), "an integer") => !number.is_f64(),
            _ => false,
        };
        if fits {
            return kind;
        }
        self.problem(
            "wrong-tag",
            at,
            &format!("`{text}` is not {expected}"),
            "remove the tag, or correct the value",
        );
        Kind::Refused
    }

    fn foreign_tag(&mut self, tag: &str, at: Span) -> Kind {
        let help = if tag.to_ascii_lowercase().contains("env") {
            "write `${env:NAME}`, or for a secret `{ env: NAME }`"
        } else {
            "remove it; only the tags of YAML's core schema are read"
        };
        self.problem("unknown-tag", at, &format!("unknown tag `{tag}`"), help);
        Kind::Refused
    }

    pub(super) fn collection_tag(
        &mut self,
        tag: Option<Cow<Tag>>,
        span: &granit_parser::Span,
        core: &str,
    ) -> bool {
        let Some(tag) = tag else { return false };
        if tag.is_yaml_core_schema_tag(core) {
            return false;
        }
        let at = span
            .tag_span()
            .map_or_else(|| self.span(span), |tag| self.span(&tag));
        self.foreign_tag(&tag.original(), at);
        true
    }
}
