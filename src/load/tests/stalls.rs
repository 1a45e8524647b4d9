//! Stalls (ci.md D-4, D-5): the target's, which the clock from the schedule tells of, and our own, after which nothing is
//! left out and nothing goes in a burst. On the simulated clock, where every oracle is exact.

#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "small counts and simulated times"
)]

use std::time::Duration;

use super::bench::*;
use crate::foundation::seed::Seed;
use crate::foundation::units::{Concurrency, Rate};
use crate::kinds::arrival;
use crate::plan::Cell;

/// The simulated clock's resolution, for each of two ends.
const TICKS: Duration = Duration::from_micros(2);
/// What is late by less goes at once (running.md, "The engine").
const AT_ONCE: Duration = Duration::from_millis(10);

/// 100 a second for 20 s.
fn twenty_seconds(concurrency: Concurrency) -> Cell {
    constant(100.0, 2000, concurrency)
}

/// The cell against a server that is frozen from 10 s to 12 s, then drained at once.
fn against_a_freeze(cell: &Cell) -> Done {
    simulated(
        cell,
        |_| {},
        |_, timer| async move {
            if (at(10.0)..at(12.0)).contains(&timer.now()) {
                timer.until(at(12.0)).await;
            } else {
                timer.after(secs(0.001)).await;
            }
            ok()
        },
    )
}

/// D-4: 10 % of the requests wait evenly between 0 and 2 s, so that p95 of e2e is 1.00 s, p99 1.80 s and the most 2.00 s,
/// whatever the cap.
fn assert_shows_the_freeze(done: &Done) {
    let e2e: Vec<f64> = done.measured().into_iter().map(e2e).collect();
    assert_eq!(e2e.len(), 2000);
    for (q, truth) in [(0.95, 1.0), (0.99, 1.8), (1.0, 2.0)] {
        let seen = quantile(e2e.clone(), q);
        assert!(
            (seen / truth - 1.0).abs() < 0.03,
            "{q} at {seen} for {truth}"
        );
    }
}

/// The two clocks differ by how late we were to send, and without a cap that is nothing; nor is less sent in a second of
/// the freeze than in any other: the rate that is offered does not follow the target.
#[test]
fn without_a_cap_a_freeze_is_the_targets_in_both_clocks() {
    let done = against_a_freeze(&twenty_seconds(Concurrency::Infinite));
    assert_shows_the_freeze(&done);
    for one in done.measured() {
        assert!(queue(one) < 0.005, "sent late by {} s", queue(one));
    }
    assert_eq!(done.report.own.waited_for_slot, 0);
    assert_eq!(sent_in_each_second(&done), [100; 20]);
}

/// The wait moves into our queue, and only the clock from the schedule still sees it.
#[test]
fn under_a_cap_of_four_only_the_clock_from_the_schedule_tells_of_a_freeze() {
    let done = against_a_freeze(&twenty_seconds(at_most(4)));
    assert_shows_the_freeze(&done);
    let from_sent: Vec<f64> = done.measured().into_iter().map(service).collect();
    assert!(
        quantile(from_sent, 0.99) < 0.05,
        "a clock that starts at sending hides it"
    );
    assert!(done.report.own.waited_for_slot >= 196);
}

/// A closed loop of four sends nothing while it waits, and its clock cannot tell of what it did not send: why it is
/// labelled (report::context::pacing), and why nobody should take its tail for users'.
#[test]
fn a_closed_loop_hides_the_freeze_that_an_open_one_shows() {
    let mut cell = cell();
    cell.rate = Rate::Infinite;
    cell.concurrency = at_most(4);
    cell.load.requests = None;
    cell.load.duration = Some(secs(20.0));
    cell.load.think_time = (secs(0.039), secs(0.039));
    let done = against_a_freeze(&cell);
    // Four clients of 1 ms and 39 ms: 100 a second, but for the two seconds.
    let sent = sent_in_each_second(&done);
    assert_eq!(sent[5], 100);
    assert_eq!(sent[11], 0);
    let e2e: Vec<f64> = done.measured().into_iter().map(e2e).collect();
    assert_eq!(e2e.iter().filter(|e2e| **e2e > 1.0).count(), 4);
    assert!(quantile(e2e, 0.99) < 0.002);
}

/// D-5: within 1 % of the requested count in every second. On the simulated clock it is exact.
#[test]
fn each_second_is_sent_its_rate() {
    for rate in [100_u32, 333, 997] {
        let cell = constant(f64::from(rate), u64::from(rate) * 3, Concurrency::Infinite);
        let done = simulated(&cell, |_| {}, |_, _| async { ok() });
        for (second, sent) in sent_in_each_second(&done).into_iter().enumerate() {
            assert!(
                (sent as f64 / f64::from(rate) - 1.0).abs() <= 0.01,
                "{sent} of {rate} in second {second}"
            );
        }
    }
}

fn sent_in_each_second(done: &Done) -> Vec<usize> {
    let sent: Vec<usize> = done
        .measured()
        .iter()
        .map(|one| one.clocks.sent.unwrap().as_seconds() as usize)
        .collect();
    let seconds = sent.iter().max().unwrap() + 1;
    (0..seconds)
        .map(|second| sent.iter().filter(|at| **at == second).count())
        .collect()
}

/// Three stalls of our own, the second while the backlog of the first is replayed.
const STALLS: [(u64, f64); 3] = [(50, 0.2), (75, 0.06), (300, 0.5)];

/// 100 a second, while simulated time jumps where nobody could act.
fn stalled(arrival: arrival::Kind, seed: u64, burst: bool) -> Done {
    let mut cell = constant(100.0, 500, Concurrency::Infinite);
    cell.arrival = arrival;
    cell.load.burstiness = 0.25;
    cell.load.catch_up_burst = burst;
    cell.seed = Seed::root(seed);
    simulated(
        &cell,
        |_| {},
        |number, _| async move {
            if let Some((_, seconds)) = STALLS.iter().find(|(at, _)| *at == number) {
                // A simulated microsecond is a millisecond of the runtime.
                tokio::time::advance(secs(seconds * 1000.0)).await;
            }
            ok()
        },
    )
}

/// How many followed the one before in less than half of the time that the schedule had between them, though they were
/// later than what goes at once.
fn hurried(done: &Done) -> usize {
    done.measured()
        .windows(2)
        .filter(|pair| {
            let (one, next) = (pair[0].clocks, pair[1].clocks);
            let sent = next.sent.unwrap();
            let half = next.scheduled.since(one.scheduled) / 2;
            sent.since(next.scheduled) > AT_ONCE && sent.since(one.sent.unwrap()) + TICKS < half
        })
        .count()
}

/// No catch-up burst above twice the rate, whatever the arrivals: the gaps of the schedule are at most halved.
#[test]
fn after_stalls_of_our_own_no_gap_is_less_than_half_of_its_schedules() {
    for arrival in [
        arrival::Kind::Constant,
        arrival::Kind::Poisson,
        arrival::Kind::Gamma,
    ] {
        for seed in 0..2 {
            let done = stalled(arrival, seed, false);
            assert_eq!(done.outcomes().len(), 500, "nothing is left out");
            assert!(done.outcomes().iter().all(|outcome| outcome.is_ok()));
            assert_eq!(hurried(&done), 0, "{arrival:?} {seed}");
            let sent: Vec<_> = done.measured().iter().map(|one| one.clocks.sent).collect();
            assert!(sent.is_sorted(), "in the order of the schedule");
            let late = |range: std::ops::Range<usize>| {
                let measured = done.measured();
                let late = measured[range].iter().map(|one| queue(one));
                late.fold(0.0, f64::max)
            };
            assert!(
                late(51..60) > 0.1,
                "{arrival:?} {seed}: the stall was there"
            );
            assert!(late(480..500) < 0.0001, "{arrival:?} {seed}: caught up");
        }
    }
}

/// In every stretch of a tenth of a second, for constant arrivals.
#[test]
fn a_backlog_is_sent_at_most_at_twice_the_rate() {
    let most = |burst: bool| {
        let done = stalled(arrival::Kind::Constant, 0, burst);
        let sent: Vec<f64> = done
            .measured()
            .iter()
            .map(|one| one.clocks.sent.unwrap().as_seconds())
            .collect();
        let within = |from: f64| {
            sent.iter()
                .filter(|at| (from..from + 0.1).contains(*at))
                .count()
        };
        sent.iter().map(|from| within(*from)).max().unwrap()
    };
    assert!((20..=21).contains(&most(false)), "{}", most(false));
    assert!(most(true) > 50, "unless all of it is to go at once");
}

#[test]
fn a_burst_that_was_asked_for_is_one() {
    for arrival in [arrival::Kind::Constant, arrival::Kind::Poisson] {
        assert!(hurried(&stalled(arrival, 0, true)) > 20, "{arrival:?}");
    }
}
