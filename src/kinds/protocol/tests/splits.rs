//! Any split of an answer's bytes gives the same (ci.md D-13): every stream in tests/fixtures/wire, in each form that the
//! standard allows, cut in thousands of ways. A new fixture is among them without a word here.

use std::path::Path;

use rand_distr::{Distribution as _, Uniform};
use serde_json::json;

use super::super::framing::Framing;
use super::super::framing::sse::Event;
use super::super::rehearsal::{Answer, Attempt, play_keeping, protocol, request};
use super::super::{Kind, Prepared, Protocol};
use crate::foundation::seed::Seed;
use crate::foundation::units::Offset;

/// Splits of each stream that are always tried; `--ignored` tries [`ALL`].
const SOME: u64 = 1_000;
const ALL: u64 = 10_000;

/// A stream of a real server, in our own words.
struct Recorded {
    /// The folder: its protocol.
    format: String,
    name: String,
    framing: Framing,
    text: String,
}

impl Recorded {
    /// What ends an event.
    const fn end(&self) -> &'static str {
        match self.framing {
            Framing::Events => "\n\n",
            Framing::Lines => "\n",
        }
    }

    const fn media_type(&self) -> &'static str {
        match self.framing {
            Framing::Events => "text/event-stream",
            Framing::Lines => "application/x-ndjson",
        }
    }
}

fn recorded() -> Vec<Recorded> {
    let folder = |path: &Path| {
        let mut entries: Vec<_> = std::fs::read_dir(path)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        entries.sort();
        entries
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/wire");
    let mut all = Vec::new();
    for format in folder(&root) {
        for file in folder(&format) {
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            if name.ends_with(".stream.txt") {
                let format = format.file_name().unwrap().to_string_lossy().into_owned();
                // One is recorded with CRLF; `forms` brings it back.
                let text = std::fs::read_to_string(file).unwrap().replace("\r\n", "\n");
                let framing = if text.starts_with('{') {
                    Framing::Lines
                } else {
                    Framing::Events
                };
                all.push(Recorded {
                    format,
                    name,
                    framing,
                    text,
                });
            }
        }
    }
    assert!(all.len() >= 20, "the fixtures are there");
    all
}

/// The same stream in the other forms that its standard allows, of which the first three have the same events: line ends
/// of CRLF and, for events, of CR; and with a BOM, empty lines, comments, fields that nobody reads, events of other names,
/// data on two lines, and letters of two, three and four bytes.
fn forms(recorded: &Recorded) -> [String; 4] {
    let stream = &recorded.text;
    let noisy = stream.replace(" lamp", " l\u{e4}mp \u{5b57}\u{1f388}");
    let [only_cr, noisy] = match recorded.framing {
        Framing::Events => [
            stream.replace('\n', "\r"),
            noisy.replace("data: {", "data: {\ndata: ").replace(
                "\n\n",
                "\n\n: ping\n\nid: 7\nretry: 5\n\nevent: ping\ndata: x\n\n",
            ),
        ],
        Framing::Lines => [
            stream.trim_end().to_owned(),
            noisy.replace('\n', "\n\r\n \n\n"),
        ],
    };
    [
        stream.clone(),
        stream.replace('\n', "\r\n"),
        only_cr,
        format!("\u{feff}{noisy}"),
    ]
}

/// Where to cut that many bytes: in a few places, in some, or in so many that most pieces are a byte or two.
fn cuts(seed: Seed, number: u64, bytes: usize) -> Vec<usize> {
    let mut generator = seed.index(number).generator();
    let most = [3, 24, bytes][usize::try_from(number % 3).unwrap()];
    let count = Uniform::new_inclusive(1, most)
        .unwrap()
        .sample(&mut generator);
    let place = Uniform::new_inclusive(0, bytes).unwrap();
    let mut cuts: Vec<usize> = (0..count).map(|_| place.sample(&mut generator)).collect();
    cuts.sort_unstable();
    cuts
}

fn pieces<'a>(bytes: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut from = 0;
    cuts.iter()
        .chain([&bytes.len()])
        .map(|cut| {
            let piece = &bytes[from..*cut];
            from = *cut;
            piece
        })
        .collect()
}

/// The events of a stream that arrives in these pieces: name and data, each ended by a byte that is in neither.
fn events(framing: Framing, pieces: &[&[u8]]) -> Vec<u8> {
    let mut reader = framing.reader();
    let mut events = Vec::new();
    let mut keep = |event: Event<'_>| {
        for part in [event.name, event.data] {
            events.extend_from_slice(part);
            events.push(0xff);
        }
        true
    };
    for piece in pieces {
        reader.feed(piece, &mut keep).unwrap();
    }
    reader.finish(&mut keep).unwrap();
    events
}

fn events_of_splits(splits: u64) {
    for recorded in recorded() {
        let (name, framing) = (&recorded.name, recorded.framing);
        let what = format!("{}/{name}", recorded.format);
        let seed = Seed::root(13).derive(name);
        let forms = forms(&recorded);
        let whole = forms
            .each_ref()
            .map(|form| events(framing, &[form.as_bytes()]));
        assert!(!whole[0].is_empty(), "{what} has events");
        assert_eq!(whole[0], whole[1], "CRLF ends the same lines");
        assert_eq!(
            whole[0], whole[2],
            "CR, or the stream's end, ends the same lines"
        );
        for number in 0..splits {
            let place = usize::try_from(number % 4).unwrap();
            let bytes = forms[place].as_bytes();
            let cuts = cuts(seed, number / 4, bytes.len());
            assert!(
                events(framing, &pieces(bytes, &cuts)) == whole[place],
                "{what} in form {place} gives other events when cut at {cuts:?}"
            );
        }
        for (form, whole) in forms.iter().zip(&whole) {
            let each: Vec<&[u8]> = form.as_bytes().chunks(1).collect();
            assert!(events(framing, &each) == *whole, "{what} byte by byte");
        }
    }
}

#[test]
fn any_split_of_a_recorded_stream_gives_the_same_events() {
    events_of_splits(SOME);
}

#[test]
#[ignore = "ten thousand splits of each stream take a minute without optimisation"]
fn ten_thousand_splits_of_each_recorded_stream_give_the_same_events() {
    events_of_splits(ALL);
}

/// A request whose answer such a stream is; `None` for a format that is no protocol, or not spoken yet.
fn asked(format: &str) -> Option<(Box<dyn Protocol>, Prepared)> {
    let kind: Kind = serde_json::from_value(json!(format)).ok()?;
    if !kind.supported() {
        return None;
    }
    let protocol = protocol(kind);
    let params = json!({ "stream": true, "max_tokens": 8 });
    let prepared = protocol.prepare(request("Hello", params)).unwrap();
    Some((protocol, prepared))
}

/// When an event is read that arrives in these pieces, as [`play_keeping`] counts: the head at 1 ms, each piece a millisecond
/// later. `event` is its number in the stream; `None` where the stream ends before what ends the event.
fn read_at(recorded: &Recorded, cuts: &[usize], event: u64) -> Option<Offset> {
    let (start, end) = recorded
        .text
        .match_indices(recorded.end())
        .nth(usize::try_from(event).ok()?)?;
    let last_byte = start + end.len() - 1;
    let piece = cuts.iter().filter(|cut| **cut <= last_byte).count() as u64;
    Some(Offset::from_nanos((piece + 2) * 1_000_000))
}

/// What was seen of an answer, but for its times.
fn facts(attempt: &Attempt) -> impl PartialEq + std::fmt::Debug + use<> {
    let seen = &attempt.seen;
    (
        attempt.judgement.clone(),
        (seen.chunks, seen.tokens, seen.gaps_ns.len()),
        (
            seen.server.clone(),
            seen.notes.clone(),
            seen.samples.clone(),
        ),
    )
}

fn outcomes_of_splits(splits: u64) {
    for recorded in recorded() {
        let Some((protocol, prepared)) = asked(&recorded.format) else {
            continue;
        };
        let what = format!("{}/{}", recorded.format, recorded.name);
        let splits_of_it = Seed::root(14).derive(&recorded.name);
        let forms = forms(&recorded);
        let play = |answer| play_keeping(&*protocol, &prepared, &[answer], true);
        let whole = forms.each_ref().map(|form| {
            let answer = Answer::ok(recorded.media_type(), form.clone());
            (facts(&play(answer.clone())), answer)
        });
        assert!(whole[0].0 == whole[1].0 && whole[0].0 == whole[2].0);
        // One piece an event, so that a time names the event.
        let by_event = play(match recorded.framing {
            Framing::Events => Answer::stream(&recorded.text),
            Framing::Lines => Answer::lines(&recorded.text),
        });
        let by_event = by_event.seen;
        for number in 0..splits {
            let place = usize::try_from(number % 4).unwrap();
            let (expected, answer) = &whole[place];
            let cuts = cuts(splits_of_it, number / 4, forms[place].len());
            let attempt = play(answer.cut(&cuts));
            assert_eq!(&facts(&attempt), expected, "{what} cut at {cuts:?}");
            if place > 0 {
                continue;
            }
            let seen = &attempt.seen;
            for (seen, event) in [
                (seen.first_content, by_event.first_content),
                (seen.first_answer, by_event.first_answer),
                (seen.last_content, by_event.last_content),
                (seen.end, by_event.end),
            ] {
                // The head was at 1 ms, the first event at 2 ms.
                let event = event.map(|at| at.as_nanos() / 1_000_000 - 2);
                let due = event.and_then(|event| read_at(&recorded, &cuts, event));
                assert_eq!(seen, due, "{what} cut at {cuts:?}");
            }
        }
    }
}

#[test]
fn any_split_of_a_recorded_stream_gives_the_same_outcome_at_the_time_of_its_bytes() {
    outcomes_of_splits(SOME);
}

#[test]
#[ignore = "ten thousand splits of each stream take a minute without optimisation"]
fn ten_thousand_splits_of_each_recorded_stream_give_the_same_outcome() {
    outcomes_of_splits(ALL);
}
