//! Servers that misbehave beside healthy answers of the same cell: each gets its outcome, and nothing else is disturbed.

#![expect(
    clippy::disallowed_methods,
    reason = "servers that are slow on purpose"
)]

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::bench::*;
use super::faults::{OK, request, server};
use crate::foundation::clock::lane;
use crate::foundation::units::Concurrency;
use crate::instruments::record::{Outcome, journal};
use crate::instruments::transport::{Client, Options, Origin, memory};
use crate::load::simulate_repeat;

const IDLE: Duration = Duration::from_millis(300);
/// Long enough for 64 MiB to pass on a machine that does other things too.
const TOTAL: Duration = Duration::from_secs(3);

/// One byte at a time, forever: never idle for long, never done.
fn drip(stream: &mut TcpStream) {
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n");
    while stream.write_all(b".").is_ok() {
        std::thread::sleep(IDLE / 10);
    }
}

/// Ten gibibytes, were it let.
fn flood(stream: &mut TcpStream) {
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10737418240\r\n\r\n");
    let block = vec![b'a'; 64 << 10];
    while stream.write_all(&block).is_ok() {}
}

/// A body without end, in chunks.
fn never_end(stream: &mut TcpStream) {
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    let mut block = b"10000\r\n".to_vec();
    block.resize(block.len() + 0x10000, b'a');
    block.extend(b"\r\n");
    while stream.write_all(&block).is_ok() {}
}

/// Half an answer, and then a reset, not an orderly end.
fn reset(stream: &mut TcpStream) {
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}");
    let _ = rustix::net::sockopt::set_socket_linger(&*stream, Some(Duration::ZERO));
}

/// Half an answer, and then nothing.
fn fall_silent(stream: &mut TcpStream) {
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}");
    let _ = stream.read(&mut [0; 1]);
}

const KINDS: [fn(&mut TcpStream); 5] = [drip, flood, never_end, reset, fall_silent];
/// Every so many requests one is answered by the next of these kinds.
const EVERY: u64 = 5;
const REQUESTS: u64 = 150;

fn each_bad_answer_has_its_outcome_and_disturbs_nothing_else(client: Client) {
    let requests = AtomicU64::new(0);
    let (address, _) = server(move |mut stream| {
        while request(&mut stream) {
            let number = requests.fetch_add(1, Ordering::SeqCst);
            if number.is_multiple_of(EVERY) {
                let kind = usize::try_from(number / EVERY).unwrap() % KINDS.len();
                return KINDS[kind](&mut stream);
            }
            let _ = stream.write_all(OK);
        }
    });
    let mut cell = constant(150.0, REQUESTS, Concurrency::Infinite);
    cell.load.timeouts.idle = IDLE;
    cell.load.timeouts.total = TOTAL;
    let done = over_sockets_by(client, &cell, address, |_| {});
    let mut outcomes: BTreeMap<String, u64> = BTreeMap::new();
    for outcome in done.outcomes() {
        *outcomes.entry(outcome.to_string()).or_default() += 1;
    }
    let each = REQUESTS / EVERY / KINDS.len() as u64;
    let expected = [
        (Outcome::Ok, REQUESTS - 5 * each),
        (Outcome::TimeoutTotal, each), // one byte at a time
        (Outcome::TooLarge, 2 * each), // ten gibibytes, and no end
        (Outcome::Invalid, each),      // a reset halfway is a cut answer
        (Outcome::TimeoutIdle, each),  // silence
    ];
    let expected = expected.map(|(outcome, count)| (outcome.to_string(), count));
    assert_eq!(outcomes, BTreeMap::from(expected), "{:?}", done.all);
    let healthy = done.measured().into_iter();
    let healthy: Vec<f64> = healthy
        .filter(|one| one.outcome == Outcome::Ok)
        .map(e2e)
        .collect();
    // Waiting for a bad answer would be waiting for its end.
    let median = quantile(healthy, 0.5);
    assert!(
        median < TOTAL.as_secs_f64() / 3.0,
        "healthy answers waited for the others: {median} s"
    );
}

/// Two requests of a lane at once: to one comes all of `flood`, which ends, before the other's answer comes. Says whether
/// the other was done first.
fn the_other_is_done_first(client: Client, flood: Vec<u8>) -> bool {
    assert!(flood.len() <= 256 << 10, "more would wait for being read");
    lane(true).unwrap().block_on(async {
        let (dialer, mut listener) = memory::listen();
        tokio::task::spawn_local(async move {
            let mut streams = Vec::new();
            while streams.len() < 2 {
                let mut stream = listener.accept().await.unwrap();
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    request.push(stream.read_u8().await.unwrap());
                }
                streams.push(stream);
            }
            streams[0].write_all(&flood).await.unwrap();
            streams[1].write_all(OK).await.unwrap();
            std::future::pending::<()>().await;
        });
        let mut cell = cell();
        cell.load.requests = Some(2);
        cell.concurrency = at_most(2);
        let options = Options {
            client,
            ..Options::default()
        };
        let mut kept = Kept::default();
        let work = work(&cell, Origin::in_memory(dialer, &options));
        simulate_repeat(&work, &mut kept).await.unwrap();
        let done = journal::decode(&kept.0).unwrap();
        assert!(
            done.iter().all(|one| one.outcome == Outcome::Ok),
            "{done:?}"
        );
        done[0].traffic.bytes_received == 2
    })
}

fn a_flood_of_crumbs_leaves_others_their_turn(client: Client) {
    let mut crumbs = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    crumbs.extend(b"1\r\n.\r\n".repeat(40_000));
    crumbs.extend(b"0\r\n\r\n");
    assert!(the_other_is_done_first(client, crumbs));
}

#[test]
fn a_flood_of_interim_heads_leaves_others_their_turn() {
    let mut heads = b"HTTP/1.1 100 Continue\r\n\r\n".repeat(10_000);
    heads.extend(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{ }");
    assert!(the_other_is_done_first(Client::Native, heads));
}

by_both_clients! {
    each_bad_answer_has_its_outcome_and_disturbs_nothing_else,
    a_flood_of_crumbs_leaves_others_their_turn,
}
