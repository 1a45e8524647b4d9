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
    let root = start
        .ancestors()
        .find(|folder| folder.join(".git").exists());
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
        return Err(FilesError::NotAPath {
            path: path.to_owned(),
        });
    }
    let root = resolve(root)?;
    let real = resolve_existing(&root.join(path)).ok_or_else(|| FilesError::Outside {
        path: path.to_owned(),
        root: root.clone(),
    })??;
    if real.starts_with(&root) {
        Ok(real)
    } else {
        Err(FilesError::Outside {
            path: path.to_owned(),
            root,
        })
    }
}

/// The path without `.` and `..`, by its text alone: it need not exist, and no link is followed.
pub fn tidy(path: &Path) -> PathBuf {
    let mut tidied = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                tidied.pop();
            }
            other => tidied.push(other),
        }
    }
    tidied
}

fn resolve(path: &Path) -> Result<PathBuf, FilesError> {
    path.canonicalize().map_err(|source| FilesError::Read {
        path: path.to_owned(),
        source,
    })
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
    Some(resolve(existing).map(|real| {
        rest.iter()
            .rev()
            .fold(real, |folder, name| folder.join(name))
    }))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::{FilesError, inside, project_root};

    #[test]
    fn the_root_is_the_nearest_folder_upward_with_git_else_ones_own() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().canonicalize().unwrap();
        let deep = real.join("a/b/c");
        fs::create_dir_all(&deep).unwrap();
        assert_eq!(project_root(&deep).unwrap(), deep);
        fs::create_dir(real.join(".git")).unwrap();
        assert_eq!(project_root(&deep).unwrap(), real);
        // A worktree has a file of that name.
        fs::File::create(real.join("a/b/.git")).unwrap();
        assert_eq!(project_root(&deep).unwrap(), real.join("a/b"));
        symlink(&deep, real.join("link")).unwrap();
        assert_eq!(project_root(&real.join("link")).unwrap(), real.join("a/b"));
        assert!(project_root(&real.join("gone")).is_err());
    }

    #[test]
    fn paths_stay_inside_whatever_they_are_made_of() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap().join("root");
        fs::create_dir_all(root.join("s")).unwrap();
        fs::create_dir_all(root.with_file_name("root-2")).unwrap();
        fs::File::create(root.join("x")).unwrap();
        symlink("/etc", root.join("out")).unwrap();
        symlink("s", root.join("in")).unwrap();
        symlink("/gone/for/good", root.join("dangling")).unwrap();
        let allowed = [
            ("x", "x"),
            ("s/../x", "x"),
            ("in/new/file", "s/new/file"),
            ("", ""),
            (".", ""),
        ];
        for (path, expected) in allowed {
            let real = inside(&root, Path::new(path)).unwrap();
            assert_eq!(
                real,
                root.join(expected)
                    .components()
                    .collect::<std::path::PathBuf>(),
                "{path}"
            );
        }
        assert_eq!(inside(&root, &root.join("x")).unwrap(), root.join("x"));
        for path in [
            "..",
            "../root-2",
            "s/../../x",
            "/etc/passwd",
            "out/passwd",
            "out/new",
            "gone/../../../etc",
            "dangling",
            "dangling/x",
        ] {
            let refused = inside(&root, Path::new(path));
            assert!(
                matches!(
                    refused,
                    Err(FilesError::Outside { .. } | FilesError::Read { .. })
                ),
                "{path}: {refused:?}"
            );
        }
        assert!(matches!(
            inside(&root, Path::new("a\0b")),
            Err(FilesError::NotAPath { .. })
        ));
    }
}
