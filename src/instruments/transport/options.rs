//! How a target is spoken to.

use std::path::PathBuf;

use http::HeaderMap;

use super::Lost;
use crate::instruments::record::Outcome;

/// Which HTTP is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Version {
    /// HTTP/1.1, or what TLS negotiates of 2 and 1.1.
    #[default]
    Auto,
    /// HTTP/1.1.
    Http11,
    /// HTTP/2: negotiated over TLS, without asking where there is none.
    Http2,
}

/// What speaks HTTP/1.1 over a connection; HTTP/2 is h2's, whichever it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Client {
    /// Our own codec.
    #[default]
    Native,
    /// hyper's connections, driven directly.
    Hyper,
    /// reqwest, which speaks HTTP/1.1 alone and hides its connections.
    Reqwest,
}

/// What may at most come over a connection; what goes beyond is `too_large`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    /// Bytes of an answer's head.
    pub head_bytes: usize,
    /// Bytes of an answer's body.
    pub body_bytes: u64,
}

impl Caps {
    /// Refuses a head that came as fields, each of so many bytes beside its name and value.
    pub(super) fn allow_head(
        &self,
        headers: &HeaderMap,
        field_overhead: usize,
    ) -> Result<(), Lost> {
        let size: usize = headers
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len() + field_overhead)
            .sum();
        if size <= self.head_bytes {
            return Ok(());
        }
        let text = format!("the answer's head passed {} bytes", self.head_bytes);
        Err(Lost::new(Outcome::TooLarge, text))
    }
}

impl Options {
    /// Which HTTP is offered: a client that speaks 1.1 alone negotiates nothing else.
    pub(super) const fn offered(&self) -> Version {
        match self.client {
            Client::Reqwest => Version::Http11,
            Client::Native | Client::Hyper => self.version,
        }
    }
}

impl Default for Caps {
    fn default() -> Self {
        Self {
            head_bytes: 64 << 10,
            body_bytes: 64 << 20,
        }
    }
}

/// HTTP options of a target.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Options {
    /// Which HTTP.
    pub version: Version,
    /// What speaks it.
    pub client: Client,
    /// A new connection for every exchange, instead of one kept alive.
    pub per_request: bool,
    /// Certificates (PEM) to trust beside the system's.
    pub ca_file: Option<PathBuf>,
    /// What may at most come.
    pub caps: Caps,
}
