//! One attempt: the steps one after the other, each judged by what it expects.

use http::HeaderMap;
use serde_json::{Map, Value};

use super::exchange::Compiled;
use super::expect::{self, Answer, LONGEST_SAMPLE};
use super::options::Extract;
use crate::foundation::units::Offset;
use crate::instruments::exchange::{Exchange, Flow, Head, Judgement, Received, Step, Steps};
use crate::instruments::record::{Outcome, Seen};
use crate::kinds::protocol::head::{self, Body, Refusal};
use crate::kinds::protocol::{Prepared, Settings};

/// The attempt's state.
pub struct Attempt<'a> {
    steps: &'a [Compiled],
    settings: &'a Settings,
    prepared: &'a Prepared,
    /// What templates see; earlier steps are added.
    context: Map<String, Value>,
    /// The step whose answer is awaited; `None` before the first.
    current: Option<usize>,
    /// The exchange of the current step, where it is not the prepared one.
    exchange: Option<Exchange>,
    answer: Arrived,
    judgement: Option<Judgement>,
}

/// What came of the current step's answer.
#[derive(Default)]
struct Arrived {
    refusal: Option<Refusal>,
    headers: HeaderMap,
    media_type: String,
    /// All of it where something is read out of it, else its beginning, for a sample.
    body: Body,
    /// How long it is, kept or not.
    bytes: u64,
    end: Option<Offset>,
}

impl<'a> Attempt<'a> {
    /// Nothing sent yet. `context` may be empty where the only step names nothing of an attempt.
    pub fn new(
        steps: &'a [Compiled],
        settings: &'a Settings,
        prepared: &'a Prepared,
        context: Map<String, Value>,
    ) -> Self {
        Self {
            steps,
            settings,
            prepared,
            context,
            current: None,
            exchange: None,
            answer: Arrived::default(),
            judgement: None,
        }
    }

    /// Judges the answer of the current step, and takes out of it what it gives.
    fn judge(&mut self, step: &Compiled, seen: &mut Seen) -> Judgement {
        let arrived = std::mem::take(&mut self.answer);
        if let Some(refusal) = &arrived.refusal {
            return refusal.judge();
        }
        if let (false, Some(sent), Some(end)) = (step.name.is_empty(), seen.sent, arrived.end) {
            seen.server
                .insert(format!("step.{}", step.name), end.since(sent).as_secs_f64());
        }
        let json = if reads_json(step) {
            serde_json::from_slice(arrived.body.json()).ok()
        } else {
            None
        };
        let answer = Answer {
            headers: &arrived.headers,
            media_type: &arrived.media_type,
            body: arrived.body.bytes(),
            bytes: arrived.bytes,
            json,
        };
        let judgement = step.expect.judge(&answer, seen);
        if !judgement.outcome.is_ok() {
            return judgement;
        }
        let mut extracted = Map::new();
        for (name, from) in &step.extract {
            if let Some(value) = answer.extract(from) {
                expect::note(name, &value, seen);
                extracted.insert(name.clone(), value);
            }
        }
        answer.keep(seen);
        if !step.name.is_empty() {
            self.context
                .insert(step.name.clone(), Value::Object(extracted));
        }
        judgement
    }

    fn head(&mut self, head: &Head, seen: &mut Seen) {
        head::note_head(head, seen);
        let step = self.current.and_then(|current| self.steps.get(current));
        let refused = step.and_then(|step| step.expect.refuses(head));
        self.answer.refusal = refused.map(|outcome| Refusal::new(outcome, head.status));
        self.answer.headers = head.headers.clone();
        self.answer.media_type = head.media_type();
    }

    /// Keeps what is needed of the next bytes of a body; the judgement where that is too much.
    fn chunk(&mut self, bytes: &[u8], seen: &Seen) -> Option<Judgement> {
        let step = self.current.and_then(|current| self.steps.get(current));
        let answer = &mut self.answer;
        answer.bytes += bytes.len() as u64;
        if let Some(refusal) = &mut answer.refusal {
            refusal.take(bytes);
            return None;
        }
        if step.is_some_and(reads_body) {
            return answer.body.take(bytes);
        }
        // One byte more than a sample has, so that it shows that it is none.
        let most = if seen.keep_samples {
            LONGEST_SAMPLE + 1
        } else {
            0
        };
        let room = most.saturating_sub(answer.body.bytes().len());
        answer.body.take(&bytes[..bytes.len().min(room)])
    }
}

/// Whether the answer to a step is read as JSON.
fn reads_json(step: &Compiled) -> bool {
    let extracts = |from: &Extract| matches!(from, Extract::Json(_));
    step.expect.reads_json() || step.extract.values().any(extracts)
}

/// Whether anything is read out of its body.
fn reads_body(step: &Compiled) -> bool {
    reads_json(step) || step.expect.image.is_some()
}

/// The judgement of a step, which names it.
fn named(step: &Compiled, judgement: Judgement) -> Judgement {
    let error = match judgement.error {
        Some(error) if !step.name.is_empty() => Some(format!("step `{}`: {error}", step.name)),
        error => error,
    };
    Judgement { error, ..judgement }
}

impl Steps for Attempt<'_> {
    fn next(&mut self, seen: &mut Seen) -> Step<'_> {
        let steps = self.steps;
        let next = match self.current {
            None => 0,
            Some(current) => {
                let Some(step) = steps.get(current) else {
                    return Step::Finish(Judgement::ok());
                };
                let judgement = match self.judgement.take() {
                    Some(judgement) => judgement,
                    None => self.judge(step, seen),
                };
                if !judgement.outcome.is_ok() || current + 1 == steps.len() {
                    return Step::Finish(named(step, judgement));
                }
                current + 1
            }
        };
        self.current = Some(next);
        let Some(step) = steps.get(next) else {
            return Step::Finish(Judgement::ok());
        };
        if next == 0 && !step.names_request {
            return Step::Send(&self.prepared.exchange);
        }
        match step.exchange(&self.context, self.settings) {
            Ok(exchange) => Step::Send(self.exchange.insert(exchange)),
            Err(error) => Step::Finish(named(
                step,
                Judgement::failed(Outcome::Invalid, error.message),
            )),
        }
    }

    fn receive(&mut self, event: Received<'_>, seen: &mut Seen) -> Flow {
        match event {
            Received::Head(head) => self.head(head, seen),
            Received::Chunk { bytes, .. } => {
                self.judgement = self.chunk(bytes, seen);
                if self.judgement.is_some() {
                    return Flow::Enough;
                }
            }
            Received::End { at } => self.answer.end = Some(at),
            Received::Elapsed { .. } => {}
        }
        Flow::More
    }
}
