//! Why an exchange got no whole answer, as an outcome of the attempt.

use std::error::Error;
use std::io;

use super::http1::Refusal;
use crate::instruments::record::Outcome;

/// A limit of our own machine that stood in the way: it voids the measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnLimit {
    /// No descriptor was left (`EMFILE`, `ENFILE`).
    Descriptors,
    /// No local port was left (`EADDRNOTAVAIL`).
    Ports,
}

impl OwnLimit {
    fn of(error: &io::Error) -> Option<Self> {
        match rustix::io::Errno::from_raw_os_error(error.raw_os_error()?) {
            rustix::io::Errno::MFILE | rustix::io::Errno::NFILE => Some(Self::Descriptors),
            rustix::io::Errno::ADDRNOTAVAIL => Some(Self::Ports),
            _ => None,
        }
    }
}

/// An exchange that got no whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// The class of failure.
    pub outcome: Outcome,
    /// What happened, not yet redacted.
    pub text: String,
    /// The limit of our own that was hit, where one was.
    pub own: Option<OwnLimit>,
}

impl Lost {
    pub(super) fn new(outcome: Outcome, text: impl Into<String>) -> Self {
        Self {
            outcome,
            text: text.into(),
            own: None,
        }
    }

    /// No connection could be made.
    pub(super) fn connecting(address: &str, error: &io::Error) -> Self {
        Self {
            outcome: Outcome::Connect,
            text: format!("{address}: {error}"),
            own: OwnLimit::of(error),
        }
    }

    /// Our codec gave up; `answered` is whether any byte of an answer had come.
    pub(super) fn of_refusal(refusal: Refusal, answered: bool) -> Self {
        let outcome = match refusal {
            Refusal::Cut => cut(answered),
            _ if refusal.is_too_large() => Outcome::TooLarge,
            _ => Outcome::Protocol,
        };
        Self::new(outcome, refusal.to_string())
    }

    /// hyper gave up; `answered` is whether any byte of an answer had come.
    pub(super) fn of_hyper(error: &hyper::Error, answered: bool) -> Self {
        let io = cause::<io::Error>(error);
        let outcome = if error.is_parse_too_large() {
            Outcome::TooLarge
        } else if error.is_parse() {
            Outcome::Protocol
        } else {
            match io.map(io::Error::kind) {
                Some(io::ErrorKind::InvalidData) if io.is_some_and(is_cap) => Outcome::TooLarge,
                // hyper's readers of chunks say so where sizes or ends are not as HTTP has them.
                Some(io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput) => Outcome::Protocol,
                _ => cut(answered),
            }
        };
        let mut text = error.to_string();
        if let Some(source) = error.source() {
            text = format!("{text}: {source}");
        }
        Self::new(outcome, text)
    }

    /// HTTP/2 gave up, here or on the other side; `answered` is whether any byte of an answer had come.
    pub(super) fn of_http2(error: &h2::Error, answered: bool) -> Self {
        let outcome = match error.reason() {
            // What h2 finds too much: heads, or frames in a head.
            Some(h2::Reason::ENHANCE_YOUR_CALM) if error.is_library() => Outcome::TooLarge,
            Some(h2::Reason::HTTP_1_1_REQUIRED) => Outcome::Protocol,
            // What the other side gave up is a loss; what we could not read is no HTTP.
            _ if error.is_remote() || error.is_io() => cut(answered),
            _ => Outcome::Protocol,
        };
        let reason = error.reason();
        let reason = reason.as_ref().map_or("", h2::Reason::description);
        let closed = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
        let text = match () {
            () if error.get_io().is_some_and(closed) => Refusal::Cut.to_string(),
            () if error.is_remote() && error.is_go_away() => {
                format!("the server gave the connection up (GOAWAY: {reason})")
            }
            () if error.is_remote() => {
                format!("the server gave the answer up (RST_STREAM: {reason})")
            }
            () if error.reason() == Some(h2::Reason::FRAME_SIZE_ERROR) && !answered => {
                format!("{error}; does the server speak HTTP/2 here?")
            }
            () => error.to_string(),
        };
        Self::new(outcome, text)
    }

    /// reqwest gave up; `answered` is whether a head had come.
    pub(super) fn of_reqwest(error: &reqwest::Error, answered: bool) -> Self {
        let io = cause::<io::Error>(error);
        if error.is_connect() {
            let outcome = match () {
                () if error.is_timeout() => Outcome::TimeoutConnect,
                () if io.is_some_and(is_of_tls) => Outcome::Tls,
                () => Outcome::Connect,
            };
            return Self {
                outcome,
                text: causes(error),
                own: io.and_then(OwnLimit::of),
            };
        }
        match cause::<hyper::Error>(error) {
            Some(hyper) => Self::of_hyper(hyper, answered),
            None if error.is_builder() => Self::new(Outcome::Protocol, causes(error)),
            None => Self::new(cut(answered), causes(error)),
        }
    }
}

/// A connection that ended before the answer did.
const fn cut(answered: bool) -> Outcome {
    if answered {
        Outcome::Invalid
    } else {
        Outcome::Reset
    }
}

/// What caused an error, each after what it caused; an error that names no cause is its own.
pub(super) fn causes(error: &(dyn Error + 'static)) -> String {
    let (mut texts, mut next) = (Vec::new(), error.source());
    while let Some(cause) = next {
        texts.push(cause.to_string());
        next = cause.source();
    }
    if texts.is_empty() {
        error.to_string()
    } else {
        texts.join(": ")
    }
}

/// The first of an error and its causes that is of that type.
fn cause<'e, T: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// Whether TLS failed; reqwest wraps that in more than one error of the system's type.
fn is_of_tls(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| {
        inner.is::<rustls::Error>() || inner.downcast_ref().is_some_and(is_of_tls)
    })
}

/// Whether hyper ran into a cap of its own for extensions or trailers of chunks, which it says in words alone.
fn is_cap(error: &io::Error) -> bool {
    let text = error.to_string();
    text.ends_with("over limit") || text.ends_with("count overflow")
}
