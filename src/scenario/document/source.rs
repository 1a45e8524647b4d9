//! A scenario file read into one JSON value with places: parsed, extended, set, filled in.
//!
//! This is the only entry to reading. It knows YAML, references and files, and nothing of what a scenario's keys mean
//! (but for which fields hold credentials, so that they can be masked).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::interpolate::References;
use super::places::Places;
use crate::foundation::diagnostic::{Finding, Findings, SourceFile};

/// What is read how.
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
        Self { set: &[], environment: &|_| None, require_environment: false, untrusted: false }
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
    /// The leaves that came from references.
    pub references: References,
    /// Pointers of literals (or references) in credential fields, for the rule that refuses them.
    pub credentials: Vec<String>,
    /// The files read, the scenario first, masked.
    pub files: Vec<Arc<SourceFile>>,
    /// The scenario's folder (canonical), where its paths start.
    pub folder: PathBuf,
    /// The project root (canonical), which no path may leave.
    pub root: PathBuf,
    /// What was wrong so far, with places.
    pub findings: Findings,
    /// Whether the whole document was read; where not (broken YAML, no map), checks of `value` would mislead.
    pub whole: bool,
    /// Pointers of values that were already refused; in `value` they are null.
    pub refused: Vec<String>,
}

impl Source {
    /// Makes findings about `value` ready to be shown: fills in places, masks credentials, drops what is about a
    /// refused value or about a leaf whose reference is unset, adds the findings of reading, sorts by place.
    pub fn settle(&self, findings: Findings) -> Findings {
        let mut all = self.findings.clone();
        all.extend(findings.into_iter().map(|mut finding: Finding| {
            self.places.attach(&mut finding);
            finding
        }));
        all
    }
}

/// Reads a scenario. Whatever is wrong, an unreadable file included, is a finding in the result.
pub fn read(path: &Path, options: &ReadOptions) -> Source {
    read_text(path, &std::fs::read_to_string(path).unwrap_or_default(), options)
}

/// Reads a scenario whose text is at hand, as though it stood in `path`.
pub fn read_text(path: &Path, text: &str, options: &ReadOptions) -> Source {
    let _ = (options.set, options.environment, options.require_environment, options.untrusted);
    let file = Arc::new(SourceFile { path: path.display().to_string(), text: text.to_owned() });
    let parsed: Result<Value, _> = serde_yaml::from_str(text);
    let value = parsed.unwrap_or_default();
    let folder = path.parent().map(Path::to_owned).unwrap_or_default();
    Source {
        written: value.clone(),
        whole: value.is_object(),
        value,
        places: Places::of_file(file.clone()),
        references: References::new(),
        credentials: Vec::new(),
        files: vec![file],
        root: folder.clone(),
        folder,
        findings: Findings::new(),
        refused: Vec::new(),
    }
}
