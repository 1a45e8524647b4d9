//! The report folder: what its files are called, and whose it is (cli.md, "A report folder").

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::document::SCHEMA;

/// The machine's summary.
pub const RESULTS: &str = "results.json";
/// One row an attempt.
pub const REQUESTS: &str = "requests.parquet";
/// The scenario after defaults.
pub const EFFECTIVE: &str = "effective.yaml";
/// What a resume needs; gone when the run is complete.
pub const JOURNAL: &str = "journal";
/// Kept texts, pictures and videos.
pub const SAMPLES: &str = "samples";

/// What `report` and `diff` write beside what a run lists in [`RESULTS`].
const RENDERED: [&str; 8] = [
    RESULTS,
    "report.md",
    "report.html",
    "results.csv",
    "junit.xml",
    "diff.md",
    "diff.html",
    "diff.json",
];

/// What stands at a path where a report should go. A report replaces what stands before it in this order, or is its
/// like; never what stands after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Occupant {
    /// Nothing, or an empty folder.
    Nobody,
    /// A report of an interrupted run, or a run's journal without a report.
    Incomplete,
    /// A report of some cells of a plan.
    Selection,
    /// A report of a complete run of a whole plan.
    Complete,
    /// Something that is not ours: to be refused, never replaced.
    Foreign,
}

/// The folder beside `out` in which a run keeps its journal and makes the report.
pub fn part(out: &Path) -> PathBuf {
    let mut name = out.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    out.with_file_name(name)
}

/// Whose the folder at `out` is. What only looks like ours (results of no known version) is foreign.
///
/// # Errors
/// Where it cannot be looked at.
pub fn occupant(out: &Path) -> io::Result<Occupant> {
    let mut entries = match fs::read_dir(out) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Occupant::Nobody),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Ok(Occupant::Foreign),
        Err(error) => return Err(error),
    };
    if entries.next().is_none() {
        return Ok(Occupant::Nobody);
    }
    match fs::read(out.join(RESULTS)) {
        Ok(bytes) => Ok(report(&bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound && out.join(JOURNAL).is_dir() => {
            Ok(Occupant::Incomplete)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Occupant::Foreign),
        Err(error) => Err(error),
    }
}

/// The little of `results.json` that tells whose it is.
#[derive(Deserialize)]
struct Mark {
    schema: String,
    incomplete: bool,
    selection: Option<IgnoredAny>,
    #[serde(default)]
    files: BTreeSet<PathBuf>,
}

fn report(bytes: &[u8]) -> Occupant {
    match serde_json::from_slice::<Mark>(bytes) {
        Ok(mark) if mark.schema != SCHEMA => Occupant::Foreign,
        Ok(mark) if mark.incomplete => Occupant::Incomplete,
        Ok(mark) if mark.selection.is_some() => Occupant::Selection,
        Ok(_) => Occupant::Complete,
        Err(_) => Occupant::Foreign,
    }
}

/// The files below `folder` that no run of ours wrote: relative to it, sorted; links are not followed.
///
/// # Errors
/// Where the folder cannot be looked at.
pub fn others(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mark = fs::read(folder.join(RESULTS)).ok();
    let mark = mark.and_then(|bytes| serde_json::from_slice::<Mark>(&bytes).ok());
    let written = mark.map(|mark| mark.files).unwrap_or_default();
    let is_ours = |path: &Path| {
        written.contains(path)
            || RENDERED.iter().any(|name| path == *name)
            || path.starts_with(JOURNAL)
    };
    let mut files = files(folder)?;
    files.retain(|path| !is_ours(path));
    Ok(files)
}

/// All files below `folder`, relative to it, sorted; links are not followed. None where there is no folder.
///
/// # Errors
/// Where a folder cannot be read.
pub fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(inside) = folders.pop() {
        let entries = match fs::read_dir(folder.join(&inside)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        for entry in entries {
            let entry = entry?;
            let path = inside.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests prepare files")]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_run_wrote_is_ours() {
        let root = tempfile::tempdir().unwrap();
        let out = root.path().join("qwen");
        assert_eq!(occupant(&out).unwrap(), Occupant::Nobody);
        fs::create_dir(&out).unwrap();
        assert_eq!(occupant(&out).unwrap(), Occupant::Nobody);
        fs::write(out.join("thesis.tex"), "").unwrap();
        assert_eq!(occupant(&out).unwrap(), Occupant::Foreign);
        for (content, whose) in [
            (
                r#"{"schema": "plimsoll.results.v1", "incomplete": false}"#,
                Occupant::Complete,
            ),
            (
                r#"{"schema": "plimsoll.results.v1", "incomplete": true}"#,
                Occupant::Incomplete,
            ),
            (
                r#"{"schema": "plimsoll.results.v1", "incomplete": false, "selection": {"cells": "a"}}"#,
                Occupant::Selection,
            ),
            (
                r#"{"schema": "vegeta.v1", "incomplete": false}"#,
                Occupant::Foreign,
            ),
            ("[]", Occupant::Foreign),
        ] {
            fs::write(out.join(RESULTS), content).unwrap();
            assert_eq!(occupant(&out).unwrap(), whose, "{content}");
        }
        fs::remove_file(out.join(RESULTS)).unwrap();
        fs::create_dir(out.join(JOURNAL)).unwrap();
        assert_eq!(occupant(&out).unwrap(), Occupant::Incomplete);
    }

    #[test]
    fn a_file_in_the_way_is_foreign() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(occupant(file.path()).unwrap(), Occupant::Foreign);
    }

    #[test]
    fn the_part_stands_beside_the_folder() {
        assert_eq!(
            part(Path::new("reports/qwen")),
            Path::new("reports/qwen.part")
        );
    }

    #[test]
    fn what_no_run_wrote_is_told_from_what_one_did() {
        let root = tempfile::tempdir().unwrap();
        let out = root.path();
        for folder in ["plots", "journal", "notes/deep"] {
            fs::create_dir_all(out.join(folder)).unwrap();
        }
        for file in [
            "report.md",
            "report.txt",
            "journal/repeats.log",
            "plots/latency.svg",
            "plots/mine.svg",
            "notes/deep/idea.txt",
        ] {
            fs::write(out.join(file), "").unwrap();
        }
        let mark = r#"{"schema": "plimsoll.results.v1", "incomplete": false, "files": ["plots/latency.svg", "report.md"]}"#;
        fs::write(out.join(RESULTS), mark).unwrap();
        let expected = ["notes/deep/idea.txt", "plots/mine.svg", "report.txt"];
        assert_eq!(others(out).unwrap(), expected.map(PathBuf::from));
        assert!(others(&out.join("gone")).unwrap().is_empty());
    }
}
