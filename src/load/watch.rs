//! The generator watches itself, once a second.

use std::sync::OnceLock;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use super::lane::Common;
use crate::foundation::clock::Clock;
use crate::foundation::units::Offset;
use crate::instruments::record::OwnSecond;
use crate::instruments::telemetry::process::{self, Ticks};

const SECOND: Duration = Duration::from_secs(1);

/// What is compared from second to second.
struct Reading {
    at: Offset,
    cpu: Option<Duration>,
    ticks: Option<Ticks>,
}

impl Reading {
    fn now(clock: &Clock) -> Self {
        Self {
            at: clock.now(),
            cpu: process::cpu_time(),
            ticks: Ticks::now(),
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
    let mut seconds = Vec::new();
    let mut last = Reading::now(&watching);
    loop {
        let over = !matches!(done.recv_timeout(SECOND), Err(RecvTimeoutError::Timeout));
        let Some(clock) = clock.get() else {
            if over {
                return seconds;
            }
            continue;
        };
        let reading = Reading::now(&watching);
        // A short rest says nothing about shares of time.
        if !over || seconds.is_empty() || reading.at.since(last.at) > SECOND / 2 {
            seconds.push(second(common, clock.now(), &last, &reading));
        }
        if over {
            return seconds;
        }
        last = reading;
    }
}

fn second(common: &Common, at: Offset, last: &Reading, reading: &Reading) -> OwnSecond {
    let live = &common.live;
    let (lateness, canary) = live.take_second();
    let passed = reading.at.since(last.at).as_secs_f64();
    let cpu_share = match (last.cpu, reading.cpu) {
        (Some(before), Some(after)) if passed > 0.0 => {
            #[expect(clippy::cast_precision_loss, reason = "a number of processors")]
            let cores = process::cores() as f64;
            Some(after.saturating_sub(before).as_secs_f64() / passed / cores)
        }
        _ => None,
    };
    OwnSecond {
        at,
        lateness,
        cpu_share,
        steal: last
            .ticks
            .zip(reading.ticks)
            .and_then(|(before, after)| after.stolen_since(before)),
        canary,
        descriptors: process::descriptors(),
        in_flight: live.in_flight.load(Relaxed),
        sent: live.sent.load(Relaxed),
        intended: common.cursor.intended(at),
        records_waiting_bytes: live.waiting_bytes.load(Relaxed),
    }
}
