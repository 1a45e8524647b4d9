//! Which folder a project is, and whether a path is inside it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

use super::FilesError;

/// The nearest folder from `start` upward that holds `.git`, else `start` itself; symlinks resolved.
///
/// # Errors
/// Where `start` does not exist or cannot be resolved.
pub fn project_root(start: &Path) -> Result<PathBuf, FilesError> {
    let start = resolve(start)?;
    let root = start.ancestors().find(|folder| folder.join(".git").exists());
    Ok(root.unwrap_or(&start).to_owned())
}

/// The real path of `path` (symlinks and `..` resolved), which may be absolute or relative to `root`.
///
/// What does not exist yet is resolved as far as it exists, so that a file to be written can be asked for.
///
/// # Errors
/// Where the real path is not `root` nor below it, where the path holds a NUL, and where it cannot be resolved.
pub fn inside(root: &Path, path: &Path) -> Result<PathBuf, FilesError> {
    if path.as_os_str().as_bytes().contains(&0) {
        return Err(FilesError::NotAPath { path: path.to_owned() });
    }
    let root = resolve(root)?;
    let real = resolve_existing(&root.join(path))
        .ok_or_else(|| FilesError::Outside { path: path.to_owned(), root: root.clone() })??;
    if real.starts_with(&root) {
        Ok(real)
    } else {
        Err(FilesError::Outside { path: path.to_owned(), root })
    }
}

fn resolve(path: &Path) -> Result<PathBuf, FilesError> {
    path.canonicalize().map_err(|source| FilesError::Read { path: path.to_owned(), source })
}

/// Resolves the longest part that exists, and appends the rest. `None` where the rest goes upward: what does not
/// exist has no parent that could be known.
fn resolve_existing(path: &Path) -> Option<Result<PathBuf, FilesError>> {
    let mut rest: Vec<&OsStr> = Vec::new();
    let mut existing = path;
    loop {
        // A dangling symlink exists as a link: resolving its parent would overlook where it leads.
        if existing.symlink_metadata().is_ok() {
            break;
        }
        match existing.components().next_back() {
            Some(Component::Normal(name)) => rest.push(name),
            _ => return None,
        }
        existing = existing.parent()?;
    }
    Some(resolve(existing).map(|real| rest.iter().rev().fold(real, |folder, name| folder.join(name))))
}
