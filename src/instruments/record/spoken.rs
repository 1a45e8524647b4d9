//! What was spoken over a connection.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which HTTP was spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum HttpSpoken {
    /// HTTP/1.1.
    #[serde(rename = "1.1")]
    Http11,
    /// HTTP/2.
    #[serde(rename = "2")]
    Http2,
}

/// What was spoken over a connection, and what TLS negotiated for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Spoken {
    /// The version of HTTP.
    pub http: HttpSpoken,
    /// The version of TLS, `TLSv1_3`; null without TLS, and by reqwest, which does not tell.
    pub tls: Option<String>,
    /// The protocol that the server chose (ALPN); null where it chose none, and by reqwest.
    pub alpn: Option<String>,
}

impl Spoken {
    /// Over a connection of which no TLS is known.
    pub const fn plain(http: HttpSpoken) -> Self {
        Self {
            http,
            tls: None,
            alpn: None,
        }
    }
}

impl std::fmt::Display for Spoken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.http {
            HttpSpoken::Http11 => "HTTP/1.1",
            HttpSpoken::Http2 => "HTTP/2",
        })?;
        if let Some(tls) = &self.tls {
            write!(f, " over {tls}")?;
        }
        if let Some(alpn) = &self.alpn {
            write!(f, " (ALPN {alpn})")?;
        }
        Ok(())
    }
}
