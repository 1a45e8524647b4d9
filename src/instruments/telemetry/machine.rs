//! The whole machine, as the system counts it.

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

/// Pages that the machine has read back from swap since it started; `None` where the system does not tell.
pub fn swapped_in() -> Option<u64> {
    pages(&std::fs::read_to_string("/proc/vmstat").ok()?)
}

fn pages(vmstat: &str) -> Option<u64> {
    vmstat
        .lines()
        .find_map(|line| line.strip_prefix("pswpin "))?
        .trim()
        .parse()
        .ok()
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
    fn pages_from_swap_are_told_apart_from_pages_to_it() {
        let vmstat = "pgpgin 5\npswpin 12\npswpout 3\n";
        assert_eq!(pages(vmstat), Some(12));
        assert_eq!(pages("pgpgin 5\n"), None);
    }
}
