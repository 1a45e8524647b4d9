//! `extends`: other files below this one. Maps merge deeply, lists replace, the file that extends wins.
//!
//! Every leaf keeps its place in the file that it was written in.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};

use super::limits::Limits;
use super::node::{Entry, Kind, Node, Problem, Span};
use super::yaml::{self, Input};
use crate::foundation::files::{FilesError, inside};

/// How many files deep a scenario may extend others.
const DEEPEST: usize = 5;

/// Reads files and what they extend.
pub(super) struct Loader<'a> {
    pub(super) limits: &'a Limits,
    /// What no path may leave; canonical.
    pub(super) root: &'a Path,
    /// Path as shown, and text, of each file; a [`Span`] names it by its index.
    pub(super) files: Vec<(String, String)>,
    pub(super) problems: Vec<Problem>,
    /// Files whose structure broke.
    pub(super) broken: Vec<usize>,
    /// The files that are being read, each extended by the one before it.
    chain: Vec<PathBuf>,
    loaded: usize,
}

/// One file to be read: where it is, and how it is shown.
pub(super) struct Location {
    pub(super) real: PathBuf,
    pub(super) shown: PathBuf,
}

impl<'a> Loader<'a> {
    pub(super) fn new(limits: &'a Limits, root: &'a Path) -> Self {
        Self {
            limits,
            root,
            files: Vec::new(),
            problems: Vec::new(),
            broken: Vec::new(),
            chain: Vec::new(),
            loaded: 0,
        }
    }

    /// Parses `text`, which stands at `location`, with all that it extends. `None` where there is no map.
    pub(super) fn load(&mut self, location: &Location, text: String) -> Option<Node> {
        let file = self.files.len();
        self.files
            .push((location.shown.display().to_string(), text));
        let input = Input {
            file,
            text: &self.files[file].1,
            offset: 0,
        };
        let parsed = yaml::parse(input, self.limits, &mut self.problems);
        if !parsed.whole {
            self.broken.push(file);
        }
        let own = self.expect_map(file, parsed)?;
        self.chain.push(location.real.clone());
        let merged = self.extend(&own, location);
        self.chain.pop();
        Some(merged)
    }

    fn expect_map(&mut self, file: usize, parsed: yaml::Parsed) -> Option<Node> {
        let start = Span {
            file,
            start: 0,
            end: 0,
        };
        match parsed.root {
            Some(node) if node.entries().is_some() => Some(node),
            Some(Node {
                kind: Kind::Null, ..
            })
            | None
                if parsed.whole =>
            {
                let problem = Problem::error("empty-file", start, "", "the file is empty");
                self.problems
                    .push(problem.help("`plimsoll init` writes a first scenario"));
                self.broken.push(file);
                None
            }
            Some(node) if parsed.whole => {
                let problem = Problem::error(
                    "not-a-map",
                    node.span,
                    "",
                    "the file holds no map of keys to values",
                );
                self.problems.push(problem.help("begin with `version: 1`"));
                self.broken.push(file);
                None
            }
            _ => None,
        }
    }

    /// Puts what `own` extends below it; the result has no `extends` any more.
    fn extend(&mut self, own: &Node, location: &Location) -> Node {
        let Some(entry) = own.entry("extends").cloned() else {
            return own.clone();
        };
        let entries = own.entries().map(|entries| entries.iter());
        let rest = entries
            .into_iter()
            .flatten()
            .filter(|entry| &*entry.key != "extends")
            .cloned()
            .collect();
        let rest = Node::map(rest, own.span);
        let mut base: Option<Node> = None;
        for (pointer, path, span) in self.paths(&entry) {
            if let Some(next) = self.follow(&path, span, &pointer, location) {
                base = Some(base.map_or(next.clone(), |base| merge(&base, &next)));
            }
        }
        base.map_or(rest.clone(), |base| merge(&base, &rest))
    }

    /// The paths of an `extends` entry with their pointers and places.
    fn paths(&mut self, entry: &Entry) -> Vec<(String, String, Span)> {
        let wrong = |span, pointer: &str| {
            Problem::error(
                "wrong-type",
                span,
                pointer,
                "`extends` is a path or a list of paths",
            )
            .help("write `extends: [common.yaml]`")
        };
        let items = match &entry.node.kind {
            Kind::List(items) => items,
            Kind::Text(path) => {
                return vec![("/extends".to_owned(), path.to_string(), entry.node.span)];
            }
            Kind::Refused => return Vec::new(),
            _ => {
                self.problems.push(wrong(entry.node.span, "/extends"));
                return Vec::new();
            }
        };
        let mut paths = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let pointer = format!("/extends/{index}");
            match &item.kind {
                Kind::Text(path) => paths.push((pointer, path.to_string(), item.span)),
                Kind::Refused => {}
                _ => self.problems.push(wrong(item.span, &pointer)),
            }
        }
        paths
    }

    /// Reads one file that `location` extends.
    fn follow(
        &mut self,
        path: &str,
        span: Span,
        pointer: &str,
        location: &Location,
    ) -> Option<Node> {
        let target = match self.target(path, location) {
            Ok(target) => target,
            Err(Refused {
                code,
                message,
                help,
            }) => {
                let problem = Problem::error(code, span, pointer, message);
                self.problems.push(problem.help(help));
                return None;
            }
        };
        self.loaded += 1;
        if self.loaded > self.limits.files {
            if self.loaded == self.limits.files + 1 {
                let message = format!("more than {} files are extended", self.limits.files);
                let problem = Problem::error("too-many-files", span, pointer, message);
                self.problems.push(problem.help("extend fewer files"));
            }
            return None;
        }
        match read_text(&target.real, self.limits) {
            Ok(text) => self.load(&target, text),
            Err(error) => {
                let problem = error.problem(span, pointer, path, self.limits);
                self.problems.push(problem);
                None
            }
        }
    }

    /// Where a path leads, if it may be followed.
    fn target(&self, path: &str, location: &Location) -> Result<Location, Refused> {
        let refuse = |code, message: String, help: &str| {
            Err(Refused {
                code,
                message,
                help: help.to_owned(),
            })
        };
        if path.contains("${") {
            let message = format!("the reference in `{path}` is not filled in");
            return refuse("bad-reference", message, "`extends` takes plain paths");
        }
        let target = self.locate(path, location).map_err(|error| Refused {
            code: match error {
                FilesError::Outside { .. } => "outside-project",
                _ => "unreadable-file",
            },
            message: describe(path, &error),
            help: error.help(),
        })?;
        if self.chain.contains(&target.real) {
            let message = format!("`{path}` extends this file in turn");
            return refuse(
                "extends-cycle",
                message,
                "move what both need into a file of its own",
            );
        }
        let depth = self.chain.len();
        if depth > DEEPEST {
            let message =
                format!("`{path}` would be extended {depth} files deep; {DEEPEST} is the most");
            return refuse("extends-too-deep", message, "extend fewer files in a row");
        }
        Ok(target)
    }

    fn locate(&self, path: &str, location: &Location) -> Result<Location, FilesError> {
        let folder = location.real.parent().unwrap_or(self.root);
        let real = inside(self.root, &folder.join(path))?;
        let shown = location.shown.parent().unwrap_or(Path::new("")).join(path);
        Ok(Location {
            real,
            shown: tidy(&shown),
        })
    }
}

/// Why a path is not followed.
struct Refused {
    code: &'static str,
    message: String,
    help: String,
}

/// What is wrong with a path, with the path as written.
fn describe(path: &str, error: &FilesError) -> String {
    match error {
        FilesError::Outside { .. } => format!("`{path}` leads out of the project"),
        FilesError::Read { source, .. } => format!("cannot read `{path}`: {}", reason(source)),
        other => other.to_string(),
    }
}

/// A system's error without its number.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "it may not be read".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        _ => error.to_string(),
    }
}

/// Why the text of a file cannot be had.
#[derive(Debug)]
pub(super) enum Unreadable {
    /// The system says no.
    Io(io::Error),
    /// It is larger than the limit.
    TooLarge,
    /// It is not UTF-8 from this byte on; the text up to there.
    NotText(String),
}

impl Unreadable {
    pub(super) fn problem(
        &self,
        span: Span,
        pointer: &str,
        path: &str,
        limits: &Limits,
    ) -> Problem {
        match self {
            Self::Io(error) => {
                let message = format!("cannot read `{path}`: {}", reason(error));
                Problem::error("unreadable-file", span, pointer, message)
                    .help("check the path and its permissions")
            }
            Self::TooLarge => Problem {
                pointer: pointer.to_owned(),
                ..yaml::too_large(span, limits)
            },
            Self::NotText(before) => {
                let line = before.matches('\n').count() + 1;
                let message = format!("`{path}` is not UTF-8 text (line {line})");
                Problem::error("not-utf8", span, pointer, message).help("save it as UTF-8")
            }
        }
    }
}

/// Reads a file, no more of it than the limit.
pub(super) fn read_text(path: &Path, limits: &Limits) -> Result<String, Unreadable> {
    let file = File::open(path).map_err(Unreadable::Io)?;
    let metadata = file.metadata().map_err(Unreadable::Io)?;
    if metadata.is_dir() {
        return Err(Unreadable::Io(io::ErrorKind::IsADirectory.into()));
    }
    let limit = limits.file_bytes as u64;
    if metadata.len() > limit {
        return Err(Unreadable::TooLarge);
    }
    let mut bytes = Vec::new();
    file.take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(Unreadable::Io)?;
    if bytes.len() > limits.file_bytes {
        return Err(Unreadable::TooLarge);
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        Unreadable::NotText(String::from_utf8_lossy(&error.as_bytes()[..valid]).into_owned())
    })
}

/// A path without `.` and without `..` that can be taken back by its text alone.
pub(super) fn tidy(path: &Path) -> PathBuf {
    let mut tidied = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir
                if matches!(tidied.components().next_back(), Some(Component::Normal(_))) =>
            {
                tidied.pop();
            }
            other => tidied.push(other),
        }
    }
    tidied
}

/// `over` laid on `base`: maps merge deeply, all else is replaced. Keys keep the order of `base`, new ones follow.
pub(super) fn merge(base: &Node, over: &Node) -> Node {
    let (Some(below), Some(above)) = (base.entries(), over.entries()) else {
        return over.clone();
    };
    let mut entries: Vec<Entry> = below.to_vec();
    for entry in above.iter() {
        match below.position(&entry.key) {
            Some(at) => {
                let node = merge(&entries[at].node, &entry.node);
                entries[at] = Entry {
                    node,
                    ..entry.clone()
                };
            }
            None => entries.push(entry.clone()),
        }
    }
    let merged = Node::map(entries, over.span);
    Node {
        used: over.used,
        ..merged
    }
}

#[cfg(test)]
mod tests;
