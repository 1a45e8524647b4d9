//! The nouns that `protocol`, `transport` and `load` share: an attempt is a conversation of [`Step`]s and [`Received`]
//! events. Nothing here opens a socket, reads a clock or looks into a body.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use crate::foundation::units::Offset;
use crate::instruments::record::Outcome;

/// Where an exchange goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// A path (and query) at the target's own origin, below its base URL; the target's auth and headers go with it.
    Target(String),
    /// Another URL, allowed by `allow_hosts`; nothing of the target's goes with it.
    Elsewhere(String),
}

/// One HTTP request, ready to be sent.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// GET, POST, …
    pub method: Method,
    /// Where to.
    pub destination: Destination,
    /// Headers beyond the target's own and those that the transport sets (Host, Content-Length).
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body; cheap to clone.
    pub body: Bytes,
    /// Whether the answer is expected to stream: chooses the default of the first-byte time-out.
    pub streamed: bool,
    /// A time-out of this exchange's own, beside the attempt's.
    pub timeout: Option<Duration>,
}

impl Exchange {
    /// A POST of JSON to a path of the target.
    pub fn post_json(path: impl Into<String>, body: impl Into<Bytes>) -> Self {
        Self {
            method: Method::POST,
            destination: Destination::Target(path.into()),
            headers: vec![(
                http::header::CONTENT_TYPE,
                HeaderValue::from_static("application/json"),
            )],
            body: body.into(),
            streamed: false,
            timeout: None,
        }
    }
}

/// The final head of an answer.
#[derive(Debug, Clone)]
pub struct Head {
    /// The status code.
    pub status: u16,
    /// The headers; shared with whoever knows the same head already.
    pub headers: Rc<HeaderMap>,
    /// When its first byte arrived.
    #[expect(
        dead_code,
        reason = "for protocols whose head says something; part of what they are told"
    )]
    pub at: Offset,
}

impl Head {
    /// The Content-Type without its parameters, in lower case; empty where there is none.
    pub fn media_type(&self) -> String {
        self.headers
            .get(http::header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .map(|value| {
                value
                    .split(';')
                    .next()
                    .unwrap_or_default()
                    .trim()
                    .to_ascii_lowercase()
            })
            .unwrap_or_default()
    }

    /// The content coding of the body, where it has one.
    pub fn coding(&self) -> Option<&str> {
        let coding = self
            .headers
            .get(http::header::CONTENT_ENCODING)?
            .to_str()
            .unwrap_or("unknown")
            .trim();
        (!coding.is_empty() && !coding.eq_ignore_ascii_case("identity")).then_some(coding)
    }

    /// The outcome by status alone: `None` for any 2xx.
    pub fn refusal(&self) -> Option<Outcome> {
        Outcome::of_status(
            self.status,
            self.headers.contains_key(http::header::RETRY_AFTER),
        )
    }
}

/// What a protocol wants next.
#[derive(Debug)]
pub enum Step<'a> {
    /// Send this and tell what comes back.
    Send(&'a Exchange),
    /// Wait so long (a poll), then `Received::Elapsed`.
    #[expect(
        dead_code,
        reason = "jobs wait between polls; their protocols come next"
    )]
    Await {
        /// The time to wait.
        at_most: Duration,
    },
    /// The attempt is over: the clock has stopped.
    Finish(Judgement),
}

/// How a protocol judges an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// `ok`, or the class of failure.
    pub outcome: Outcome,
    /// The failure's text: short, not yet redacted.
    pub error: Option<String>,
}

impl Judgement {
    /// The answer counts.
    pub const fn ok() -> Self {
        Self {
            outcome: Outcome::Ok,
            error: None,
        }
    }

    /// The answer does not count.
    pub fn failed(outcome: Outcome, error: impl Into<String>) -> Self {
        Self {
            outcome,
            error: Some(error.into()),
        }
    }
}

/// What arrived, and when.
#[derive(Debug)]
pub enum Received<'a> {
    /// The final head of the answer.
    Head(&'a Head),
    /// Bytes of the body, decoded from any transfer or content coding.
    Chunk {
        /// The bytes; any split is possible.
        bytes: &'a [u8],
        /// When they arrived.
        at: Offset,
    },
    /// The answer ended as HTTP says it should.
    End {
        /// When its last byte arrived.
        at: Offset,
    },
    /// The time of `Step::Await` has passed.
    Elapsed {
        /// When it had.
        #[expect(
            dead_code,
            reason = "for jobs, whose polls are timed; part of what protocols are told"
        )]
        at: Offset,
    },
}

/// Whether a protocol wants more of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Go on.
    More,
    /// The protocol's end mark came, or the answer is beyond help: ask `next`.
    Enough,
}

/// Which attempt a protocol is begun for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Issue {
    /// Number of the request within its repeat and phase.
    pub index: u64,
    /// Number of the attempt, from 1.
    pub attempt: u32,
    /// The request's own seed.
    pub seed: u64,
}

/// An attempt's conversation, told what arrived and when; it never waits, reads a clock or opens a socket.
///
/// `next` is asked at first, and after `End`, `Elapsed` or `Flow::Enough`, never after a mere `Chunk`. Any split of an
/// answer's bytes into chunks gives the same outcome. A broken connection or a time-out ends the attempt without
/// asking: its outcome is `load`'s to say.
pub trait Steps {
    /// What to do next.
    fn next(&mut self, seen: &mut super::record::Seen) -> Step<'_>;

    /// Takes what arrived.
    fn receive(&mut self, event: Received<'_>, seen: &mut super::record::Seen) -> Flow;
}
