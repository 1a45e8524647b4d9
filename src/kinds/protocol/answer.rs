//! One attempt at an answer that is generated token by token, streamed or whole: from its head to its judgement.
//!
//! What protocols share stands here: which parser the head chooses, marks of time, what stands in for a count that the
//! server does not give, the sample. What the words of an answer mean is for each protocol's [`Reading`].

use std::fmt::Display;

use super::Prepared;
use super::framing::sse::Event;
use super::framing::{Framing, LONGEST_EVENT, Reader};
use super::head::{self, Refusal};
use super::kept::Body;
use crate::foundation::units::Offset;
use crate::instruments::exchange::{Flow, Head, Judgement, Received, Step, Steps};
use crate::instruments::record::{Outcome, Sample, Seen, TokensSource};

/// So much of an answer's text is kept as a sample.
pub const LONGEST_SAMPLE: usize = 64 << 10;

/// How one protocol reads what a server generates; kept for one answer.
///
/// `kept` is where the text goes of which a sample is wanted; nothing is copied where there is none.
pub trait Reading: Default {
    /// How its streams are framed, where an answer's head does not say.
    const FRAMING: Framing;

    /// Takes one event of a stream that came at `at`: marks its content, and its end mark, with which it is `Enough`.
    ///
    /// # Errors
    /// What the answer is, where nothing that may follow can change it.
    fn event(
        &mut self,
        event: Event<'_>,
        at: Offset,
        kept: Option<&mut Vec<u8>>,
        seen: &mut Seen,
    ) -> Result<Flow, Judgement>;

    /// Takes an answer that was not streamed: it has no marks of content.
    ///
    /// # Errors
    /// What the answer is, where it is no answer.
    fn whole(&mut self, body: &str, kept: Option<&mut Vec<u8>>) -> Result<(), Judgement>;

    /// Whether anything was generated.
    fn has_content(&self) -> bool;

    /// Whether what came is an answer, and complete.
    fn judge(&self, asked: u32) -> Judgement;

    /// What the server counted.
    fn counts(&self) -> Counts;

    /// Notes the server's own measures.
    fn note(&self, seen: &mut Seen);
}

/// The server's counts of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Tokens of the prompt.
    pub input: Option<u64>,
    /// Tokens generated, reasoning included.
    pub output: Option<u64>,
    /// Of these, reasoning.
    pub reasoning: Option<u64>,
}

/// A count as a server writes it; `None` for what is none.
pub fn count(number: Option<f64>) -> Option<u64> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a float saturates"
    )]
    number
        .filter(|number| *number >= 0.0)
        .map(|number| number as u64)
}

/// A good status whose content is no answer.
pub fn invalid(error: impl Into<String>) -> Judgement {
    Judgement::failed(Outcome::Invalid, error)
}

/// What cannot be read as what it should be.
pub fn malformed(what: &str, error: &impl Display) -> Judgement {
    Judgement::failed(Outcome::Protocol, format!("{what} is malformed: {error}"))
}

/// An answer that came whole, to be read as JSON, which is UTF-8 (RFC 8259, 8.1).
///
/// # Errors
/// What it is, where it is none.
pub fn json(body: &[u8]) -> Result<&str, Judgement> {
    let json = std::str::from_utf8(body).map_err(|error| malformed("the answer", &error))?;
    if json.trim_ascii().is_empty() {
        return Err(invalid("the answer is empty"));
    }
    Ok(json)
}

/// One attempt at an answer.
pub struct Answer<'a, R> {
    prepared: &'a Prepared,
    sent: bool,
    body: Form,
    found: Found<R>,
    /// When the last bytes came, for an event that the answer's end completes.
    last: Offset,
}

/// How the answer is read; chosen by its head.
enum Form {
    Nothing,
    Stream(Reader),
    Whole(Body),
    Refused(Refusal),
}

/// What was found in the answer so far.
#[derive(Default)]
struct Found<R> {
    reading: R,
    text: Vec<u8>,
    /// Set as soon as nothing that may follow can change it.
    judgement: Option<Judgement>,
}

impl<'a, R: Reading> Answer<'a, R> {
    /// An attempt that has sent nothing yet.
    pub fn new(prepared: &'a Prepared) -> Self {
        Self {
            prepared,
            sent: false,
            body: Form::Nothing,
            found: Found::default(),
            last: Offset::ZERO,
        }
    }

    fn head(&mut self, head: &Head, seen: &mut Seen) {
        head::note_head(head, seen);
        if let Some(outcome) = head.refusal() {
            self.body = Form::Refused(Refusal::new(outcome, head.status));
            return;
        }
        let media_type = head.media_type();
        let framing = Framing::of(&media_type);
        let is_json = media_type == "application/json";
        let streamed = framing.is_some() || (self.prepared.stream && !is_json);
        let is_expected = is_json || framing == Some(R::FRAMING);
        if streamed != self.prepared.stream || !is_expected {
            head::note(seen, "content_type");
        }
        self.body = if streamed {
            Form::Stream(framing.unwrap_or(R::FRAMING).reader())
        } else {
            Form::Whole(Body::whole(head))
        };
    }

    fn chunk(&mut self, bytes: &[u8], at: Offset, seen: &mut Seen) -> Flow {
        self.last = at;
        let found = &mut self.found;
        match &mut self.body {
            Form::Nothing => {}
            Form::Refused(refusal) => refusal.take(bytes),
            Form::Whole(body) => found.judgement = body.take(bytes),
            Form::Stream(reader) => {
                let mut flow = Flow::More;
                let read = reader.feed(bytes, &mut |event| {
                    flow = found.event(event, at, seen);
                    flow == Flow::More
                });
                if read.is_err() {
                    found.judgement = Some(too_large());
                }
                if flow == Flow::Enough {
                    return Flow::Enough;
                }
            }
        }
        if found.judgement.is_some() {
            Flow::Enough
        } else {
            Flow::More
        }
    }

    fn end(&mut self, seen: &mut Seen) {
        if let Form::Stream(reader) = &mut self.body {
            let (found, at) = (&mut self.found, self.last);
            let read = reader.finish(&mut |event| found.event(event, at, seen) == Flow::More);
            if read.is_err() {
                found.judgement = Some(too_large());
            }
        }
    }

    fn judge(&mut self, seen: &mut Seen) -> Judgement {
        let (found, asked) = (&mut self.found, self.prepared.choices);
        let judgement = match (found.judgement.take(), &self.body) {
            (Some(judgement), _) => judgement,
            (None, Form::Refused(refusal)) => refusal.judge(),
            (None, Form::Stream(_)) => found.reading.judge(asked),
            (None, Form::Whole(body)) => match found.whole(body.json(), seen) {
                Err(judgement) => judgement,
                Ok(()) => found.reading.judge(asked),
            },
            (None, Form::Nothing) => invalid("no answer came"),
        };
        self.settle(judgement.outcome, seen);
        judgement
    }

    /// Writes what the server counted, or what stands in for it, into the record.
    fn settle(&mut self, outcome: Outcome, seen: &mut Seen) {
        let Found { reading, text, .. } = &mut self.found;
        let counts = reading.counts();
        let is_no_count = counts.output == Some(0) && reading.has_content();
        if is_no_count {
            head::note(seen, "usage_zero");
        }
        seen.usage(counts.input, counts.output.filter(|_| !is_no_count));
        seen.tokens.reasoning = counts.reasoning;
        reading.note(seen);
        let choices = u64::from(self.prepared.choices.max(1));
        let asked = self
            .prepared
            .requested_tokens
            .map(|tokens| tokens.saturating_mul(choices));
        if seen.tokens.output.is_none() && outcome.is_ok() {
            let (output, source) = if seen.chunks > 0 {
                (Some(seen.chunks), TokensSource::Chunks)
            } else {
                (asked, TokensSource::Requested)
            };
            seen.tokens.output = output;
            seen.tokens.source = output.map(|_| source);
        }
        if asked.is_some_and(|asked| seen.tokens.output > Some(asked))
            && seen.tokens.source == Some(TokensSource::Usage)
        {
            head::note(seen, "more_tokens_than_asked");
        }
        if seen.keep_samples && outcome.is_ok() && !text.is_empty() {
            let mut bytes = std::mem::take(text);
            bytes.truncate(LONGEST_SAMPLE);
            let bytes = String::from_utf8_lossy(&bytes).into_owned().into_bytes();
            seen.samples.push(Sample {
                extension: "txt",
                bytes,
            });
        }
    }
}

impl<R: Reading> Found<R> {
    fn event(&mut self, event: Event<'_>, at: Offset, seen: &mut Seen) -> Flow {
        let text = &mut self.text;
        let kept = (seen.keep_samples && text.len() < LONGEST_SAMPLE).then_some(text);
        match self.reading.event(event, at, kept, seen) {
            Ok(flow) => flow,
            Err(judgement) => {
                self.judgement = Some(judgement);
                Flow::Enough
            }
        }
    }

    fn whole(&mut self, body: &[u8], seen: &Seen) -> Result<(), Judgement> {
        let kept = seen.keep_samples.then_some(&mut self.text);
        self.reading.whole(json(body)?, kept)
    }
}

fn too_large() -> Judgement {
    Judgement::failed(
        Outcome::TooLarge,
        format!("an event is larger than {} MiB", LONGEST_EVENT >> 20),
    )
}

impl<R: Reading> Steps for Answer<'_, R> {
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
