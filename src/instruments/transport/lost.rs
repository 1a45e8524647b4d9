//! Why an exchange got no whole answer, as an outcome of the attempt.

use std::error::Error as _;
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
        let own = error
            .raw_os_error()
            .and_then(|code| match rustix::io::Errno::from_raw_os_error(code) {
                rustix::io::Errno::MFILE | rustix::io::Errno::NFILE => Some(OwnLimit::Descriptors),
                rustix::io::Errno::ADDRNOTAVAIL => Some(OwnLimit::Ports),
                _ => None,
            });
        Self {
            outcome: Outcome::Connect,
            text: format!("{address}: {error}"),
            own,
        }
    }

    /// Our codec gave up; `answered` is whether any byte of an answer had come.
    pub(super) fn of_refusal(refusal: Refusal, answered: bool) -> Self {
        let outcome = match refusal {
            Refusal::Cut if answered => Outcome::Invalid,
            Refusal::Cut => Outcome::Reset,
            _ if refusal.is_too_large() => Outcome::TooLarge,
            _ => Outcome::Protocol,
        };
        Self::new(outcome, refusal.to_string())
    }

    /// hyper gave up; `answered` is whether any byte of an answer had come.
    pub(super) fn of_hyper(error: &hyper::Error, answered: bool) -> Self {
        let cut = if answered {
            Outcome::Invalid
        } else {
            Outcome::Reset
        };
        let io = source_io(error);
        let outcome = if error.is_parse_too_large() {
            Outcome::TooLarge
        } else if error.is_parse() {
            Outcome::Protocol
        } else {
            match io.map(io::Error::kind) {
                Some(io::ErrorKind::InvalidData) if io.is_some_and(is_cap) => Outcome::TooLarge,
                // hyper's readers of chunks say so where sizes or ends are not as HTTP has them.
                Some(io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput) => Outcome::Protocol,
                _ => cut,
            }
        };
        let mut text = error.to_string();
        if let Some(source) = error.source() {
            text = format!("{text}: {source}");
        }
        Self::new(outcome, text)
    }
}

/// Whether hyper ran into a cap of its own for extensions or trailers of chunks, which it says in words alone.
fn is_cap(error: &io::Error) -> bool {
    let text = error.to_string();
    text.ends_with("over limit") || text.ends_with("count overflow")
}

fn source_io(error: &hyper::Error) -> Option<&io::Error> {
    let mut source = error.source();
    while let Some(inner) = source {
        if let Some(io) = inner.downcast_ref::<io::Error>() {
            return Some(io);
        }
        source = inner.source();
    }
    None
}
