//! What a wire format has to say, and how a connection may end; `answer` lets it out.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;

use bytes::{Bytes, BytesMut};
use http::{HeaderName, HeaderValue, StatusCode};

use crate::foundation::units::Offset;

/// What a wire format has to say to a request.
pub(super) struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The Content-Type; none where empty.
    pub content_type: &'static str,
    /// Further headers.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body.
    pub content: Content,
}

/// The body of a reply.
pub(super) enum Content {
    /// In one piece.
    Whole(Bytes),
    /// Piece by piece.
    Stream(Box<dyn Script>),
}

impl Reply {
    /// A body in one piece.
    pub fn whole(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            content_type,
            headers: Vec::new(),
            content: Content::Whole(body.into()),
        }
    }

    /// JSON with status 200.
    pub fn json(value: &serde_json::Value) -> Self {
        Self::whole(StatusCode::OK, "application/json", value.to_string())
    }

    /// A streamed body with status 200.
    pub fn stream(content_type: &'static str, script: impl Script + 'static) -> Self {
        let content = Content::Stream(Box::new(script));
        Self {
            status: StatusCode::OK,
            content_type,
            headers: Vec::new(),
            content,
        }
    }

    /// The same with one header more.
    pub fn header(mut self, name: &'static str, value: impl Into<HeaderValue>) -> Self {
        self.headers
            .push((HeaderName::from_static(name), value.into()));
        self
    }
}

/// What a streamed answer says at each of its moments; `now` is when it is said.
pub(super) trait Script {
    /// Before the first token.
    fn opening(&mut self, now: Offset, out: &mut BytesMut);
    /// A token of every choice.
    fn token(&mut self, number: u64, now: Offset, out: &mut BytesMut);
    /// After the last token.
    fn closing(&mut self, now: Offset, out: &mut BytesMut);
}

/// What an answer and the socket that carries it tell each other of their connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Connection(Rc<Told>);

#[derive(Debug, Default)]
struct Told {
    arrived: Cell<Option<Offset>>,
    is_reset: Cell<bool>,
}

impl Connection {
    /// From here on the connection ends with a reset.
    pub fn reset(&self) {
        self.0.is_reset.set(true);
    }

    /// Whether the connection is to end with a reset.
    pub fn is_reset(&self) -> bool {
        self.0.is_reset.get()
    }

    /// Bytes have been read that had come at `at`.
    pub fn note_arrival(&self, at: Offset) {
        self.0.arrived.set(Some(at));
    }

    /// When the bytes that were read last had come; `None` where nobody tells.
    pub fn arrived(&self) -> Option<Offset> {
        self.0.arrived.get()
    }
}

/// The connection ends here, on purpose.
#[derive(Debug)]
pub(super) struct Dropped;

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the simulator drops this connection, as its model says")
    }
}

impl std::error::Error for Dropped {}
