//! Our own process, as the system counts it.

use std::time::Duration;

use super::quota::Groups;

/// Processor time that this process has used; `None` where the system does not tell.
pub fn cpu_time() -> Option<Duration> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).ok()?;
    Some(Duration::new(seconds, u32::try_from(time.tv_nsec).ok()?))
}

/// Processors that this process may use, quotas and affinity counted in, at least one: how many threads are worth it.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Processors' worth of time that this process may use: those that it may run on, or what a quota of its control groups
/// leaves of them, such as 0.5.
pub fn processors(groups: &Groups) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "a number of processors")]
    let may_run_on = allowed(&status).map_or_else(|| cores() as f64, f64::from);
    groups
        .processors()
        .map_or(may_run_on, |quota| quota.min(may_run_on))
}

/// Processors in the affinity mask of /proc/self/status.
fn allowed(status: &str) -> Option<u32> {
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("Cpus_allowed:"))?;
    let digits = mask.trim().chars().filter_map(|digit| digit.to_digit(16));
    Some(digits.map(u32::count_ones).sum()).filter(|&count| count > 0)
}

/// Pages that this process had to wait for until a disk had them, so far; `None` where the system does not tell.
pub fn major_faults() -> Option<u64> {
    faults(&std::fs::read_to_string("/proc/self/stat").ok()?)
}

fn faults(stat: &str) -> Option<u64> {
    // The name, in brackets, may hold anything; behind it stand the state and, ninth from there, the faults.
    stat.rsplit_once(')')?
        .1
        .split_ascii_whitespace()
        .nth(9)?
        .parse()
        .ok()
}

/// Descriptors that are open; `None` where the system does not tell.
pub fn descriptors() -> Option<u64> {
    match std::fs::read_dir("/proc/self/fd") {
        // One of the entries is the folder that is being read.
        Ok(entries) => u64::try_from(entries.count().checked_sub(1)?).ok(),
        // Where none is left to look with, all are open.
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::MFILE.raw_os_error()) => {
            rustix::process::getrlimit(rustix::process::Resource::Nofile).current
        }
        Err(_) => None,
    }
}

/// Raises the limit on descriptors as far as the system lets us, and tells it; `None` where there is none.
pub fn raise_descriptor_limit() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if limit.current < limit.maximum || limit.maximum.is_none() {
        let raised = Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        };
        if setrlimit(Resource::Nofile, raised).is_ok() {
            return getrlimit(Resource::Nofile).current;
        }
    }
    limit.current
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_are_those_of_the_affinity_mask() {
        let status = "Name:\tx\nCpus_allowed:\tff,0000000f\nCpus_allowed_list:\t0-3,32-39\n";
        assert_eq!(allowed(status), Some(12));
        assert_eq!(allowed("Name:\tx\n"), None);
        assert!(processors(&Groups::default()) >= 1.0);
    }

    #[test]
    fn faults_that_waited_for_a_disk_stand_behind_the_name() {
        let stat = "7 (a) b (c) S 1 2 3 4 5 6 7 8 99 10 11";
        assert_eq!(faults(stat), Some(99));
        assert!(major_faults().is_some());
    }

    #[test]
    fn an_open_file_is_counted() {
        let before = descriptors().unwrap();
        let files: Vec<_> = (0..50)
            .map(|_| std::fs::File::open("/proc/self/stat").unwrap())
            .collect();
        assert!(descriptors().unwrap() >= before + 40);
        drop(files);
    }
}
