//! One attempt: the steps one after the other, each judged by what it expects.

use std::rc::Rc;

use http::HeaderMap;
use serde_json::{Map, Value};

use super::exchange::Compiled;
use super::expect::{self, Answer, LONGEST_SAMPLE};
use super::options::Extract;
use super::pointed::Pointed;
use crate::foundation::units::Offset;
use crate::instruments::exchange::{Exchange, Flow, Head, Judgement, Received, Step, Steps};
use crate::instruments::record::{Outcome, Seen};
use crate::kinds::protocol::head::{self, Refusal};
use crate::kinds::protocol::kept::Body;
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
    /// Headers, media type and bytes of the body are there only where they are asked for.
    headers: Option<Rc<HeaderMap>>,
    media_type: String,
    body: Body,
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
        let json = if step.reads.json {
            let pointers = step
                .expect
                .pointers()
                .chain(step.extract.values().filter_map(Extract::pointer));
            Pointed::read(arrived.body.json(), pointers).ok()
        } else {
            None
        };
        let answer = Answer {
            headers: arrived.headers.as_deref(),
            media_type: &arrived.media_type,
            body: arrived.body.bytes(),
            length: arrived.body.length(),
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
        let Some(step) = self.current.and_then(|current| self.steps.get(current)) else {
            return;
        };
        let answer = &mut self.answer;
        let refused = step.expect.refuses(head);
        answer.refusal = refused.map(|outcome| Refusal::new(outcome, head.status));
        let reads = step.reads;
        if reads.headers {
            answer.headers = Some(Rc::clone(&head.headers));
        }
        if seen.keep_samples || step.expect.content_type.is_some() {
            answer.media_type = head.media_type();
        }
        answer.body = match (reads.body, seen.keep_samples) {
            (true, _) => Body::whole(head),
            // One byte more than a sample has, so that it shows that it is none.
            (false, true) => Body::beginning(LONGEST_SAMPLE + 1),
            (false, false) => Body::beginning(0),
        };
    }
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
                if let Some(refusal) = &mut self.answer.refusal {
                    refusal.take(bytes);
                } else {
                    self.judgement = self.answer.body.take(bytes);
                }
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
