//! What becomes of broken connections, time-outs and hostile answers: over loopback sockets, by servers that write bytes.

#![expect(
    clippy::disallowed_methods,
    reason = "servers that are slow on purpose"
)]
#![expect(
    clippy::large_stack_arrays,
    reason = "answers that are too large on purpose"
)]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use super::bench::*;
use crate::foundation::units::Concurrency;
use crate::instruments::record::Outcome;
use crate::instruments::transport::Client;
use crate::load::live::Live;
use crate::plan::Cell;

/// A server that hands each connection to `serve`, in a thread of its own; it ends with the test's process.
pub fn server(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> (SocketAddr, Arc<AtomicU32>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicU32::new(0));
    let (count, serve) = (Arc::clone(&connections), Arc::new(serve));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // What it writes leaves at once, else its second write would wait for our acknowledgement.
            stream.set_nodelay(true).unwrap();
            count.fetch_add(1, Ordering::SeqCst);
            let serve = Arc::clone(&serve);
            std::thread::spawn(move || serve(stream));
        }
    });
    (address, connections)
}

/// Reads one request, which has no body that matters; false where there is none.
pub fn request(stream: &mut TcpStream) -> bool {
    let mut seen = Vec::new();
    let mut byte = [0; 1];
    while !seen.ends_with(b"\r\n\r\n{}") {
        match stream.read(&mut byte) {
            Ok(1) => seen.push(byte[0]),
            _ => return false,
        }
    }
    true
}

/// A server that answers every request with these bytes and then, unless it is to stay, closes.
fn answering(bytes: &'static [u8], stay: bool) -> SocketAddr {
    server(move |mut stream| {
        while request(&mut stream) {
            let _ = stream.write_all(bytes);
            if !stay {
                return;
            }
        }
    })
    .0
}

pub const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

pub fn one() -> Cell {
    let mut cell = cell();
    cell.load.requests = Some(1);
    cell
}

fn outcome_of(client: Client, bytes: &'static [u8]) -> Outcome {
    over_sockets_by(client, &one(), answering(bytes, false), |_| {}).outcomes()[0]
}

fn each_kind_of_broken_answer_has_its_own_outcome(client: Client) {
    assert_eq!(outcome_of(client, OK), Outcome::Ok);
    assert_eq!(
        outcome_of(client, b""),
        Outcome::Reset,
        "closed before a byte"
    );
    // reqwest does not tell whether a byte of a head had come.
    let cut = if client == Client::Reqwest {
        Outcome::Reset
    } else {
        Outcome::Invalid
    };
    assert_eq!(
        outcome_of(client, b"HTTP/1.1 200 OK\r\nContent-"),
        cut,
        "a head that is cut"
    );
    assert_eq!(
        outcome_of(client, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}"),
        Outcome::Invalid
    );
    assert_eq!(
        outcome_of(
            client,
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"
        ),
        Outcome::Invalid
    );
    assert_eq!(
        outcome_of(
            client,
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n"
        ),
        Outcome::Protocol,
        "a chunk without a size"
    );
    assert_eq!(
        outcome_of(client, b"SSH-2.0-OpenSSH_9.9\r\n\r\n"),
        Outcome::Protocol,
        "not HTTP"
    );
    assert_eq!(
        outcome_of(client, b"HTTP/1.1 200 OK\r\n\r\nto the end"),
        Outcome::Ok,
        "read to the end of the connection"
    );
    assert_eq!(
        outcome_of(client, b"HTTP/1.1 429 X\r\nContent-Length: 0\r\n\r\n"),
        Outcome::Rejected
    );
    assert_eq!(
        outcome_of(
            client,
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"
        ),
        Outcome::Protocol,
        "coded by its head alone"
    );
}

/// The second answer ends 150 ms after its last byte, as `last` says; whose waiting that is.
fn a_late_end(client: Client, cell: &Cell, last: &'static [u8], outcome: Outcome) {
    let answers = AtomicU32::new(0);
    let (address, _) = server(move |mut stream| {
        while request(&mut stream) {
            if answers.fetch_add(1, Ordering::SeqCst) == 1 {
                let _ = stream.write_all(last);
                std::thread::sleep(LATE);
                return;
            }
            let _ = stream.write_all(OK);
        }
    });
    let done = over_sockets_by(client, cell, address, |_| {});
    let measured = done.measured();
    let slow: Vec<_> = measured
        .iter()
        .filter(|one| e2e(one) >= LATE.as_secs_f64())
        .collect();
    assert_eq!(
        slow.len(),
        1,
        "its own request waited for it, and no other: {:?}",
        done.all
    );
    assert_eq!(slow[0].outcome, outcome);
    let most = measured.iter().map(|one| queue(one)).fold(0.0, f64::max);
    assert!(most < LATE.as_secs_f64() / 2.0, "a queue of {most} s");
    assert!(
        done.report.own.lateness.unwrap().max_ns < 75_000_000,
        "nor is it our lateness"
    );
}

const LATE: Duration = Duration::from_millis(150);
const CUT: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n";
const TO_THE_CLOSE: &[u8] = b"HTTP/1.1 200 OK\r\n\r\n{}";

fn a_cut_answers_late_close_is_charged_to_its_own_request(client: Client) {
    a_late_end(client, &cell(), CUT, Outcome::Invalid);
    a_late_end(client, &batches(2), CUT, Outcome::Invalid);
}

fn an_answer_that_only_the_close_ends_lasts_until_the_close(client: Client) {
    a_late_end(client, &cell(), TO_THE_CLOSE, Outcome::Ok);
    a_late_end(client, &batches(2), TO_THE_CLOSE, Outcome::Ok);
}

fn batches(size: u32) -> Cell {
    let mut cell = cell();
    cell.arrival = crate::kinds::arrival::Kind::Batch;
    cell.concurrency = Concurrency::Infinite;
    cell.load.batch = size;
    cell
}

fn nobody_there_is_no_connection(client: Client) {
    let address = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let done = over_sockets_by(client, &one(), address, |_| {});
    assert_eq!(done.outcomes(), [Outcome::Connect]);
    assert!(done.measured()[0].clocks.sent.is_none());
    let last = done.report.own.seconds.last().unwrap();
    assert_eq!((last.tried, last.sent), (1, 0), "tried, and sent to nobody");
    assert!(
        done.measured()[0]
            .error
            .as_ref()
            .unwrap()
            .contains("refused")
    );
}

/// The first try is read and closed, the second is answered once its request is counted.
fn a_request_counts_as_sent_while_its_answer_is_waited_for_and_once_however_often_it_is_tried(
    client: Client,
) {
    let (first, live) = (AtomicBool::new(true), Arc::new(Live::new()));
    let counted = Arc::clone(&live);
    let (address, _) = server(move |mut stream| {
        if !request(&mut stream) || first.swap(false, Ordering::SeqCst) {
            return;
        }
        let given_up = std::time::Instant::now() + Duration::from_secs(10);
        while counted.figures().sent == 0 && std::time::Instant::now() < given_up {
            std::thread::yield_now();
        }
        if counted.figures().sent == 1 {
            let _ = stream.write_all(OK);
        }
    });
    let mut cell = one();
    cell.load.retries = 1;
    let done = over_sockets_by(client, &cell, address, |work| work.live = Arc::clone(&live));
    assert_eq!(done.outcomes(), [Outcome::Reset, Outcome::Ok]);
    assert_eq!(live.figures().sent, 1);
}

fn interim_heads_are_skipped_and_their_time_is_not_the_answers(client: Client) {
    let (address, _) = server(|mut stream| {
        request(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n");
        std::thread::sleep(Duration::from_millis(60));
        let _ = stream.write_all(OK);
    });
    let done = over_sockets_by(client, &one(), address, |_| {});
    let clocks = done.measured()[0].clocks;
    assert_eq!(done.outcomes(), [Outcome::Ok]);
    assert!(clocks.first_byte.unwrap().since(clocks.sent.unwrap()) >= Duration::from_millis(55));
}

fn a_head_beyond_its_cap_is_too_large(client: Client) {
    let (address, _) = server(|mut stream| {
        request(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nX-Long: ");
        let _ = stream.write_all(&[b'a'; 80 << 10]);
        let _ = stream.write_all(b"\r\nContent-Length: 2\r\n\r\n{}");
        let _ = stream.read(&mut [0; 1]);
    });
    assert_eq!(
        over_sockets_by(client, &one(), address, |_| {}).outcomes(),
        [Outcome::TooLarge]
    );
}

fn a_body_beyond_its_cap_is_too_large(client: Client) {
    let (address, _) = server(|mut stream| {
        request(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        let block = [b'a'; 64 << 10];
        while stream.write_all(&block).is_ok() {}
    });
    assert_eq!(
        over_sockets_by(client, &one(), address, |_| {}).outcomes(),
        [Outcome::TooLarge]
    );
}

fn a_connection_is_used_again_until_the_server_closes_it_and_then_replaced(client: Client) {
    let (address, connections) = server(|mut stream| {
        // Two answers each, then a close while idle.
        for _ in 0..2 {
            if request(&mut stream) {
                let _ = stream.write_all(OK);
            }
        }
    });
    let mut cell = cell();
    cell.load.requests = Some(6);
    cell.load.think_time = (Duration::from_millis(20), Duration::from_millis(20));
    let done = over_sockets_by(client, &cell, address, |_| {});
    assert_eq!(done.outcomes(), [Outcome::Ok; 6]);
    let reused: Vec<_> = done
        .measured()
        .iter()
        .map(|one| one.traffic.reused)
        .collect();
    assert_eq!(reused, [false, true, false, true, false, true]);
    let connected: Vec<_> = done
        .measured()
        .iter()
        .map(|one| one.clocks.connected.is_some())
        .collect();
    assert_eq!(connected, [true, false, true, false, true, false]);
    assert_eq!(connections.load(Ordering::SeqCst), 3);
}

fn a_loss_on_a_used_connection_before_any_byte_is_a_reset_that_says_so(client: Client) {
    let (address, _) = server(|mut stream| {
        if request(&mut stream) {
            let _ = stream.write_all(OK);
        }
        request(&mut stream);
    });
    let mut cell = cell();
    cell.load.requests = Some(2);
    let done = over_sockets_by(client, &cell, address, |_| {});
    assert_eq!(done.outcomes(), [Outcome::Ok, Outcome::Reset]);
    assert!(done.measured()[1].traffic.reused);
}

fn per_request_opens_a_connection_each(client: Client) {
    let (address, connections) = server(|mut stream| {
        while request(&mut stream) {
            let _ = stream.write_all(OK);
        }
    });
    let mut cell = cell();
    cell.load.requests = Some(4);
    let done = over_sockets_by(client, &cell, address, |work| {
        use crate::instruments::transport::{Options, Origin};
        let options = Options {
            client,
            per_request: true,
            ..Options::default()
        };
        let url = format!("http://{address}");
        let origin = Origin::resolve(
            &url,
            Vec::new(),
            &options,
            &crate::foundation::access::Network::default(),
        )
        .unwrap();
        work.origins = vec![Arc::new(origin)];
    });
    assert_eq!(done.outcomes(), [Outcome::Ok; 4]);
    assert_eq!(connections.load(Ordering::SeqCst), 4);
}

fn the_end_mark_ends_the_answer_and_the_rest_decides_whether_the_connection_is_kept(
    client: Client,
) {
    let stream = |rest: &'static [u8]| {
        server(move |mut stream| {
            while request(&mut stream) {
                let head =
                    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\n[DONE]\n\r\n";
                let _ = stream.write_all(head);
                let _ = stream.write_all(rest);
            }
        })
    };
    let mut cell = cell();
    cell.load.requests = Some(3);
    cell.load.think_time = (Duration::from_millis(10), Duration::from_millis(10));
    let (address, connections) = stream(b"0\r\n\r\n");
    assert_eq!(
        over_sockets_by(client, &cell, address, |_| {}).outcomes(),
        [Outcome::Ok; 3]
    );
    assert_eq!(connections.load(Ordering::SeqCst), 1);
    // Here the body never ends: the answer counts, the connection does not.
    let (address, connections) = stream(b"");
    assert_eq!(
        over_sockets_by(client, &cell, address, |_| {}).outcomes(),
        [Outcome::Ok; 3]
    );
    assert_eq!(connections.load(Ordering::SeqCst), 3);
}

fn timeouts(
    client: Client,
    change: impl FnOnce(&mut crate::scenario::Timeouts),
    serve: impl Fn(TcpStream) + Send + Sync + 'static,
) -> (Outcome, f64) {
    let mut cell = one();
    change(&mut cell.load.timeouts);
    let done = over_sockets_by(client, &cell, server(serve).0, |_| {});
    (done.outcomes()[0], e2e(done.measured()[0]))
}

const SHORT: Duration = Duration::from_millis(80);

fn silence_before_the_first_byte_has_its_own_time_out(client: Client) {
    let (outcome, after) = timeouts(
        client,
        |timeouts| timeouts.first_byte = Some(SHORT),
        |mut stream| {
            request(&mut stream);
            let _ = stream.read(&mut [0; 1]);
        },
    );
    assert_eq!(outcome, Outcome::TimeoutFirstByte);
    assert!((0.08..1.0).contains(&after), "{after}");
}

/// Until a status says 1xx, the head may be the answer's own.
fn a_head_that_began_in_time_is_not_charged_to_the_first_byte(client: Client) {
    for whole in [1, 9, 10] {
        let served = move |mut stream: TcpStream| {
            request(&mut stream);
            let _ = stream.write_all(&OK[..whole]);
            std::thread::sleep(SHORT * 3);
            let _ = stream.write_all(&OK[whole..]);
        };
        let in_time = |timeouts: &mut crate::scenario::Timeouts| timeouts.first_byte = Some(SHORT);
        let (outcome, _) = timeouts(client, in_time, served);
        assert_eq!(outcome, Outcome::Ok, "{whole} bytes at once");
    }
}

fn an_interim_head_that_does_not_end_is_no_first_byte(client: Client) {
    let (outcome, _) = timeouts(
        client,
        |timeouts| timeouts.first_byte = Some(SHORT),
        |mut stream| {
            request(&mut stream);
            let _ = stream.write_all(b"HTTP/1.1 102 Processing\r\n");
            let _ = stream.read(&mut [0; 1]);
        },
    );
    assert_eq!(outcome, Outcome::TimeoutFirstByte);
}

fn silence_within_a_status_line_has_the_time_out_of_silence(client: Client) {
    let mut cell = one();
    cell.load.timeouts.idle = SHORT;
    let (address, _) = server(|mut stream| {
        request(&mut stream);
        let _ = stream.write_all(b"HTTP");
        let _ = stream.read(&mut [0; 1]);
    });
    let done = over_sockets_by(client, &cell, address, |_| {});
    assert_eq!(done.outcomes(), [Outcome::TimeoutIdle]);
    assert!(done.measured()[0].clocks.first_byte.is_some());
}

fn silence_within_an_answer_has_its_own_time_out(client: Client) {
    let (outcome, after) = timeouts(
        client,
        |timeouts| timeouts.idle = SHORT,
        |mut stream| {
            request(&mut stream);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}");
            let _ = stream.read(&mut [0; 1]);
        },
    );
    assert_eq!(outcome, Outcome::TimeoutIdle);
    assert!((0.08..1.0).contains(&after), "{after}");
}

fn an_answer_that_drips_is_ended_by_the_total_time_out_alone(client: Client) {
    let (outcome, after) = timeouts(
        client,
        |timeouts| {
            timeouts.idle = SHORT;
            timeouts.total = Duration::from_millis(300);
        },
        |mut stream| {
            request(&mut stream);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n");
            while stream.write_all(b".").is_ok() {
                std::thread::sleep(Duration::from_millis(20));
            }
        },
    );
    assert_eq!(outcome, Outcome::TimeoutTotal);
    assert!((0.3..2.0).contains(&after), "{after}");
}

fn a_connection_that_is_not_taken_has_its_own_time_out(client: Client) {
    // A full backlog swallows further attempts to connect on Linux.
    let socket = rustix::net::socket(
        rustix::net::AddressFamily::INET,
        rustix::net::SocketType::STREAM,
        None,
    )
    .unwrap();
    rustix::net::bind(&socket, &SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    rustix::net::listen(&socket, 0).unwrap();
    let listener = TcpListener::from(socket);
    let address = listener.local_addr().unwrap();
    let filling: Vec<_> = (0..3)
        .map(|_| TcpStream::connect_timeout(&address, Duration::from_millis(100)))
        .collect();
    let mut cell = one();
    cell.load.timeouts.connect = SHORT;
    let done = over_sockets_by(client, &cell, address, |_| {});
    assert_eq!(done.outcomes(), [Outcome::TimeoutConnect]);
    drop(filling);
}

/// The cap holds over all lanes together, seen from the server.
fn the_cap_is_exact_over_several_lanes(client: Client) {
    let now = Arc::new(AtomicU32::new(0));
    let most = Arc::new(AtomicU32::new(0));
    let (inside, seen) = (Arc::clone(&now), Arc::clone(&most));
    let (address, _) = server(move |mut stream| {
        while request(&mut stream) {
            let others = inside.fetch_add(1, Ordering::SeqCst) + 1;
            seen.fetch_max(others, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(2));
            inside.fetch_sub(1, Ordering::SeqCst);
            let _ = stream.write_all(OK);
        }
    });
    let done = over_sockets_by(client, &constant(5000.0, 300, at_most(5)), address, |_| {});
    assert_eq!(done.outcomes(), [Outcome::Ok; 300]);
    assert_eq!(most.load(Ordering::SeqCst), 5);
}

fn a_quiet_repeat_has_figures_of_the_generator_itself(client: Client) {
    let (address, _) = server(|mut stream| {
        while request(&mut stream) {
            let _ = stream.write_all(OK);
        }
    });
    let done = over_sockets_by(
        client,
        &constant(200.0, 100, Concurrency::Infinite),
        address,
        |_| {},
    );
    let own = &done.report.own;
    assert_eq!(own.lateness.unwrap().n, 100);
    assert!(!own.seconds.is_empty());
    let last = own.seconds.last().unwrap();
    assert_eq!((last.sent, last.tried, last.intended), (100, 100, 100));
    assert!(last.canary.unwrap().n > 10);
    assert!(own.seconds[0].descriptors.unwrap() > 3);
    assert_eq!(
        (own.out_of_descriptors, own.out_of_ports, own.starved),
        (0, 0, 0)
    );
}

by_both_clients! {
    each_kind_of_broken_answer_has_its_own_outcome,
    a_cut_answers_late_close_is_charged_to_its_own_request,
    an_answer_that_only_the_close_ends_lasts_until_the_close,
    nobody_there_is_no_connection,
    a_request_counts_as_sent_while_its_answer_is_waited_for_and_once_however_often_it_is_tried,
    interim_heads_are_skipped_and_their_time_is_not_the_answers,
    a_head_beyond_its_cap_is_too_large,
    a_body_beyond_its_cap_is_too_large,
    a_connection_is_used_again_until_the_server_closes_it_and_then_replaced,
    a_loss_on_a_used_connection_before_any_byte_is_a_reset_that_says_so,
    per_request_opens_a_connection_each,
    the_end_mark_ends_the_answer_and_the_rest_decides_whether_the_connection_is_kept,
    silence_before_the_first_byte_has_its_own_time_out,
    a_head_that_began_in_time_is_not_charged_to_the_first_byte,
    an_interim_head_that_does_not_end_is_no_first_byte,
    silence_within_a_status_line_has_the_time_out_of_silence,
    silence_within_an_answer_has_its_own_time_out,
    an_answer_that_drips_is_ended_by_the_total_time_out_alone,
    a_connection_that_is_not_taken_has_its_own_time_out,
    the_cap_is_exact_over_several_lanes,
    a_quiet_repeat_has_figures_of_the_generator_itself,
}

by_reqwest_too! {
    each_kind_of_broken_answer_has_its_own_outcome,
    a_cut_answers_late_close_is_charged_to_its_own_request,
    an_answer_that_only_the_close_ends_lasts_until_the_close,
    nobody_there_is_no_connection,
    a_request_counts_as_sent_while_its_answer_is_waited_for_and_once_however_often_it_is_tried,
    interim_heads_are_skipped_and_their_time_is_not_the_answers,
    a_head_beyond_its_cap_is_too_large,
    a_body_beyond_its_cap_is_too_large,
    per_request_opens_a_connection_each,
    the_end_mark_ends_the_answer_and_the_rest_decides_whether_the_connection_is_kept,
    silence_before_the_first_byte_has_its_own_time_out,
    silence_within_an_answer_has_its_own_time_out,
    an_answer_that_drips_is_ended_by_the_total_time_out_alone,
    a_connection_that_is_not_taken_has_its_own_time_out,
    the_cap_is_exact_over_several_lanes,
    a_quiet_repeat_has_figures_of_the_generator_itself,
}
