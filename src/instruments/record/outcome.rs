//! How an attempt ended.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// `ok`, or one class of failure (metrics.md, "Outcome of a request").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Outcome {
    /// The answer counts.
    Ok,
    /// No connection could be made.
    Connect,
    /// The TLS handshake failed.
    Tls,
    /// Connecting took too long.
    TimeoutConnect,
    /// No final head of an answer began in time.
    TimeoutFirstByte,
    /// The answer fell silent for too long.
    TimeoutIdle,
    /// The whole attempt took too long.
    TimeoutTotal,
    /// The connection was reset, or closed before the answer's first byte.
    Reset,
    /// The target refused load: 429, or 503 with Retry-After.
    Rejected,
    /// Any other status that is not good.
    Http(u16),
    /// Malformed HTTP, SSE or JSON.
    Protocol,
    /// A good status whose content fails the protocol's check.
    Invalid,
    /// A head, body, event or expansion beyond its cap.
    TooLarge,
    /// Due, but not sent before the run ended.
    Unsent,
}

impl Outcome {
    /// Whether the request succeeded.
    pub const fn is_ok(self) -> bool {
        matches!(self, Self::Ok)
    }

    /// The name in `requests.parquet` and in the results: `ok`, `reset`, `http_500`.
    pub fn name(self) -> Cow<'static, str> {
        if let Self::Http(status) = self {
            return format!("http_{status}").into();
        }
        let known = NAMES.iter().find(|(_, outcome)| *outcome == self);
        known.map_or("", |(name, _)| *name).into()
    }

    /// The outcome of an answer by its status alone: `None` for a good one (any 2xx).
    ///
    /// `retry_after` is whether the head carried Retry-After.
    pub const fn of_status(status: u16, retry_after: bool) -> Option<Self> {
        match status {
            200..=299 => None,
            429 => Some(Self::Rejected),
            503 if retry_after => Some(Self::Rejected),
            _ => Some(Self::Http(status)),
        }
    }
}

/// The classes that have a fixed name, in the order of metrics.md.
const NAMES: [(&str, Outcome); 13] = [
    ("ok", Outcome::Ok),
    ("connect", Outcome::Connect),
    ("tls", Outcome::Tls),
    ("timeout_connect", Outcome::TimeoutConnect),
    ("timeout_first_byte", Outcome::TimeoutFirstByte),
    ("timeout_idle", Outcome::TimeoutIdle),
    ("timeout_total", Outcome::TimeoutTotal),
    ("reset", Outcome::Reset),
    ("rejected", Outcome::Rejected),
    ("protocol", Outcome::Protocol),
    ("invalid", Outcome::Invalid),
    ("too_large", Outcome::TooLarge),
    ("unsent", Outcome::Unsent),
];

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

/// A text that names no outcome.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no outcome")]
pub struct UnknownOutcome(String);

impl FromStr for Outcome {
    type Err = UnknownOutcome;

    fn from_str(text: &str) -> Result<Self, UnknownOutcome> {
        if let Some((_, outcome)) = NAMES.iter().find(|(name, _)| *name == text) {
            return Ok(*outcome);
        }
        text.strip_prefix("http_")
            .and_then(|status| status.parse().ok())
            .map(Self::Http)
            .ok_or_else(|| UnknownOutcome(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_reads_back_from_its_name() {
        for outcome in NAMES
            .iter()
            .map(|(_, outcome)| *outcome)
            .chain([Outcome::Http(500)])
        {
            assert_eq!(outcome.to_string().parse(), Ok(outcome));
        }
        assert!("http_".parse::<Outcome>().is_err());
    }

    #[test]
    fn a_target_that_refuses_load_is_told_from_one_that_fails() {
        assert_eq!(Outcome::of_status(429, false), Some(Outcome::Rejected));
        assert_eq!(Outcome::of_status(503, true), Some(Outcome::Rejected));
        assert_eq!(Outcome::of_status(503, false), Some(Outcome::Http(503)));
        assert_eq!(Outcome::of_status(204, false), None);
    }
}
