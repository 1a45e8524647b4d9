//! Loads whose times follow from the answers: closed loops with think time and ramp, batches; and traces, which bring
//! their own times. On the simulated clock, where every oracle is exact.

#![expect(
    clippy::float_cmp,
    clippy::cast_precision_loss,
    reason = "simulated times are exact, counts small"
)]

use std::sync::Arc;
use std::time::Duration;

use super::bench::*;
use crate::foundation::seed::Seed;
use crate::foundation::units::{Concurrency, Offset};
use crate::kinds::arrival;
use crate::kinds::dataset::{DatasetError, Row, Rows};
use crate::plan::Cell;

/// A closed loop of so many clients.
fn clients(number: u32, requests: u64) -> Cell {
    let mut cell = cell();
    cell.concurrency = at_most(number);
    cell.load.requests = Some(requests);
    cell
}

/// The cell against a server that takes a second for each request.
fn served_in_a_second(cell: &Cell) -> Done {
    simulated(
        cell,
        |_| {},
        |_, timer| async move {
            timer.after(secs(1.0)).await;
            ok()
        },
    )
}

fn scheduled(done: &Done) -> Vec<Offset> {
    let mut scheduled: Vec<_> = done
        .measured()
        .iter()
        .map(|one| one.clocks.scheduled)
        .collect();
    scheduled.sort_unstable();
    scheduled
}

fn ends(done: &Done) -> Vec<Offset> {
    let mut ends: Vec<_> = done
        .measured()
        .iter()
        .map(|one| one.clocks.end.unwrap())
        .collect();
    ends.sort_unstable();
    ends
}

/// N clients, a second of service, a think time: N requests each second and a half, to the nanosecond.
#[test]
fn a_closed_loop_sends_as_many_as_its_clients_can() {
    let mut cell = clients(3, 3 * 20);
    cell.load.think_time = (secs(0.5), secs(0.5));
    let done = served_in_a_second(&cell);
    let expected: Vec<Offset> = (0..60)
        .map(|number| at(f64::from(number / 3) * 1.5))
        .collect();
    assert_eq!(scheduled(&done), expected);
    assert!(done.measured().into_iter().all(|one| e2e(one) == 1.0));
}

/// However long each answer takes: a client is due when its last request ended and it thought, so the times that are due
/// are the ends, each moved by the think time; and never are more in flight than there are clients.
#[test]
fn a_clients_next_request_is_due_a_thought_after_its_last_end() {
    let mut cell = clients(4, 400);
    cell.load.think_time = (secs(0.05), secs(0.05));
    let done = simulated(
        &cell,
        |_| {},
        |number, timer| async move {
            timer.after(secs(0.01 * (number * 7 % 13) as f64)).await;
            ok()
        },
    );
    let scheduled = scheduled(&done);
    assert_eq!(scheduled[..4], [at(0.0); 4]);
    let due: Vec<Offset> = ends(&done)
        .into_iter()
        .map(|end| end + secs(0.05))
        .collect();
    assert_eq!(scheduled[4..], due[..396]);
    assert!(done.measured().into_iter().all(|one| queue(one) == 0.0));
}

/// Thoughts of a range are uniform in it: Kolmogorov's distance over 20 seeds is below its critical value at 0.1 %.
#[test]
fn think_times_of_a_range_are_drawn_evenly_from_it() {
    let thoughts = |seed| {
        let mut cell = clients(1, 151);
        cell.load.think_time = (secs(0.2), secs(1.0));
        cell.seed = Seed::root(seed);
        let done = simulated(&cell, |_| {}, |_, _| async { ok() });
        let measured = done.measured();
        let mut thoughts: Vec<f64> = measured
            .windows(2)
            .map(|pair| {
                let (end, next) = (pair[0].clocks.end.unwrap(), pair[1].clocks.scheduled);
                next.since(end).as_secs_f64()
            })
            .collect();
        thoughts.sort_by(f64::total_cmp);
        thoughts
    };
    for seed in 0..20 {
        let thoughts = thoughts(seed);
        let n = thoughts.len() as f64;
        let distance = thoughts
            .iter()
            .enumerate()
            .map(|(place, thought)| {
                let expected = (thought - 0.2) / 0.8;
                let (below, above) = (place as f64 / n, (place as f64 + 1.0) / n);
                (expected - below).abs().max((above - expected).abs())
            })
            .fold(0.0, f64::max);
        assert!(distance * n.sqrt() < 1.95, "seed {seed}: {distance}");
    }
    assert_eq!(thoughts(3), thoughts(3));
    assert_ne!(thoughts(3), thoughts(4));
}

#[test]
fn clients_do_not_think_in_step() {
    let mut cell = clients(8, 16);
    cell.load.think_time = (secs(0.2), secs(1.0));
    let done = served_in_a_second(&cell);
    let mut seconds = scheduled(&done).split_off(8);
    seconds.dedup();
    assert_eq!(seconds.len(), 8, "eight thoughts of their own");
}

/// Client k of N starts at k/N of the ramp, and goes on from there: as many are in flight as have started.
#[test]
fn a_ramp_adds_one_client_after_the_other() {
    let mut cell = clients(5, 0);
    cell.load.requests = None;
    cell.load.duration = Some(secs(20.0));
    cell.load.ramp = secs(8.0);
    let done = served_in_a_second(&cell);
    let mut expected: Vec<Offset> = (0..5)
        .flat_map(|client| {
            let start = 1.6 * f64::from(client);
            (0..)
                .map(move |turn| Duration::from_secs_f64(start) + Duration::from_secs(turn))
                .take_while(|due| *due < secs(20.0))
                .map(|due| Offset::ZERO + due)
        })
        .collect();
    expected.sort_unstable();
    assert_eq!(scheduled(&done), expected);
}

/// Ten at once under a cap of four: served in three rounds, and the waiting counts; then the next ten.
#[test]
fn a_batch_under_a_cap_waits_and_the_next_begins_when_all_have_ended() {
    let mut cell = clients(4, 25);
    cell.arrival = arrival::Kind::Batch;
    cell.load.batch = 10;
    let done = served_in_a_second(&cell);
    let due: Vec<f64> = [0.0; 10]
        .into_iter()
        .chain([3.0; 10])
        .chain([6.0; 5])
        .collect();
    assert_eq!(done.scheduled(), due);
    let waits: Vec<f64> = done.measured().into_iter().map(e2e).collect();
    let ten = [1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0, 3.0, 3.0];
    assert_eq!(waits, [&ten[..], &ten[..], &ten[..5]].concat());
}

/// Without a cap a batch waits for nobody but its own.
#[test]
fn a_batch_without_a_cap_goes_at_once() {
    let mut cell = clients(1, 30);
    cell.concurrency = Concurrency::Infinite;
    cell.arrival = arrival::Kind::Batch;
    cell.load.batch = 10;
    let done = served_in_a_second(&cell);
    let due: Vec<f64> = [[0.0; 10], [1.0; 10], [2.0; 10]].concat();
    assert_eq!(done.scheduled(), due);
    assert!(done.measured().into_iter().all(|one| e2e(one) == 1.0));
}

/// Rows with times of their own.
struct Timed([f64; 4]);

impl Rows for Timed {
    fn len(&self) -> Option<u64> {
        Some(self.0.len() as u64)
    }

    fn row(&self, number: u64) -> Result<Row, DatasetError> {
        Ok(Row {
            number,
            timestamp_s: usize::try_from(number).ok().map(|place| self.0[place]),
            ..Row::default()
        })
    }

    fn sha256(&self) -> String {
        String::new()
    }
}

#[test]
fn a_trace_is_sent_at_its_own_times_from_the_earliest_on() {
    let mut cell = clients(1, 0);
    cell.concurrency = Concurrency::Infinite;
    cell.arrival = arrival::Kind::Trace;
    cell.load.requests = None;
    cell.load.speed = 2.0;
    let done = simulated(
        &cell,
        |work| work.requests.rows = Some(Arc::new(Timed([10.0, 10.5, 10.5, 14.0]))),
        |_, _| async { ok() },
    );
    assert_eq!(done.scheduled(), [0.0, 0.25, 0.25, 2.0]);
    assert!(done.measured().into_iter().all(|one| queue(one) == 0.0));
    let rows: Vec<_> = done.measured().iter().map(|one| one.dataset_row).collect();
    assert_eq!(rows, [Some(0), Some(1), Some(2), Some(3)]);
}
