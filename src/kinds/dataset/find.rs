//! Finds the files that a dataset names: files, folders, globs; none outside the project.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{DatasetError, Folders, Paths};

/// What a folder is searched for.
const EXTENSIONS: [&str; 6] = ["txt", "jsonl", "ndjson", "json", "csv", "parquet"];
/// A folder is searched so deep.
const DEPTH: u32 = 16;

/// A file of records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFile {
    /// Where it is.
    pub path: PathBuf,
    /// As the scenario names it.
    pub named: String,
}

/// The files that `paths` name: files, folders (searched for data files), globs; in the order of the list, each folder's
/// and glob's sorted, none twice. None may lie outside the project root.
pub fn files(folders: &Folders, paths: &Paths) -> Result<Vec<DataFile>, DatasetError> {
    let mut found: Vec<DataFile> = Vec::new();
    for written in paths.as_slice() {
        if written.starts_with("hf://") {
            return Err(DatasetError::NotSupported {
                what: format!("the download `{written}`"),
                help: "get the file and name its path".to_owned(),
            });
        }
        let mut these = Vec::new();
        if written.contains(['*', '?', '[']) && !folders.scenario.join(written).exists() {
            glob(folders, written, &mut these)?;
        } else {
            let path = folders.scenario.join(written);
            let is_folder = fs::metadata(&path)
                .map_err(|source| unreadable(&path, source))?
                .is_dir();
            if is_folder {
                walk(&path, written.trim_end_matches('/'), 0, &mut |file| {
                    let extension = file
                        .path
                        .extension()
                        .and_then(|extension| extension.to_str());
                    if extension.is_some_and(|extension| EXTENSIONS.contains(&extension)) {
                        these.push(file);
                    }
                })?;
            } else {
                these.push(DataFile {
                    path,
                    named: written.clone(),
                });
            }
        }
        if these.is_empty() {
            return Err(DatasetError::Empty {
                what: format!("`{written}` names no file"),
            });
        }
        these.sort_by(|a, b| a.path.cmp(&b.path));
        for file in these {
            let file = DataFile {
                path: folders.inside(&file.path)?,
                ..file
            };
            if !found.iter().any(|other| other.path == file.path) {
                found.push(file);
            }
        }
    }
    Ok(found)
}

/// The error of a path that cannot be read.
pub fn unreadable(path: &Path, source: io::Error) -> DatasetError {
    DatasetError::Read {
        path: path.to_owned(),
        source,
    }
}

fn glob(folders: &Folders, pattern: &str, found: &mut Vec<DataFile>) -> Result<(), DatasetError> {
    let matcher = globset::GlobBuilder::new(pattern)
        .literal_separator(true)
        .build()
        .map_err(|error| DatasetError::Other {
            message: format!("`{pattern}` is no glob: {}", error.kind()),
            help: "write globs like `traces/*.jsonl` or `traces/**/*.csv`".to_owned(),
        })?
        .compile_matcher();
    // Only what lies below the parts without a wildcard can match.
    let fixed: PathBuf = Path::new(pattern)
        .components()
        .take_while(|part| {
            !part
                .as_os_str()
                .to_string_lossy()
                .contains(['*', '?', '[', '{'])
        })
        .collect();
    let base = folders.scenario.join(&fixed);
    if !base.is_dir() {
        return Ok(());
    }
    walk(&base, &fixed.to_string_lossy(), 0, &mut |file| {
        if matcher.is_match(&file.named) {
            found.push(file);
        }
    })
}

fn walk(
    folder: &Path,
    named: &str,
    depth: u32,
    found: &mut dyn FnMut(DataFile),
) -> Result<(), DatasetError> {
    for entry in fs::read_dir(folder).map_err(|source| unreadable(folder, source))? {
        let entry = entry.map_err(|source| unreadable(folder, source))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        let path = entry.path();
        let named = if named.is_empty() {
            name
        } else {
            format!("{named}/{name}")
        };
        if !path.is_dir() {
            found(DataFile { path, named });
        } else if depth < DEPTH {
            walk(&path, &named, depth + 1, found)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders(scenario: &Path) -> Folders {
        Folders {
            scenario: scenario.to_owned(),
            root: scenario.to_owned(),
        }
    }

    #[test]
    fn files_folders_and_globs_are_found_sorted_and_once() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("t/deep")).unwrap();
        for name in [
            "t/b.txt",
            "t/a.txt",
            "t/deep/c.csv",
            "t/.hidden.txt",
            "t/picture.png",
        ] {
            fs::write(folder.path().join(name), "x").unwrap();
        }
        let found = |paths: &[&str]| -> Vec<String> {
            let paths = Paths::Many(paths.iter().map(ToString::to_string).collect());
            files(&folders(folder.path()), &paths)
                .unwrap()
                .into_iter()
                .map(|file| file.named)
                .collect()
        };
        assert_eq!(found(&["t"]), ["t/a.txt", "t/b.txt", "t/deep/c.csv"]);
        assert_eq!(found(&["t/*.txt"]), ["t/a.txt", "t/b.txt"]);
        assert_eq!(found(&["t/**/*.csv"]), ["t/deep/c.csv"]);
        assert_eq!(
            found(&["t/b.txt", "t/"]),
            ["t/b.txt", "t/a.txt", "t/deep/c.csv"]
        );
    }

    #[test]
    fn nothing_outside_the_root_is_read() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("project")).unwrap();
        fs::write(folder.path().join("secret.txt"), "x").unwrap();
        let inside = folders(&folder.path().join("project"));
        assert!(matches!(
            files(&inside, &Paths::One("../secret.txt".to_owned())),
            Err(DatasetError::Other { .. })
        ));
        std::os::unix::fs::symlink(
            folder.path().join("secret.txt"),
            inside.root.join("link.txt"),
        )
        .unwrap();
        assert!(matches!(
            files(&inside, &Paths::One("link.txt".to_owned())),
            Err(DatasetError::Other { .. })
        ));
        assert!(matches!(
            files(&inside, &Paths::One("none.txt".to_owned())),
            Err(DatasetError::Read { .. })
        ));
        assert!(matches!(
            files(&inside, &Paths::One("*.csv".to_owned())),
            Err(DatasetError::Empty { .. })
        ));
    }
}
