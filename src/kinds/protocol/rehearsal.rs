//! For tests: an attempt is played with answers out of a file, in pieces, each a millisecond after the last.

use bytes::Bytes;
use http::HeaderMap;
use serde_json::Value;

use super::{Kind, Prepared, Protocol, Settings, build};
use crate::foundation::units::Offset;
use crate::instruments::exchange::{Exchange, Flow, Head, Issue, Judgement, Received, Step, Steps};
use crate::instruments::record::Seen;
use crate::kinds::dataset::{Prompt, Request, Row, Task};

/// What an attempt came to.
pub struct Attempt {
    pub judgement: Judgement,
    pub seen: Seen,
    pub sent: Vec<Exchange>,
}

/// One answer of a target.
#[derive(Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, &'static str)>,
    pub pieces: Vec<Bytes>,
}

impl Answer {
    /// A 200 of that media type, in one piece.
    pub fn ok(media_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self {
            status: 200,
            headers: vec![("content-type", media_type)],
            pieces: vec![body.into()],
        }
    }

    /// A 200 that streams events, one piece an event.
    pub fn stream(body: &str) -> Self {
        Self::pieces("text/event-stream; charset=utf-8", body, "\n\n")
    }

    /// A 200 that streams lines, one piece a line.
    pub fn lines(body: &str) -> Self {
        Self::pieces("application/x-ndjson", body, "\n")
    }

    fn pieces(media_type: &'static str, body: &str, end: &str) -> Self {
        let pieces = body
            .split_inclusive(end)
            .map(|event| Bytes::copy_from_slice(event.as_bytes()))
            .collect();
        Self {
            status: 200,
            headers: vec![("content-type", media_type)],
            pieces,
        }
    }

    /// The same in other pieces.
    pub fn cut(&self, cuts: &[usize]) -> Self {
        let whole: Bytes = self.pieces.concat().into();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (whole.len() + 1)).collect();
        cuts.push(whole.len());
        cuts.sort_unstable();
        let mut from = 0;
        let pieces = cuts
            .into_iter()
            .map(|cut| {
                let piece = whole.slice(from..cut);
                from = cut;
                piece
            })
            .collect();
        Self {
            pieces,
            ..self.clone()
        }
    }
}

/// A prompt with parameters.
pub fn request(prompt: &str, params: Value) -> Request {
    let Value::Object(params) = params else {
        panic!("parameters are an object")
    };
    let row = Row {
        prompt: Prompt::Text(prompt.to_owned()),
        ..Row::default()
    };
    Request {
        row,
        params,
        workload: None,
    }
}

/// A protocol of a kind.
pub fn protocol(kind: Kind) -> Box<dyn Protocol> {
    protocol_for(kind, None)
}

/// The same for a task.
pub fn protocol_for(kind: Kind, task: Option<Task>) -> Box<dyn Protocol> {
    let settings = Settings {
        model: Some("small-model".to_owned()),
        task,
        ..Settings::default()
    };
    build(kind, settings).unwrap()
}

/// Plays an attempt against answers, one for each exchange.
pub fn play(protocol: &dyn Protocol, prepared: &Prepared, answers: &[Answer]) -> Attempt {
    play_keeping(protocol, prepared, answers, false)
}

/// The same, with samples kept.
pub fn play_keeping(
    protocol: &dyn Protocol,
    prepared: &Prepared,
    answers: &[Answer],
    keep_samples: bool,
) -> Attempt {
    let mut seen = Seen::default();
    seen.keep_samples = keep_samples;
    let mut steps = protocol.begin(
        prepared,
        Issue {
            index: 3,
            attempt: 1,
            seed: 77,
        },
    );
    let (mut sent, mut ticks) = (Vec::new(), Ticks::default());
    let mut answers = answers.iter();
    loop {
        match steps.next(&mut seen) {
            Step::Send(exchange) => {
                sent.push(exchange.clone());
                let answer = answers.next().expect("an answer for each exchange");
                deliver(answer, steps.as_mut(), &mut seen, &mut ticks);
            }
            Step::Await { .. } => {
                steps.receive(Received::Elapsed { at: ticks.now() }, &mut seen);
            }
            Step::Finish(judgement) => {
                return Attempt {
                    judgement,
                    seen,
                    sent,
                };
            }
        }
    }
}

/// Time in whole milliseconds.
#[derive(Default)]
struct Ticks {
    ms: u64,
}

impl Ticks {
    fn now(&self) -> Offset {
        Offset::from_nanos(self.ms * 1_000_000)
    }

    fn next(&mut self) -> Offset {
        self.ms += 1;
        self.now()
    }
}

/// One answer from its head to its end, or to where the attempt wants no more.
fn deliver(answer: &Answer, steps: &mut dyn Steps, seen: &mut Seen, ticks: &mut Ticks) {
    let mut headers = HeaderMap::new();
    for (name, value) in &answer.headers {
        headers.append(*name, value.parse().unwrap());
    }
    let head = Head {
        status: answer.status,
        headers: headers.into(),
        at: ticks.next(),
    };
    let mut flow = steps.receive(Received::Head(&head), seen);
    for piece in &answer.pieces {
        if flow == Flow::More {
            let chunk = Received::Chunk {
                bytes: piece,
                at: ticks.next(),
            };
            flow = steps.receive(chunk, seen);
        }
    }
    if flow == Flow::More {
        steps.receive(Received::End { at: ticks.next() }, seen);
    }
}
