//! What is seen of an attempt while it runs. Belongs to a slot and is used again, so that a token event allocates
//! nothing.

use std::collections::BTreeMap;

use super::{Tokens, TokensSource};
use crate::foundation::units::Offset;

/// What a chunk carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Thinking before the answer.
    Reasoning,
    /// The answer proper: text, fragments of tool calls, pictures.
    Answer,
}

/// A returned text, picture or video that a report may show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// File name extension: `txt`, `png`, `jpg`, `webp`, `mp4`, `json`.
    pub extension: &'static str,
    /// The content.
    pub bytes: Vec<u8>,
}

/// Marks, gaps and counts of the attempt that runs on a slot.
#[derive(Debug, Default)]
pub struct Seen {
    /// When the first byte of the current exchange's request was handed to the socket; told by `load`.
    pub sent: Option<Offset>,
    /// First chunk with generated content.
    pub first_content: Option<Offset>,
    /// First chunk of the answer proper.
    pub first_answer: Option<Offset>,
    /// Last chunk with generated content.
    pub last_content: Option<Offset>,
    /// The answer's end where the protocol has a mark of its own; else `load` takes the response's last byte.
    pub end: Option<Offset>,
    /// Chunks with generated content.
    pub chunks: u64,
    /// Nanoseconds between content chunks, within a choice.
    pub gaps_ns: Vec<u64>,
    /// When each choice's last content chunk came.
    last_of_choice: Vec<Option<Offset>>,
    /// Token counts.
    pub tokens: Tokens,
    /// Decoded size of pictures.
    pub image_bytes: Option<u64>,
    /// The server's own measures.
    pub server: BTreeMap<String, f64>,
    /// Notes that become warnings of the cell.
    pub notes: Vec<&'static str>,
    /// Whether `samples` may be filled: the cell still wants some.
    pub keep_samples: bool,
    /// What the report may show.
    pub samples: Vec<Sample>,
}

impl Seen {
    /// Makes ready for the next attempt; keeps allocations.
    pub fn clear(&mut self) {
        let mut gaps_ns = std::mem::take(&mut self.gaps_ns);
        let mut last_of_choice = std::mem::take(&mut self.last_of_choice);
        gaps_ns.clear();
        last_of_choice.clear();
        *self = Self {
            gaps_ns,
            last_of_choice,
            ..Self::default()
        };
    }

    /// Marks a chunk of generated content of a choice that arrived at `at`.
    ///
    /// Several chunks that came in one read carry one stamp: the gap between them is truly 0 as far as can be seen.
    pub fn content(&mut self, choice: u32, kind: Content, at: Offset) {
        self.chunks += 1;
        self.first_content.get_or_insert(at);
        if kind == Content::Answer {
            self.first_answer.get_or_insert(at);
        }
        self.last_content = Some(at);
        let choice = choice as usize;
        if self.last_of_choice.len() <= choice {
            // A hostile index must not cost memory; gaps of choices beyond 1,024 are left out.
            if choice >= 1024 {
                return;
            }
            self.last_of_choice.resize(choice + 1, None);
        }
        if let Some(last) = self.last_of_choice[choice].replace(at) {
            self.gaps_ns
                .push(at.as_nanos() - last.as_nanos().min(at.as_nanos()));
        }
    }

    /// Takes the server's own count of tokens. A count of 0 output tokens beside content is no count.
    pub fn usage(&mut self, input: Option<u64>, output: Option<u64>) {
        if let Some(input) = input {
            self.tokens.input = Some(input);
        }
        match output {
            Some(0) if self.chunks > 0 && self.notes.contains(&"usage_zero") => {}
            Some(0) if self.chunks > 0 => self.notes.push("usage_zero"),
            Some(output) => {
                self.tokens.output = Some(output);
                self.tokens.source = Some(TokensSource::Usage);
            }
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_of_an_attempt_is_gone_for_the_next() {
        let at = Offset::from_nanos(7);
        let mut seen = Seen {
            sent: Some(at),
            end: Some(at),
            image_bytes: Some(3),
            server: BTreeMap::from([("x".to_owned(), 1.0)]),
            keep_samples: true,
            samples: vec![Sample {
                extension: "txt",
                bytes: vec![0],
            }],
            ..Seen::default()
        };
        for choice in [0, 1, 0] {
            seen.content(choice, Content::Answer, at);
        }
        seen.usage(Some(1), Some(0));
        assert_eq!((seen.gaps_ns.len(), seen.notes.len()), (1, 1));
        seen.clear();
        assert_eq!(format!("{seen:?}"), format!("{:?}", Seen::default()));
    }
}
