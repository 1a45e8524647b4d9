//! A connection by hyper, driven by whoever waits on it: no task behind it, no pool around it.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, Connection, SendRequest};
use hyper_util::rt::TokioIo;

use super::super::data::{lend, poll_data};
use super::super::driven::{driven, turn};
use super::super::request;
use super::super::stamped::{Stamped, Stamps};
use super::super::{Lost, Origin};
use super::codec::{FIELDS, Final, Refusal};
use crate::instruments::exchange::Exchange;

type Driven = Connection<TokioIo<Stamped>, Full<Bytes>>;

/// A connection, and the exchange that runs over it.
pub struct ByHyper {
    send: SendRequest<Full<Bytes>>,
    /// Dropped as soon as it completes: a wire that is kept beyond that would leave the next exchange waiting for ever.
    drive: Option<Driven>,
    body: Option<Incoming>,
    /// What was read last, for as long as it is lent.
    piece: Bytes,
}

impl ByHyper {
    /// Speaks over a stream; `head_cap` is the most bytes of an answer's head.
    pub async fn begin(stream: Stamped, head_cap: usize) -> Result<Self, Lost> {
        let (send, drive) = http1::Builder::new()
            .max_header_size(head_cap)
            .max_headers(FIELDS)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| Lost::of_hyper(&error, false))?;
        Ok(Self {
            send,
            drive: Some(drive),
            body: None,
            piece: Bytes::new(),
        })
    }

    /// As [`super::super::Wire::poll_free`].
    pub fn poll_free(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        while let Some(body) = &mut self.body {
            match poll_data(body, cx) {
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(Some(Err(_))) => return Poll::Ready(false),
                Poll::Ready(None) => self.body = None,
                Poll::Pending => {
                    if !self.turn(cx) {
                        return Poll::Ready(false);
                    }
                    let body = self.body.as_mut().map(|body| poll_data(body, cx));
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

    /// As [`super::super::Wire::send`].
    pub async fn send(
        &mut self,
        exchange: &Exchange,
        origin: &Origin,
        stamps: &Stamps,
    ) -> Result<Option<Final>, Lost> {
        let (target, headers) = request::framed_head(exchange, origin)?;
        let mut request = Request::new(Full::new(exchange.body.clone()));
        *request.method_mut() = exchange.method.clone();
        *request.uri_mut() = target;
        *request.headers_mut() = headers;
        self.body = None;
        let answer = self.send.try_send_request(request);
        match driven(&mut self.drive, answer).await {
            // hyper would hand the connection over; nobody here has asked for that.
            Ok(response) if response.status() == http::StatusCode::SWITCHING_PROTOCOLS => {
                Err(Lost::of_refusal(Refusal::Upgrade, true))
            }
            Ok(response) => {
                let (parts, body) = response.into_parts();
                self.body = Some(body);
                Ok(Some(Final {
                    status: parts.status,
                    headers: Rc::new(parts.headers),
                }))
            }
            Err(mut failed) => {
                if failed.take_message().is_some() && stamps.sent.get().is_none() {
                    return Ok(None);
                }
                Err(Lost::of_hyper(failed.error(), stamps.answered.get()))
            }
        }
    }

    /// The next bytes of the body; `None` when it has ended.
    pub async fn next(&mut self) -> Result<Option<&[u8]>, Lost> {
        let Some(body) = &mut self.body else {
            return Ok(None);
        };
        let data = driven(&mut self.drive, poll_fn(|cx| poll_data(body, cx))).await;
        lend(data, &mut self.body, &mut self.piece).map_err(|error| Lost::of_hyper(&error, true))
    }
}
