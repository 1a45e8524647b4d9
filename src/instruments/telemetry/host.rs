//! Facts about the machine that the numbers were measured on, and the commit that was checked out.
//!
//! What cannot be read is `None`: no fact of these can fail a run.

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Facts about the machine.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Host {
    /// Its name.
    pub name: Option<String>,
    /// The processor's model.
    pub cpu_model: Option<String>,
    /// Cores that this process may use.
    pub cores: Option<u32>,
    /// The kernel's name and release.
    pub kernel: Option<String>,
}

/// Reads the machine's facts.
pub fn host() -> Host {
    let system = rustix::system::uname();
    let text = |value: &std::ffi::CStr| value.to_str().ok().map(str::to_owned);
    Host {
        name: text(system.nodename()),
        cpu_model: std::fs::read_to_string("/proc/cpuinfo")
            .ok()
            .as_deref()
            .and_then(cpu_model),
        cores: std::thread::available_parallelism()
            .ok()
            .and_then(|n| u32::try_from(n.get()).ok()),
        kernel: text(system.sysname())
            .zip(text(system.release()))
            .map(|(name, release)| format!("{name} {release}")),
    }
}

fn cpu_model(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo
        .lines()
        .find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// The commit that is checked out in the nearest repository upward of `folder`.
pub fn git_commit(folder: &Path) -> Option<String> {
    let git = folder
        .ancestors()
        .map(|ancestor| ancestor.join(".git"))
        .find(|git| git.is_dir())?;
    let head = std::fs::read_to_string(git.join("HEAD")).ok()?;
    let Some(reference) = head.trim().strip_prefix("ref: ") else {
        return commit(head.trim());
    };
    if let Ok(loose) = std::fs::read_to_string(git.join(reference)) {
        return commit(loose.trim());
    }
    let packed = std::fs::read_to_string(git.join("packed-refs")).ok()?;
    packed
        .lines()
        .filter_map(|line| line.split_once(' '))
        .find(|(_, name)| *name == reference)
        .and_then(|(id, _)| commit(id))
}

fn commit(id: &str) -> Option<String> {
    let hex = id.len() >= 40 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    hex.then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn the_commit_is_found_loose_packed_and_detached() {
        let folder = tempfile::tempdir().unwrap();
        let git = folder.path().join(".git");
        std::fs::create_dir_all(git.join("refs/heads")).unwrap();
        std::fs::write(git.join("HEAD"), "ref: refs/heads/main\n").unwrap();
        assert_eq!(git_commit(folder.path()), None);
        std::fs::write(
            git.join("packed-refs"),
            format!("# pack-refs\n{ID} refs/heads/main\n"),
        )
        .unwrap();
        assert_eq!(git_commit(folder.path()).as_deref(), Some(ID));
        std::fs::write(
            git.join("refs/heads/main"),
            format!("{}\n", ID.replace('0', "f")),
        )
        .unwrap();
        assert_eq!(git_commit(folder.path()), Some(ID.replace('0', "f")));
        std::fs::write(git.join("HEAD"), format!("{ID}\n")).unwrap();
        assert_eq!(git_commit(&folder.path().join("sub")).as_deref(), Some(ID));
    }

    #[test]
    fn the_processor_is_read_from_the_kernels_list() {
        assert_eq!(
            cpu_model("processor\t: 0\nmodel name\t: A CPU @ 2 GHz\n").as_deref(),
            Some("A CPU @ 2 GHz")
        );
        assert_eq!(cpu_model(""), None);
    }
}
