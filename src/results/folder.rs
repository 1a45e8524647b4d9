//! The report folder: what its files are called, and whose it is (cli.md, "A report folder").

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

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

/// What stands at a path where a report should go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occupant {
    /// Nothing, or an empty folder.
    Nobody,
    /// A report of a complete run.
    Complete,
    /// A report of an interrupted run, or a run's journal without a report.
    Incomplete,
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
}

fn report(bytes: &[u8]) -> Occupant {
    match serde_json::from_slice::<Mark>(bytes) {
        Ok(mark) if mark.schema != SCHEMA => Occupant::Foreign,
        Ok(mark) if mark.incomplete => Occupant::Incomplete,
        Ok(_) => Occupant::Complete,
        Err(_) => Occupant::Foreign,
    }
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
}
