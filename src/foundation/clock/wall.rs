//! The wall clock: when something happened, for people and as the system stamps it; never how long it took.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// How long ago the wall clock showed `wall`, a time since 1970; zero where that has not come yet.
///
/// By that clock itself, so that who sets it can change what is told of the moment at which it is set, and of no other.
pub fn since_wall(wall: Duration) -> Duration {
    now().saturating_sub(wall)
}

/// This moment as the time since 1970.
fn now() -> Duration {
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
    fn a_moment_is_as_long_ago_by_the_wall_clock_as_by_the_monotonic_one() {
        let clock = Clock::real();
        let before = clock.now();
        let shown = now();
        let after = clock.now();
        let since = since_wall(shown);
        assert!(since <= clock.now().since(before), "{since:?}");
        let later = clock.now();
        assert!(since_wall(shown) >= later.since(after), "{later}");
    }

    #[test]
    fn a_moment_that_has_not_come_yet_is_now() {
        assert_eq!(since_wall(now() + Duration::from_hours(1)), Duration::ZERO);
    }
}
