//! One holder at a time, across processes.
//!
//! The system's advisory lock decides, since it ends with its holder, however that ends. The pid and its start time
//! stand in the file to name the holder, and decide where a file system has no locks.

use std::fs::{self, File, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::FilesError;

/// A lock file that names its holder; removed when dropped.
#[derive(Debug)]
pub struct Lock {
    path: PathBuf,
    /// Holds the advisory lock as long as it is open.
    _file: File,
}

/// How often a lock file is opened anew because it was removed in between.
const TRIES: usize = 100;

impl Lock {
    /// Takes the lock at `path`; one that a dead process left is taken over.
    ///
    /// # Errors
    /// [`FilesError::Held`] where a living process holds it; others where the file cannot be written.
    pub fn acquire(path: &Path) -> Result<Self, FilesError> {
        let failed = |source| FilesError::Write {
            path: path.to_owned(),
            source,
        };
        for _ in 0..TRIES {
            let mut file = File::options()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(path)
                .map_err(failed)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(FilesError::Held {
                        path: path.to_owned(),
                        pid: holder(&mut file),
                    });
                }
                Err(TryLockError::Error(error))
                    if error.kind() == std::io::ErrorKind::Unsupported =>
                {
                    if let Some(pid) = living_holder(&mut file) {
                        return Err(FilesError::Held {
                            path: path.to_owned(),
                            pid,
                        });
                    }
                }
                Err(TryLockError::Error(source)) => return Err(failed(source)),
            }
            // A holder that went between our opening and locking removed the file: this one is locked for nobody.
            if is_same(&file, path) {
                write(&mut file).map_err(failed)?;
                return Ok(Self {
                    path: path.to_owned(),
                    _file: file,
                });
            }
        }
        Err(failed(std::io::Error::other(
            "it is taken and released all the time",
        )))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Removed while still locked. If it cannot be, the next holder takes it over.
        let _ = fs::remove_file(&self.path);
    }
}

fn is_same(file: &File, path: &Path) -> bool {
    let (Ok(open), Ok(named)) = (file.metadata(), fs::metadata(path)) else {
        return false;
    };
    (open.dev(), open.ino()) == (named.dev(), named.ino())
}

fn write(file: &mut File) -> std::io::Result<()> {
    let pid = std::process::id();
    let start = start_time(pid).unwrap_or(0);
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{pid} {start}")?;
    file.sync_all()
}

/// Pid and start time as they stand in the file.
fn written(file: &mut File) -> Option<(u32, u64)> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.take(64).read_to_string(&mut text).ok()?;
    let (pid, start) = text.trim_end().split_once(' ')?;
    Some((pid.parse().ok()?, start.parse().ok()?))
}

/// The pid in the file; 0 while its holder has not yet written it.
fn holder(file: &mut File) -> u32 {
    written(file).map_or(0, |(pid, _)| pid)
}

/// The holder, if the process with that pid is still the one that wrote it.
fn living_holder(file: &mut File) -> Option<u32> {
    let (pid, start) = written(file)?;
    (start_time(pid) == Some(start)).then_some(pid)
}

/// When a process started, in clock ticks since boot (`/proc/<pid>/stat`, field 22); `None` where there is none.
fn start_time(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name (field 2) is in parentheses and may hold anything, closing ones included.
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use super::{FilesError, Lock, living_holder, start_time};

    #[test]
    fn a_second_holder_is_refused_by_the_pid_of_the_first_until_it_lets_go() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.lock");
        let first = Lock::acquire(&path).unwrap();
        let refused = Lock::acquire(&path).unwrap_err();
        assert!(
            matches!(refused, FilesError::Held { pid, .. } if pid == std::process::id()),
            "{refused}"
        );
        assert!(
            refused
                .to_string()
                .contains(&std::process::id().to_string())
        );
        drop(first);
        assert!(!path.exists());
        Lock::acquire(&path).unwrap();
    }

    #[test]
    fn a_lock_of_another_process_holds_while_it_lives_and_is_taken_over_after() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.lock");
        let script = format!(
            "exec 9>{0}; flock -n 9 || exit 3; echo $$ 1 >&9; echo ready; read wait",
            path.display()
        );
        let shell = Command::new("sh")
            .arg("-c")
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut shell = shell.unwrap();
        let mut line = String::new();
        let output = shell.stdout.take().unwrap();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(output), &mut line).unwrap();
        assert_eq!(line, "ready\n");
        let pid = shell.id();
        let refused = Lock::acquire(&path).unwrap_err();
        assert!(
            matches!(refused, FilesError::Held { pid: held, .. } if held == pid),
            "{refused}"
        );
        shell.kill().unwrap();
        shell.wait().unwrap();
        let lock = Lock::acquire(&path).unwrap();
        let text = fs::read_to_string(&lock.path).unwrap();
        assert!(
            text.starts_with(&format!("{} ", std::process::id())),
            "{text}"
        );
    }

    #[test]
    fn a_pid_counts_only_with_its_start_time() {
        let own = std::process::id();
        let start = start_time(own).unwrap();
        let folder = tempfile::tempdir().unwrap();
        for (text, living) in [
            (format!("{own} {start}\n"), Some(own)),
            (format!("{own} {}\n", start + 1), None),
            ("4194305 1\n".to_owned(), None),
            ("nonsense".to_owned(), None),
            (String::new(), None),
        ] {
            let path = folder.path().join("x");
            File::create(&path)
                .unwrap()
                .write_all(text.as_bytes())
                .unwrap();
            assert_eq!(
                living_holder(&mut File::open(&path).unwrap()),
                living,
                "{text}"
            );
        }
    }

    #[test]
    fn where_no_file_can_be_made_the_path_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = Lock::acquire(&folder.path().join("gone/x.lock")).unwrap_err();
        assert!(
            matches!(error, FilesError::Write { .. }) && error.to_string().contains("gone/x.lock")
        );
    }
}
