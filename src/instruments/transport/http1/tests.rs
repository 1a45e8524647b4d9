//! One connection over both clients, against servers that write bytes within the process; time is simulated.

use std::future::{Future, poll_fn};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

use crate::foundation::clock::{Clock, Timer, lane};
use crate::instruments::exchange::{Destination, Exchange};
use crate::instruments::record::Outcome;
use crate::instruments::transport::options::{Caps, Client, Options};
use crate::instruments::transport::tests::bench::{Bench, over, post};
use crate::instruments::transport::{Origin, connect, memory};

const CLIENTS: [Client; 2] = [Client::Hyper, Client::Native];

/// Runs a test for each client, with a server for its one connection.
fn over_both<S, T>(caps: Caps, serve: impl Fn(DuplexStream, Timer) -> S, test: impl Fn(Bench) -> T)
where
    S: Future<Output = ()> + 'static,
    T: Future<Output = ()>,
{
    for client in CLIENTS {
        println!("{client:?}");
        let options = Options {
            client,
            caps,
            ..Options::default()
        };
        over(&options, &serve, &test);
    }
}

/// Reads one request; its bytes.
async fn request(stream: &mut DuplexStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut bytes).await.unwrap() == 0 {
            return bytes;
        }
    };
    let text = String::from_utf8_lossy(&bytes[..head]).into_owned();
    let length = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let length = length.map_or(0, |length| length.parse().unwrap());
    while bytes.len() < head + length {
        assert!(
            stream.read_buf(&mut bytes).await.unwrap() > 0,
            "the body was cut"
        );
    }
    bytes
}

/// A server that answers each request with the next of these, and then closes or stays.
fn answers(
    all: &'static [&'static [u8]],
    stays: bool,
) -> impl Fn(DuplexStream, Timer) -> std::pin::Pin<Box<dyn Future<Output = ()>>> {
    move |mut stream, _| {
        Box::pin(async move {
            for answer in all {
                request(&mut stream).await;
                stream.write_all(answer).await.unwrap();
            }
            if stays {
                std::future::pending::<()>().await;
            }
        })
    }
}

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[test]
fn one_connection_serves_one_exchange_after_the_other() {
    over_both(
        Caps::default(),
        answers(&[OK, OK, OK], true),
        |mut bench| async move {
            for number in 0..3 {
                assert_eq!(bench.free().await, Some(true));
                assert_eq!(bench.text(&post("{}")).await, "ok");
                assert_eq!(bench.wire.reused(), number > 0);
                assert_eq!(bench.wire.body_bytes(), 2);
            }
        },
    );
}

#[test]
fn stamps_are_those_of_the_bytes() {
    let serve = |mut stream: DuplexStream, timer: Timer| async move {
        request(&mut stream).await;
        let pieces: [&[u8]; 5] = [
            b"HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n",
            b"HTTP/1.1 200 O",
            b"K\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n",
            b"3\r\ntwo\r\n",
            b"0\r\nX-Trailer: y\r\n\r\n",
        ];
        for piece in pieces {
            timer.after(Duration::from_millis(10)).await;
            stream.write_all(piece).await.unwrap();
        }
    };
    over_both(Caps::default(), serve, |mut bench| async move {
        bench.timer.after(Duration::from_millis(1)).await;
        let began = bench.timer.now();
        let head = bench.head(&post("{}")).await;
        let activity = bench.wire.activity();
        let after = |ms: u64| began + Duration::from_millis(ms);
        assert_eq!(activity.sent(), Some(began));
        assert_eq!(
            activity.first_byte(),
            Some(after(20)),
            "the final head's first byte"
        );
        assert_eq!(head.status, 200);
        let (body, stamps) = bench.body().await.unwrap();
        assert_eq!(
            (body.as_slice(), stamps.as_slice()),
            (&b"onetwo"[..], &[after(30), after(40)][..])
        );
        assert_eq!(activity.last_read(), after(50), "the end of the chunks");
    });
}

#[test]
fn an_answer_is_read_while_its_request_is_still_being_sent() {
    let serve = |mut stream: DuplexStream, _: Timer| async move {
        let mut some = [0; 100];
        stream.read_exact(&mut some).await.unwrap();
        stream
            .write_all(b"HTTP/1.1 413 X\r\nContent-Length: 2\r\n\r\nno")
            .await
            .unwrap();
        std::future::pending::<()>().await;
    };
    over_both(Caps::default(), serve, |mut bench| async move {
        let head = bench.head(&post(vec![b'x'; 4 << 20])).await;
        assert_eq!(head.status, 413);
        assert_eq!(bench.body().await.unwrap().0, b"no");
        assert_ne!(bench.free().await, Some(true), "half a request is on it");
    });
}

#[test]
fn a_request_that_the_connection_takes_in_parts_arrives_whole() {
    let serve = |mut stream: DuplexStream, _: Timer| async move {
        let request = request(&mut stream).await;
        assert!(request.ends_with(&vec![b'#'; 3 << 20]));
        stream.write_all(OK).await.unwrap();
        std::future::pending::<()>().await;
    };
    over_both(Caps::default(), serve, |mut bench| async move {
        assert_eq!(bench.text(&post(vec![b'#'; 3 << 20])).await, "ok");
        assert_eq!(bench.free().await, Some(true));
    });
}

#[test]
fn a_connection_that_the_server_closed_is_seen_before_it_is_used() {
    over_both(
        Caps::default(),
        answers(&[OK], false),
        |mut bench| async move {
            assert_eq!(bench.text(&post("{}")).await, "ok");
            assert_eq!(bench.free().await, Some(false));
            assert!(
                bench.send(&post("{}")).await.unwrap().is_none(),
                "no byte of it was written"
            );
        },
    );
}

#[test]
fn what_makes_a_connection_unusable_is_seen() {
    let unusable: &'static [&'static [u8]] = &[
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nConnection: x, close\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    ];
    for at in 0..unusable.len() {
        over_both(
            Caps::default(),
            answers(&unusable[at..=at], true),
            |mut bench| async move {
                bench.text(&post("{}")).await;
                assert_eq!(bench.free().await, Some(false), "{at}");
            },
        );
    }
    over_both(
        Caps::default(),
        answers(&[OK], true),
        |mut bench| async move {
            let mut exchange = post("{}");
            exchange
                .headers
                .push((http::header::CONNECTION, HeaderValue::from_static("close")));
            assert_eq!(bench.text(&exchange).await, "ok");
            assert_eq!(
                bench.free().await,
                Some(false),
                "we asked for it to be closed"
            );
        },
    );
}

#[test]
fn what_follows_an_end_mark_is_drained_before_the_connection_is_used_again() {
    let serve = |mut stream: DuplexStream, timer: Timer| async move {
        request(&mut stream).await;
        let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n[DONE]\r\n";
        stream.write_all(head).await.unwrap();
        timer.after(Duration::from_millis(20)).await;
        stream.write_all(b"3\r\nand\r\n0\r\n\r\n").await.unwrap();
        request(&mut stream).await;
        stream.write_all(OK).await.unwrap();
        std::future::pending::<()>().await;
    };
    over_both(Caps::default(), serve, |mut bench| async move {
        bench.head(&post("{}")).await;
        assert_eq!(bench.wire.next().await.unwrap().unwrap().bytes, b"[DONE]");
        assert_eq!(bench.free().await, None, "the rest is still to come");
        bench.timer.after(Duration::from_millis(30)).await;
        assert_eq!(bench.free().await, Some(true));
        assert_eq!(bench.text(&post("{}")).await, "ok");
    });
}

#[test]
fn each_broken_answer_has_its_outcome() {
    let broken: &'static [(&'static [u8], Outcome)] = &[
        (b"", Outcome::Reset),
        (b"HTTP/1.1 200 OK\r\nContent-Len", Outcome::Invalid),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok", Outcome::Invalid),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", Outcome::Protocol),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nok", Outcome::Protocol),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", Outcome::Protocol),
        (b"SSH-2.0-OpenSSH_9.6\r\n", Outcome::Protocol),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n_________________________________________________________________________________________________________", Outcome::TooLarge),
    ];
    let caps = Caps {
        body_bytes: 100,
        ..Caps::default()
    };
    for (bytes, outcome) in broken {
        let serve = move |mut stream: DuplexStream, _: Timer| async move {
            request(&mut stream).await;
            stream.write_all(bytes).await.unwrap();
        };
        over_both(caps, serve, |mut bench| async move {
            let lost = match bench.send(&post("{}")).await {
                Err(lost) => lost,
                Ok(_) => bench.body().await.unwrap_err(),
            };
            assert_eq!(
                lost.outcome,
                *outcome,
                "{}: {}",
                bytes.escape_ascii(),
                lost.text
            );
        });
    }
}

#[test]
fn a_head_may_have_its_cap_and_no_byte_more() {
    for (length, whole) in [(64 << 10, true), ((64 << 10) + 1, false)] {
        let serve = move |mut stream: DuplexStream, _: Timer| async move {
            request(&mut stream).await;
            let mut head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: ".to_vec();
            head.resize(length - 4, b'x');
            head.extend_from_slice(b"\r\n\r\nok");
            stream.write_all(&head).await.unwrap();
            std::future::pending::<()>().await;
        };
        over_both(Caps::default(), serve, |mut bench| async move {
            match bench.send(&post("{}")).await {
                Ok(head) => assert!(whole && head.unwrap().headers["x"].len() > 65_000),
                Err(lost) => assert!(!whole && lost.outcome == Outcome::TooLarge, "{lost:?}"),
            }
        });
    }
}

#[test]
fn a_large_answer_comes_whole() {
    let body: Vec<u8> = (0..3_000_000_u32)
        .map(|at| at.to_le_bytes()[0] ^ at.to_le_bytes()[1])
        .collect();
    let sent = Bytes::from(body);
    let expected = sent.clone();
    let serve = move |mut stream: DuplexStream, _: Timer| {
        let body = sent.clone();
        async move {
            request(&mut stream).await;
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
            stream.write_all(&body).await.unwrap();
        }
    };
    over_both(Caps::default(), serve, |mut bench| {
        let expected = expected.clone();
        async move {
            bench.head(&post("{}")).await;
            assert!(bench.body().await.unwrap().0 == expected);
            assert_eq!(
                bench.free().await,
                Some(false),
                "its end was the connection's"
            );
        }
    });
}

#[test]
fn an_answer_to_head_has_no_body() {
    over_both(
        Caps::default(),
        answers(&[b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", OK], true),
        |mut bench| async move {
            let head = Exchange {
                method: Method::HEAD,
                ..post("")
            };
            assert_eq!(bench.text(&head).await, "");
            assert_eq!(bench.free().await, Some(true));
            assert_eq!(bench.text(&post("{}")).await, "ok");
        },
    );
}

/// The requests that a server sees, one after the other over one connection: their first line, their sorted fields, and
/// their body.
fn seen(client: Client, exchanges: &[Exchange]) -> Vec<(String, Vec<String>, Vec<u8>)> {
    lane(true).unwrap().block_on(async {
        let (dialer, mut listener) = memory::listen();
        let origin = Origin::in_memory(
            dialer,
            &Options {
                client,
                ..Options::default()
            },
        );
        let clock = Clock::simulated();
        let mut wire = connect(&origin, &clock, Duration::MAX).await.unwrap();
        let mut stream = listener.accept().await.unwrap();
        let mut requests = Vec::new();
        for exchange in exchanges {
            assert!(poll_fn(|cx| wire.poll_free(cx)).await);
            let serve = async {
                let bytes = request(&mut stream).await;
                stream
                    .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
                    .await
                    .unwrap();
                bytes
            };
            let (bytes, answer) = tokio::join!(serve, wire.send(exchange, &origin));
            answer.unwrap().unwrap();
            let end = bytes
                .windows(4)
                .position(|four| four == b"\r\n\r\n")
                .unwrap();
            let text = String::from_utf8(bytes[..end].to_vec()).unwrap();
            let mut lines = text.lines().map(str::to_owned);
            let first = lines.next().unwrap();
            let mut fields: Vec<_> = lines.collect();
            fields.sort();
            requests.push((first, fields, bytes[end + 4..].to_vec()));
        }
        requests
    })
}

#[test]
fn both_clients_send_the_same_request() {
    let with = |method: Method,
                path: &str,
                headers: &[(&'static str, &'static str)],
                body: &'static str| Exchange {
        method,
        destination: Destination::Target(path.into()),
        headers: headers
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect(),
        body: body.into(),
        streamed: false,
        timeout: None,
    };
    // The very same request again, then bodies that go out behind their head in one piece and in two.
    let again = post("the same");
    let long = "x".repeat(20_000);
    let exchanges = [
        post("{}"),
        post("{\"longer\": true}"),
        with(
            Method::GET,
            "/v1/x?a=b%20c",
            &[("accept", "*/*"), ("x-twice", "1"), ("x-twice", "2")],
            "",
        ),
        with(Method::GET, "", &[], "a body all the same"),
        with(Method::POST, "/empty", &[], ""),
        with(Method::HEAD, "/", &[], ""),
        with(Method::DELETE, "/jobs/1", &[], ""),
        with(
            Method::POST,
            "/liar",
            &[("content-length", "900"), ("transfer-encoding", "chunked")],
            "{}",
        ),
        post("{}"),
        again.clone(),
        again,
        post(long.clone()),
        post("{}"),
    ];
    let [hyper, native] = CLIENTS.map(|client| seen(client, &exchanges));
    assert_eq!(hyper, native);
    let length = |at: usize| {
        native[at]
            .1
            .iter()
            .find_map(|field| field.strip_prefix("content-length: "))
    };
    assert_eq!(
        [0, 1, 2, 3, 4].map(length),
        [Some("2"), Some("16"), None, Some("19"), Some("0")]
    );
    assert_eq!(length(7), Some("2"), "how a body is framed is ours to say");
    assert_eq!(native[2].0, "GET /v1/x?a=b%20c HTTP/1.1");
    assert_eq!(native[1].2, b"{\"longer\": true}");
    assert_eq!(native[9], native[10]);
    assert_eq!(native[11].2, long.as_bytes());
    assert_eq!(native[12], native[0]);
}
