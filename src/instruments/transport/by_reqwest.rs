//! reqwest as the load's client, for cross-checks: a client and its pool a slot, so that no other slot's connections are
//! used. HTTP/1.1 alone.
//!
//! It hides its sockets: `sent` is when a request was handed to it, which is before a new connection is made; bytes are
//! stamped when it gives them; whether a connection was new, and when it was ready, is not told.

use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use reqwest::{Body, Client};

use super::data::{lend, poll_data};
use super::http1::{FIELDS, Final};
use super::stamped::Stamps;
use super::{Lost, Origin, fetch, request, tls};
use crate::foundation::clock::Clock;
use crate::instruments::exchange::Exchange;
use crate::instruments::record::{HttpSpoken, Outcome, Spoken};

/// Bytes of a field of a head beside its name and value.
const FIELD_OVERHEAD: usize = ": \r\n".len();

/// A client, and the exchange that runs over it.
pub(super) struct ByReqwest {
    client: Client,
    clock: Clock,
    stamps: Rc<Stamps>,
    body: Option<Body>,
    /// What was read last, for as long as it is lent.
    piece: Bytes,
}

impl ByReqwest {
    /// Makes a client; connects to nothing yet. `within` is how long a connection may take.
    pub(super) fn new(
        origin: &Origin,
        (clock, stamps): (Clock, Rc<Stamps>),
        within: Duration,
    ) -> Result<Self, Lost> {
        let tls = match &origin.secure {
            Some(secure) => Ok(Arc::clone(&secure.config)),
            None => tls::none(),
        };
        let tls = tls.map_err(|error| Lost::new(Outcome::Tls, error.to_string()))?;
        let client = fetch::builder(&origin.host_name, &origin.candidates(), &tls)
            .http1_max_headers(FIELDS)
            .connect_timeout(within)
            .pool_idle_timeout(None)
            .pool_max_idle_per_host(1)
            .referer(false)
            .retry(reqwest::retry::never())
            .build()
            .map_err(|error| Lost::of_reqwest(&error, false))?;
        Ok(Self {
            client,
            clock,
            stamps,
            body: None,
            piece: Bytes::new(),
        })
    }

    /// As [`super::Wire::poll_free`]; reqwest itself looks whether its connection is still there.
    pub(super) fn poll_free(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        while let Some(body) = &mut self.body {
            match poll_data(body, cx) {
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(Some(Err(_))) => return Poll::Ready(false),
                Poll::Ready(None) => self.body = None,
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(true)
    }

    /// As [`super::Wire::send`].
    pub(super) async fn send(
        &mut self,
        exchange: &Exchange,
        origin: &Origin,
    ) -> Result<Final, Lost> {
        self.body = None;
        let (target, headers) = request::framed_head(exchange, origin)?;
        let mut request = self
            .client
            .request(
                exchange.method.clone(),
                format!("{}{target}", origin.name()),
            )
            .headers(headers);
        if !exchange.body.is_empty() {
            request = request.body(exchange.body.clone());
        }
        self.stamps.sent.set(Some(self.clock.now()));
        let response = request.send().await.map_err(|error| {
            if error.is_connect() {
                self.stamps.sent.set(None);
            }
            Lost::of_reqwest(&error, false)
        })?;
        self.came();
        self.stamps
            .first_byte
            .set(Some(self.stamps.last_read.get()));
        if let Some(address) = response.remote_addr() {
            origin.hold(address);
        }
        // What TLS negotiated, it does not tell.
        origin.note(Spoken::plain(HttpSpoken::Http11));
        let (parts, body) = http::Response::<Body>::from(response).into_parts();
        let caps = origin.options.caps;
        caps.allow_head(&parts.headers, FIELD_OVERHEAD)?;
        self.body = Some(body);
        Ok(Final {
            status: parts.status,
            headers: Rc::new(parts.headers),
        })
    }

    /// The next bytes of the body; `None` when it has ended.
    pub(super) async fn next(&mut self) -> Result<Option<&[u8]>, Lost> {
        let Some(body) = &mut self.body else {
            return Ok(None);
        };
        let data = poll_fn(|cx| poll_data(body, cx)).await;
        self.came();
        lend(data, &mut self.body, &mut self.piece).map_err(|error| Lost::of_reqwest(&error, true))
    }

    fn came(&self) {
        let now = self.clock.now();
        self.stamps.last_read.set(now);
        self.stamps.last_seen.set(now);
    }
}
