//! The machine's monotonic clock, which every process of a run reads alike.

use nix::time::{ClockId, clock_gettime};

/// Nanoseconds of the monotonic clock.
pub fn now_ns() -> u64 {
    read_ns(ClockId::CLOCK_MONOTONIC).unwrap_or(0)
}

/// Nanoseconds that a clock shows; `None` where there is no such clock (any more).
pub fn read_ns(clock: ClockId) -> Option<u64> {
    let time = clock_gettime(clock).ok()?;
    let seconds = u64::try_from(time.tv_sec()).ok()?;
    Some(seconds * 1_000_000_000 + u64::try_from(time.tv_nsec()).ok()?)
}
