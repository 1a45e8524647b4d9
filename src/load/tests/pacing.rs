//! When requests are sent, and what is made of the wait: on the simulated clock, where every oracle is exact.

#![expect(
    clippy::float_cmp,
    clippy::cast_precision_loss,
    reason = "simulated times are exact, numbers of requests small"
)]

use std::cell::Cell as Counter;
use std::rc::Rc;

use super::bench::*;
use crate::foundation::units::Concurrency;
use crate::instruments::record::{Ended, Outcome, Phase};
use crate::kinds::arrival;
use crate::plan::Cell;

/// The cell against a server that takes so many seconds for each request.
fn served_in(seconds: f64, cell: &Cell) -> Done {
    simulated(
        cell,
        |_| {},
        move |_, timer| async move {
            timer.after(secs(seconds)).await;
            ok()
        },
    )
}

/// G19, seeds.md 7.
#[test]
fn a_constant_schedule_does_not_drift() {
    let done = served_in(0.3, &constant(4.0, 5, Concurrency::Infinite));
    assert_eq!(done.scheduled(), [0.0, 0.25, 0.5, 0.75, 1.0]);
    let sent: Vec<f64> = done
        .measured()
        .iter()
        .map(|one| one.clocks.sent.unwrap().as_seconds())
        .collect();
    assert_eq!(sent, done.scheduled());
}

/// A target that is slow to take connections makes its requests late, which their clocks show; not us, who had slots
/// free and went at once.
#[test]
fn the_time_that_a_connection_takes_to_make_is_no_lateness_of_ours() {
    let cell = constant(10.0, 20, Concurrency::Infinite);
    let done = simulated_taking_connections(
        secs(0.25),
        &cell,
        |_| {},
        |_, timer| async move {
            timer.after(secs(100.0)).await;
            ok()
        },
    );
    let lateness = done.report.own.lateness.unwrap();
    assert_eq!(lateness.n, 20);
    assert!(lateness.max_ns < 10_000, "{} ns late", lateness.max_ns);
    // One connection waits in the listener's line: the last of twenty is in it when 18 were taken after the first.
    let waits: Vec<f64> = done.measured().into_iter().map(queue).collect();
    assert_eq!(waits[19], 18.0 * 0.25 - 1.9);
}

/// G20, seeds.md 7: what a semaphore before the clock would hide.
#[test]
fn the_wait_for_a_slot_counts() {
    let mut cell = cell();
    cell.arrival = arrival::Kind::Batch;
    cell.load.batch = 3;
    cell.load.requests = Some(3);
    let done = served_in(1.0, &cell);
    let services: Vec<f64> = done.measured().into_iter().map(service).collect();
    let e2es: Vec<f64> = done.measured().into_iter().map(e2e).collect();
    assert_eq!(services, [1.0, 1.0, 1.0]);
    assert_eq!(e2es, [1.0, 2.0, 3.0]);
}

#[test]
fn all_at_once_is_all_at_once() {
    let mut cell = cell();
    cell.concurrency = Concurrency::Infinite;
    cell.load.requests = Some(300);
    let done = served_in(1.0, &cell);
    assert!(
        done.measured()
            .iter()
            .all(|one| one.clocks.scheduled == at(0.0) && e2e(one) == 1.0)
    );
}

#[test]
fn a_batch_begins_when_all_of_the_last_have_ended() {
    let mut cell = cell();
    cell.arrival = arrival::Kind::Batch;
    cell.concurrency = Concurrency::Infinite;
    cell.load.batch = 2;
    cell.load.requests = Some(5);
    let done = simulated(
        &cell,
        |_| {},
        |number, timer| async move {
            timer.after(secs(if number == 1 { 3.0 } else { 1.0 })).await;
            ok()
        },
    );
    assert_eq!(done.scheduled(), [0.0, 0.0, 3.0, 3.0, 4.0]);
}

#[test]
fn a_closed_loops_client_is_due_when_its_last_request_ended_and_it_thought() {
    let mut cell = cell();
    cell.load.requests = Some(3);
    cell.load.think_time = (secs(0.5), secs(0.5));
    let done = served_in(1.0, &cell);
    assert_eq!(done.scheduled(), [0.0, 1.5, 3.0]);
}

#[test]
fn clients_start_over_the_ramp() {
    let mut cell = cell();
    cell.concurrency = at_most(4);
    cell.load.requests = Some(4);
    cell.load.ramp = secs(2.0);
    let done = served_in(10.0, &cell);
    assert_eq!(done.scheduled(), [0.0, 0.5, 1.0, 1.5]);
}

#[test]
fn concurrency_is_exact_and_first_come_is_first_served() {
    let in_flight = Rc::new(Counter::new(0_u32));
    let most = Rc::new(Counter::new(0_u32));
    let (inside, seen) = (Rc::clone(&in_flight), Rc::clone(&most));
    let done = simulated(
        &constant(1000.0, 500, at_most(7)),
        |_| {},
        move |number, timer| {
            inside.set(inside.get() + 1);
            seen.set(seen.get().max(inside.get()));
            let inside = Rc::clone(&inside);
            async move {
                timer.after(secs(0.01 + 0.001 * (number % 5) as f64)).await;
                inside.set(inside.get() - 1);
                ok()
            }
        },
    );
    assert_eq!(most.get(), 7);
    let sent: Vec<_> = done
        .measured()
        .iter()
        .map(|one| one.clocks.sent.unwrap())
        .collect();
    assert!(sent.is_sorted(), "in the order of the schedule");
}

#[test]
fn what_was_due_and_not_sent_when_time_was_up_is_a_row() {
    let mut cell = constant(10.0, 0, at_most(1));
    cell.load.requests = None;
    cell.load.duration = Some(secs(2.0));
    let done = served_in(0.5, &cell);
    // Twenty were intended within two seconds; one slot serves those of 0, 0.1, 0.2 and 0.3 s, at 0, 0.5, 1 and 1.5 s.
    let outcomes = done.outcomes();
    assert_eq!(
        outcomes.iter().filter(|&&one| one == Outcome::Ok).count(),
        4
    );
    assert_eq!(outcomes[4..], [Outcome::Unsent; 16]);
    assert_eq!(done.report.counts.intended, 20);
    assert_eq!(done.report.counts.unsent, 16);
    assert_eq!(done.report.own.unsent_for_slots, 16);
    let unsent = done.measured()[19];
    assert_eq!(
        (
            unsent.clocks.scheduled,
            unsent.clocks.sent,
            unsent.clocks.end
        ),
        (at(1.9), None, done.measured()[4].clocks.end)
    );
    assert_eq!(done.report.ended, Ended::Complete);
}

/// Ten thousand a second for a tenth of one, while simulated time jumps by so much, three milliseconds before the end: of
/// what was due and could not go in time, how many were sent, and how many were not.
fn late_at_the_end_by(jump: f64) -> (usize, usize) {
    let mut cell = constant(10_000.0, 0, Concurrency::Infinite);
    cell.load.requests = None;
    cell.load.duration = Some(secs(0.1));
    let done = simulated(
        &cell,
        |_| {},
        move |number, _| async move {
            if number == 970 {
                // A simulated microsecond is a millisecond of the runtime.
                tokio::time::advance(secs(jump * 1000.0)).await;
            }
            ok()
        },
    );
    let measured = done.measured();
    assert_eq!(measured.len(), 1000, "each has its row");
    let late = measured[971..].iter();
    let sent = late.filter(|one| one.clocks.sent > Some(at(0.1))).count();
    let unsent = done.report.counts.unsent;
    (sent, usize::try_from(unsent).unwrap())
}

#[test]
fn what_was_due_before_the_end_still_goes_where_we_alone_were_late_by_less_than_a_stall() {
    assert_eq!(late_at_the_end_by(0.008), (29, 0));
    // After a stall the end is the end, but for the one that was being waited for.
    assert_eq!(late_at_the_end_by(0.5), (1, 28));
}

#[test]
fn what_is_in_flight_when_time_is_up_is_waited_for_and_then_given_up() {
    let mut cell = constant(1.0, 0, Concurrency::Infinite);
    cell.load.requests = None;
    cell.load.duration = Some(secs(3.0));
    cell.load.drain = Some(secs(2.0));
    let done = simulated(
        &cell,
        |_| {},
        |number, timer| async move {
            timer
                .after(secs(if number == 2 { 100.0 } else { 2.5 }))
                .await;
            ok()
        },
    );
    assert_eq!(
        done.outcomes(),
        [Outcome::Ok, Outcome::Ok, Outcome::TimeoutTotal]
    );
    assert_eq!(
        done.measured()[2].clocks.end,
        Some(at(5.0)),
        "written as it is"
    );
}

#[test]
fn a_stop_ends_sending_and_gives_what_is_in_flight_five_seconds() {
    let cell = constant(1.0, 100, at_most(2));
    let stop = crate::load::Stop::default();
    let theirs = stop.clone();
    let done = simulated(
        &cell,
        |work| work.stop = stop,
        move |number, timer| {
            let stop = theirs.clone();
            async move {
                if number == 1 {
                    timer.until(at(3.5)).await;
                    stop.stop();
                }
                timer.after(secs(50.0)).await;
                ok()
            }
        },
    );
    // Two in flight; those of 2 s and 3 s waited for a slot; the one of 4 s was not due.
    let expected = [
        Outcome::TimeoutTotal,
        Outcome::TimeoutTotal,
        Outcome::Unsent,
        Outcome::Unsent,
    ];
    assert_eq!(done.outcomes(), expected);
    assert_eq!(done.measured()[0].clocks.end, Some(at(8.5)));
    assert_eq!(done.report.ended, Ended::Interrupted);
}

#[test]
fn warm_ups_are_recorded_first_and_never_counted() {
    let mut cell = cell();
    cell.load.requests = Some(2);
    cell.load.warmup.requests = 3;
    cell.load.warmup.concurrency = 1;
    let done = served_in(1.0, &cell);
    let phases: Vec<_> = done.all.iter().map(|one| one.phase).collect();
    assert_eq!(phases[..3], [Phase::Warmup; 3]);
    assert_eq!(done.report.counts.intended, 2);
    assert_eq!(
        done.measured()[0].clocks.scheduled,
        at(0.0),
        "the measured clock starts with its phase"
    );
}

#[test]
fn where_every_warm_up_fails_nothing_is_measured() {
    let mut cell = cell();
    cell.load.warmup.requests = 2;
    let done = simulated(&cell, |_| {}, |_, _| async { refuse(500) });
    assert_eq!(done.report.ended, Ended::WarmupFailed);
    assert!(done.measured().is_empty());
}

#[test]
fn each_retry_is_a_row_and_the_clock_spans_them_all() {
    let mut cell = cell();
    cell.load.requests = Some(2);
    cell.load.retries = 2;
    let done = simulated(
        &cell,
        |_| {},
        |number, timer| async move {
            timer.after(secs(1.0)).await;
            if number < 2 { refuse(503) } else { ok() }
        },
    );
    let rows: Vec<_> = done
        .measured()
        .iter()
        .map(|one| (one.index, one.attempt, one.outcome, e2e(one)))
        .collect();
    let expected = [
        (0, 1, Outcome::Http(503), 1.0),
        (0, 2, Outcome::Http(503), 2.0),
        (0, 3, Outcome::Ok, 3.0),
        (1, 1, Outcome::Ok, 1.0),
    ];
    assert_eq!(rows, expected);
    assert_eq!((done.report.counts.ok, done.report.counts.failed), (2, 0));
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let mut cell = constant(200.0, 300, at_most(5));
    cell.arrival = arrival::Kind::Poisson;
    let run = || {
        simulated(
            &cell,
            |_| {},
            |number, timer| async move {
                timer.after(secs(0.001 * (number % 50) as f64)).await;
                ok()
            },
        )
        .all
    };
    assert_eq!(run(), run());
}

/// Results do not depend on the number of lanes: over real sockets and two lanes, the schedule is the same as in one.
#[test]
fn the_schedule_is_the_same_in_one_lane_and_in_several() {
    let mut cell = constant(400.0, 100, at_most(8));
    cell.arrival = arrival::Kind::Poisson;
    let (address, _server) = super::faults::server(|mut stream| {
        use std::io::{Read as _, Write as _};
        let mut buffer = [0; 4096];
        while stream.read(&mut buffer).is_ok_and(|read| read > 0) {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
                .unwrap();
        }
    });
    let real = over_sockets(&cell, address, |_| {});
    let simulated = simulated(&cell, |_| {}, |_, _| async { ok() });
    let schedule = |done: &Done| -> Vec<_> {
        done.measured()
            .iter()
            .map(|one| one.clocks.scheduled.as_nanos())
            .collect()
    };
    assert_eq!(schedule(&real), schedule(&simulated));
    assert!(real.outcomes().iter().all(|outcome| outcome.is_ok()));
}

/// A stall of our own: simulated time jumps by 200 ms while nobody could act.
fn stalled(burst: bool) -> Vec<(f64, f64)> {
    let mut cell = constant(100.0, 160, Concurrency::Infinite);
    cell.load.catch_up_burst = burst;
    let done = simulated(
        &cell,
        |_| {},
        |number, _| async move {
            if number == 100 {
                tokio::time::advance(secs(200.0)).await;
            }
            ok()
        },
    );
    done.measured()
        .iter()
        .map(|one| {
            (
                one.clocks.scheduled.as_seconds(),
                one.clocks.sent.unwrap().as_seconds(),
            )
        })
        .collect()
}

#[test]
fn after_a_stall_of_our_own_the_backlog_goes_at_twice_its_pace_and_nothing_is_left_out() {
    let rows = stalled(false);
    assert_eq!(rows.len(), 160);
    // Scheduled at 1.01 s, when nobody could act until 1.20 s; then every 5 ms, until it has caught up at 1.40 s.
    assert_eq!(rows[101], (1.01, 1.2));
    assert_eq!(rows[111], (1.11, 1.25));
    assert_eq!(rows[137], (1.37, 1.38));
    assert_eq!(rows[145], (1.45, 1.45));
    let burst = stalled(true);
    assert!(
        burst[101..=120].iter().all(|(_, sent)| *sent == 1.2),
        "unless all of it is to go at once"
    );
}

#[test]
fn requests_go_to_the_targets_addresses_in_turn() {
    let serve = |name: &'static [u8]| {
        super::faults::server(move |mut stream| {
            use std::io::{Read as _, Write as _};
            let mut buffer = [0; 4096];
            while stream.read(&mut buffer).is_ok_and(|read| read > 0) {
                let _ = stream.write_all(name);
            }
        })
    };
    let (one, ones) = serve(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    let (other, _) = serve(b"HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n");
    let mut cell = cell();
    cell.load.requests = Some(6);
    let done = over_sockets(&cell, one, |work| {
        let options = crate::instruments::transport::Options::default();
        let network = crate::foundation::access::Network::default();
        let url = format!("http://{other}");
        let second =
            crate::instruments::transport::Origin::resolve(&url, Vec::new(), &options, &network);
        work.origins.push(std::sync::Arc::new(second.unwrap()));
    });
    let expected = [Outcome::Ok, Outcome::Http(503)].repeat(3);
    assert_eq!(done.outcomes(), expected);
    assert_eq!(
        ones.load(std::sync::atomic::Ordering::SeqCst),
        1,
        "each keeps its connection"
    );
}

/// Five rows that can be told apart.
struct Five;

impl crate::kinds::dataset::Rows for Five {
    fn len(&self) -> Option<u64> {
        Some(5)
    }

    fn row(
        &self,
        position: u64,
    ) -> Result<crate::kinds::dataset::Row, crate::kinds::dataset::DatasetError> {
        Ok(crate::kinds::dataset::Row {
            number: position,
            ..Default::default()
        })
    }

    fn sha256(&self) -> String {
        String::new()
    }
}

#[test]
fn warm_ups_take_rows_that_the_measured_requests_leave_and_then_the_first_ones() {
    let mut cell = cell();
    cell.load.requests = Some(3);
    cell.load.warmup.requests = 3;
    cell.load.warmup.concurrency = 1;
    let done = simulated(
        &cell,
        |work| work.requests.rows = Some(std::sync::Arc::new(Five)),
        |_, _| async { ok() },
    );
    let rows: Vec<_> = done
        .all
        .iter()
        .map(|one| {
            (
                one.phase,
                one.dataset_row,
                one.notes.contains(&"warmup_reused".to_owned()),
            )
        })
        .collect();
    let warm = |row, reused| (Phase::Warmup, Some(row), reused);
    assert_eq!(rows[..3], [warm(3, false), warm(4, false), warm(0, true)]);
    assert_eq!(
        done.measured()
            .iter()
            .map(|one| one.dataset_row)
            .collect::<Vec<_>>(),
        [Some(0), Some(1), Some(2)]
    );
}

#[test]
fn a_dataset_that_ends_sooner_ends_the_repeat_and_says_so() {
    let mut cell = constant(10.0, 8, Concurrency::Infinite);
    let rows =
        || Some(std::sync::Arc::new(Five) as std::sync::Arc<dyn crate::kinds::dataset::Rows>);
    let done = simulated(
        &cell,
        |work| work.requests.rows = rows(),
        |_, _| async { ok() },
    );
    assert_eq!(
        (done.report.ended, done.report.counts.intended),
        (Ended::DatasetEnded, 5)
    );
    // With neither requests nor duration each row is sent once, and that is all that was asked for.
    cell.load.requests = None;
    let done = simulated(
        &cell,
        |work| work.requests.rows = rows(),
        |_, _| async { ok() },
    );
    assert_eq!(
        (done.report.ended, done.report.counts.intended),
        (Ended::Complete, 5)
    );
}

fn refuse(status: u16) -> Answer {
    let mut answer = ok();
    *answer.status_mut() = http::StatusCode::from_u16(status).unwrap();
    answer
}
