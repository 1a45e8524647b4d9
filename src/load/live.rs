//! Figures of the repeat that runs: a snapshot for the terminal, and what the self-check needs. Merged when blocks are
//! handed over, so that nothing of it is in the timed path.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::foundation::units::Offset;
use crate::instruments::record::{Phase, Times};
use crate::instruments::transport::OwnLimit;

/// What a terminal shows of the repeat that runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    /// Warming up, or measuring.
    pub phase: Phase,
    /// Time since the phase began, as of the last hand-over.
    pub elapsed: Duration,
    /// Requests that the schedule intended by then.
    pub intended: u64,
    /// Requests whose first byte was handed to a socket.
    pub sent: u64,
    /// Requests begun and not ended.
    pub in_flight: u64,
    /// Requests that were ok.
    pub ok: u64,
    /// Requests that failed.
    pub failed: u64,
    /// Median of e2e over the ok ones, to within a thousandth; `None` where there is none.
    pub e2e_p50: Option<Duration>,
    /// p99 of the same.
    pub e2e_p99: Option<Duration>,
}

/// What a lane gathers between two hand-overs.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// e2e of ok requests in nanoseconds.
    pub(super) e2e_ns: Vec<u64>,
    /// Lateness of sending with slots free.
    pub(super) lateness_ns: Vec<u64>,
    /// Lateness of the canary's ticks.
    pub(super) canary_ns: Vec<u64>,
    /// How long bytes of an answer waited to be read, at most.
    pub(super) read_late_ns: Vec<u64>,
    /// Requests that went out at their first attempt.
    pub(super) went_out: u64,
    /// When the last of them did.
    pub(super) last_sent: Option<Offset>,
    /// Time spent spinning before sends (`precise`).
    pub(super) spun_ns: u64,
}

/// A histogram of nanoseconds.
#[derive(Debug)]
struct Nanoseconds(Option<Histogram<u64>>);

impl Nanoseconds {
    fn new() -> Self {
        // Three digits, from 1 ns to an hour: these bounds are legal, so there is one.
        Self(Histogram::new_with_bounds(1, 3_600_000_000_000, 3).ok())
    }

    fn add(&mut self, values: &[u64]) {
        if let Some(histogram) = &mut self.0 {
            for &ns in values {
                histogram.saturating_record(ns.max(1));
            }
        }
    }

    fn quantile(&self, q: f64) -> Option<Duration> {
        let histogram = self.0.as_ref().filter(|histogram| !histogram.is_empty())?;
        Some(Duration::from_nanos(histogram.value_at_quantile(q)))
    }

    fn times(&self) -> Option<Times> {
        let histogram = self.0.as_ref().filter(|histogram| !histogram.is_empty())?;
        Some(Times {
            n: histogram.len(),
            p50_ns: histogram.value_at_quantile(0.5),
            p99_ns: histogram.value_at_quantile(0.99),
            max_ns: histogram.max(),
        })
    }

    /// Each value that was recorded, to three digits, with how often.
    fn counts(&self) -> Vec<(u64, u64)> {
        let histogram = self.0.iter();
        histogram
            .flat_map(Histogram::iter_recorded)
            .map(|step| (step.value_iterated_to(), step.count_at_value()))
            .collect()
    }

    fn clear(&mut self) {
        if let Some(histogram) = &mut self.0 {
            // What the crate calls `clear` keeps the greatest value.
            histogram.reset();
        }
    }
}

#[derive(Debug)]
struct Merged {
    phase: Phase,
    elapsed: Offset,
    intended: u64,
    e2e: Nanoseconds,
    lateness: Nanoseconds,
    canary: Nanoseconds,
    read_late: Nanoseconds,
    went_out: u64,
    last_sent: Option<Offset>,
    spun_ns: u64,
    second_lateness: Nanoseconds,
    second_canary: Nanoseconds,
    second_read_late: Nanoseconds,
}

/// The figures of one repeat; shared by its lanes, its watch and the terminal.
#[derive(Debug)]
pub struct Live {
    pub(super) tried: AtomicU64,
    sent: AtomicU64,
    pub(super) in_flight: AtomicU64,
    pub(super) ok: AtomicU64,
    pub(super) failed: AtomicU64,
    pub(super) unsent: AtomicU64,
    pub(super) waited_for_slot: AtomicU64,
    pub(super) waiting_bytes: AtomicU64,
    pub(super) overflowed: AtomicBool,
    out_of_descriptors: AtomicU64,
    out_of_ports: AtomicU64,
    merged: Mutex<Merged>,
}

impl Default for Live {
    fn default() -> Self {
        Self::new()
    }
}

impl Live {
    /// Figures of a repeat that has not begun.
    pub fn new() -> Self {
        Self {
            tried: AtomicU64::default(),
            sent: AtomicU64::default(),
            in_flight: AtomicU64::default(),
            ok: AtomicU64::default(),
            failed: AtomicU64::default(),
            unsent: AtomicU64::default(),
            waited_for_slot: AtomicU64::default(),
            waiting_bytes: AtomicU64::default(),
            overflowed: AtomicBool::default(),
            out_of_descriptors: AtomicU64::default(),
            out_of_ports: AtomicU64::default(),
            merged: Mutex::new(Merged {
                phase: Phase::Warmup,
                elapsed: Offset::ZERO,
                intended: 0,
                e2e: Nanoseconds::new(),
                lateness: Nanoseconds::new(),
                canary: Nanoseconds::new(),
                read_late: Nanoseconds::new(),
                went_out: 0,
                last_sent: None,
                spun_ns: 0,
                second_lateness: Nanoseconds::new(),
                second_canary: Nanoseconds::new(),
                second_read_late: Nanoseconds::new(),
            }),
        }
    }

    fn merged(&self) -> MutexGuard<'_, Merged> {
        self.merged.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Requests of the phase begun so far, and of these those that have gone out.
    pub(super) fn tried_and_sent(&self) -> (u64, u64) {
        (self.tried.load(Relaxed), self.sent.load(Relaxed))
    }

    /// The figures now.
    pub fn figures(&self) -> Figures {
        let merged = self.merged();
        Figures {
            phase: merged.phase,
            elapsed: merged.elapsed.since(Offset::ZERO),
            intended: merged.intended,
            sent: self.sent.load(Relaxed),
            in_flight: self.in_flight.load(Relaxed),
            ok: self.ok.load(Relaxed),
            failed: self.failed.load(Relaxed),
            e2e_p50: merged.e2e.quantile(0.5),
            e2e_p99: merged.e2e.quantile(0.99),
        }
    }

    /// Begins a phase: every figure from nothing.
    pub(super) fn begin(&self, phase: Phase) {
        for counter in [
            &self.tried,
            &self.sent,
            &self.in_flight,
            &self.ok,
            &self.failed,
            &self.unsent,
            &self.waited_for_slot,
            &self.out_of_descriptors,
            &self.out_of_ports,
        ] {
            counter.store(0, Relaxed);
        }
        let mut merged = self.merged();
        merged.phase = phase;
        merged.elapsed = Offset::ZERO;
        merged.intended = 0;
        merged.e2e.clear();
        merged.lateness.clear();
        merged.canary.clear();
        merged.read_late.clear();
        merged.went_out = 0;
        merged.last_sent = None;
        merged.spun_ns = 0;
        merged.second_lateness.clear();
        merged.second_canary.clear();
        merged.second_read_late.clear();
    }

    /// Takes what a lane gathered, and leaves it empty.
    pub(super) fn merge(&self, gathered: &mut Gathered, now: Offset, intended: u64) {
        let mut merged = self.merged();
        merged.elapsed = merged.elapsed.max(now);
        merged.intended = merged.intended.max(intended);
        merged.e2e.add(&gathered.e2e_ns);
        merged.lateness.add(&gathered.lateness_ns);
        merged.second_lateness.add(&gathered.lateness_ns);
        merged.canary.add(&gathered.canary_ns);
        merged.second_canary.add(&gathered.canary_ns);
        merged.read_late.add(&gathered.read_late_ns);
        merged.second_read_late.add(&gathered.read_late_ns);
        merged.went_out += std::mem::take(&mut gathered.went_out);
        merged.last_sent = merged.last_sent.max(gathered.last_sent);
        merged.spun_ns += std::mem::take(&mut gathered.spun_ns);
        gathered.e2e_ns.clear();
        gathered.lateness_ns.clear();
        gathered.canary_ns.clear();
        gathered.read_late_ns.clear();
    }

    /// Lateness of sending, of the canary and of reading since the last call.
    pub(super) fn take_second(&self) -> [Option<Times>; 3] {
        let merged = &mut *self.merged();
        [
            &mut merged.second_lateness,
            &mut merged.second_canary,
            &mut merged.second_read_late,
        ]
        .map(|of_second| {
            let taken = of_second.times();
            of_second.clear();
            taken
        })
    }

    /// Lateness over the phase.
    pub(super) fn lateness(&self) -> Option<Times> {
        self.merged().lateness.times()
    }

    /// The same as a histogram.
    pub(super) fn lateness_counts(&self) -> Vec<(u64, u64)> {
        self.merged().lateness.counts()
    }

    /// The canary's ticks over the phase, as a histogram.
    pub(super) fn canary_counts(&self) -> Vec<(u64, u64)> {
        self.merged().canary.counts()
    }

    /// How long bytes of each answer of the phase waited to be read, as a histogram.
    pub(super) fn read_late_counts(&self) -> Vec<(u64, u64)> {
        self.merged().read_late.counts()
    }

    /// Requests of the phase that went out at their first attempt: what never got a connection is none of them.
    pub(super) fn went_out(&self) -> u64 {
        self.merged().went_out
    }

    /// When the last request of the phase was sent.
    pub(super) fn last_sent(&self) -> Option<Offset> {
        self.merged().last_sent
    }

    /// Time spent spinning before sends of the phase, over all lanes, in nanoseconds.
    pub(super) fn spun_ns(&self) -> u64 {
        self.merged().spun_ns
    }

    /// Counts a request as sent, or as none after all.
    pub(super) fn count_sent(&self, sent: bool) {
        if sent {
            self.sent.fetch_add(1, Relaxed);
        } else {
            self.sent.fetch_sub(1, Relaxed);
        }
    }

    pub(super) fn hit(&self, limit: OwnLimit) {
        match limit {
            OwnLimit::Descriptors => &self.out_of_descriptors,
            OwnLimit::Ports => &self.out_of_ports,
        }
        .fetch_add(1, Relaxed);
    }

    /// Requests that no descriptor, and that no port was left for.
    pub(super) fn hits(&self) -> (u64, u64) {
        (
            self.out_of_descriptors.load(Relaxed),
            self.out_of_ports.load(Relaxed),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gathered(lateness_ms: u64, canary_ms: u64) -> Gathered {
        Gathered {
            lateness_ns: vec![lateness_ms * 1_000_000],
            canary_ns: vec![canary_ms * 1_000_000],
            ..Gathered::default()
        }
    }

    fn greatest(times: Option<Times>) -> Option<u64> {
        times.map(|times| times.max_ns / 1_000_000)
    }

    #[test]
    fn the_greatest_of_a_second_is_of_that_second_and_of_a_phase_of_that_phase() {
        let live = Live::new();
        live.begin(Phase::Warmup);
        live.merge(&mut gathered(40, 60), Offset::ZERO, 0);
        live.begin(Phase::Measured);
        live.merge(&mut gathered(20, 30), Offset::ZERO, 0);
        let [lateness, canary, _] = live.take_second();
        assert_eq!((greatest(lateness), greatest(canary)), (Some(20), Some(30)));
        live.merge(&mut gathered(1, 2), Offset::ZERO, 0);
        let [lateness, canary, _] = live.take_second();
        assert_eq!((greatest(lateness), greatest(canary)), (Some(1), Some(2)));
        assert_eq!(
            greatest(live.lateness()),
            Some(20),
            "over the phase the first second counts still"
        );
    }
}
