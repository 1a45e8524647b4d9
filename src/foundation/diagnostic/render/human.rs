//! Findings for people, as rustc shows them.

use std::ops::Range;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet};

use super::shown::{Shown, harmless, harmless_source, one_line};
use crate::foundation::diagnostic::{Finding, Place, Severity, SourceFile};

/// How the text is to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Whether to use ANSI colours.
    pub colour: bool,
    /// Columns of the terminal; source lines are cut to fit.
    pub width: usize,
}

/// The findings with their source lines, each followed by an empty line, and how many more there are of a file.
/// Nothing for none.
pub fn human(findings: &[Finding], look: Look) -> String {
    let renderer = if look.colour {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let renderer = renderer
        .term_width(look.width)
        .decor_style(DecorStyle::Ascii);
    let shown = Shown::of(findings);
    let mut text = String::new();
    for finding in &shown.findings {
        text.push_str(&renderer.render(&[group(finding)]));
        text.push_str("\n\n");
    }
    for more in &shown.more {
        text.push_str(&more.sentence());
        text.push('\n');
    }
    text
}

fn group(finding: &Finding) -> Group<'_> {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group = level
        .primary_title(one_line(&finding.message))
        .id(finding.code)
        .elements(snippets(finding));
    if let Some(help) = &finding.help {
        group = group.element(Level::HELP.message(one_line(help)));
    }
    group
}

/// A mark under the source.
struct Mark<'f> {
    kind: AnnotationKind,
    place: &'f Place,
    text: &'f str,
}

/// One snippet a file, the finding's own file first; of what stands far into a line, the place alone.
fn snippets(finding: &Finding) -> Vec<Element<'_>> {
    let Some(place) = &finding.place else {
        return Vec::new();
    };
    let (line, column) = place.line_column();
    if column > BEHIND {
        let origin = Origin::path(shown_path(&place.file)).line(line);
        return vec![origin.char_column(column).into()];
    }
    let mut marks = vec![Mark {
        kind: AnnotationKind::Primary,
        place,
        text: "",
    }];
    marks.extend(finding.labels.iter().map(|label| Mark {
        kind: AnnotationKind::Context,
        place: &label.place,
        text: &label.text,
    }));
    let mut files: Vec<&SourceFile> = Vec::new();
    for mark in &marks {
        if !files
            .iter()
            .any(|file| std::ptr::eq(*file, &raw const *mark.place.file))
        {
            files.push(&mark.place.file);
        }
    }
    files
        .into_iter()
        .map(|file| snippet(file, &marks).into())
        .collect()
}

fn snippet<'f>(
    file: &'f SourceFile,
    marks: &[Mark<'f>],
) -> Snippet<'f, annotate_snippets::Annotation<'f>> {
    let own: Vec<&Mark> = marks
        .iter()
        .filter(|mark| std::ptr::eq(&raw const *mark.place.file, file))
        .collect();
    let spans: Vec<Range<usize>> = own
        .iter()
        .map(|mark| within(&file.text, &mark.place.span))
        .collect();
    // Only the lines that are marked, and of these no more than could be shown: a line may be a whole file.
    let first = spans.iter().map(|span| span.start).min().unwrap_or(0);
    let last = spans.iter().map(|span| span.end).max().unwrap_or(0);
    let mut start = file.text[..first].rfind('\n').map_or(0, |at| at + 1);
    let line = file.text[..start].matches('\n').count() + 1;
    let shown = &file.text[last..file
        .text
        .ceil_char_boundary(file.text.len().min(last + BEHIND))];
    let end = last + shown.find('\n').unwrap_or(shown.len());
    if start == 0 && file.text.starts_with('\u{feff}') {
        start = '\u{feff}'.len_utf8().min(end);
    }
    let annotations = own.iter().zip(spans).map(|(mark, span)| {
        let span = span.start.max(start) - start..span.end.max(start) - start;
        let annotation = mark.kind.span(span);
        if mark.text.is_empty() {
            annotation
        } else {
            annotation.label(one_line(mark.text))
        }
    });
    Snippet::source(harmless_source(&file.text[start..end]))
        .path(shown_path(file))
        .line_start(line)
        .fold(true)
        .annotations(annotations)
}

fn shown_path(file: &SourceFile) -> String {
    harmless(&file.path).replace('\n', "\\n")
}

/// So many bytes are marked at most, and so many shown behind a mark and before it: more than any terminal is wide.
const BEHIND: usize = 2000;

/// The span as far as it lies within the text, on character boundaries, and no longer than can be shown.
fn within(text: &str, span: &Range<usize>) -> Range<usize> {
    let start = text.floor_char_boundary(span.start.min(text.len()));
    let end = span.end.clamp(start, text.len()).min(start + BEHIND);
    start..text.ceil_char_boundary(end)
}
