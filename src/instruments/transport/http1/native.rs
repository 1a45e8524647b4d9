//! A connection by our own codec: bytes in and out of a stream, and nothing more than one buffer between.

use std::future::poll_fn;
use std::io::{self, IoSlice, Write as _};
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::Method;
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};

use super::super::request;
use super::super::stamped::{Stamped, Stamps};
use super::super::{Caps, Lost, Origin};
use super::codec::{After, Answer, Event, Final, Heads, Refusal, has_token};
use crate::instruments::exchange::Exchange;
use crate::instruments::record::Outcome;

/// Bytes that are read at once at first: events and small answers fit. Every stream in flight holds so many, and where the
/// allocator has huge pages, what no answer reaches is held too.
const BUFFER: usize = 4 << 10;
/// Bytes that are read at once where answers fill the buffer.
const LARGEST_BUFFER: usize = 64 << 10;

/// Interim heads that are read in a row before others of the lane have their turn: there may be any number of them.
const INTERIM_HEADS: u32 = 16;

/// A connection, and the exchange that runs over it.
pub struct Native {
    stream: Stamped,
    caps: Caps,
    request: Outgoing,
    /// The answer that is to come or being read.
    answer: Option<Answer>,
    heads: Heads,
    read: Incoming,
    /// Whether the connection may take another exchange.
    open: bool,
}

/// What the answer's bytes said, with the body's still in the buffer.
enum Came {
    Head(Final),
    Body(Range<usize>),
    End,
}

impl Native {
    /// Speaks over a stream.
    pub fn new(stream: Stamped, caps: Caps) -> Self {
        Self {
            stream,
            caps,
            request: Outgoing::default(),
            answer: None,
            heads: Heads::default(),
            read: Incoming::default(),
            open: true,
        }
    }

    /// As [`super::super::Wire::is_ready`].
    pub const fn is_ready(&self) -> bool {
        self.open && self.answer.is_none()
    }

    /// As [`super::super::Wire::poll_free`].
    pub fn poll_free(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        let mut drained = 0;
        while self.answer.is_some() && drained <= self.caps.body_bytes {
            match ready!(self.poll_answer(cx)) {
                Ok(Came::Body(bytes)) => drained += bytes.len() as u64,
                Ok(Came::Head(_) | Came::End) => {}
                Err(_) => return Poll::Ready(false),
            }
        }
        Poll::Ready(self.is_idle(cx))
    }

    /// Whether the connection is open and nothing comes over it that nobody has asked for: a close, or an answer.
    fn is_idle(&mut self, cx: &mut Context<'_>) -> bool {
        let quiet = self.open && self.answer.is_none() && self.read.rest().is_empty();
        self.open = quiet && self.read.poll_more(&mut self.stream, cx).is_pending();
        self.open
    }

    /// As [`super::super::Wire::send`].
    pub async fn send(
        &mut self,
        exchange: &Exchange,
        origin: &Origin,
        stamps: &Stamps,
    ) -> Result<Option<Final>, Lost> {
        self.request.prepare(exchange, origin)?;
        let mut began = false;
        let came = poll_fn(|cx| {
            if !began {
                if !self.is_idle(cx) {
                    return Poll::Ready(Ok(None));
                }
                began = true;
                let to_head = exchange.method == Method::HEAD;
                self.answer = Some(Answer::new(to_head, self.caps.head_bytes));
                self.request.write(&mut self.stream, cx);
                // Whatever comes wakes us: nothing had come a moment ago.
                return Poll::Pending;
            }
            self.poll_answer(cx).map_ok(Some)
        })
        .await;
        match came {
            Ok(Some(Came::Head(head))) => Ok(Some(head)),
            // Of an answer, a head is the first that can come.
            Ok(_) => Ok(None),
            // Nobody has seen a byte of it: the connection had ended, and said so too late to be seen.
            Err(_) if stamps.sent.get().is_none() => Ok(None),
            Err(refusal) => Err(self.lost(refusal, stamps.answered.get())),
        }
    }

    /// The next bytes of the body; `None` when it has ended.
    pub async fn next(&mut self) -> Result<Option<&[u8]>, Lost> {
        if self.answer.is_none() {
            return Ok(None);
        }
        match poll_fn(|cx| self.poll_answer(cx)).await {
            Ok(Came::Body(bytes)) => Ok(Some(&self.read.buffer[bytes])),
            Ok(Came::Head(_) | Came::End) => Ok(None),
            Err(refusal) => Err(self.lost(refusal, true)),
        }
    }

    /// A refusal, or why the request could not be written where that is what cut the answer.
    fn lost(&mut self, refusal: Refusal, answered: bool) -> Lost {
        match self
            .request
            .failed
            .take()
            .or_else(|| self.read.failed.take())
        {
            Some(error) if refusal == Refusal::Cut => {
                let outcome = if answered {
                    Outcome::Invalid
                } else {
                    Outcome::Reset
                };
                Lost::new(outcome, error.to_string())
            }
            _ => Lost::of_refusal(refusal, answered),
        }
    }

    /// What the answer says next. While it is waited for, the request goes on being written: a server may answer before
    /// it has read all of it.
    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Result<Came, Refusal>> {
        let mut interim_heads = 0;
        loop {
            if interim_heads == INTERIM_HEADS {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let Some(answer) = &mut self.answer else {
                return Poll::Ready(Ok(Came::End));
            };
            let taken = match answer.take(self.read.rest(), &mut self.heads) {
                Ok(taken) => taken,
                Err(refusal) => return Poll::Ready(Err(self.over(refusal))),
            };
            let used = taken.used;
            let came = match taken.event {
                Some(Event::Interim) => {
                    interim_heads += 1;
                    None
                }
                Some(Event::Head(head)) => Some(Came::Head(head)),
                Some(Event::Body(body)) => {
                    let end = self.read.used + used;
                    Some(Came::Body(end - body.len()..end))
                }
                Some(Event::End(after)) => {
                    self.answer = None;
                    self.open = after == After::Keep && self.request.is_sent();
                    Some(Came::End)
                }
                None => {
                    self.read.used += used;
                    self.request.write(&mut self.stream, cx);
                    if ready!(self.read.poll_more(&mut self.stream, cx)) {
                        continue;
                    }
                    return Poll::Ready(self.closed());
                }
            };
            self.read.used += used;
            if let Some(came) = came {
                return Poll::Ready(Ok(came));
            }
        }
    }

    /// The stream has ended: whether the answer had too.
    fn closed(&mut self) -> Result<Came, Refusal> {
        self.open = false;
        let Some(answer) = self.answer.take() else {
            return Ok(Came::End);
        };
        answer.closed(self.read.rest())?;
        // An end that an error made is none that a body can end with.
        if self.read.failed.is_some() {
            Err(Refusal::Cut)
        } else {
            Ok(Came::End)
        }
    }

    fn over(&mut self, refusal: Refusal) -> Refusal {
        self.open = false;
        self.answer = None;
        refusal
    }
}

/// Bytes that were read and not used yet.
#[derive(Default)]
struct Incoming {
    /// Room for what is read.
    buffer: Vec<u8>,
    /// Bytes of it that were read.
    filled: usize,
    /// Bytes of these that were used.
    used: usize,
    /// Whether the last read filled all the room that there was.
    is_full: bool,
    failed: Option<io::Error>,
}

impl Incoming {
    fn rest(&self) -> &[u8] {
        &self.buffer[self.used..self.filled]
    }

    /// Reads once; false at the end of the stream, which an error is too.
    fn poll_more(&mut self, stream: &mut Stamped, cx: &mut Context<'_>) -> Poll<bool> {
        // Little is moved: all but the beginning of a head is used as it comes.
        self.buffer.copy_within(self.used..self.filled, 0);
        self.filled -= self.used;
        self.used = 0;
        self.make_room();
        let mut room = ReadBuf::new(&mut self.buffer[self.filled..]);
        let came = ready!(Pin::new(stream).poll_read(cx, &mut room));
        let read = room.filled().len();
        self.is_full = room.remaining() == 0;
        self.filled += read;
        if let Err(error) = came {
            self.failed = Some(error);
            return Poll::Ready(false);
        }
        Poll::Ready(read > 0)
    }

    /// Room for a read: twice as much where the last one filled it, as long as that is not much, or none is left.
    fn make_room(&mut self) {
        let size = self.buffer.len();
        if self.filled == size || (self.is_full && size < LARGEST_BUFFER) {
            self.buffer.resize((size * 2).max(BUFFER), 0);
            self.is_full = false;
        }
    }
}

/// A request, as far as it was written.
#[derive(Default)]
struct Outgoing {
    /// The exchange that `bytes` are of.
    made_of: Option<Exchange>,
    /// Bytes of the head before Content-Length: requests that differ in their bodies alone share them.
    shared: usize,
    /// The head, and the body behind it where that is small.
    bytes: Vec<u8>,
    /// The body where it is not.
    body: Bytes,
    /// Bytes of both that the stream took.
    written: usize,
    flushed: bool,
    /// Whether it asks the other side to close the connection.
    closes: bool,
    failed: Option<io::Error>,
}

/// A body is copied behind its head up to this size: one piece is cheaper to write than two.
const SMALL_BODY: usize = 4 << 10;

impl Outgoing {
    /// Makes the bytes of a request; of one that was made before, nothing has to be made.
    fn prepare(&mut self, exchange: &Exchange, origin: &Origin) -> Result<(), Lost> {
        (self.written, self.flushed, self.failed) = (0, false, None);
        let same_head = self.made_of.as_ref().is_some_and(|last| {
            last.method == exchange.method
                && last.destination == exchange.destination
                && last.headers == exchange.headers
        });
        if !same_head {
            self.begin_head(exchange, origin)?;
        }
        let Some(made_of) = &mut self.made_of else {
            return Ok(());
        };
        if same_head && is_same(&made_of.body, &exchange.body) {
            return Ok(());
        }
        made_of.body = exchange.body.clone();
        self.bytes.truncate(self.shared);
        if let Some(length) = request::length(exchange) {
            // Writing to a vector does not fail.
            let _ = write!(self.bytes, "content-length: {length}\r\n");
        }
        self.bytes.extend_from_slice(b"\r\n");
        self.body = exchange.body.clone();
        if self.body.len() <= SMALL_BODY {
            self.bytes
                .extend_from_slice(&std::mem::take(&mut self.body));
        }
        Ok(())
    }

    fn begin_head(&mut self, exchange: &Exchange, origin: &Origin) -> Result<(), Lost> {
        self.made_of = None;
        let (target, headers) = request::head(exchange, origin)?;
        self.bytes.clear();
        let _ = write!(self.bytes, "{} {target} HTTP/1.1\r\n", exchange.method);
        for (name, value) in &headers {
            for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
                self.bytes.extend_from_slice(part);
            }
        }
        let connection = headers.get_all(http::header::CONNECTION);
        self.closes = connection.iter().any(|value| has_token(value, "close"));
        self.shared = self.bytes.len();
        self.made_of = Some(exchange.clone());
        Ok(())
    }

    /// Whether it went out whole, and the connection may be used again behind it.
    fn is_sent(&self) -> bool {
        self.flushed && !self.closes
    }

    /// Writes as far as the stream takes it. What fails is kept: an answer may have come all the same.
    fn write(&mut self, stream: &mut Stamped, cx: &mut Context<'_>) {
        while !self.flushed && self.failed.is_none() {
            let front = &self.bytes[self.written.min(self.bytes.len())..];
            let body = &self.body[self.written.saturating_sub(self.bytes.len())..];
            let stream = Pin::new(&mut *stream);
            let written = match (front.is_empty(), body.is_empty()) {
                (true, true) => stream.poll_flush(cx).map_ok(|()| None),
                (true, false) => stream.poll_write(cx, body).map_ok(Some),
                (false, true) => stream.poll_write(cx, front).map_ok(Some),
                (false, false) => {
                    let both = [IoSlice::new(front), IoSlice::new(body)];
                    stream.poll_write_vectored(cx, &both).map_ok(Some)
                }
            };
            match written {
                Poll::Ready(Ok(None)) => self.flushed = true,
                Poll::Ready(Ok(Some(0))) => self.failed = Some(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(Some(written))) => self.written += written,
                Poll::Ready(Err(error)) => self.failed = Some(error),
                Poll::Pending => return,
            }
        }
    }
}

/// Whether two bodies are the same bytes in the same place: as long as one is held, no other can come to lie there.
fn is_same(one: &Bytes, other: &Bytes) -> bool {
    one.as_ptr() == other.as_ptr() && one.len() == other.len()
}
