//! An answer of the OpenAI form, streamed or whole: what its events say, and whether they are an answer.
//!
//! Shared by chat and completions, whose events differ only in where a choice has its text.

use super::event::{self, Choice, Finish, Last, Timings, Usage};
use crate::foundation::units::Offset;
use crate::instruments::exchange::{Flow, Judgement};
use crate::instruments::record::{Content, Seen};
use crate::kinds::protocol::answer::{Counts, Reading, count, invalid, malformed};
use crate::kinds::protocol::framing::Framing;
use crate::kinds::protocol::framing::sse::Event;
use crate::kinds::protocol::head;

/// A choice of a higher number is not kept track of.
const MOST_CHOICES: usize = 1024;

/// What came of one choice so far.
#[derive(Clone, Copy, Default)]
struct Progress {
    content: bool,
    finish: Option<Finish>,
}

/// What the answer said so far.
#[derive(Default)]
pub struct Told {
    /// By number.
    choices: Vec<Progress>,
    usage: Option<Usage>,
    timings: Option<Timings>,
    last_event: Last,
}

impl Reading for Told {
    const FRAMING: Framing = Framing::Events;

    fn event(
        &mut self,
        event: Event<'_>,
        at: Offset,
        kept: Option<&mut Vec<u8>>,
        seen: &mut Seen,
    ) -> Result<Flow, Judgement> {
        if event.name == b"error" {
            return Err(invalid(head::error_text(event.data)));
        }
        if event.data.is_empty() || event.name == b"ping" {
            return Ok(Flow::More);
        }
        if event.data.trim_ascii() == b"[DONE]" {
            seen.end = Some(at);
            return Ok(Flow::Enough);
        }
        let choices = &mut self.choices;
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
            return Ok(Flow::More);
        }
        let beside = event::read(event.data, kept, &mut on_choice)
            .map_err(|error| malformed("an event", &error))?;
        self.usage = beside.usage.or(self.usage);
        self.timings = beside.timings.or(self.timings);
        self.last_event.keep(event.data, &beside);
        match beside.error_text(event.data) {
            Some(error) => Err(invalid(error)),
            None => Ok(Flow::More),
        }
    }

    fn whole(&mut self, body: &str, kept: Option<&mut Vec<u8>>) -> Result<(), Judgement> {
        let choices = &mut self.choices;
        let beside = event::read(body.as_bytes(), kept, &mut |choice| note(choices, choice))
            .map_err(|error| malformed("the answer", &error))?;
        self.usage = beside.usage;
        self.timings = beside.timings;
        match beside.error_text(body.as_bytes()) {
            Some(error) => Err(invalid(error)),
            None => Ok(()),
        }
    }

    fn has_content(&self) -> bool {
        self.choices.iter().any(|choice| choice.content)
    }

    /// Whether what came is an answer: some content, as many choices finished as were asked for, and none left open.
    fn judge(&self, asked: u32) -> Judgement {
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
            return invalid("the answer has no content");
        }
        let finished = self.count(|choice| choice.finish.is_some());
        // A choice that nobody asked for must finish all the same once it has begun.
        let open = self.count(|choice| choice.content && choice.finish.is_none());
        let due = (asked.max(1) as usize)
            .min(MOST_CHOICES)
            .max(finished + open);
        match finished {
            _ if finished == due => Judgement::ok(),
            0 if due == 1 => invalid("the answer was cut: it has no finish_reason"),
            _ => invalid(format!(
                "the answer was cut: {finished} of {due} choices have a finish_reason"
            )),
        }
    }

    fn counts(&self) -> Counts {
        let usage = self.usage.unwrap_or_default();
        Counts {
            input: count(usage.prompt_tokens),
            output: count(usage.completion_tokens),
            reasoning: count(
                usage
                    .completion_tokens_details
                    .and_then(|details| details.0.reasoning_tokens),
            ),
        }
    }

    fn note(&self, seen: &mut Seen) {
        let prompt = self.usage.and_then(|usage| usage.prompt_tokens_details);
        if let Some(cached) = prompt.and_then(|details| details.0.cached_tokens) {
            seen.server.insert("cached_tokens".to_owned(), cached);
        }
        if let Some(timings) = self.timings {
            timings.note(seen);
        }
    }
}

impl Told {
    fn count(&self, is: impl Fn(&Progress) -> bool) -> usize {
        self.choices.iter().filter(|choice| is(choice)).count()
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
