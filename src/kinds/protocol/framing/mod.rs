//! Framings that several protocols share: bytes into events, bytes into pictures. None knows what an event means.

pub mod json_lines;
pub mod media;
pub mod members;
pub mod sse;
pub mod text;

use sse::Event;

/// An event may be so long; what is longer is `too_large`.
pub const LONGEST_EVENT: usize = 10 << 20;

/// An event is longer than it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLarge;

/// How a stream is cut into events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Server-sent events.
    Events,
    /// JSON Lines: an event is a line, and has no name.
    Lines,
}

impl Framing {
    /// What a media type says; `None` for one that is no stream of events.
    pub fn of(media_type: &str) -> Option<Self> {
        match media_type {
            "text/event-stream" => Some(Self::Events),
            "application/x-ndjson"
            | "application/ndjson"
            | "application/jsonl"
            | "application/x-jsonlines" => Some(Self::Lines),
            _ => None,
        }
    }

    /// A reader of one stream.
    pub fn reader(self) -> Reader {
        match self {
            Self::Events => Reader::Events(sse::Reader::default()),
            Self::Lines => Reader::Lines(json_lines::Reader::default()),
        }
    }
}

/// Reads one stream, however it is framed.
#[derive(Debug)]
pub enum Reader {
    /// Server-sent events.
    Events(sse::Reader),
    /// JSON Lines.
    Lines(json_lines::Reader),
}

impl Reader {
    /// Takes the next bytes; `on_event` is given each event that they end and says whether to go on.
    ///
    /// # Errors
    /// Where an event is too long; nothing more can be read then.
    pub fn feed(
        &mut self,
        bytes: &[u8],
        on_event: &mut impl FnMut(Event<'_>) -> bool,
    ) -> Result<(), TooLarge> {
        match self {
            Self::Events(reader) => reader.feed(bytes, on_event),
            Self::Lines(reader) => reader.feed(bytes, &mut |line| on_event(nameless(line))),
        }
    }

    /// The stream has ended: a last event that lacks its end is read.
    ///
    /// # Errors
    /// Where that event is too long.
    pub fn finish(&mut self, on_event: &mut impl FnMut(Event<'_>) -> bool) -> Result<(), TooLarge> {
        match self {
            Self::Events(reader) => reader.finish(on_event),
            Self::Lines(reader) => reader.finish(&mut |line| on_event(nameless(line))),
        }
    }
}

const fn nameless(data: &[u8]) -> Event<'_> {
    Event { name: b"", data }
}

#[cfg(test)]
mod tests;
