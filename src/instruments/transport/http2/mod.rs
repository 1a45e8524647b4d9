//! HTTP/2 over one connection, one exchange at a time: a connection a slot, as for HTTP/1.1. So no answer waits behind
//! another's bytes, as many connections are open as requests are in flight, and versions compare like with like.

mod frames;

use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use h2::RecvStream;
use h2::client::{Builder, Connection, SendRequest};
use http::uri::{Authority, Scheme};
use http::{Request, Uri};

pub(super) use frames::{DATA, Frames, HEADERS};

use super::driven::{driven, turn};
use super::http1::Final;
use super::stamped::{Stamped, Stamps};
use super::{Caps, Lost, Origin, request};
use crate::instruments::exchange::Exchange;
use crate::instruments::record::Outcome;

/// Bytes that an answer may be ahead of its reader; nothing is held where nothing comes.
const STREAM_WINDOW: u32 = 2 << 20;
/// The same for the connection.
const CONNECTION_WINDOW: u32 = 5 << 20;
/// How much larger than its cap a head may be before the connection is given up: what is between is read, and told as
/// too large by its size.
const HEADS_READ: usize = 16;
/// What a field of a head counts beyond its name and value (RFC 9113, section 6.5.2).
const FIELD_OVERHEAD: usize = 32;

/// A connection, and the exchange that runs over it.
pub(super) struct Http2 {
    send: SendRequest<Bytes>,
    drive: Option<Connection<Stamped, Bytes>>,
    body: Option<RecvStream>,
    /// What was read last, for as long as it is lent.
    piece: Bytes,
    caps: Caps,
}

impl Http2 {
    pub(super) async fn begin(stream: Stamped, caps: Caps) -> Result<Self, Lost> {
        let heads = u32::try_from(caps.head_bytes * HEADS_READ).unwrap_or(u32::MAX);
        let (send, drive) = Builder::new()
            .enable_push(false)
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(heads)
            .handshake(stream)
            .await
            .map_err(|error| Lost::of_http2(&error, false))?;
        Ok(Self {
            send,
            drive: Some(drive),
            body: None,
            piece: Bytes::new(),
            caps,
        })
    }

    /// As [`super::Wire::poll_free`].
    pub(super) fn poll_free(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        let mut turned = false;
        while let Some(body) = &mut self.body {
            match body.poll_data(cx) {
                Poll::Ready(Some(Ok(bytes))) => release(body, bytes.len()),
                Poll::Ready(Some(Err(_))) => return Poll::Ready(false),
                Poll::Ready(None) => self.body = None,
                Poll::Pending if turned => return Poll::Pending,
                Poll::Pending => {
                    turned = true;
                    if !turn(&mut self.drive, cx) {
                        return Poll::Ready(false);
                    }
                }
            }
        }
        if !turn(&mut self.drive, cx) {
            return Poll::Ready(false);
        }
        self.send.poll_ready(cx).map(|ready| ready.is_ok())
    }

    /// As [`super::Wire::send`].
    pub(super) async fn send(
        &mut self,
        exchange: &Exchange,
        origin: &Origin,
        stamps: &Stamps,
    ) -> Result<Option<Final>, Lost> {
        self.body = None;
        let request = head(exchange, origin)?;
        let bare = exchange.body.is_empty();
        let answer = match self.send.send_request(request, bare) {
            Ok((answer, mut outgoing)) => {
                if !bare {
                    // A stream that takes no body any more has an answer that says why.
                    let _ = outgoing.send_data(exchange.body.clone(), true);
                }
                answer
            }
            // Told to go away, or closed, before a byte was written.
            Err(error) if error.is_go_away() || error.is_io() => return Ok(None),
            Err(error) => return Err(Lost::of_http2(&error, false)),
        };
        match driven(&mut self.drive, answer).await {
            Ok(response) => {
                let (parts, body) = response.into_parts();
                stamps.head_came();
                self.caps.allow_head(&parts.headers, FIELD_OVERHEAD)?;
                self.body = Some(body);
                Ok(Some(Final {
                    status: parts.status,
                    headers: Rc::new(parts.headers),
                }))
            }
            Err(_) if stamps.sent.get().is_none() => Ok(None),
            Err(error) => Err(Lost::of_http2(&error, stamps.answered.get())),
        }
    }

    /// The next bytes of the body; `None` when it has ended.
    pub(super) async fn next(&mut self) -> Result<Option<&[u8]>, Lost> {
        loop {
            let Some(body) = &mut self.body else {
                return Ok(None);
            };
            let data = driven(&mut self.drive, poll_fn(|cx| body.poll_data(cx))).await;
            match data {
                None => {
                    self.body = None;
                    return Ok(None);
                }
                Some(Err(error)) => {
                    self.body = None;
                    return Err(Lost::of_http2(&error, true));
                }
                Some(Ok(bytes)) => {
                    release(body, bytes.len());
                    // An empty frame says nothing.
                    if !bytes.is_empty() {
                        self.piece = bytes;
                        return Ok(Some(&self.piece));
                    }
                }
            }
        }
    }
}

/// Lets the other side send as much again as was taken.
fn release(body: &mut RecvStream, taken: usize) {
    // More than was received cannot be given back; a stream that is gone needs none.
    let _ = body.flow_control().release_capacity(taken);
}

/// A request's head as HTTP/2 has it: the host is `:authority`, and nothing is said of the connection (RFC 9113, section
/// 8.2.2).
fn head(exchange: &Exchange, origin: &Origin) -> Result<Request<()>, Lost> {
    let (target, mut headers) = request::framed_head(exchange, origin)?;
    let host = headers.remove(http::header::HOST);
    for of_the_connection in [
        "connection",
        "keep-alive",
        "proxy-connection",
        "upgrade",
        "te",
    ] {
        headers.remove(of_the_connection);
    }
    let mut parts = target.into_parts();
    parts.scheme = Some(if origin.secure.is_some() {
        Scheme::HTTPS
    } else {
        Scheme::HTTP
    });
    parts.authority = host.and_then(|host| Authority::try_from(host.as_bytes()).ok());
    let uri = Uri::from_parts(parts).map_err(|error| {
        let text = format!("the request's target is none of HTTP/2: {error}");
        Lost::new(Outcome::Protocol, text)
    })?;
    let mut request = Request::new(());
    *request.method_mut() = exchange.method.clone();
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    Ok(request)
}

#[cfg(test)]
mod tests;
