//! The wall clock: when something happened, for people and as the system stamps it; never how long it took.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// This moment as the time since 1970.
pub(super) fn now() -> Duration {
    // A wall clock of before 1970 stamps nothing that is of use.
    Duration::try_from(clock_gettime(ClockId::Realtime)).unwrap_or_default()
}

/// This moment as RFC 3339 in UTC, to the second.
pub fn utc_now() -> String {
    jiff::Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::foundation::clock::Clock;

    #[test]
    fn a_moment_of_the_wall_clock_is_found_on_the_monotonic_one() {
        let clock = Clock::real();
        let before = clock.now();
        let shown = now();
        let found = clock.at_wall(shown);
        assert!(before <= found, "{found} is before {before}");
        assert!(found <= clock.now(), "{found} has not come yet");
        let again = clock.at_wall(shown);
        assert!(again < clock.now(), "{again} does not stay behind");
    }

    #[test]
    fn a_moment_that_has_not_come_yet_is_now() {
        let clock = Clock::real();
        let before = clock.now();
        let ahead = clock.at_wall(now() + Duration::from_hours(1));
        assert!(before <= ahead && ahead <= clock.now());
    }
}
