//! HTTP/2 against servers that write frames byte by byte, within the process; time is simulated. The frames are written
//! by hand (RFC 9113, section 6; RFC 7541, appendix A), so that the same library is not on both sides.

use std::future::Future;
use std::time::Duration;

use http::{HeaderValue, Method};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

use crate::foundation::clock::{Clock, Timer, lane};
use crate::instruments::exchange::Exchange;
use crate::instruments::record::{HttpSpoken, Outcome, Spoken};
use crate::instruments::transport::tests::bench::{Bench, over, post};
use crate::instruments::transport::{Caps, Options, Origin, Version, connect, memory};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const ACK: u8 = 1;

/// `:status: 200` by the static table.
const STATUS_200: &[u8] = &[0x88];
/// `:status: 103`, its name by the static table and its value literal.
const STATUS_103: &[u8] = b"\x08\x03103";

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

fn head(stream: u32, block: &[u8]) -> Vec<u8> {
    frame(HEADERS, END_HEADERS, stream, block)
}

/// The whole answer `ok`.
fn ok(stream: u32) -> Vec<u8> {
    [
        head(stream, STATUS_200),
        frame(DATA, END_STREAM, stream, b"ok"),
    ]
    .concat()
}

fn goaway(last: u32, reason: u32) -> Vec<u8> {
    let payload = [last.to_be_bytes(), reason.to_be_bytes()].concat();
    frame(GOAWAY, 0, 0, &payload)
}

/// The server's end of a connection.
struct Peer(DuplexStream);

impl Peer {
    /// Reads what a client says first, and says who we are.
    async fn begin(stream: DuplexStream) -> Self {
        let mut peer = Self(stream);
        let mut preface = [0; 24];
        peer.0.read_exact(&mut preface).await.unwrap();
        assert_eq!(&preface, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        peer.write(&frame(SETTINGS, 0, 0, &[])).await;
        peer
    }

    async fn write(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
    }

    /// The next frame: type, flags, stream, payload; `None` when the client is gone.
    async fn frame(&mut self) -> Option<(u8, u8, u32, Vec<u8>)> {
        let mut header = [0; 9];
        self.0.read_exact(&mut header).await.ok()?;
        let length = u32::from_be_bytes([0, header[0], header[1], header[2]]);
        let mut payload = vec![0; length as usize];
        self.0.read_exact(&mut payload).await.ok()?;
        let stream = u32::from_be_bytes(header[5..].try_into().unwrap());
        Some((header[3], header[4], stream, payload))
    }

    /// Reads one request, acknowledging settings on the way and giving back all room; its stream and its body.
    async fn request(&mut self) -> Option<(u32, Vec<u8>)> {
        let mut body = Vec::new();
        loop {
            let (kind, flags, stream, payload) = self.frame().await?;
            match kind {
                SETTINGS if flags & ACK == 0 => self.write(&frame(SETTINGS, ACK, 0, &[])).await,
                DATA if !payload.is_empty() => {
                    let room = u32::try_from(payload.len()).unwrap().to_be_bytes();
                    self.write(&frame(WINDOW_UPDATE, 0, 0, &room)).await;
                    self.write(&frame(WINDOW_UPDATE, 0, stream, &room)).await;
                    body.extend(payload);
                }
                _ => {}
            }
            if matches!(kind, DATA | HEADERS) && flags & END_STREAM != 0 {
                return Some((stream, body));
            }
        }
    }
}

fn over_http2<S, T>(
    caps: Caps,
    serve: impl Fn(Peer, Timer) -> S + Clone + 'static,
    test: impl Fn(Bench) -> T,
) where
    S: Future<Output = ()> + 'static,
    T: Future<Output = ()>,
{
    let options = Options {
        version: Version::Http2,
        caps,
        ..Options::default()
    };
    let server = |stream, timer| {
        let serve = serve.clone();
        async move { serve(Peer::begin(stream).await, timer).await }
    };
    over(&options, server, |bench| {
        assert_eq!(bench.origin.spoken(), [Spoken::plain(HttpSpoken::Http2)]);
        test(bench)
    });
}

#[test]
fn one_connection_serves_one_exchange_after_the_other() {
    let serve = |mut peer: Peer, _: Timer| async move {
        let mut streams = Vec::new();
        while let Some((stream, body)) = peer.request().await {
            assert_eq!(body, b"{}");
            streams.push(stream);
            assert!([1, 3, 5].contains(&stream));
            peer.write(&ok(stream)).await;
        }
    };
    over_http2(Caps::default(), serve, |mut bench| async move {
        for number in 0..3 {
            assert_eq!(bench.free().await, Some(true));
            assert_eq!(bench.text(&post("{}")).await, "ok");
            assert_eq!(bench.wire.reused(), number > 0);
            assert_eq!(bench.wire.body_bytes(), 2);
        }
    });
}

#[test]
fn stamps_are_those_of_the_frames() {
    let serve = |mut peer: Peer, timer: Timer| async move {
        peer.request().await;
        let pieces = [
            // The connection's own frames are of no answer, whenever they come.
            frame(PING, 0, 0, &[0; 8]),
            head(1, STATUS_103),
            head(1, STATUS_200),
            [frame(DATA, 0, 1, b"one"), frame(PING, 0, 0, &[0; 8])].concat(),
            frame(DATA, 0, 1, b"two"),
            // Trailers: a field without a name in any table.
            frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x00\x01x\x01y"),
        ];
        for piece in pieces {
            timer.after(Duration::from_millis(10)).await;
            peer.write(&piece).await;
        }
        std::future::pending::<()>().await;
    };
    over_http2(Caps::default(), serve, |mut bench| async move {
        bench.timer.after(Duration::from_millis(1)).await;
        let began = bench.timer.now();
        let head = bench.send(&post("{}")).await.unwrap().unwrap();
        let activity = bench.wire.activity();
        let after = |ms: u64| began + Duration::from_millis(ms);
        assert_eq!(activity.sent(), Some(began));
        assert_eq!(
            activity.first_byte(),
            Some(after(30)),
            "the final head's, not the interim one's"
        );
        assert_eq!(head.status, 200);
        let (body, stamps) = bench.body().await.unwrap();
        assert_eq!(
            (body.as_slice(), stamps.as_slice()),
            (&b"onetwo"[..], &[after(40), after(50)][..])
        );
        assert_eq!(activity.last_read(), after(60), "the end of the stream");
        assert_eq!(bench.free().await, Some(true));
    });
}

#[test]
fn a_request_is_sent_when_its_head_leaves_and_not_when_the_connections_own_frames_do() {
    // No stream is allowed before 20 ms: what is written until then acknowledges settings.
    let serve = |mut peer: Peer, timer: Timer| async move {
        peer.write(&frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 0]))
            .await;
        timer.after(Duration::from_millis(20)).await;
        peer.write(&frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 9]))
            .await;
        peer.request().await;
        peer.write(&ok(1)).await;
        std::future::pending::<()>().await;
    };
    over_http2(Caps::default(), serve, |mut bench| async move {
        assert_ne!(bench.free().await, Some(false));
        let began = bench.timer.now();
        assert_eq!(bench.text(&post("{}")).await, "ok");
        let sent = bench.wire.activity().sent().unwrap();
        assert!(sent > began + Duration::from_millis(10), "{sent:?}");
    });
}

/// What becomes of an exchange whose server answers with these bytes and then closes.
fn each_has_its_outcome(broken: impl IntoIterator<Item = (Vec<u8>, Outcome, &'static str)>) {
    let caps = Caps {
        head_bytes: 200,
        body_bytes: 100,
    };
    for (bytes, outcome, what) in broken {
        let serve = move |mut peer: Peer, _: Timer| {
            let bytes = bytes.clone();
            async move {
                peer.request().await;
                peer.write(&bytes).await;
            }
        };
        over_http2(caps, serve, |mut bench| async move {
            let lost = match bench.send(&post("{}")).await {
                Err(lost) => lost,
                Ok(_) => bench.body().await.unwrap_err(),
            };
            assert_eq!(lost.outcome, outcome, "{what}: {}", lost.text);
        });
    }
}

#[test]
fn an_answer_that_is_lost_is_a_reset_before_its_first_byte_and_invalid_after_it() {
    use Outcome::{Invalid, Reset};
    let refused = frame(RST_STREAM, 0, 1, &7_u32.to_be_bytes());
    let whole = head(1, STATUS_200);
    let cut = [whole.clone(), frame(DATA, 0, 1, b"o")].concat();
    let with = |last: &[u8]| [cut.as_slice(), last].concat();
    each_has_its_outcome([
        (vec![], Reset, "closed"),
        (refused.clone(), Reset, "refused"),
        (goaway(0, 0), Reset, "told to go away"),
        (whole[..8].to_vec(), Reset, "no whole frame's header"),
        (whole[..9].to_vec(), Invalid, "a head that is cut"),
        (whole.clone(), Invalid, "no body"),
        (cut.clone(), Invalid, "a cut body"),
        (with(&refused), Invalid, "given up"),
        (with(&goaway(0, 2)), Invalid, "given up with its connection"),
    ]);
}

#[test]
fn what_is_no_http_2_and_what_is_too_much_have_their_outcomes() {
    use Outcome::{Protocol, TooLarge};
    let long = [STATUS_200, b"\x00\x01x\x7f\x81\x01", &[b'y'; 256]].concat();
    let of_three_bytes = head(1, b"\x88\x0f\x0d\x013");
    let two = frame(DATA, END_STREAM, 1, b"ok");
    let many = frame(DATA, END_STREAM, 1, &[b'x'; 101]);
    let http1 = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
    each_has_its_outcome([
        (two.clone(), Protocol, "a body before its head"),
        (head(1, &[0xff; 9]), Protocol, "no index of any table"),
        (head(1, b"\x00\x01x\x01y"), Protocol, "no status"),
        (
            [of_three_bytes, two].concat(),
            Protocol,
            "another length than it says",
        ),
        (frame(SETTINGS, 0, 1, &[]), Protocol, "settings of a stream"),
        (http1.to_vec(), Protocol, "HTTP/1.1"),
        (head(1, &long), TooLarge, "a head beyond its cap"),
        (
            [head(1, STATUS_200), many].concat(),
            TooLarge,
            "a body beyond its cap",
        ),
    ]);
}

#[test]
fn an_answer_may_end_after_its_connection_was_told_to_go_away() {
    let serve = |mut peer: Peer, _: Timer| async move {
        peer.request().await;
        peer.write(&goaway(1, 0)).await;
        peer.write(&ok(1)).await;
    };
    over_http2(Caps::default(), serve, |mut bench| async move {
        assert_eq!(bench.text(&post("{}")).await, "ok");
        assert_eq!(bench.free().await, Some(false));
        assert!(bench.send(&post("{}")).await.unwrap().is_none());
    });
}

#[test]
fn a_connection_that_ended_while_idle_is_seen_before_it_is_used() {
    for last in [goaway(1, 0), Vec::new()] {
        let serve = move |mut peer: Peer, _: Timer| {
            let last = last.clone();
            async move {
                peer.request().await;
                peer.write(&ok(1)).await;
                peer.write(&last).await;
            }
        };
        over_http2(Caps::default(), serve, |mut bench| async move {
            assert_eq!(bench.text(&post("{}")).await, "ok");
            assert_eq!(bench.free().await, Some(false));
            let again = bench.send(&post("{}")).await.unwrap();
            assert!(again.is_none(), "no byte of it was written");
        });
    }
}

#[test]
fn a_close_that_crosses_the_next_request_is_a_reset() {
    let serve = |mut peer: Peer, _: Timer| async move {
        peer.request().await;
        peer.write(&ok(1)).await;
        peer.request().await;
        peer.write(&goaway(1, 0)).await;
    };
    over_http2(Caps::default(), serve, |mut bench| async move {
        assert_eq!(bench.text(&post("{}")).await, "ok");
        assert_eq!(bench.free().await, Some(true));
        let lost = bench.send(&post("{}")).await.unwrap_err();
        assert_eq!(lost.outcome, Outcome::Reset, "{}", lost.text);
        assert!(bench.wire.reused());
    });
}

#[test]
fn an_answer_is_read_while_its_request_is_still_being_sent() {
    let serve = |mut peer: Peer, _: Timer| async move {
        // Gives no room: the request stops after what is allowed from the beginning.
        while peer.frame().await.unwrap().0 != HEADERS {}
        // 413, its name by the static table.
        peer.write(&[head(1, b"\x08\x03413"), frame(DATA, END_STREAM, 1, b"no")].concat())
            .await;
        peer.write(&frame(RST_STREAM, 0, 1, &[0; 4])).await;
        std::future::pending::<()>().await;
    };
    over_http2(Caps::default(), serve, |mut bench| async move {
        let head = bench.send(&post(vec![b'x'; 4 << 20])).await.unwrap();
        assert_eq!(head.unwrap().status, 413);
        assert_eq!(bench.body().await.unwrap().0, b"no");
    });
}

#[test]
fn what_is_larger_than_any_window_arrives_whole_both_ways() {
    let serve = |mut peer: Peer, _: Timer| async move {
        let (stream, body) = peer.request().await.unwrap();
        assert!(body == vec![b'#'; 3 << 20]);
        peer.write(&head(stream, STATUS_200)).await;
        // Sends no more than the client gave room for.
        let (mut of_stream, mut of_connection, mut left) = (2_i64 << 20, 5_i64 << 20, 12_i64 << 20);
        while left > 0 {
            let part = left.min(of_stream).min(of_connection).min(16 << 10);
            if part > 0 {
                let flags = if part == left { END_STREAM } else { 0 };
                let data = vec![b'x'; usize::try_from(part).unwrap()];
                peer.write(&frame(DATA, flags, stream, &data)).await;
                (of_stream, of_connection, left) =
                    (of_stream - part, of_connection - part, left - part);
                continue;
            }
            if let (WINDOW_UPDATE, _, whose, room) = peer.frame().await.unwrap() {
                let room = i64::from(u32::from_be_bytes(room.try_into().unwrap()));
                if whose == 0 {
                    of_connection += room;
                } else {
                    of_stream += room;
                }
            }
        }
        std::future::pending::<()>().await;
    };
    over_http2(Caps::default(), serve, |mut bench| async move {
        bench.send(&post(vec![b'#'; 3 << 20])).await.unwrap();
        let body = bench.body().await.unwrap().0;
        assert!(body == vec![b'x'; 12 << 20], "{}", body.len());
        assert_eq!(bench.free().await, Some(true));
    });
}

#[test]
fn what_follows_an_end_mark_is_drained_before_the_connection_is_used_again() {
    let serve = |mut peer: Peer, timer: Timer| async move {
        peer.request().await;
        peer.write(&[head(1, STATUS_200), frame(DATA, 0, 1, b"[DONE]")].concat())
            .await;
        timer.after(Duration::from_millis(20)).await;
        peer.write(&frame(DATA, END_STREAM, 1, b"and")).await;
        peer.request().await;
        peer.write(&ok(3)).await;
        std::future::pending::<()>().await;
    };
    over_http2(Caps::default(), serve, |mut bench| async move {
        bench.send(&post("{}")).await.unwrap();
        assert_eq!(bench.wire.next().await.unwrap().unwrap().bytes, b"[DONE]");
        assert_eq!(bench.free().await, None, "the rest is still to come");
        bench.timer.after(Duration::from_millis(30)).await;
        assert_eq!(bench.free().await, Some(true));
        assert_eq!(bench.text(&post("{}")).await, "ok");
    });
}

#[test]
fn a_request_says_what_http_2_lets_it_say() {
    lane(true).unwrap().block_on(async {
        let (dialer, mut listener) = memory::listen();
        let options = Options {
            version: Version::Http2,
            per_request: true,
            ..Options::default()
        };
        let origin = Origin::in_memory(dialer, &options);
        let clock = Clock::simulated();
        let mut wire = connect(&origin, &clock, Duration::MAX).await.unwrap();
        let stream = listener.accept().await.unwrap();
        let serve = async move {
            let mut connection = h2::server::handshake(stream).await.unwrap();
            let (request, mut respond) = connection.accept().await.unwrap().unwrap();
            let (head, mut body) = request.into_parts();
            let mut bytes = Vec::new();
            loop {
                tokio::select! {
                    data = body.data() => match data {
                        Some(data) => bytes.extend(data.unwrap()),
                        None => break,
                    },
                    _ = connection.accept() => panic!("there is one request"),
                }
            }
            respond
                .send_response(http::Response::new(()), true)
                .unwrap();
            let _ = tokio::time::timeout(Duration::from_secs(1), connection.accept()).await;
            (head, bytes)
        };
        let exchange = Exchange {
            method: Method::PUT,
            headers: vec![
                (
                    http::header::TRANSFER_ENCODING,
                    HeaderValue::from_static("chunked"),
                ),
                (http::header::TE, HeaderValue::from_static("gzip")),
                (http::header::ACCEPT, HeaderValue::from_static("*/*")),
            ],
            ..post("{}")
        };
        let ((head, body), answer) = tokio::join!(serve, wire.send(&exchange, &origin));
        assert_eq!(answer.unwrap().unwrap().status, 200);
        assert_eq!(head.method, Method::PUT);
        assert_eq!(head.uri, "http://memory/v1/x");
        let mut names: Vec<_> = head.headers.keys().map(http::HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["accept", "content-length", "user-agent"]);
        assert_eq!(head.headers[http::header::CONTENT_LENGTH], "2");
        assert_eq!(body, b"{}");
    });
}
