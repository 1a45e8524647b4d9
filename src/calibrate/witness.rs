//! Looks on at streamed answers: the simulator's stamps of emission held against ours of arrival, event by event.
//!
//! Stands between the engine and the protocol, and passes everything on. Times are compared as spans of each side's own
//! clock, so that the two need not share an epoch. The simulator stamps the arrival of a request in the head and each
//! event as it lets it out; the first event is the opening without content, then come the tokens, one an event.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use memchr::memmem;

use crate::foundation::units::Offset;
use crate::instruments::exchange::{Flow, Head, Issue, Received, Step, Steps};
use crate::instruments::record::{Outcome, Seen};
use crate::kinds::dataset::Request;
use crate::kinds::protocol::{PrepareError, Prepared, Protocol};
use crate::load::Figures;
use crate::plan::Cell;
use crate::run::event::{Event, Watcher};

/// The head's stamp of when a request was there in full.
const ARRIVAL: &str = "x-simulator-arrival-ns";
/// What stands before an event's stamp.
const EMITTED: &[u8] = b"\"emitted_ns\":";

/// What was seen of a cell's streams.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Errors {
    /// First tokens: time from sending to arrival less that from the request's arrival to emission, in seconds.
    pub ttft_s: Vec<f64>,
    /// Gaps between tokens: ours less the simulator's, either way, in seconds.
    pub gaps_s: Vec<f64>,
    /// Tokens that arrived in the time that is looked at.
    pub tokens: u64,
}

/// Watches a run for somebody else, and looks on at its streams meanwhile.
pub struct Witness<'a> {
    shown: &'a dyn Watcher,
    /// From when to when it looks, from a repeat's start.
    looks: (Offset, Offset),
    seen: Mutex<BTreeMap<String, Arc<Mutex<Errors>>>>,
}

impl<'a> Witness<'a> {
    /// A witness of what arrives from one time of a repeat to another.
    pub fn new(shown: &'a dyn Watcher, (from, until): (Duration, Duration)) -> Self {
        Self {
            shown,
            looks: (Offset::ZERO + from, Offset::ZERO + until),
            seen: Mutex::default(),
        }
    }

    /// What was seen of a cell.
    pub fn of(&self, cell: &str) -> Errors {
        let errors = locked(&self.seen).get(cell).cloned();
        errors.map_or_else(Errors::default, |errors| locked(&errors).clone())
    }
}

impl Watcher for Witness<'_> {
    fn event(&self, event: &Event<'_>) {
        self.shown.event(event);
    }

    fn figures(&self, figures: &Figures) {
        self.shown.figures(figures);
    }

    fn beside(&self, cell: &Cell, protocol: Box<dyn Protocol>) -> Box<dyn Protocol> {
        let errors = Arc::clone(locked(&self.seen).entry(cell.id.clone()).or_default());
        Box::new(Watched {
            protocol,
            errors,
            looks: self.looks,
        })
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A protocol that is looked on at.
struct Watched {
    protocol: Box<dyn Protocol>,
    errors: Arc<Mutex<Errors>>,
    looks: (Offset, Offset),
}

impl Protocol for Watched {
    fn prepare(&self, request: Request) -> Result<Prepared, PrepareError> {
        self.protocol.prepare(request)
    }

    fn begin<'a>(&'a self, prepared: &'a Prepared, issue: Issue) -> Box<dyn Steps + 'a> {
        Box::new(Look {
            steps: self.protocol.begin(prepared, issue),
            errors: &self.errors,
            looks: self.looks,
            tokens: prepared.requested_tokens.unwrap_or_default(),
            arrival_ns: None,
            events: 0,
            last: None,
            cut: Vec::new(),
            seen: Errors::default(),
        })
    }
}

/// A stamp of the simulator's, in nanoseconds of its clock, and when it reached us.
#[derive(Debug, Clone, Copy)]
struct Pair {
    emitted_ns: u64,
    at: Offset,
}

/// One attempt that is looked on at.
struct Look<'a> {
    steps: Box<dyn Steps + 'a>,
    errors: &'a Mutex<Errors>,
    looks: (Offset, Offset),
    /// Tokens that were asked for.
    tokens: u64,
    arrival_ns: Option<u64>,
    /// Events so far.
    events: u64,
    /// The last token.
    last: Option<Pair>,
    /// A line whose end is still to come.
    cut: Vec<u8>,
    seen: Errors,
}

impl Steps for Look<'_> {
    fn next(&mut self, seen: &mut Seen) -> Step<'_> {
        let step = self.steps.next(seen);
        if let Step::Finish(judged) = &step
            && judged.outcome == Outcome::Ok
        {
            let mut errors = locked(self.errors);
            errors.ttft_s.append(&mut self.seen.ttft_s);
            errors.gaps_s.append(&mut self.seen.gaps_s);
            errors.tokens += std::mem::take(&mut self.seen.tokens);
        }
        step
    }

    fn receive(&mut self, event: Received<'_>, seen: &mut Seen) -> Flow {
        match event {
            Received::Head(head) => self.arrival_ns = arrival(head),
            Received::Chunk { bytes, at } => self.read(bytes, at, seen.sent),
            Received::End { .. } | Received::Elapsed { .. } => {}
        }
        self.steps.receive(event, seen)
    }
}

impl Look<'_> {
    /// Reads the stamps of the lines that end in these bytes.
    fn read(&mut self, bytes: &[u8], at: Offset, sent: Option<Offset>) {
        let Some(end) = memchr::memrchr(b'\n', bytes) else {
            self.cut.extend_from_slice(bytes);
            return;
        };
        let (whole, rest) = bytes.split_at(end + 1);
        let mut begun = std::mem::take(&mut self.cut);
        if begun.is_empty() {
            self.lines(whole, at, sent);
        } else {
            begun.extend_from_slice(whole);
            self.lines(&begun, at, sent);
        }
        begun.clear();
        begun.extend_from_slice(rest);
        self.cut = begun;
    }

    fn lines(&mut self, lines: &[u8], at: Offset, sent: Option<Offset>) {
        for place in memmem::find_iter(lines, EMITTED) {
            if let Some(emitted_ns) = number(&lines[place + EMITTED.len()..]) {
                self.event(Pair { emitted_ns, at }, sent);
            }
        }
    }

    fn event(&mut self, pair: Pair, sent: Option<Offset>) {
        let number = self.events;
        self.events += 1;
        // Neither the opening nor the end has content.
        if number == 0 || number > self.tokens {
            return;
        }
        let last = self.last.replace(pair);
        let (from, until) = self.looks;
        if !(from..until).contains(&pair.at) {
            return;
        }
        self.seen.tokens += 1;
        let emitted = Duration::from_nanos(pair.emitted_ns);
        match (last, sent, self.arrival_ns) {
            (Some(last), ..) => {
                let theirs = emitted.saturating_sub(Duration::from_nanos(last.emitted_ns));
                self.seen
                    .gaps_s
                    .push(less(pair.at.since(last.at), theirs).abs());
            }
            (None, Some(sent), Some(arrival)) => {
                let theirs = emitted.saturating_sub(Duration::from_nanos(arrival));
                self.seen.ttft_s.push(less(pair.at.since(sent), theirs));
            }
            (None, ..) => {}
        }
    }
}

/// One span less another, in seconds.
fn less(ours: Duration, theirs: Duration) -> f64 {
    ours.as_secs_f64() - theirs.as_secs_f64()
}

fn arrival(head: &Head) -> Option<u64> {
    head.headers.get(ARRIVAL)?.to_str().ok()?.parse().ok()
}

/// The number at the start of a text.
fn number(text: &[u8]) -> Option<u64> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&text[..digits]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;
    use crate::instruments::exchange::{Exchange, Judgement};

    /// A protocol that takes anything.
    struct Anything;

    impl Steps for Anything {
        fn next(&mut self, _: &mut Seen) -> Step<'_> {
            Step::Finish(Judgement::ok())
        }

        fn receive(&mut self, _: Received<'_>, _: &mut Seen) -> Flow {
            Flow::More
        }
    }

    impl Protocol for Anything {
        fn prepare(&self, _: Request) -> Result<Prepared, PrepareError> {
            unreachable!("nothing is prepared here")
        }

        fn begin<'a>(&'a self, _: &'a Prepared, _: Issue) -> Box<dyn Steps + 'a> {
            Box::new(Self)
        }
    }

    const fn ms(ms: u64) -> Offset {
        Offset::from_nanos(ms * 1_000_000)
    }

    /// What a witness sees of a stream of three tokens that was sent at 1 ms, given when each piece of it arrived.
    fn looked(pieces: &[(&[u8], u64)]) -> Errors {
        let errors = Arc::new(Mutex::new(Errors::default()));
        let watched = Watched {
            protocol: Box::new(Anything),
            errors: Arc::clone(&errors),
            looks: (ms(0), ms(1000)),
        };
        let prepared = Prepared {
            request: Request::default(),
            params_json: String::new(),
            exchange: Exchange::post_json("/", ""),
            stream: true,
            choices: 1,
            requested_tokens: Some(3),
        };
        let issue = Issue {
            index: 0,
            attempt: 1,
            seed: 0,
        };
        let mut steps = watched.begin(&prepared, issue);
        let mut seen = Seen::default();
        seen.sent.get_or_insert(ms(1));
        let mut headers = HeaderMap::new();
        headers.insert(ARRIVAL, "500000000".parse().unwrap());
        let head = Head {
            status: 200,
            headers: headers.into(),
            at: ms(2),
        };
        steps.receive(Received::Head(&head), &mut seen);
        for (bytes, at) in pieces {
            let at = ms(*at);
            steps.receive(Received::Chunk { bytes, at }, &mut seen);
        }
        steps.next(&mut seen);
        drop(steps);
        locked(&errors).clone()
    }

    fn rounded(values: &[f64]) -> Vec<f64> {
        values
            .iter()
            .map(|value| (value * 1e6).round() / 1e3)
            .collect()
    }

    /// An opening, tokens 10, 30 and 50 ms after the request's arrival, an end.
    const STREAM: &str = "data: {\"simulator\":{\"emitted_ns\":500100000}}\n\n\
        data: {\"simulator\":{\"emitted_ns\":510000000}}\n\n\
        data: {\"simulator\":{\"emitted_ns\":530000000}}\n\n\
        data: {\"simulator\":{\"emitted_ns\":550000000}}\n\n\
        data: {\"simulator\":{\"emitted_ns\":550000000}}\n\ndata: [DONE]\n\n";

    #[test]
    fn spans_of_the_two_clocks_are_compared_token_by_token() {
        let events: Vec<&[u8]> = STREAM.as_bytes().chunks(46).collect();
        let pieces: Vec<(&[u8], u64)> = events.into_iter().zip([2, 12, 30, 56, 56, 56]).collect();
        let errors = looked(&pieces);
        assert_eq!(rounded(&errors.ttft_s), [1.0], "11 ms of ours for 10 ms");
        assert_eq!(
            rounded(&errors.gaps_s),
            [2.0, 6.0],
            "18 for 20, and 26 for 20"
        );
        assert_eq!(errors.tokens, 3);
    }

    #[test]
    fn an_event_that_is_cut_anywhere_arrives_with_its_last_piece() {
        let whole = STREAM.as_bytes();
        for cut in 0..whole.len() {
            let errors = looked(&[(&whole[..cut], 11), (&whole[cut..], 11)]);
            assert_eq!(rounded(&errors.ttft_s), [0.0], "cut at {cut}");
            assert_eq!(errors.gaps_s.len(), 2, "cut at {cut}");
        }
    }
}
