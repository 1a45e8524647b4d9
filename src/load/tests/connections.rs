//! Connections over real sockets: what a cap allows, what a close costs, what the end of a cell leaves behind. No oracle
//! here is a time.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use super::bench::*;
use super::faults::{OK, one, request, server};
use crate::foundation::units::Concurrency;
use crate::instruments::record::Outcome;
use crate::instruments::transport::{Client, Options, Version};
use crate::kinds::arrival;

/// A server that answers no request before so many are in it: a slot that idles while work is due stops it for good, and
/// one too many is seen.
fn full_rounds(size: u32) -> (SocketAddr, Arc<AtomicU32>) {
    let (inside, most) = (AtomicU32::new(0), Arc::new(AtomicU32::new(0)));
    let (round, seen) = (Barrier::new(size as usize), Arc::clone(&most));
    let (address, _) = server(move |mut stream| {
        while request(&mut stream) {
            seen.fetch_max(inside.fetch_add(1, SeqCst) + 1, SeqCst);
            round.wait();
            inside.fetch_sub(1, SeqCst);
            let _ = stream.write_all(OK);
        }
    });
    (address, most)
}

/// In rounds of the cap's size, the wait of a request is the number of its round: that it is the same by any number of
/// lanes says that the distribution of queueing is.
fn a_cap_is_exact_and_queues_alike_by_any_number_of_lanes(client: Client) {
    for cap in [8, 5] {
        for lanes in [1, 2, 8] {
            let (address, most) = full_rounds(cap);
            let requests = cap * 12;
            let mut cell = cell();
            cell.arrival = arrival::Kind::Batch;
            cell.concurrency = at_most(cap);
            cell.load.batch = requests;
            cell.load.requests = Some(u64::from(requests));
            cell.load.timeouts.total = Duration::from_secs(20);
            let done = over_sockets_by(client, &cell, address, |work| work.lanes = Some(lanes));
            assert!(
                done.outcomes().iter().all(|outcome| outcome.is_ok()),
                "{lanes} lanes left a slot of {cap} idle"
            );
            assert_eq!(most.load(SeqCst), cap, "{lanes} lanes");
            let mut by_sending = done.measured();
            by_sending.sort_by_key(|one| one.clocks.sent);
            let rounds: Vec<_> = by_sending
                .iter()
                .map(|one| one.index / u64::from(cap))
                .collect();
            assert!(rounds.is_sorted(), "{lanes} lanes: {rounds:?}");
        }
    }
}

/// Each answer is followed by a close, which the next request meets sooner or later.
fn a_close_that_races_with_the_next_request_sends_nothing_twice(client: Client) {
    let answered = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&answered);
    let (address, _) = server(move |mut stream| {
        if request(&mut stream) {
            count.fetch_add(1, SeqCst);
            let _ = stream.write_all(OK);
        }
    });
    let mut cell = cell();
    cell.concurrency = at_most(4);
    cell.load.requests = Some(400);
    let done = over_sockets_by(client, &cell, address, |_| {});
    let outcomes = done.outcomes();
    assert_eq!(outcomes.len(), 400);
    for one in done.measured() {
        // reqwest does not tell what was reused.
        let lost = one.traffic.reused || client == Client::Reqwest;
        assert!(
            one.outcome == Outcome::Ok || (one.outcome == Outcome::Reset && lost),
            "{one:?}"
        );
    }
    let ok = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!(ok, answered.load(SeqCst) as usize);
}

/// A server that never answers; how many of its connections were opened, and how many have been closed by the other side.
pub fn silent() -> (SocketAddr, Arc<AtomicU32>, Arc<AtomicU32>) {
    let closed = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&closed);
    let (address, opened) = server(move |mut stream| {
        while stream.read(&mut [0; 4096]).is_ok_and(|read| read > 0) {}
        count.fetch_add(1, SeqCst);
    });
    (address, opened, closed)
}

/// Connections of this process to that port that are open from our side, as the system lists them.
fn open_to(port: u16) -> usize {
    let listed = std::fs::read_to_string("/proc/self/net/tcp").unwrap();
    let is_open = |line: &&str| {
        let fields: Vec<_> = line.split_whitespace().collect();
        // Established, or closed by the other side alone.
        fields[2].ends_with(&format!(":{port:04X}")) && matches!(fields[3], "01" | "08")
    };
    listed.lines().skip(1).filter(is_open).count()
}

fn nothing_is_left_of_a_cell(options: &Options) {
    let (address, opened, closed) = silent();
    let mut cell = cell();
    cell.concurrency = at_most(4);
    cell.load.requests = None;
    cell.load.duration = Some(Duration::from_millis(100));
    cell.load.drain = Some(Duration::from_millis(100));
    let done = over_sockets_with(options, &cell, address, |_| {});
    assert_eq!(open_to(address.port()), 0);
    assert_eq!(done.outcomes(), [Outcome::TimeoutTotal; 4]);
    let begun = Instant::now();
    while closed.load(SeqCst) < opened.load(SeqCst) {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "one is still open"
        );
        std::thread::yield_now();
    }
    assert!(opened.load(SeqCst) >= 4);
}

fn the_end_of_a_cell_leaves_no_connection_behind(client: Client) {
    nothing_is_left_of_a_cell(&Options {
        client,
        ..Options::default()
    });
}

#[test]
fn what_no_connection_is_granted_for_fails_at_once_and_is_told_as_our_own_limit() {
    let (address, opened, _) = silent();
    let mut cell = cell();
    cell.concurrency = Concurrency::Infinite;
    cell.load.requests = Some(10);
    cell.load.timeouts.total = Duration::from_secs(1);
    let done = over_sockets(&cell, address, |work| work.connections = Some(3));
    let outcomes = done.outcomes();
    let count = |outcome| outcomes.iter().filter(|one| **one == outcome).count();
    assert_eq!(
        (count(Outcome::TimeoutTotal), count(Outcome::Connect)),
        (3, 7)
    );
    assert_eq!(opened.load(SeqCst), 3);
    assert_eq!(done.report.own.out_of_descriptors, 7);
}

pub fn http2() -> Options {
    Options {
        version: Version::Http2,
        ..Options::default()
    }
}

#[test]
fn the_end_of_a_cell_leaves_no_connection_of_http_2_behind() {
    nothing_is_left_of_a_cell(&http2());
}

/// What a server of HTTP/2 sends at once: its settings and the head of an answer to the first request.
const HEAD_OF_HTTP_2: &[u8] = b"\0\0\0\x04\0\0\0\0\0\0\0\x01\x01\x04\0\0\0\x01\x88";

#[test]
fn each_time_out_holds_for_http_2_too() {
    let short = Duration::from_millis(80);
    let outcome = |change: &dyn Fn(&mut crate::scenario::Timeouts), head: &'static [u8], drips| {
        let (address, _) = server(move |mut stream: TcpStream| {
            // Preface, settings, and the head of a request are more than so many bytes.
            let mut request = [0; 110];
            let _ = stream.read_exact(&mut request);
            let _ = stream.write_all(head);
            while drips && stream.write_all(b"\0\0\x01\0\0\0\0\0\x01.").is_ok() {
                std::thread::sleep(Duration::from_millis(20));
            }
            while stream.read(&mut request).is_ok_and(|read| read > 0) {}
        });
        let mut cell = one();
        change(&mut cell.load.timeouts);
        over_sockets_with(&http2(), &cell, address, |_| {}).outcomes()[0]
    };
    assert_eq!(
        outcome(&|timeouts| timeouts.first_byte = Some(short), b"", false),
        Outcome::TimeoutFirstByte
    );
    assert_eq!(
        outcome(&|timeouts| timeouts.idle = short, HEAD_OF_HTTP_2, false),
        Outcome::TimeoutIdle
    );
    let total = |timeouts: &mut crate::scenario::Timeouts| {
        timeouts.idle = short;
        timeouts.total = short * 4;
    };
    assert_eq!(outcome(&total, HEAD_OF_HTTP_2, true), Outcome::TimeoutTotal);
}

by_both_clients! {
    a_cap_is_exact_and_queues_alike_by_any_number_of_lanes,
    a_close_that_races_with_the_next_request_sends_nothing_twice,
    the_end_of_a_cell_leaves_no_connection_behind,
}

by_reqwest_too! {
    a_cap_is_exact_and_queues_alike_by_any_number_of_lanes,
    a_close_that_races_with_the_next_request_sends_nothing_twice,
    the_end_of_a_cell_leaves_no_connection_behind,
}
