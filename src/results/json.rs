//! `results.json` as bytes: the same results give the same bytes on every machine.

use std::fs;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use serde_json::Value;

use super::document::{Results, SCHEMA};
use super::folder;

/// Why results cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ResultsError {
    /// There is no such file or folder, or it may not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is no JSON, or not of this shape.
    #[error("{} holds no results: {source}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
    /// Another version of the format, or another format.
    #[error("{} is of the format `{found}`, not `{SCHEMA}`", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// What `schema` says.
        found: String,
    },
    /// Results could not be turned into JSON.
    #[error("results cannot be written as JSON: {0}")]
    Write(serde_json::Error),
}

impl ResultsError {
    /// What the user can do.
    pub fn help(&self) -> String {
        match self {
            Self::Read { .. } => format!("name a report folder or a {} file", folder::RESULTS),
            Self::Malformed { .. } => "the file is damaged or not ours; run the scenario again".to_owned(),
            Self::Version { .. } => {
                "run the scenario again with this version, or read the file with the version that wrote it".to_owned()
            }
            Self::Write(_) => "please report this as a bug; the records are kept".to_owned(),
        }
    }
}

/// The bytes of `results.json`: keys sorted at every depth, numbers in their shortest form that reads back, LF.
///
/// # Errors
/// Only for a bug of ours.
pub fn to_json(results: &Results) -> Result<Vec<u8>, ResultsError> {
    let mut value = serde_json::to_value(results).map_err(ResultsError::Write)?;
    value.sort_all_objects();
    let mut bytes = serde_json::to_vec_pretty(&value).map_err(ResultsError::Write)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Reads results from a report folder or a file.
///
/// # Errors
/// Where nothing is there, it is no JSON of this shape, or of another version.
pub fn read(path: &Path) -> Result<Results, ResultsError> {
    let file = if path.is_dir() {
        path.join(folder::RESULTS)
    } else {
        path.to_owned()
    };
    let bytes = fs::read(&file).map_err(|source| ResultsError::Read {
        path: file.clone(),
        source,
    })?;
    from_json(&bytes, &file)
}

/// Reads results from bytes (`git show REV:PATH`); `name` is what errors call them.
///
/// # Errors
/// As [`read`].
pub fn from_json(bytes: &[u8], name: &Path) -> Result<Results, ResultsError> {
    let malformed = |source| ResultsError::Malformed {
        path: name.to_owned(),
        source,
    };
    let value: Value = serde_json::from_slice(bytes).map_err(malformed)?;
    let found = value
        .get("schema")
        .and_then(Value::as_str)
        .unwrap_or("none");
    if found != SCHEMA {
        return Err(ResultsError::Version {
            path: name.to_owned(),
            found: found.to_owned(),
        });
    }
    let mut results: Results = serde_json::from_value(value).map_err(malformed)?;
    restore_order(&mut results);
    Ok(results)
}

/// Sorted keys lose the order of axes and groups; ids and settings still have it.
fn restore_order(results: &mut Results) {
    for cell in &mut results.cells {
        let names = cell.id.split(',').filter_map(|part| part.split('=').next());
        reorder(&mut cell.axes, names);
        for group in &mut cell.groups {
            reorder(
                &mut group.by,
                results.report.group_by.iter().map(String::as_str),
            );
        }
    }
}

fn reorder<'a>(map: &mut IndexMap<String, Value>, names: impl Iterator<Item = &'a str>) {
    let order: Vec<&str> = names.collect();
    let place = |name: &String| {
        order
            .iter()
            .position(|known| known == name)
            .unwrap_or(usize::MAX)
    };
    map.sort_by(|one, _, two, _| place(one).cmp(&place(two)));
}
