//! An answer of the OpenAI form, streamed or whole: chunks into marks, counts and a judgement.
//!
//! Shared by chat and completions, whose events differ only in where a choice has its text.

use super::event::{self, Choice, Finish, Last, Timings, Usage};
use crate::foundation::units::Offset;
use crate::instruments::exchange::{Flow, Head, Judgement, Received, Step, Steps};
use crate::instruments::record::{Content, Outcome, Sample, Seen, TokensSource};
use crate::kinds::protocol::Prepared;
use crate::kinds::protocol::framing::sse;
use crate::kinds::protocol::head::{self, Body, Refusal};

/// So much of an answer's text is kept as a sample.
const LONGEST_SAMPLE: usize = 64 << 10;
/// A choice of a higher number is not kept track of.
const MOST_CHOICES: usize = 1024;

/// One attempt at an answer.
pub struct Answer<'a> {
    prepared: &'a Prepared,
    sent: bool,
    body: Form,
    found: Found,
    /// Set as soon as nothing that may follow can change it.
    judgement: Option<Judgement>,
}

/// How the answer is read; chosen by its head.
enum Form {
    Nothing,
    Events(sse::Reader),
    Whole(Body),
    Refused(Refusal),
}

/// What came of one choice so far.
#[derive(Clone, Copy, Default)]
struct Progress {
    content: bool,
    finish: Option<Finish>,
}

/// What was found in the answer so far.
#[derive(Default)]
struct Found {
    /// By number.
    choices: Vec<Progress>,
    usage: Option<Usage>,
    timings: Option<Timings>,
    text: Vec<u8>,
    last_event: Last,
    /// When the last bytes came, for an event that the answer's end completes.
    last: Offset,
}

impl<'a> Answer<'a> {
    /// An attempt that has sent nothing yet.
    pub fn new(prepared: &'a Prepared) -> Self {
        Self {
            prepared,
            sent: false,
            body: Form::Nothing,
            found: Found::default(),
            judgement: None,
        }
    }

    fn head(&mut self, head: &Head, seen: &mut Seen) {
        head::note_head(head, seen);
        if let Some(outcome) = head.refusal() {
            self.body = Form::Refused(Refusal::new(outcome, head.status));
            return;
        }
        let media_type = head.media_type();
        let streamed = match media_type.as_str() {
            "text/event-stream" => true,
            "application/json" => false,
            _ => self.prepared.stream,
        };
        if streamed != self.prepared.stream
            || !matches!(
                media_type.as_str(),
                "text/event-stream" | "application/json"
            )
        {
            head::note(seen, "content_type");
        }
        self.body = if streamed {
            Form::Events(sse::Reader::default())
        } else {
            Form::Whole(Body::default())
        };
    }

    fn chunk(&mut self, bytes: &[u8], at: Offset, seen: &mut Seen) -> Flow {
        self.found.last = at;
        match &mut self.body {
            Form::Nothing => {}
            Form::Refused(refusal) => refusal.take(bytes),
            Form::Whole(body) => self.judgement = body.take(bytes),
            Form::Events(reader) => {
                let (found, judgement) = (&mut self.found, &mut self.judgement);
                let mut flow = Flow::More;
                let read = reader.feed(bytes, &mut |event| {
                    flow = found.event(event, at, seen, judgement);
                    flow == Flow::More
                });
                if read.is_err() {
                    self.judgement = Some(too_large());
                }
                if flow == Flow::Enough {
                    return Flow::Enough;
                }
            }
        }
        if self.judgement.is_some() {
            Flow::Enough
        } else {
            Flow::More
        }
    }

    fn end(&mut self, seen: &mut Seen) {
        if let Form::Events(reader) = &mut self.body {
            let (found, judgement) = (&mut self.found, &mut self.judgement);
            let at = found.last;
            let read =
                reader.finish(&mut |event| found.event(event, at, seen, judgement) == Flow::More);
            if read.is_err() {
                self.judgement = Some(too_large());
            }
        }
    }

    fn judge(&mut self, seen: &mut Seen) -> Judgement {
        let judgement = match (self.judgement.take(), &self.body) {
            (Some(judgement), _) => judgement,
            (None, Form::Refused(refusal)) => refusal.judge(),
            (None, Form::Events(_)) => self.found.judge(self.prepared.choices),
            (None, Form::Whole(body)) => match self.found.whole(body.json(), seen) {
                Some(judgement) => judgement,
                None => self.found.judge(self.prepared.choices),
            },
            (None, Form::Nothing) => Judgement::failed(Outcome::Invalid, "no answer came"),
        };
        self.found.settle(self.prepared, judgement.outcome, seen);
        judgement
    }
}

fn too_large() -> Judgement {
    Judgement::failed(
        Outcome::TooLarge,
        format!("an event is larger than {} MiB", sse::LONGEST_EVENT >> 20),
    )
}

impl Steps for Answer<'_> {
    fn next(&mut self, seen: &mut Seen) -> Step<'_> {
        if !self.sent {
            self.sent = true;
            return Step::Send(&self.prepared.exchange);
        }
        Step::Finish(self.judge(seen))
    }

    fn receive(&mut self, event: Received<'_>, seen: &mut Seen) -> Flow {
        match event {
            Received::Head(head) => self.head(head, seen),
            Received::Chunk { bytes, at } => return self.chunk(bytes, at, seen),
            Received::End { .. } => self.end(seen),
            Received::Elapsed { .. } => {}
        }
        Flow::More
    }
}

impl Found {
    /// Takes one event of a stream that came at `at`.
    fn event(
        &mut self,
        event: sse::Event<'_>,
        at: Offset,
        seen: &mut Seen,
        judgement: &mut Option<Judgement>,
    ) -> Flow {
        if event.name == b"error" {
            *judgement = Some(Judgement::failed(
                Outcome::Invalid,
                head::error_text(event.data),
            ));
            return Flow::Enough;
        }
        if event.data.is_empty() || event.name == b"ping" {
            return Flow::More;
        }
        if event.data.trim_ascii() == b"[DONE]" {
            seen.end = Some(at);
            return Flow::Enough;
        }
        let Self { choices, text, .. } = self;
        let kept = (seen.keep_samples && text.len() < LONGEST_SAMPLE).then_some(text);
        let mut on_choice = |choice: Choice| {
            let kind = if choice.answer {
                Content::Answer
            } else {
                Content::Reasoning
            };
            if choice.answer || choice.reasoning {
                seen.content(choice.index, kind, at);
            }
            note(choices, choice);
        };
        if kept.is_none()
            && let Some(choice) = self.last_event.again(event.data)
        {
            on_choice(choice);
            return Flow::More;
        }
        let read = event::read(event.data, kept, &mut on_choice);
        *judgement = match read {
            Err(error) => {
                let error = format!("an event is malformed: {error}");
                Some(Judgement::failed(Outcome::Protocol, error))
            }
            Ok(beside) => {
                self.usage = beside.usage.or(self.usage);
                self.timings = beside.timings.or(self.timings);
                self.last_event.keep(event.data, &beside);
                let error = beside.error_text(event.data);
                error.map(|error| Judgement::failed(Outcome::Invalid, error))
            }
        };
        if judgement.is_some() {
            Flow::Enough
        } else {
            Flow::More
        }
    }

    /// Takes an answer that was not streamed: it has no marks of content. A judgement where it is none.
    fn whole(&mut self, body: &[u8], seen: &Seen) -> Option<Judgement> {
        if body.trim_ascii().is_empty() {
            return Some(Judgement::failed(Outcome::Invalid, "the answer is empty"));
        }
        let Self { choices, text, .. } = self;
        let kept = seen.keep_samples.then_some(text);
        let read = event::read(body, kept, &mut |choice| note(choices, choice));
        match read {
            Err(error) => Some(Judgement::failed(
                Outcome::Protocol,
                format!("the answer is malformed: {error}"),
            )),
            Ok(beside) => {
                self.usage = beside.usage;
                self.timings = beside.timings;
                let error = beside.error_text(body);
                error.map(|error| Judgement::failed(Outcome::Invalid, error))
            }
        }
    }

    fn has_content(&self) -> bool {
        self.choices.iter().any(|choice| choice.content)
    }

    /// Whether what came is an answer: some content, as many choices finished as were asked for, and none left open.
    fn judge(&self, asked: u32) -> Judgement {
        let invalid = |error: String| Judgement::failed(Outcome::Invalid, error);
        let given_up = self.choices.iter().find_map(|choice| match choice.finish {
            Some(Finish::GivenUp(word)) => Some(word),
            _ => None,
        });
        if let Some(word) = given_up {
            return invalid(format!(
                "the server gave the answer up: its finish_reason is `{word}`"
            ));
        }
        if !self.has_content() {
            return invalid("the answer has no content".to_owned());
        }
        let finished = self.count(|choice| choice.finish.is_some());
        // A choice that nobody asked for must finish all the same once it has begun.
        let open = self.count(|choice| choice.content && choice.finish.is_none());
        let due = (asked.max(1) as usize)
            .min(MOST_CHOICES)
            .max(finished + open);
        match finished {
            _ if finished == due => Judgement::ok(),
            0 if due == 1 => invalid("the answer was cut: it has no finish_reason".to_owned()),
            _ => invalid(format!(
                "the answer was cut: {finished} of {due} choices have a finish_reason"
            )),
        }
    }

    fn count(&self, is: impl Fn(&Progress) -> bool) -> usize {
        self.choices.iter().filter(|choice| is(choice)).count()
    }

    /// Writes what the server counted, or what stands in for it, into the record.
    fn settle(&mut self, prepared: &Prepared, outcome: Outcome, seen: &mut Seen) {
        let count = |number: Option<f64>| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a float saturates"
            )]
            number
                .filter(|number| *number >= 0.0)
                .map(|number| number as u64)
        };
        if let Some(usage) = self.usage {
            let output = count(usage.completion_tokens);
            let is_no_count = output == Some(0) && self.has_content();
            if is_no_count {
                head::note(seen, "usage_zero");
            }
            seen.usage(count(usage.prompt_tokens), output.filter(|_| !is_no_count));
            seen.tokens.reasoning = usage
                .completion_tokens_details
                .and_then(|details| count(details.reasoning_tokens));
            if let Some(cached) = usage
                .prompt_tokens_details
                .and_then(|details| details.cached_tokens)
            {
                seen.server.insert("cached_tokens".to_owned(), cached);
            }
        }
        if seen.tokens.output.is_none() && outcome.is_ok() {
            let (output, source) = if seen.chunks > 0 {
                (Some(seen.chunks), TokensSource::Chunks)
            } else {
                let choices = u64::from(prepared.choices.max(1));
                (
                    prepared.requested_tokens.map(|tokens| tokens * choices),
                    TokensSource::Requested,
                )
            };
            seen.tokens.output = output;
            seen.tokens.source = output.map(|_| source);
        }
        let asked = prepared
            .requested_tokens
            .map(|tokens| tokens.saturating_mul(prepared.choices.max(1).into()));
        if asked.is_some_and(|asked| seen.tokens.output > Some(asked))
            && seen.tokens.source == Some(TokensSource::Usage)
        {
            head::note(seen, "more_tokens_than_asked");
        }
        if let Some(timings) = self.timings {
            timings.note(seen);
        }
        if seen.keep_samples && outcome.is_ok() && !self.text.is_empty() {
            let mut bytes = std::mem::take(&mut self.text);
            bytes.truncate(LONGEST_SAMPLE);
            let bytes = String::from_utf8_lossy(&bytes).into_owned().into_bytes();
            seen.samples.push(Sample {
                extension: "txt",
                bytes,
            });
        }
    }
}

/// Adds what one event says of a choice.
fn note(choices: &mut Vec<Progress>, said: Choice) {
    let index = said.index as usize;
    if index >= MOST_CHOICES {
        return;
    }
    if choices.len() <= index {
        choices.resize(index + 1, Progress::default());
    }
    let choice = &mut choices[index];
    choice.content |= said.answer || said.reasoning;
    // The first reason holds: a choice that was given up does not recover.
    choice.finish = choice.finish.or(said.finish);
}

#[cfg(test)]
mod tests;
