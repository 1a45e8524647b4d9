//! The generator watches itself, once a second.
//!
//! What is read here is judged nowhere near: `kinds::verdict::validity` says what voids.

use std::sync::OnceLock;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use super::lane::Common;
use super::live::Live;
use crate::foundation::clock::{Ahead, Clock};
use crate::foundation::units::Offset;
use crate::instruments::record::OwnSecond;
use crate::instruments::telemetry::{self, Groups, Ticks, process};

const SECOND: Duration = Duration::from_secs(1);

/// What is compared from second to second.
struct Reading {
    at: Offset,
    cpu: Option<Duration>,
    spun: Duration,
    ticks: Option<Ticks>,
    throttled: Option<Duration>,
    swapped_in: Option<u64>,
    major_faults: Option<u64>,
    ahead: Ahead,
}

impl Reading {
    fn now(clock: &Clock, groups: &Groups, live: &Live) -> Self {
        Self {
            at: clock.now(),
            cpu: process::cpu_time(),
            spun: Duration::from_nanos(live.spun_ns()),
            ticks: Ticks::now(),
            throttled: groups.throttled(),
            swapped_in: telemetry::swapped_in(),
            major_faults: process::major_faults(),
            ahead: Ahead::now(),
        }
    }

    /// What happened since an earlier one. Shares of time are left out where hardly any passed.
    fn since(&self, earlier: &Self, groups: &Groups) -> OwnSecond {
        let passed = self.at.since(earlier.at);
        let processors = process::processors(groups);
        let share = |before: Option<Duration>, after: Option<Duration>, of: f64| {
            let used = after?.saturating_sub(before?);
            (passed > SECOND / 2).then(|| used.as_secs_f64() / passed.as_secs_f64() / of)
        };
        let more = |before: Option<u64>, after: Option<u64>| Some(after?.saturating_sub(before?));
        OwnSecond {
            processors,
            cpu_share: share(earlier.cpu, self.cpu, processors),
            spun_share: share(Some(earlier.spun), Some(self.spun), processors),
            steal: earlier
                .ticks
                .zip(self.ticks)
                .filter(|_| passed > SECOND / 2)
                .and_then(|(before, after)| after.stolen_since(before)),
            throttled: share(earlier.throttled, self.throttled, processors.max(1.0)),
            swapped_in: more(earlier.swapped_in, self.swapped_in),
            major_faults: more(earlier.major_faults, self.major_faults),
            clock_set_ns: u64::try_from(self.ahead.set_since(earlier.ahead).as_nanos())
                .unwrap_or(u64::MAX),
            ..OwnSecond::default()
        }
    }
}

/// Watches until `done` is let go of; the last second may be a short one.
pub(super) fn watch(
    common: &Common,
    clock: &OnceLock<Clock>,
    done: &Receiver<()>,
) -> Vec<OwnSecond> {
    let watching = Clock::real();
    let groups = Groups::ours();
    let mut seconds = Vec::new();
    let mut last = Reading::now(&watching, &groups, &common.live);
    loop {
        let over = !matches!(done.recv_timeout(SECOND), Err(RecvTimeoutError::Timeout));
        let Some(clock) = clock.get() else {
            if over {
                return seconds;
            }
            continue;
        };
        let reading = Reading::now(&watching, &groups, &common.live);
        seconds.push(second(common, clock.now(), &reading.since(&last, &groups)));
        if over {
            return seconds;
        }
        last = reading;
    }
}

/// Puts what the lanes know beside what the system counted.
fn second(common: &Common, at: Offset, counted: &OwnSecond) -> OwnSecond {
    let live = &common.live;
    let [lateness, canary, read_late] = live.take_second();
    let (tried, sent) = live.tried_and_sent();
    OwnSecond {
        at,
        lateness,
        canary,
        read_late,
        descriptors: process::descriptors(),
        in_flight: live.in_flight.load(Relaxed),
        tried,
        sent,
        intended: common.cursor.intended(at),
        records_waiting_bytes: live.waiting_bytes.load(Relaxed),
        ..*counted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(at_s: f64, cpu_s: f64) -> Reading {
        Reading {
            at: Offset::from_seconds(at_s),
            cpu: Some(Duration::from_secs_f64(cpu_s)),
            spun: Duration::from_secs_f64(cpu_s / 4.0),
            ticks: None,
            throttled: Some(Duration::from_secs_f64(cpu_s / 2.0)),
            swapped_in: Some(7),
            major_faults: None,
            ahead: Ahead::now(),
        }
    }

    #[test]
    fn shares_are_of_what_a_quota_leaves_and_of_the_time_that_passed() {
        let groups = Groups::default();
        let processors = process::processors(&groups);
        let second = reading(12.0, 3.0).since(&reading(10.0, 1.0), &groups);
        assert_eq!(second.cpu_share, Some(1.0 / processors));
        assert_eq!(second.spun_share, Some(0.25 / processors));
        assert_eq!(second.throttled, Some(0.5 / processors));
        assert_eq!((second.swapped_in, second.major_faults), (Some(0), None));
        assert_eq!(second.steal, None, "what cannot be read is not 0");
        let rest = reading(10.3, 3.0).since(&reading(10.0, 1.0), &groups);
        assert_eq!(
            rest.cpu_share, None,
            "a short rest says nothing about shares"
        );
        assert_eq!(rest.swapped_in, Some(0), "but what happened in it happened");
    }
}
