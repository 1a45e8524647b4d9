//! Our own process, as the system counts it.

use std::time::Duration;

/// Processor time that this process has used; `None` where the system does not tell.
pub fn cpu_time() -> Option<Duration> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).ok()?;
    Some(Duration::new(seconds, u32::try_from(time.tv_nsec).ok()?))
}

/// Processors that this process may use, quotas and affinity counted in.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Descriptors that are open; `None` where the system does not tell.
pub fn descriptors() -> Option<u64> {
    // One of the entries is the folder that is being read.
    let entries = std::fs::read_dir("/proc/self/fd").ok()?.count();
    u64::try_from(entries.checked_sub(1)?).ok()
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

/// The machine's processor time since it started, in ticks: stolen, and all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticks {
    stolen: u64,
    all: u64,
}

impl Ticks {
    /// The ticks now; `None` where the system does not tell.
    pub fn now() -> Option<Self> {
        Self::parse(&std::fs::read_to_string("/proc/stat").ok()?)
    }

    fn parse(stat: &str) -> Option<Self> {
        let line = stat.lines().find(|line| line.starts_with("cpu "))?;
        let fields: Vec<u64> = line
            .split_ascii_whitespace()
            .skip(1)
            .map(|field| field.parse().unwrap_or(0))
            .collect();
        // user nice system idle iowait irq softirq steal; what follows is counted in user already.
        Some(Self {
            stolen: *fields.get(7)?,
            all: fields.iter().take(8).sum(),
        })
    }

    /// The share that was stolen between an earlier moment and this; `None` where no time passed.
    pub fn stolen_since(self, earlier: Self) -> Option<f64> {
        let all = self.all.checked_sub(earlier.all).filter(|&all| all > 0)?;
        #[expect(clippy::cast_precision_loss, reason = "ticks of seconds")]
        Some(self.stolen.saturating_sub(earlier.stolen) as f64 / all as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stolen_time_is_the_eighth_field_of_the_first_line() {
        let before = Ticks::parse("cpu  10 0 10 80 0 0 0 0 5 5\ncpu0 1 1 1 1 1 1 1 1\n").unwrap();
        let after = Ticks::parse("cpu  20 0 20 140 0 0 0 20 9 9\n").unwrap();
        assert_eq!(after.stolen_since(before), Some(0.2));
        assert_eq!(before.stolen_since(before), None);
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
