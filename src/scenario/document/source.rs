//! A scenario file read into one JSON value with places: parsed, extended, set, filled in.
//!
//! This is the only entry to reading. It knows YAML, references and files, and nothing of what a scenario's keys mean
//! (but for which fields hold credentials, so that they can be masked, and which keys are a target's address).

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::extends::{self, Loader, Location};
use super::interpolate::{self, Filling, References};
use super::limits::Limits;
use super::mask::{self, Credentials};
use super::node::{Kind, Node, Problem, Span};
use super::places::{Hidden, Places};
use super::set;
use crate::foundation::diagnostic::{Finding, Findings, Label, SourceFile};
use crate::foundation::files::project_root;

/// How a scenario is read.
pub struct ReadOptions<'a> {
    /// `path=value` settings, in the order given; the last wins.
    pub set: &'a [String],
    /// The environment, by name.
    pub environment: &'a dyn Fn(&str) -> Option<String>,
    /// Whether an unset reference without a default is an error.
    pub require_environment: bool,
    /// Whether the small limits for files of strangers hold (1 MiB in place of 8).
    pub untrusted: bool,
}

impl Default for ReadOptions<'_> {
    /// Nothing set, an empty environment, unset references accepted, a trusted file.
    fn default() -> Self {
        Self {
            set: &[],
            environment: &|_| None,
            require_environment: false,
            untrusted: false,
        }
    }
}

/// A scenario as read.
#[derive(Debug, Clone)]
pub struct Source {
    /// The document: extended, set and filled in; without `extends`. A leaf with an unset reference stands as written.
    pub value: Value,
    /// The same before anything was filled in, for what is written out.
    pub written: Value,
    /// Where everything stands.
    pub places: Places,
    /// The leaves that do not stand as written.
    pub references: References,
    /// Pointers of literals and of `${env:…}` in credential fields, for the rule that refuses them.
    pub credentials: Vec<String>,
    /// The scenario's folder (canonical), where its paths start.
    pub folder: PathBuf,
    /// The project root (canonical), which no path may leave.
    pub root: PathBuf,
    /// What was wrong so far, with places.
    pub findings: Findings,
    /// Whether all of the document was read; where not (broken YAML, no map, no file), checks of `value` would mislead.
    pub whole: bool,
    /// Pointers of values that were already refused; in `value` they are null.
    pub refused: Vec<String>,
}

impl Source {
    /// Makes findings about `value` ready to be shown: fills in places, masks credentials, drops what is about a
    /// refused value or about a leaf whose reference is unset (or lies within one), adds the findings of reading,
    /// sorts by file and place, and says the same thing at the same place once.
    pub fn settle(&self, findings: Findings) -> Findings {
        let silent: HashSet<&str> = self
            .refused
            .iter()
            .map(String::as_str)
            .chain(self.unset())
            .collect();
        let mut all = self.findings.clone();
        for mut finding in findings {
            // That a secret is no reference of this kind is so whether or not the variable is set.
            let always = finding.at_key || finding.code == "literal-secret";
            if always || !covered(&finding.pointer, &silent) {
                self.places.attach(&mut finding);
                all.push(finding);
            }
        }
        all.sort_by_cached_key(|finding| {
            finding
                .place
                .as_ref()
                .map_or((usize::MAX, 0), |place| self.places.rank(place))
        });
        let mut seen = HashSet::new();
        all.retain(|finding| {
            let rank = finding.place.as_ref().map(|place| self.places.rank(place));
            rank.is_none() || seen.insert((rank, finding.code, finding.message.clone()))
        });
        all
    }

    /// Variables that are named and not set, each with the pointer of the leaf that names it.
    pub fn unset_variables(&self) -> Vec<(String, String)> {
        let leaves = self.references.iter();
        leaves
            .flat_map(|(pointer, reference)| {
                reference
                    .unset
                    .iter()
                    .map(|name| (pointer.clone(), name.clone()))
            })
            .collect()
    }

    /// Pointers of leaves whose references are unset.
    fn unset(&self) -> impl Iterator<Item = &str> {
        let unset = self
            .references
            .iter()
            .filter(|(_, reference)| !reference.unset.is_empty());
        unset.map(|(pointer, _)| pointer.as_str())
    }
}

/// Whether a pointer or one of its parents is among `pointers`.
fn covered(pointer: &str, pointers: &HashSet<&str>) -> bool {
    let parents = pointer
        .match_indices('/')
        .map(|(at, _)| &pointer[..at])
        .skip(1);
    pointers.contains(pointer) || parents.into_iter().any(|parent| pointers.contains(parent))
}

/// Reads a scenario. Whatever is wrong, an unreadable file included, is a finding in the result.
pub fn read(path: &Path, options: &ReadOptions) -> Source {
    let limits = limits(options);
    match extends::read_text(path, limits) {
        Ok(text) => assemble(path, Ok(text), options),
        Err(error) => {
            let problem = error.problem(Span::default(), "", &path.display().to_string(), limits);
            assemble(path, Err(problem), options)
        }
    }
}

/// Reads a scenario whose text is at hand, as though it stood in `path`.
#[cfg(test)]
pub fn read_text(path: &Path, text: &str, options: &ReadOptions) -> Source {
    assemble(path, Ok(text.to_owned()), options)
}

fn limits(options: &ReadOptions) -> &'static Limits {
    if options.untrusted {
        &Limits::UNTRUSTED
    } else {
        &Limits::TRUSTED
    }
}

fn assemble(path: &Path, text: Result<String, Problem>, options: &ReadOptions) -> Source {
    let limits = limits(options);
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let folder = parent.canonicalize().unwrap_or_else(|_| parent.to_owned());
    let root = project_root(&folder).unwrap_or_else(|_| folder.clone());
    let mut loader = Loader::new(limits, &root);
    let name = path.file_name().map(PathBuf::from).unwrap_or_default();
    let real = path.canonicalize().unwrap_or_else(|_| folder.join(name));
    let location = Location {
        real,
        shown: extends::tidy(path),
    };
    let document = match text {
        Ok(text) => loader.load(&location, text),
        Err(problem) => {
            loader
                .files
                .push((location.shown.display().to_string(), String::new()));
            loader.problems.push(problem);
            loader.broken.push(0);
            None
        }
    };
    let nothing = || Node::map(Vec::new(), Span::default());
    let mut document = document.unwrap_or_else(nothing);
    for setting in options.set {
        document = set::apply(setting, document, &mut loader);
    }
    if document.weight.nodes > limits.nodes || document.weight.bytes > limits.text_bytes {
        let message = "the files together hold too many values";
        let problem = Problem::error("too-many-values", document.span, "", message);
        loader
            .problems
            .push(problem.help("keep prompts and other data in dataset files"));
        loader.broken.push(0);
        document = nothing();
    }
    let Loader {
        files,
        problems,
        broken,
        ..
    } = loader;
    finish(
        Read {
            document,
            files,
            problems,
            broken,
            folder,
            root,
        },
        options,
    )
}

/// All files read, nothing filled in, nothing masked.
struct Read {
    document: Node,
    files: Vec<(String, String)>,
    problems: Vec<Problem>,
    broken: Vec<usize>,
    folder: PathBuf,
    root: PathBuf,
}

fn finish(read: Read, options: &ReadOptions) -> Source {
    let Read {
        document,
        files,
        mut problems,
        broken,
        folder,
        root,
    } = read;
    let (paths, texts): (Vec<String>, Vec<String>) = files.into_iter().unzip();
    let filling = Filling {
        environment: options.environment,
        required: options.require_environment,
        limits: limits(options),
        texts: &texts,
    };
    let mut filled = interpolate::fill(&document, &filling);
    problems.append(&mut filled.problems);
    let credentials = mask::find(&document);
    let files = masked(paths, &texts, &credentials, &broken);
    let hidden = hidden(&credentials, &filled.references, &filled.value);
    let mut refused = filled.refused;
    document.leaves(&mut String::new(), &mut |pointer, node| {
        if matches!(node.kind, Kind::Refused) {
            refused.push(pointer.to_owned());
        }
    });
    let written = document.to_value(&mut String::new(), &mut |_, text, _| {
        Value::String(text.to_string())
    });
    let places = Places::new(document, files, hidden);
    let source = Source {
        value: filled.value,
        written,
        findings: problems
            .into_iter()
            .map(|problem| finding(problem, &places))
            .collect(),
        places,
        references: filled.references,
        credentials: credentials.pointers,
        folder,
        root,
        whole: broken.is_empty(),
        refused,
    };
    Source {
        findings: source.settle(Findings::new()),
        ..source
    }
}

fn masked(
    paths: Vec<String>,
    texts: &[String],
    credentials: &Credentials,
    broken: &[usize],
) -> Vec<Arc<SourceFile>> {
    let mask = |(file, (path, text)): (usize, (String, &String))| {
        let spans = credentials.spans.iter().filter(|span| span.file == file);
        let spans: Vec<_> = spans.map(|span| span.start..span.end).collect();
        Arc::new(SourceFile {
            path,
            text: mask::source(text, &spans, broken.contains(&file)),
        })
    };
    paths.into_iter().zip(texts).enumerate().map(mask).collect()
}

/// What must not stand in a finding's texts.
fn hidden(credentials: &Credentials, references: &References, value: &Value) -> Vec<Hidden> {
    let literals = credentials.texts.iter().cloned().map(Hidden::credential);
    let filled = references
        .iter()
        .filter(|(_, reference)| !reference.names.is_empty() && reference.unset.is_empty());
    let filled = filled.filter_map(|(pointer, reference)| {
        let text = value.pointer(pointer)?.as_str()?;
        Some(Hidden::filled(text.to_owned(), reference.written.clone()))
    });
    literals.chain(filled).collect()
}

fn finding(problem: Problem, places: &Places) -> Finding {
    let label = |(span, text)| Label {
        place: places.place(span),
        text,
    };
    let mut finding = Finding {
        code: problem.code,
        severity: problem.severity,
        pointer: problem.pointer,
        at_key: false,
        message: problem.message,
        help: problem.help,
        place: Some(places.place(problem.span)),
        labels: problem.labels.into_iter().map(label).collect(),
    };
    places.attach(&mut finding);
    finding
}

#[cfg(test)]
mod tests;
