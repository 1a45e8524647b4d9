//! Slots and clients that can have no connection: those that have one are not to pay for it. On the simulated clock.

use super::bench::*;
use crate::foundation::clock::Timer;
use crate::foundation::units::Concurrency;
use crate::instruments::record::Outcome;

/// The second connection is taken and never served, and no further one is taken: what goes to the first is answered.
#[test]
fn a_slot_that_lost_its_connection_is_not_asked_while_one_with_a_connection_is_free() {
    let mut cell = constant(2.0, 10, Concurrency::Infinite);
    cell.load.timeouts.connect = secs(0.3);
    cell.load.timeouts.first_byte = Some(secs(0.95));
    // The first answer keeps its connection busy when the second request is due, and frees it before that one fails.
    let first_is_slow = |number, timer: Timer| async move {
        if number == 0 {
            timer.after(secs(0.9)).await;
        }
        ok()
    };
    let done = simulated_taking_connections(secs(1e3), &cell, |_| {}, first_is_slow);
    let mut expected = [Outcome::Ok; 10];
    expected[1] = Outcome::TimeoutFirstByte;
    assert_eq!(done.outcomes(), expected);
}

/// One of two clients may have no connection, so that its requests fail without a wait: it must not send them all.
#[test]
fn a_client_whose_requests_fail_at_once_lets_others_have_their_turn() {
    let mut cell = cell();
    cell.concurrency = at_most(2);
    cell.load.requests = Some(400);
    let done = simulated(
        &cell,
        |work| work.connections = Some(1),
        |_, _| async { ok() },
    );
    let ok = done.outcomes().iter().filter(|one| one.is_ok()).count();
    assert!(ok > 20, "{ok} of 400");
}
