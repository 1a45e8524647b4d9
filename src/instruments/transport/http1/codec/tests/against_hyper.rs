//! The same bytes in the same pieces, to hyper and to us: equal events, or a difference that is listed here.

use super::generate::{Case, Ending, case};
use super::{Ended, FIELDS, Said, read, reference};

/// Cases in the normal run.
const FEW: u64 = 4_000;
/// Cases in the long run.
const MANY: u64 = 1_000_000;

/// The one way in which we may differ: a head that is no HTTP. hyper says so only where the first read shows it; later
/// it waits for the head's end, so that its word depends on where reads end. Ours is the same for any split, and hyper
/// must agree as soon as it looks.
fn differs_by_split_alone(case: &Case, ours: &Said, theirs: &Said) -> bool {
    let refused =
        |said: &Said| said.head.is_none() && matches!(said.ended, Ended::Refused | Ended::TooLarge);
    let mut ended = case.clone();
    ended.bytes.extend_from_slice(b"\r\n\r\n");
    ended.ending = Ending::Closes;
    refused(ours)
        && theirs.head.is_none()
        && ours.ended == read(&case.unsplit()).ended
        && refused(&reference::read(&ended))
}

/// How many cases of each end there were, and how many differed by split alone.
#[derive(Debug, Default)]
struct Tally {
    whole: u64,
    reusable: u64,
    waiting: u64,
    refused: u64,
    too_large: u64,
    cut: u64,
    by_split: u64,
}

fn compare(case: &Case, tally: &mut Tally, place: impl std::fmt::Display) {
    let ours = read(case);
    let theirs = reference::read(case);
    match ours.ended {
        Ended::Whole { reusable } => {
            tally.whole += 1;
            tally.reusable += u64::from(reusable);
        }
        Ended::Waiting => tally.waiting += 1,
        Ended::Refused => tally.refused += 1,
        Ended::TooLarge => tally.too_large += 1,
        Ended::Cut => tally.cut += 1,
    }
    if ours != theirs {
        assert!(
            differs_by_split_alone(case, &ours, &theirs),
            "{place}\n{case:?}\nours:   {ours:?}\nhyper:  {theirs:?}",
        );
        tally.by_split += 1;
    }
}

fn run(seeds: std::ops::Range<u64>) -> Tally {
    let mut tally = Tally::default();
    for seed in seeds {
        let case = case(seed);
        compare(&case, &mut tally, format_args!("seed {seed}"));
        assert_eq!(
            split_hides(&case, &read(&case)),
            split_hides(&case, &read(&case.unsplit())),
            "seed {seed}\n{case:?}"
        );
    }
    println!("{tally:?}");
    tally
}

/// What an answer said, with what a split may hide: that a head which is still to end is no HTTP already.
fn split_hides(case: &Case, said: &Said) -> Option<Said> {
    let open = case.ending == Ending::Stays && said.head.is_none();
    (!open).then(|| said.clone())
}

#[test]
fn generated_answers_say_the_same_to_us_and_to_hyper() {
    let tally = run(0..FEW);
    // Each end is met often enough that agreeing means something.
    for (times, at_least) in [
        (tally.whole, FEW / 3),
        (tally.reusable, FEW / 20),
        (tally.waiting, FEW / 20),
        (tally.refused, FEW / 10),
        (tally.too_large, FEW / 500),
        (tally.cut, FEW / 20),
    ] {
        assert!(times >= at_least, "{tally:?}");
    }
    assert!(tally.by_split < FEW / 50, "{tally:?}");
}

#[test]
#[ignore = "minutes: cargo test --lib a_million_generated -- --ignored --nocapture"]
fn a_million_generated_answers_say_the_same_to_us_and_to_hyper() {
    run(0..MANY);
}

/// One of each kind, small enough for every split and every close.
const ANSWERS: [&[u8]; 18] = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhello",
    b"HTTP/1.1 200\nContent-Length: 2\n\nok",
    b"\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 204 No Content\r\nContent-Length: 9\r\n\r\n",
    b"HTTP/1.1 304 Not Modified\r\nContent-Length: x\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n\x81\x00",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1;a=b\r\n!\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\nA \r\nhello, you\r\n0\r\nX: y\r\nZ:\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\n0\n\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nhello",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
    b"HTTP/1.0 200 OK\r\n\r\nuntil the end",
    b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX-Folded: a\r\n b\r\nContent-Length: 2\r\n\r\nok",
];

#[test]
fn every_split_in_two_and_every_close_says_the_same_to_us_and_to_hyper() {
    let mut tally = Tally::default();
    for bytes in ANSWERS {
        for ending in [Ending::Stays, Ending::Closes, Ending::Breaks] {
            for to_head in [false, true] {
                let whole = Case {
                    to_head,
                    bytes: bytes.to_vec(),
                    cuts: Vec::new(),
                    ending,
                };
                for at in 1..bytes.len() {
                    compare(
                        &Case {
                            cuts: vec![at],
                            ..whole.clone()
                        },
                        &mut tally,
                        "split",
                    );
                    compare(
                        &Case {
                            bytes: bytes[..at].to_vec(),
                            ..whole.clone()
                        },
                        &mut tally,
                        "closed",
                    );
                }
                let each = (1..bytes.len()).collect();
                compare(
                    &Case {
                        cuts: each,
                        ..whole
                    },
                    &mut tally,
                    "byte by byte",
                );
            }
        }
    }
    println!("{tally:?}");
}

#[test]
fn each_cap_is_met_at_the_same_byte() {
    const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut tally = Tally::default();
    let mut of = |bytes: String| {
        let bytes = bytes.into_bytes();
        for cuts in [
            Vec::new(),
            vec![bytes.len() / 2],
            vec![bytes.len() - 3, bytes.len() - 1],
        ] {
            compare(
                &Case {
                    to_head: false,
                    bytes: bytes.clone(),
                    cuts,
                    ending: Ending::Stays,
                },
                &mut tally,
                "cap",
            );
        }
    };
    for many in (98..=102).chain(FIELDS - 2..=FIELDS + 2) {
        let fields = "X: y\r\n".repeat(many);
        of(format!(
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n{fields}\r\n"
        ));
        of(format!("{CHUNKED}0\r\n{fields}\r\n"));
    }
    for length in (16 << 10) - 2..=(16 << 10) + 1 {
        let extension = "e".repeat(length);
        of(format!("{CHUNKED}1;{extension}\r\nx\r\n0\r\n\r\n"));
        let halves = extension.split_at(length / 2);
        of(format!(
            "{CHUNKED}1;{}\r\nx\r\n0;{}\r\n\r\n",
            halves.0, halves.1
        ));
    }
    for length in super::CAP - 12..super::CAP {
        let long = "x".repeat(length);
        of(format!("{CHUNKED}0\r\nX: {long}\r\n\r\n"));
        of(format!("HTTP/1.1 204 OK\r\nX: {}\r\n\r\n", &long[20..]));
    }
    // What passes a cap is told from what is no HTTP.
    assert!(
        tally.whole > 0 && tally.too_large > 0 && tally.refused == 0,
        "{tally:?}"
    );
}
