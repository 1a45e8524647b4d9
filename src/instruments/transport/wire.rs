//! One connection, whoever speaks over it: what is stamped, counted and capped stands here, once.

use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::by_reqwest::ByReqwest;
use super::http1::{ByHyper, Native};
use super::http2::Http2;
use super::stamped::Stamps;
use super::{Caps, Lost, Origin};
use crate::foundation::units::Offset;
use crate::instruments::exchange::{Exchange, Head};
use crate::instruments::record::Outcome;

/// Bytes of a body, and when they came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// The bytes, lent until the next are asked for.
    pub bytes: &'a [u8],
    /// When they arrived.
    pub at: Offset,
}

/// The stamps of the exchange that runs on a wire, as they are now.
#[derive(Debug, Clone)]
pub struct Activity(Rc<Stamps>);

impl Activity {
    /// When the exchange's first byte was handed to the socket; `None` where none was.
    pub fn sent(&self) -> Option<Offset> {
        self.0.sent.get()
    }

    /// When the first byte of the answer's final head arrived; of a head whose status has not come, for as long as it may
    /// be the final one.
    pub fn first_byte(&self) -> Option<Offset> {
        self.0.first_byte()
    }

    /// When any byte last arrived.
    pub fn last_read(&self) -> Offset {
        self.0.last_read.get()
    }

    /// When any byte was last read: later than it arrived where nobody was there to read it.
    pub fn last_seen(&self) -> Offset {
        self.0.last_seen.get()
    }

    /// How long bytes that had arrived waited to be read, at most; `None` where the system does not tell.
    pub fn waited(&self) -> Option<Duration> {
        self.0.waited.get()
    }
}

/// A connection, and the exchange that runs over it.
pub struct Wire {
    speaker: Speaker,
    stamps: Rc<Stamps>,
    caps: Caps,
    body_bytes: u64,
    exchanges: u64,
    /// When the connection was ready; `None` where the client does not tell.
    connected: Option<Offset>,
}

/// What speaks HTTP over the connection.
pub(super) enum Speaker {
    Hyper(Box<ByHyper>),
    Native(Box<Native>),
    Http2(Box<Http2>),
    Reqwest(Box<ByReqwest>),
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wire")
            .field("exchanges", &self.exchanges)
            .finish_non_exhaustive()
    }
}

impl Wire {
    pub(super) fn new(
        speaker: Speaker,
        stamps: Rc<Stamps>,
        caps: Caps,
        connected: Option<Offset>,
    ) -> Self {
        Self {
            speaker,
            stamps,
            caps,
            body_bytes: 0,
            exchanges: 0,
            connected,
        }
    }

    /// When the connection was ready; `None` where the client does not tell (reqwest).
    pub const fn connected(&self) -> Option<Offset> {
        self.connected
    }

    /// Whether an exchange went over it before the one that runs; false where the client does not tell (reqwest).
    pub const fn reused(&self) -> bool {
        self.exchanges > 1 && self.connected.is_some()
    }

    /// What moves on the connection, to be looked at while an exchange runs.
    pub fn activity(&self) -> Activity {
        Activity(Rc::clone(&self.stamps))
    }

    /// Bytes of the running exchange's body so far.
    pub const fn body_bytes(&self) -> u64 {
        self.body_bytes
    }

    /// Whether nothing is left of the last answer, and [`Self::send`] itself sees whether the connection still stands.
    pub fn is_ready(&self) -> bool {
        match &self.speaker {
            Speaker::Native(native) => native.is_ready(),
            Speaker::Hyper(_) | Speaker::Http2(_) | Speaker::Reqwest(_) => false,
        }
    }

    /// Looks whether the connection can take an exchange: what is left of the last answer is read as far as it came,
    /// and a close by the other side is noticed. Where it is `Pending`, the answer's rest is still to come; never ready
    /// to be used again is `Ready(false)`.
    pub fn poll_free(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        match &mut self.speaker {
            Speaker::Hyper(hyper) => hyper.poll_free(cx),
            Speaker::Native(native) => native.poll_free(cx),
            Speaker::Http2(http2) => http2.poll_free(cx),
            Speaker::Reqwest(reqwest) => reqwest.poll_free(cx),
        }
    }

    /// Sends a request and waits for the final head of its answer.
    ///
    /// # Errors
    /// Where the connection is lost, the head is no HTTP or too large. `Ok(None)` where the connection had ended before a
    /// byte of the request was written: another one may take it as if nothing had happened.
    pub async fn send(
        &mut self,
        exchange: &Exchange,
        origin: &Origin,
    ) -> Result<Option<Head>, Lost> {
        self.stamps.clear();
        self.body_bytes = 0;
        self.exchanges += 1;
        let head = match &mut self.speaker {
            Speaker::Hyper(hyper) => pin!(hyper.send(exchange, origin, &self.stamps)).await,
            Speaker::Native(native) => pin!(native.send(exchange, origin, &self.stamps)).await,
            Speaker::Http2(http2) => pin!(http2.send(exchange, origin, &self.stamps)).await,
            // Large, and not what is measured by: not every stream is to hold its room.
            Speaker::Reqwest(reqwest) => Box::pin(reqwest.send(exchange, origin)).await.map(Some),
        };
        Ok(head?.map(|head| {
            let at = self
                .stamps
                .first_byte
                .get()
                .unwrap_or_else(|| self.stamps.last_read.get());
            Head {
                status: head.status.as_u16(),
                headers: head.headers,
                at,
            }
        }))
    }

    /// The next bytes of the body; `None` when it has ended as HTTP says it should.
    ///
    /// # Errors
    /// Where the answer is cut (`invalid`), its framing is no HTTP (`protocol`) or it is too large.
    pub async fn next(&mut self) -> Result<Option<Chunk<'_>>, Lost> {
        let bytes = match &mut self.speaker {
            Speaker::Hyper(hyper) => hyper.next().await,
            Speaker::Native(native) => native.next().await,
            Speaker::Http2(http2) => http2.next().await,
            Speaker::Reqwest(reqwest) => reqwest.next().await,
        };
        let Some(bytes) = bytes? else { return Ok(None) };
        self.body_bytes += bytes.len() as u64;
        if self.body_bytes > self.caps.body_bytes {
            let text = format!("the body passed {} bytes", self.caps.body_bytes);
            return Err(Lost::new(Outcome::TooLarge, text));
        }
        Ok(Some(Chunk {
            bytes,
            at: self.stamps.last_read.get(),
        }))
    }
}
