//! YAML text into a tree with places: YAML 1.2 core, duplicate keys refused, aliases bounded before they are copied.
//!
//! Knows nothing of scenarios. Goes on after whatever does not break the structure, so that one pass finds all of it.

mod bounds;
mod build;
mod keys;
mod syntax;
mod tags;

use granit_parser::{Event, Parser, options};

use super::limits::Limits;
use super::node::{FileId, Node, Problem, Span};
use build::Builder;

/// A parsed text.
pub(super) struct Parsed {
    /// The document; a part of it where it is not whole, `None` where there is none.
    pub(super) root: Option<Node>,
    /// Whether the structure was read to its end.
    pub(super) whole: bool,
}

/// A text and where it stands.
#[derive(Clone, Copy)]
pub(super) struct Input<'a> {
    pub(super) file: FileId,
    pub(super) text: &'a str,
    /// Where `text` begins in its file.
    pub(super) offset: usize,
}

/// The most unquoted references that one pass steps over.
const MOST_STEPS: usize = 20;

/// Parses one document.
///
/// An unquoted `${…}` in a flow collection breaks YAML's structure. It is reported, then read as though it were text, so
/// that what comes after it is checked too.
pub(super) fn parse(input: Input, limits: &Limits, problems: &mut Vec<Problem>) -> Parsed {
    if input.text.len() > limits.file_bytes {
        let span = Span {
            file: input.file,
            start: input.offset,
            end: input.offset,
        };
        problems.push(too_large(span, limits));
        return Parsed {
            root: None,
            whole: false,
        };
    }
    let mut text = input.text.to_owned();
    let mut unquoted = Vec::new();
    loop {
        let mut builder = Builder::new(input, limits, &unquoted);
        let stopped = run(&text, &mut builder);
        if let Some((at, _)) = &stopped
            && unquoted.len() < MOST_STEPS
            && let Some(range) = syntax::unquoted_reference(&text, *at)
        {
            syntax::blank(&mut text, range.clone());
            unquoted.push(range);
            continue;
        }
        if let Some((at, kind)) = stopped {
            builder.syntax_error(&syntax::describe(&kind), at);
        }
        return builder.finish(problems);
    }
}

/// The problem of a file that is too large to be read.
pub(super) fn too_large(span: Span, limits: &Limits) -> Problem {
    let mib = limits.file_bytes >> 20;
    Problem::error(
        "file-too-large",
        span,
        "",
        format!("the file is larger than {mib} MiB"),
    )
    .help("keep prompts and other data in dataset files")
}

/// Feeds the builder until the end, its own stop, or a syntax error, which is returned with its byte offset.
fn run(text: &str, builder: &mut Builder) -> Option<(usize, granit_parser::ErrorKind)> {
    // The parser's own limits stand just above ours, so that ours speak first.
    let options = options! {
        emit_unresolved_aliases: true,
        flow_nesting_limit: builder.limits.depth + 8,
        block_nesting_limit: builder.limits.depth + 8,
    };
    for next in Parser::new_from_str_with_options(text, options) {
        match next {
            Ok((Event::StreamEnd, _)) => return None,
            Ok((event, span)) => {
                if builder.event(event, &span).is_break() {
                    return None;
                }
            }
            Err(error) => {
                let at = error.marker().byte_offset().unwrap_or(0).min(text.len());
                return Some((at, error.kind().clone()));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests;
