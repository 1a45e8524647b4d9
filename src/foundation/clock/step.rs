//! Whether somebody set the clock: a wall clock that moves against the monotonic one.

use std::time::Duration;

use rustix::time::{ClockId, Timespec, clock_gettime};

/// Both clocks are read so often, and the reading that took least counts.
const TRIES: u32 = 3;

/// How far the wall clock was ahead of the monotonic one at a moment.
///
/// The two run equally fast. Where the distance changes, the clock was set, or the machine slept or stood still while the
/// rest of the world went on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ahead {
    ahead_ns: i128,
    /// What reading both may have taken, by which the distance is uncertain.
    within_ns: i128,
}

impl Ahead {
    /// The distance now.
    pub fn now() -> Self {
        let mut best = Self::read();
        for _ in 1..TRIES {
            let again = Self::read();
            if again.within_ns < best.within_ns {
                best = again;
            }
        }
        best
    }

    fn read() -> Self {
        let before = ns(clock_gettime(ClockId::Monotonic));
        let wall = ns(clock_gettime(ClockId::Realtime));
        let after = ns(clock_gettime(ClockId::Monotonic));
        Self {
            ahead_ns: wall - before,
            within_ns: after - before,
        }
    }

    /// By how much the clock was set since an earlier moment, forwards or backwards: the least that both readings allow.
    pub fn set_since(self, earlier: Self) -> Duration {
        let moved = (self.ahead_ns - earlier.ahead_ns).abs();
        let surely = moved - self.within_ns - earlier.within_ns;
        Duration::from_nanos(u64::try_from(surely).unwrap_or_default())
    }
}

fn ns(time: Timespec) -> i128 {
    i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ahead(ahead_us: i128, within_us: i128) -> Ahead {
        Ahead {
            ahead_ns: ahead_us * 1000,
            within_ns: within_us * 1000,
        }
    }

    #[test]
    fn a_clock_that_is_set_shows_either_way() {
        let before = ahead(1_000_000, 1);
        let set = |after: Ahead| after.set_since(before).as_micros();
        assert_eq!(set(ahead(1_002_000, 1)), 1998);
        assert_eq!(set(ahead(998_000, 1)), 1998);
        assert_eq!(set(before), 0);
    }

    #[test]
    fn a_reading_that_was_held_up_between_the_clocks_is_no_step() {
        let before = ahead(1_000_000, 1);
        assert_eq!(ahead(1_020_000, 20_000).set_since(before), Duration::ZERO);
    }

    #[test]
    fn nobody_sets_the_clock_while_this_runs() {
        let before = Ahead::now();
        assert!(Ahead::now().set_since(before) < Duration::from_millis(1));
    }
}
