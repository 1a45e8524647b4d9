//! HTTP/1.1 answers, read out of bytes: a state machine that is fed what came and says what it was. Opens no socket,
//! reads no clock, keeps no byte of a body. Begin at [`Answer`].
//!
//! It accepts and refuses what hyper accepts and refuses (`tests` holds them against each other), with one difference:
//! the same bytes give the same events however they are split.

mod chunked;
mod head;

use std::rc::Rc;

use http::{HeaderMap, StatusCode};

use chunked::Chunked;
use head::{Framing, Parsed};

pub use head::{FIELDS, Heads, has_token};

/// Something that an answer's bytes said.
#[derive(Debug)]
pub enum Event<'a> {
    /// An interim head (1xx), which says nothing that an outcome needs.
    Interim,
    /// The final head.
    Head(Final),
    /// Bytes of the body: the last of those that were used.
    Body(&'a [u8]),
    /// The answer has ended as HTTP says it should.
    End(After),
}

/// The final head of an answer.
#[derive(Debug, Clone)]
pub struct Final {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: Rc<HeaderMap>,
}

/// What may become of a connection after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// It can take another request, where nothing came behind the answer.
    Keep,
    /// It is over.
    Close,
}

/// Why an answer's bytes are no HTTP that we take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The connection ended before the answer did.
    #[error("the connection was closed before the answer had ended")]
    Cut,
    /// The head is larger than is taken.
    #[error("the answer's head passed {cap} bytes")]
    HeadTooLarge {
        /// Most bytes of a head.
        cap: usize,
    },
    /// The head has more fields than are taken.
    #[error("the answer's head has more than {cap} fields")]
    TooManyFields {
        /// Most fields.
        cap: usize,
    },
    /// A length that no body can have.
    #[error("the answer's Content-Length is beyond any body")]
    LengthTooLarge,
    /// The head breaks HTTP's grammar.
    #[error("the answer's head is no HTTP/1.1: {0}")]
    Head(httparse::Error),
    /// No status has that number.
    #[error("the answer's status is no number from 100 to 999")]
    Status,
    /// Lengths that contradict each other, or that are no numbers.
    #[error("the answer's Content-Length is no number, or several that differ")]
    Length,
    /// HTTP/1.0 knows no Transfer-Encoding: where the body ends is anybody's guess.
    #[error("an answer of HTTP/1.0 has a Transfer-Encoding")]
    Encoding,
    /// The server wants to speak something else from here on.
    #[error("the server switched protocols (101), which nobody had asked for")]
    Upgrade,
    /// More extensions or trailers than are taken.
    #[error("the body's chunks are beyond what is taken: {0}")]
    ChunkTooLarge(&'static str),
    /// The framing of a chunk is wrong.
    #[error("the body's chunks are broken: {0}")]
    Chunk(&'static str),
}

impl Refusal {
    /// Whether it is a cap that was passed, not HTTP that was broken.
    pub const fn is_too_large(self) -> bool {
        matches!(
            self,
            Self::HeadTooLarge { .. }
                | Self::TooManyFields { .. }
                | Self::LengthTooLarge
                | Self::ChunkTooLarge(_)
        )
    }
}

/// What one look at the bytes gave.
#[derive(Debug)]
pub struct Taken<'a> {
    /// How many of the bytes were used; the others are to be shown again, with what comes behind them.
    pub used: usize,
    /// What they said; `None` where they say nothing without what comes behind them.
    pub event: Option<Event<'a>>,
}

impl Taken<'_> {
    const NOTHING: Self = Self {
        used: 0,
        event: None,
    };
}

/// Reads one answer.
#[derive(Debug)]
pub struct Answer {
    state: State,
    /// Most bytes of a head, and of trailers.
    head_cap: usize,
    /// Whether the request was a HEAD, whose answer has no body whatever its head says.
    to_head: bool,
    after: After,
}

#[derive(Debug)]
enum State {
    /// Bytes of a head that were looked at in vain.
    Head {
        looked_at: usize,
    },
    /// Bytes of a body that are to come.
    Length(u64),
    Chunked(Chunked),
    UntilClose,
    Over,
}

impl Answer {
    /// An answer to come; `to_head` where the request is a HEAD.
    pub const fn new(to_head: bool, head_cap: usize) -> Self {
        Self {
            state: State::Head { looked_at: 0 },
            head_cap,
            to_head,
            after: After::Close,
        }
    }

    /// Looks at bytes: all that came and were not used. To be asked again until it gives no event; without bytes too,
    /// for a body may have none. `heads` are those that came over the same connection.
    ///
    /// # Errors
    /// Where they are no HTTP that we take.
    pub fn take<'a>(&mut self, bytes: &'a [u8], heads: &mut Heads) -> Result<Taken<'a>, Refusal> {
        let taken = self.look(bytes, heads);
        if taken.is_err() {
            self.state = State::Over;
        }
        taken
    }

    /// The connection has ended, with these bytes not used.
    ///
    /// # Errors
    /// Where the answer had not ended.
    pub fn closed(self, bytes: &[u8]) -> Result<(), Refusal> {
        match self.state {
            State::UntilClose | State::Over => Ok(()),
            // What is no HTTP is no HTTP, whether its end came or not.
            State::Head { .. } => head::parse(bytes).and(Err(Refusal::Cut)),
            State::Length(_) | State::Chunked(_) => Err(Refusal::Cut),
        }
    }

    fn look<'a>(&mut self, bytes: &'a [u8], heads: &mut Heads) -> Result<Taken<'a>, Refusal> {
        match &mut self.state {
            State::Head { looked_at } => {
                let looked_at = *looked_at;
                self.head(bytes, looked_at, heads)
            }
            State::Length(0) => Ok(self.end(0)),
            State::Length(left) => {
                let most = usize::try_from(*left).unwrap_or(usize::MAX);
                let body = &bytes[..bytes.len().min(most)];
                *left -= body.len() as u64;
                Ok(data(body))
            }
            State::UntilClose => Ok(data(bytes)),
            State::Chunked(chunked) => {
                let (used, body) = chunked.take(bytes)?;
                if chunked.is_over() {
                    return Ok(self.end(used));
                }
                Ok(Taken {
                    used,
                    event: body.map(Event::Body),
                })
            }
            State::Over => Ok(Taken::NOTHING),
        }
    }

    fn end(&mut self, used: usize) -> Taken<'static> {
        self.state = State::Over;
        Taken {
            used,
            event: Some(Event::End(self.after)),
        }
    }

    fn head(
        &mut self,
        bytes: &[u8],
        looked_at: usize,
        heads: &mut Heads,
    ) -> Result<Taken<'static>, Refusal> {
        let visible = &bytes[..bytes.len().min(self.head_cap)];
        let full = visible.len() == self.head_cap;
        if visible.is_empty() || (looked_at > 0 && !full && !head::may_end(visible, looked_at)) {
            self.state = State::Head {
                looked_at: visible.len(),
            };
            return Ok(Taken::NOTHING);
        }
        let Some(parsed) = heads.parse(visible)? else {
            if full {
                return Err(Refusal::HeadTooLarge { cap: self.head_cap });
            }
            self.state = State::Head {
                looked_at: visible.len(),
            };
            return Ok(Taken::NOTHING);
        };
        let Parsed {
            bytes,
            head,
            keep,
            framing,
        } = parsed;
        let used = bytes.len();
        if head.status == StatusCode::SWITCHING_PROTOCOLS {
            return Err(Refusal::Upgrade);
        }
        if head.status.is_informational() {
            self.state = State::Head { looked_at: 0 };
            return Ok(Taken {
                used,
                event: Some(Event::Interim),
            });
        }
        let bodiless = self.to_head || matches!(head.status.as_u16(), 204 | 304);
        let framing = if bodiless {
            Framing::Length(0)
        } else {
            framing?
        };
        self.after = if keep { After::Keep } else { After::Close };
        self.state = match framing {
            Framing::Length(length) => State::Length(length),
            Framing::Chunked => State::Chunked(Chunked::new(self.head_cap)),
            Framing::UntilClose => State::UntilClose,
        };
        Ok(Taken {
            used,
            event: Some(Event::Head(head)),
        })
    }
}

fn data(body: &[u8]) -> Taken<'_> {
    Taken {
        used: body.len(),
        event: (!body.is_empty()).then_some(Event::Body(body)),
    }
}

#[cfg(test)]
mod tests;
