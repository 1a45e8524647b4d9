//! An answer of Ollama's, streamed or whole: what its lines say, and whether they are an answer.

use super::line::Line;
use crate::foundation::units::Offset;
use crate::instruments::exchange::{Flow, Judgement};
use crate::instruments::record::{Content, Seen};
use crate::kinds::protocol::answer::{Counts, Reading, count, invalid, malformed};
use crate::kinds::protocol::framing::Framing;
use crate::kinds::protocol::framing::members::Object;
use crate::kinds::protocol::framing::sse::Event;
use crate::kinds::protocol::head;

/// What the answer said so far.
#[derive(Default)]
pub struct Told {
    has_content: bool,
    done: Option<Done>,
}

/// What stands in the last line alone.
struct Done {
    reason: Option<String>,
    counts: Counts,
    /// By Ollama's names, in nanoseconds.
    durations: [(&'static str, Option<f64>); 4],
}

/// Ollama's own total, from the request's arrival on.
const TOTAL: &str = "total_duration";

impl Reading for Told {
    const FRAMING: Framing = Framing::Lines;

    fn event(
        &mut self,
        event: Event<'_>,
        at: Offset,
        kept: Option<&mut Vec<u8>>,
        seen: &mut Seen,
    ) -> Result<Flow, Judgement> {
        let line = std::str::from_utf8(event.data).map_err(|error| malformed("a line", &error))?;
        if let Some(content) = self.take("a line", line, kept)? {
            seen.content(0, content, at);
        }
        if self.done.is_none() {
            return Ok(Flow::More);
        }
        seen.end = Some(at);
        Ok(Flow::Enough)
    }

    fn whole(&mut self, body: &str, kept: Option<&mut Vec<u8>>) -> Result<(), Judgement> {
        self.take("the answer", body, kept).map(drop)
    }

    fn has_content(&self) -> bool {
        self.has_content
    }

    /// `done: true`, and something before or with it: a request that only loads a model is done at once.
    fn judge(&self, _asked: u32) -> Judgement {
        match &self.done {
            Some(_) if self.has_content => Judgement::ok(),
            Some(Done {
                reason: Some(reason),
                ..
            }) => invalid(format!(
                "the answer has no content; its done_reason is `{reason}`"
            )),
            None if self.has_content => invalid("the answer was cut: it has no `done: true`"),
            _ => invalid("the answer has no content"),
        }
    }

    fn counts(&self) -> Counts {
        let done = self.done.as_ref();
        done.map(|done| done.counts).unwrap_or_default()
    }

    fn note(&self, seen: &mut Seen) {
        for (name, nanoseconds) in self.done.iter().flat_map(|done| done.durations) {
            let Some(nanoseconds) = nanoseconds else {
                continue;
            };
            let seconds = nanoseconds / 1e9;
            seen.server.insert(name.to_owned(), seconds);
            if name == TOTAL {
                // A total in the head counts more: it is of who answered us.
                let total = seen.server.entry(head::TOTAL.to_owned());
                total.or_insert(seconds);
            }
        }
    }
}

impl Told {
    /// Takes a line, or the whole answer, which is one: what it carried.
    fn take(
        &mut self,
        what: &str,
        json: &str,
        kept: Option<&mut Vec<u8>>,
    ) -> Result<Option<Content>, Judgement> {
        let Object(line): Object<Line<'_>> =
            serde_json::from_str(json).map_err(|error| malformed(what, &error))?;
        if let Some(error) = line.error {
            return Err(invalid(head::error_text(error.get().as_bytes())));
        }
        if let Some(kept) = kept {
            line.push_answer(kept);
        }
        let content = if line.has_answer() {
            Some(Content::Answer)
        } else {
            line.has_reasoning().then_some(Content::Reasoning)
        };
        self.has_content |= content.is_some();
        if line.done == Some(true) {
            self.done = Some(Done::of(&line));
        }
        Ok(content)
    }
}

impl Done {
    fn of(line: &Line<'_>) -> Self {
        Self {
            counts: Counts {
                input: count(line.prompt_eval_count),
                output: count(line.eval_count),
                reasoning: None,
            },
            durations: [
                (TOTAL, line.total_duration),
                ("load_duration", line.load_duration),
                ("prompt_eval_duration", line.prompt_eval_duration),
                ("eval_duration", line.eval_duration),
            ],
            reason: line.done_reason.map(|reason| reason.read().into_owned()),
        }
    }
}
