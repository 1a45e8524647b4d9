//! What an answer's head and framing may be: codings, trailers, interim heads, caps, and answers that come before the
//! request has left. Over loopback sockets, by servers that write bytes.

#![expect(
    clippy::disallowed_methods,
    reason = "servers that are slow on purpose"
)]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::bench::*;
use super::faults::{OK, one, request, server};
use crate::instruments::exchange::{Exchange, Issue, Steps};
use crate::instruments::record::{Attempt, Outcome};
use crate::instruments::transport::Client;
use crate::kinds::dataset::Request;
use crate::kinds::protocol::{PrepareError, Prepared, Protocol};

/// A server that answers every request so and keeps its connections.
fn answering(answer: Vec<u8>) -> SocketAddr {
    server(move |mut stream| {
        while request(&mut stream) {
            let _ = stream.write_all(&answer);
        }
    })
    .0
}

fn attempt(client: Client, answer: Vec<u8>) -> Attempt {
    let done = over_sockets_by(client, &one(), answering(answer), |_| {});
    done.measured()[0].clone()
}

fn whole(headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

const GZIP: &str = "Content-Encoding: gzip\r\n";

fn a_coded_answer_is_read_as_what_it_says_and_counted_as_what_came(client: Client) {
    let text = [&b"x".repeat(2000)[..], b"[DONE]\n"].concat();
    let coded = gzip(&text);
    assert!(coded.len() < 100);
    let attempt = attempt(client, whole(GZIP, &coded));
    assert_eq!(attempt.outcome, Outcome::Ok);
    assert_eq!(attempt.traffic.bytes_received, coded.len() as u64);
    let plain = over_sockets_by(client, &one(), answering(whole("", &text)), |_| {});
    assert_eq!(
        plain.measured()[0].traffic.bytes_received,
        text.len() as u64
    );
}

fn a_coded_answer_that_is_cut_damaged_or_a_bomb_has_its_outcome(client: Client) {
    let coded = gzip(b"a text that is long enough to be cut");
    assert_eq!(
        attempt(client, whole(GZIP, &coded[..coded.len() - 9])).outcome,
        Outcome::Invalid
    );
    assert_eq!(
        attempt(
            client,
            whole(GZIP, b"no gzip at all, though its head says so")
        )
        .outcome,
        Outcome::Protocol
    );
    assert_eq!(
        attempt(client, whole(GZIP, &gzip(&vec![0; 4 << 20]))).outcome,
        Outcome::TooLarge
    );
    assert_eq!(
        attempt(client, whole("Content-Encoding: br\r\n", b"??")).outcome,
        Outcome::Protocol
    );
    let busy = b"HTTP/1.1 429 X\r\nContent-Encoding: br\r\nContent-Length: 2\r\n\r\n??";
    assert_eq!(
        attempt(client, busy.to_vec()).outcome,
        Outcome::Rejected,
        "its status says enough"
    );
}

fn trailers_are_passed_over_and_the_connection_goes_on(client: Client) {
    let answer = b"HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n\
        2;name=value\r\n{}\r\n0\r\nX-Sum: 1\r\nServer-Timing: total;dur=1\r\n\r\n";
    let (address, connections) = server(move |mut stream| {
        while request(&mut stream) {
            let _ = stream.write_all(answer);
        }
    });
    let mut cell = cell();
    cell.load.requests = Some(3);
    let done = over_sockets_by(client, &cell, address, |_| {});
    assert_eq!(done.outcomes(), [Outcome::Ok; 3]);
    assert_eq!(done.measured()[2].traffic.bytes_received, 2);
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

fn many_fields_and_long_trailers_are_taken_up_to_their_caps(client: Client) {
    let fields = |many: usize| "a: b\r\n".repeat(many);
    let headed = |many: usize| attempt(client, whole(&fields(many), b"{}")).outcome;
    assert_eq!(headed(150), Outcome::Ok);
    assert_eq!(headed(1100), Outcome::TooLarge);
    let trailed = |trailers: String| {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n";
        attempt(client, format!("{head}{trailers}\r\n").into_bytes()).outcome
    };
    assert_eq!(trailed(fields(1000)), Outcome::Ok);
    assert_eq!(
        trailed(format!("x: {}\r\n", "y".repeat(18 << 10))),
        Outcome::Ok
    );
    assert_eq!(trailed(fields(3000)), Outcome::TooLarge);
    assert_eq!(
        trailed(format!("x: {}\r\n", "y".repeat(64 << 10))),
        Outcome::TooLarge
    );
}

fn statuses_are_classed_without_following_or_retrying_them(client: Client) {
    let of = |head: &str| {
        attempt(
            client,
            format!("HTTP/1.1 {head}\r\nContent-Length: 0\r\n\r\n").into_bytes(),
        )
        .outcome
    };
    assert_eq!(
        of("429 Too Many Requests\r\nRetry-After: 1"),
        Outcome::Rejected
    );
    assert_eq!(of("429 Too Many Requests"), Outcome::Rejected);
    assert_eq!(
        of("503 Busy\r\nRetry-After: Wed, 21 Oct 2026 07:28:00 GMT"),
        Outcome::Rejected
    );
    assert_eq!(of("503 Broken"), Outcome::Http(503));
    assert_eq!(
        of("302 Found\r\nLocation: http://127.0.0.1:1/"),
        Outcome::Http(302)
    );
    assert_eq!(of("201 Created"), Outcome::Ok);
    assert_eq!(
        attempt(client, b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()).outcome,
        Outcome::Ok
    );
}

fn interim_heads_without_end_are_no_first_byte(client: Client) {
    let mut cell = one();
    cell.load.timeouts.first_byte = Some(Duration::from_millis(120));
    let (address, _) = server(|mut stream| {
        request(&mut stream);
        while stream.write_all(b"HTTP/1.1 102 Processing\r\n\r\n").is_ok() {
            std::thread::sleep(Duration::from_millis(10));
        }
    });
    let done = over_sockets_by(client, &cell, address, |_| {});
    assert_eq!(done.outcomes(), [Outcome::TimeoutFirstByte]);
    assert!(done.measured()[0].clocks.first_byte.is_none());
}

fn comments_keep_an_answer_from_being_idle(client: Client) {
    let mut cell = one();
    cell.load.timeouts.idle = Duration::from_millis(150);
    let (address, _) = server(|mut stream| {
        request(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        for _ in 0..20 {
            let _ = stream.write_all(b"8\r\n: ping\n\n\r\n");
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = stream.write_all(b"0\r\n\r\n");
    });
    let done = over_sockets_by(client, &cell, address, |_| {});
    assert_eq!(
        done.outcomes(),
        [Outcome::Ok],
        "twice its time-out, and never silent"
    );
}

fn caps_are_met_exactly(client: Client) {
    let headed = |bytes: usize| {
        let around = "HTTP/1.1 200 OK\r\nX-Long: \r\nContent-Length: 2\r\n\r\n".len();
        let long = "a".repeat(bytes - around);
        attempt(
            client,
            format!("HTTP/1.1 200 OK\r\nX-Long: {long}\r\nContent-Length: 2\r\n\r\n{{}}")
                .into_bytes(),
        )
        .outcome
    };
    assert_eq!(headed(63 << 10), Outcome::Ok);
    assert_eq!(headed(66 << 10), Outcome::TooLarge);
    let sized = |bytes: usize| attempt(client, whole("", &vec![b'a'; bytes])).outcome;
    assert_eq!(sized(64 << 20), Outcome::Ok);
    assert_eq!(sized((64 << 20) + 1), Outcome::TooLarge);
}

/// As [`Plain`], with a request that no buffer of a socket holds.
struct Large;

impl Protocol for Large {
    fn prepare(&self, request: Request) -> Result<Prepared, PrepareError> {
        let exchange = Exchange::post_json("/", vec![b'x'; 16 << 20]);
        Ok(Prepared {
            exchange,
            ..Plain.prepare(request)?
        })
    }

    fn begin<'a>(&'a self, prepared: &'a Prepared, issue: Issue) -> Box<dyn Steps + 'a> {
        Plain.begin(prepared, issue)
    }
}

fn read_head(stream: &mut TcpStream) -> bool {
    let (mut seen, mut byte) = (Vec::new(), [0; 1]);
    while !seen.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => seen.push(byte[0]),
            _ => return false,
        }
    }
    true
}

fn an_answer_is_read_while_its_request_is_still_being_sent(client: Client) {
    // It answers at the head and never reads the body: the request cannot have left.
    let (address, _) = server(|mut stream| {
        read_head(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\n{}");
        std::thread::sleep(Duration::from_secs(20));
    });
    let begun = Instant::now();
    let done = over_sockets_by(client, &one(), address, |work| {
        work.requests.protocol = Arc::new(Large);
    });
    assert_eq!(done.outcomes(), [Outcome::Http(413)]);
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "it waited for its request to leave"
    );
}

fn an_early_answer_does_not_spoil_the_request_that_follows(client: Client) {
    let (address, _) = server(|mut stream| {
        while read_head(&mut stream) {
            let _ = stream.write_all(OK);
            let mut rest = vec![0; 16 << 20];
            let _ = stream.read_exact(&mut rest);
        }
    });
    let mut cell = cell();
    cell.load.requests = Some(3);
    let done = over_sockets_by(client, &cell, address, |work| {
        work.requests.protocol = Arc::new(Large);
    });
    assert_eq!(done.outcomes(), [Outcome::Ok; 3]);
}

by_both_clients! {
    a_coded_answer_is_read_as_what_it_says_and_counted_as_what_came,
    a_coded_answer_that_is_cut_damaged_or_a_bomb_has_its_outcome,
    trailers_are_passed_over_and_the_connection_goes_on,
    many_fields_and_long_trailers_are_taken_up_to_their_caps,
    statuses_are_classed_without_following_or_retrying_them,
    interim_heads_without_end_are_no_first_byte,
    comments_keep_an_answer_from_being_idle,
    caps_are_met_exactly,
    an_answer_is_read_while_its_request_is_still_being_sent,
    an_early_answer_does_not_spoil_the_request_that_follows,
}

// The size of trailers is not ours to set there, and when a connection is free again not ours to say.
by_reqwest_too! {
    a_coded_answer_is_read_as_what_it_says_and_counted_as_what_came,
    a_coded_answer_that_is_cut_damaged_or_a_bomb_has_its_outcome,
    statuses_are_classed_without_following_or_retrying_them,
    interim_heads_without_end_are_no_first_byte,
    comments_keep_an_answer_from_being_idle,
    caps_are_met_exactly,
    an_answer_is_read_while_its_request_is_still_being_sent,
    an_early_answer_does_not_spoil_the_request_that_follows,
}
