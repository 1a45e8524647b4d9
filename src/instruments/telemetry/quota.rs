//! What our control group (a container's, a service's) may use of the processors, and how long it was held back.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// The control groups that we are in, from our own up, that may have a say on processor time. None outside Linux.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Groups {
    folders: Vec<PathBuf>,
}

impl Groups {
    /// Those of this process.
    pub fn ours() -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        Self {
            folders: folders(&read("/proc/self/cgroup"), &read("/proc/self/mountinfo")),
        }
    }

    /// Processors' worth of time that the tightest quota grants, such as 0.5; `None` where there is none.
    pub fn processors(&self) -> Option<f64> {
        self.folders
            .iter()
            .filter_map(|folder| quota(folder))
            .min_by(f64::total_cmp)
    }

    /// How long processors have been kept from us so far since a quota was used up, added up over processors; `None`
    /// where nobody counts it.
    pub fn throttled(&self) -> Option<Duration> {
        self.folders
            .iter()
            .filter_map(|folder| throttled(&read(folder, "cpu.stat")?))
            .reduce(|one, two| one + two)
    }
}

/// The folders of our groups, by /proc/self/cgroup and /proc/self/mountinfo: version 2's, and version 1's `cpu`.
fn folders(cgroup: &str, mountinfo: &str) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for line in cgroup.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else {
            continue;
        };
        let is_ours = |mount: &Mount<'_>| match mount.kind {
            "cgroup2" => controllers.is_empty(),
            "cgroup" => has(controllers, "cpu") && has(mount.options, "cpu"),
            _ => false,
        };
        let Some(mount) = mountinfo.lines().filter_map(Mount::parse).find(is_ours) else {
            continue;
        };
        // In a namespace of its own a group is the root of what is mounted.
        let below = Path::new(path).strip_prefix(mount.root);
        let ours = Path::new(mount.point).join(below.unwrap_or(Path::new("")));
        let up = ours
            .ancestors()
            .take_while(|up| up.starts_with(mount.point));
        folders.extend(up.map(Path::to_path_buf));
    }
    folders
}

fn has(list: &str, name: &str) -> bool {
    list.split(',').any(|one| one == name)
}

/// A line of /proc/self/mountinfo.
struct Mount<'a> {
    root: &'a str,
    point: &'a str,
    kind: &'a str,
    options: &'a str,
}

impl<'a> Mount<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (place, what) = line.split_once(" - ")?;
        let mut place = place.split(' ').skip(3);
        let mut what = what.split(' ');
        Some(Self {
            root: place.next()?,
            point: place.next()?,
            kind: what.next()?,
            options: what.nth(1)?,
        })
    }
}

fn read(folder: &Path, file: &str) -> Option<String> {
    std::fs::read_to_string(folder.join(file)).ok()
}

/// A group's own quota in processors, by version 2's file or version 1's.
fn quota(folder: &Path) -> Option<f64> {
    let (quota, period) = match read(folder, "cpu.max") {
        Some(line) => {
            let (quota, period) = line.trim().split_once(' ')?;
            (quota.to_owned(), period.to_owned())
        }
        None => (
            read(folder, "cpu.cfs_quota_us")?,
            read(folder, "cpu.cfs_period_us")?,
        ),
    };
    // `max` and -1 are no quota.
    let [quota, period] = [quota, period].map(|text| text.trim().parse::<f64>().ok());
    Some(quota.filter(|&quota| quota > 0.0)? / period.filter(|&period| period > 0.0)?)
}

/// The throttled time of a `cpu.stat`: microseconds in version 2, nanoseconds in version 1.
fn throttled(stat: &str) -> Option<Duration> {
    stat.lines().find_map(|line| {
        let (name, value) = line.split_once(' ')?;
        let value = value.trim().parse().ok()?;
        match name {
            "throttled_usec" => Some(Duration::from_micros(value)),
            "throttled_time" => Some(Duration::from_nanos(value)),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
30 25 0:26 / /proc rw - proc proc rw
31 25 0:27 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid - cgroup cgroup rw,cpu,cpuacct
32 25 0:28 / /sys/fs/cgroup/memory rw shared:9 - cgroup cgroup rw,memory
33 25 0:29 /docker/ab /sys/fs/cgroup/unified ro shared:7 master:2 - cgroup2 cgroup2 rw,nsdelegate
";

    #[test]
    fn the_groups_of_both_versions_are_found_up_to_their_mounts() {
        let cgroup = "9:memory:/m\n4:cpu,cpuacct:/a/b\n3:cpuset:/c\n0::/docker/ab/leaf\n";
        let found = folders(cgroup, MOUNTS);
        let expected = [
            "/sys/fs/cgroup/cpu,cpuacct/a/b",
            "/sys/fs/cgroup/cpu,cpuacct/a",
            "/sys/fs/cgroup/cpu,cpuacct",
            "/sys/fs/cgroup/unified/leaf",
            "/sys/fs/cgroup/unified",
        ];
        assert_eq!(found, expected.map(PathBuf::from));
        // What is mounted does not hold the group that is named: a namespace, whose root is ours.
        let elsewhere = folders("0::/system.slice\n", MOUNTS);
        assert_eq!(elsewhere, [PathBuf::from("/sys/fs/cgroup/unified")]);
        assert!(folders("", MOUNTS).is_empty() && folders("0::/\n", "").is_empty());
    }

    #[test]
    fn the_tightest_quota_of_all_groups_holds_be_it_below_one_processor() {
        let root = tempfile::tempdir().unwrap();
        let leaf = root.path().join("leaf");
        let old = root.path().join("old");
        for folder in [&leaf, &old] {
            std::fs::create_dir(folder).unwrap();
        }
        let write = |folder: &Path, file: &str, text: &str| {
            crate::foundation::files::write_atomically(&folder.join(file), text.as_bytes())
                .unwrap();
        };
        let groups = Groups {
            folders: vec![leaf.clone(), root.path().to_owned(), old.clone()],
        };
        assert_eq!(groups.processors(), None);
        assert_eq!(groups.throttled(), None);
        write(&leaf, "cpu.max", "max 100000\n");
        assert_eq!(groups.processors(), None);
        write(root.path(), "cpu.max", "150000 100000\n");
        assert_eq!(groups.processors(), Some(1.5));
        write(&old, "cpu.cfs_period_us", "100000\n");
        write(&old, "cpu.cfs_quota_us", "-1\n");
        assert_eq!(groups.processors(), Some(1.5));
        write(&old, "cpu.cfs_quota_us", "50000\n");
        assert_eq!(groups.processors(), Some(0.5));

        write(
            &leaf,
            "cpu.stat",
            "usage_usec 5\nnr_throttled 2\nthrottled_usec 1500\n",
        );
        write(&old, "cpu.stat", "nr_periods 7\nthrottled_time 500000\n");
        assert_eq!(groups.throttled(), Some(Duration::from_millis(2)));
    }
}
