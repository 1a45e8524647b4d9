//! Files and folders that are either the old ones or the new ones, never half of each.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::FilesError;

/// Writes a file so that a reader (or a crash) sees the old content or the new one, never a part.
///
/// # Errors
/// Where it cannot be written; the old file is then still there, and nothing else is.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), FilesError> {
    let failed = |source| FilesError::Write {
        path: path.to_owned(),
        source,
    };
    let part = beside(path, "part").ok_or_else(|| failed(io::ErrorKind::InvalidInput.into()))?;
    let written = File::options()
        .write(true)
        .create_new(true)
        .open(&part)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&part, path));
    if let Err(source) = written {
        // What cannot be removed either is reported with the same cause.
        let _ = fs::remove_file(&part);
        return Err(failed(source));
    }
    sync_folder(path).map_err(failed)
}

/// Puts the complete folder `part` in the place of `target`, which must be on the same file system.
///
/// The old `target` is removed only when the new one stands. Where the system can exchange two folders in one step,
/// `target` is there at every moment; else the old one stands aside for a moment, where [`recover_folder`] finds it.
///
/// # Errors
/// Where a folder cannot be moved; the old one then stands again (or waits for [`recover_folder`]).
pub fn publish_folder(part: &Path, target: &Path) -> Result<(), FilesError> {
    let failed = |source| FilesError::Write {
        path: target.to_owned(),
        source,
    };
    let old = aside(target).ok_or_else(|| failed(io::ErrorKind::InvalidInput.into()))?;
    recover_folder(target)?;
    if !part.is_dir() {
        return Err(failed(io::Error::new(
            io::ErrorKind::NotFound,
            format!("there is no {}", part.display()),
        )));
    }
    if target.symlink_metadata().is_err() {
        fs::rename(part, target).map_err(failed)?;
        return sync_folder(target).map_err(failed);
    }
    if renameat_with(CWD, part, CWD, target, RenameFlags::EXCHANGE).is_ok() {
        sync_folder(target).map_err(failed)?;
        fs::rename(part, &old).map_err(failed)?;
    } else {
        fs::rename(target, &old).map_err(failed)?;
        if let Err(source) = fs::rename(part, target) {
            // If this fails too, the old folder waits aside.
            let _ = fs::rename(&old, target);
            return Err(failed(source));
        }
        sync_folder(target).map_err(failed)?;
    }
    remove(&old).map_err(failed)
}

/// Puts back a folder that a crash within [`publish_folder`] left aside, or removes it where its successor stands.
///
/// # Errors
/// Where a folder cannot be moved or removed.
pub fn recover_folder(target: &Path) -> Result<(), FilesError> {
    let failed = |source| FilesError::Write {
        path: target.to_owned(),
        source,
    };
    let Some(old) = aside(target) else {
        return Ok(());
    };
    if old.symlink_metadata().is_err() {
        return Ok(());
    }
    if target.symlink_metadata().is_ok() {
        return remove(&old).map_err(failed);
    }
    fs::rename(&old, target).map_err(failed)?;
    sync_folder(target).map_err(failed)
}

/// Where the old folder stands while the new one takes its place.
fn aside(target: &Path) -> Option<PathBuf> {
    sibling(target, "old")
}

/// A name beside `path` that no other process and no other thread uses.
fn beside(path: &Path, kind: &str) -> Option<PathBuf> {
    let thread: String = format!("{:?}", std::thread::current().id());
    let thread: String = thread.chars().filter(char::is_ascii_digit).collect();
    sibling(path, &format!("{}-{thread}.{kind}", std::process::id()))
}

/// `a/b` → `a/.b.<suffix>`.
fn sibling(path: &Path, suffix: &str) -> Option<PathBuf> {
    let name: &OsStr = path.file_name()?;
    let mut sibling = OsString::from(".");
    sibling.push(name);
    sibling.push(".");
    sibling.push(suffix);
    Some(path.with_file_name(sibling))
}

fn remove(path: &Path) -> io::Result<()> {
    if path.symlink_metadata()?.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    }
}

/// Makes the names in the folder of `path` last through a crash.
fn sync_folder(path: &Path) -> io::Result<()> {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    File::open(parent)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::{aside, publish_folder, recover_folder, write_atomically};

    fn folder(path: &Path, content: &str) {
        fs::create_dir_all(path).unwrap();
        write_atomically(&path.join("results.json"), content.as_bytes()).unwrap();
    }

    fn content(path: &Path) -> String {
        fs::read_to_string(path.join("results.json")).unwrap()
    }

    fn names(path: &Path) -> Vec<String> {
        let entries = fs::read_dir(path).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_whole_and_nothing_stays_beside_it() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a.json");
        write_atomically(&path, b"old").unwrap();
        write_atomically(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(names(root.path()), ["a.json"]);
    }

    #[test]
    fn a_file_that_cannot_be_written_leaves_the_old_one() {
        let root = tempfile::tempdir().unwrap();
        // A folder stands where the file should: the rename fails after the writing.
        folder(&root.path().join("a.json"), "kept");
        let error = write_atomically(&root.path().join("a.json"), b"new").unwrap_err();
        assert!(error.to_string().contains("a.json"));
        assert_eq!(
            (content(&root.path().join("a.json")), names(root.path())),
            ("kept".to_owned(), vec!["a.json".to_owned()])
        );
        assert!(write_atomically(&root.path().join("gone/x"), b"").is_err());
        assert!(write_atomically(Path::new("/"), b"").is_err());
    }

    #[test]
    fn a_folder_takes_the_place_of_the_old_one() {
        let root = tempfile::tempdir().unwrap();
        let (part, target) = (root.path().join("r.part"), root.path().join("r"));
        for text in ["first", "second", "third"] {
            folder(&part, text);
            publish_folder(&part, &target).unwrap();
            assert_eq!(
                (content(&target), names(root.path())),
                (text.to_owned(), vec!["r".to_owned()])
            );
        }
    }

    #[test]
    fn a_missing_part_costs_nothing() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("r");
        folder(&target, "old");
        assert!(publish_folder(&root.path().join("r.part"), &target).is_err());
        assert_eq!(content(&target), "old");
    }

    #[test]
    fn what_a_crash_left_aside_comes_back_or_goes() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("r");
        let old = aside(&target).unwrap();
        // Between the two renames: the old one is aside, nothing stands in its place.
        folder(&old, "old");
        recover_folder(&target).unwrap();
        assert_eq!(
            (content(&target), names(root.path()).len()),
            ("old".to_owned(), 1)
        );
        // After them: the successor stands.
        folder(&old, "older");
        recover_folder(&target).unwrap();
        assert_eq!(
            (content(&target), names(root.path()).len()),
            ("old".to_owned(), 1)
        );
        recover_folder(&target).unwrap();
    }
}
