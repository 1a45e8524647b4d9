//! One HTTP/1.1 connection, driven by whoever waits on it: no task behind it, no pool around it.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1::{self, Connection, SendRequest};
use hyper_util::rt::TokioIo;

use super::stamped::{Stamped, Stamps};
use super::{Caps, Lost, Origin};
use crate::foundation::units::Offset;
use crate::instruments::exchange::{Destination, Exchange, Head};
use crate::instruments::record::Outcome;

type Driven = Connection<TokioIo<Stamped>, Full<Bytes>>;

/// Bytes of a body, and when they were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// The bytes.
    pub bytes: Bytes,
    /// When they were read from the socket.
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

    /// When the first byte of the answer's final head arrived.
    pub fn first_byte(&self) -> Option<Offset> {
        self.0.first_byte.get()
    }

    /// When any byte last arrived.
    pub fn last_read(&self) -> Offset {
        self.0.last_read.get()
    }
}

/// A connection, and the exchange that runs over it.
pub struct Wire {
    send: SendRequest<Full<Bytes>>,
    /// Dropped as soon as it completes: a wire that is kept beyond that would leave the next exchange waiting for ever.
    drive: Option<Driven>,
    stamps: Rc<Stamps>,
    caps: Caps,
    body: Option<Incoming>,
    body_bytes: u64,
    exchanges: u64,
    /// When the connection was ready.
    connected: Offset,
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wire").field("exchanges", &self.exchanges).finish_non_exhaustive()
    }
}

impl Wire {
    pub(super) async fn begin(
        stream: Stamped,
        stamps: Rc<Stamps>,
        caps: Caps,
        connected: Offset,
    ) -> Result<Self, Lost> {
        let (send, drive) = http1::Builder::new()
            .max_header_size(caps.head_bytes)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| Lost::of_hyper(&error, false))?;
        Ok(Self { send, drive: Some(drive), stamps, caps, body: None, body_bytes: 0, exchanges: 0, connected })
    }

    /// When the connection was ready.
    pub const fn connected(&self) -> Offset {
        self.connected
    }

    /// Whether an exchange went over it before the one that runs.
    pub const fn reused(&self) -> bool {
        self.exchanges > 1
    }

    /// What moves on the connection, to be looked at while an exchange runs.
    pub fn activity(&self) -> Activity {
        Activity(Rc::clone(&self.stamps))
    }

    /// Bytes of the running exchange's body so far.
    pub const fn body_bytes(&self) -> u64 {
        self.body_bytes
    }

    /// Looks whether the connection can take an exchange: what is left of the last answer is read as far as it came,
    /// and a close by the other side is noticed. Where it is `Pending`, the answer's rest is still to come; never ready
    /// to be used again is `Ready(false)`.
    pub fn poll_free(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        while let Some(body) = &mut self.body {
            match Pin::new(body).poll_frame(cx) {
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(Some(Err(_))) => return Poll::Ready(false),
                Poll::Ready(None) => self.body = None,
                Poll::Pending => {
                    if !self.turn(cx) {
                        return Poll::Ready(false);
                    }
                    let body = self.body.as_mut().map(|body| Pin::new(body).poll_frame(cx));
                    match body {
                        Some(Poll::Ready(Some(Ok(_)))) | None => {}
                        Some(Poll::Ready(Some(Err(_)))) => return Poll::Ready(false),
                        Some(Poll::Ready(None)) => self.body = None,
                        Some(Poll::Pending) => return Poll::Pending,
                    }
                }
            }
        }
        if !self.turn(cx) {
            return Poll::Ready(false);
        }
        match self.send.poll_ready(cx) {
            Poll::Ready(ready) => Poll::Ready(ready.is_ok()),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Lets the connection go on; false once it has ended.
    fn turn(&mut self, cx: &mut Context<'_>) -> bool {
        turn(&mut self.drive, cx)
    }

    /// Sends a request and waits for the final head of its answer.
    ///
    /// # Errors
    /// Where the connection is lost, the head is no HTTP or too large. `Ok(None)` where the connection had ended before a
    /// byte of the request was written: another one may take it as if nothing had happened.
    pub async fn send(&mut self, exchange: &Exchange, origin: &Origin) -> Result<Option<Head>, Lost> {
        let request = request(exchange, origin)?;
        self.stamps.clear();
        self.body = None;
        self.body_bytes = 0;
        self.exchanges += 1;
        let answer = self.send.try_send_request(request);
        match driven(&mut self.drive, answer).await {
            Ok(response) => {
                let (parts, body) = response.into_parts();
                self.body = Some(body);
                let at = self.stamps.first_byte.get().unwrap_or_else(|| self.stamps.last_read.get());
                Ok(Some(Head { status: parts.status.as_u16(), headers: parts.headers, at }))
            }
            Err(mut failed) => {
                if failed.take_message().is_some() && self.stamps.sent.get().is_none() {
                    return Ok(None);
                }
                Err(Lost::of_hyper(failed.error(), self.stamps.answered.get()))
            }
        }
    }

    /// The next bytes of the body; `None` when it has ended as HTTP says it should.
    ///
    /// # Errors
    /// Where the answer is cut (`invalid`), its framing is no HTTP (`protocol`) or it is too large.
    pub async fn next(&mut self) -> Result<Option<Chunk>, Lost> {
        loop {
            let Some(body) = &mut self.body else { return Ok(None) };
            let frame = driven(&mut self.drive, poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx))).await;
            match frame {
                None => {
                    self.body = None;
                    return Ok(None);
                }
                Some(Err(error)) => {
                    self.body = None;
                    return Err(Lost::of_hyper(&error, true));
                }
                Some(Ok(frame)) => {
                    // Trailers say nothing that an outcome needs.
                    let Ok(bytes) = frame.into_data() else { continue };
                    self.body_bytes += bytes.len() as u64;
                    if self.body_bytes > self.caps.body_bytes {
                        let cap = self.caps.body_bytes;
                        return Err(Lost::new(Outcome::TooLarge, format!("the body passed {cap} bytes")));
                    }
                    return Ok(Some(Chunk { bytes, at: self.stamps.last_read.get() }));
                }
            }
        }
    }
}

fn turn(drive: &mut Option<Driven>, cx: &mut Context<'_>) -> bool {
    if let Some(connection) = drive
        && Pin::new(connection).poll(cx).is_ready()
    {
        *drive = None;
    }
    drive.is_some()
}

/// Waits for a part of an exchange while the connection behind it goes on.
async fn driven<F: Future>(drive: &mut Option<Driven>, part: F) -> F::Output {
    let mut part = pin!(part);
    poll_fn(|cx| {
        if let Poll::Ready(output) = part.as_mut().poll(cx) {
            return Poll::Ready(output);
        }
        turn(drive, cx);
        part.as_mut().poll(cx)
    })
    .await
}

fn request(exchange: &Exchange, origin: &Origin) -> Result<Request<Full<Bytes>>, Lost> {
    let path = match &exchange.destination {
        Destination::Target(path) => path.as_str(),
        Destination::Elsewhere(url) => {
            return Err(Lost::new(Outcome::Connect, format!("{url}: another host than the target's is not supported yet")));
        }
    };
    let Some(target) = origin.target(path) else {
        return Err(Lost::new(Outcome::Protocol, format!("`{path}` is no path of a request")));
    };
    let mut request = Request::new(Full::new(exchange.body.clone()));
    *request.method_mut() = exchange.method.clone();
    *request.uri_mut() = target;
    origin.dress(&exchange.headers, request.headers_mut());
    Ok(request)
}
