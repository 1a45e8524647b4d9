//! The control plane: readiness, metadata. By reqwest, over the same addresses and roots as the load.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use url::Url;

use super::lost::causes;
use super::origin::addresses;
use super::{Options, TransportError, Version, tls};
use crate::foundation::access::{Allowed, Network};

/// Most bytes of an answer.
const BODY_CAP: usize = 16 << 20;

/// An answer.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// The status.
    pub status: u16,
    /// The whole body.
    pub body: Bytes,
}

/// Why nothing could be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The address cannot be used.
    #[error(transparent)]
    Address(#[from] TransportError),
    /// No whole answer came.
    #[error("{url}: {reason}")]
    Failed {
        /// What was asked.
        url: String,
        /// Why.
        reason: String,
    },
}

/// GETs a URL; follows no redirect, uses no proxy. Must run inside a tokio runtime.
///
/// # Errors
/// Where the address is refused, or no whole answer came within `timeout`. An answer of any status is no error.
pub async fn get(
    url: &str,
    headers: &[(HeaderName, HeaderValue)],
    timeout: Duration,
    options: &Options,
    network: &Network,
) -> Result<Fetched, FetchError> {
    let refuse = |reason: &str| TransportError::Url {
        url: url.into(),
        reason: reason.into(),
    };
    let parsed = Url::parse(url).map_err(|error| refuse(&error.to_string()))?;
    let host = parsed
        .host_str()
        .ok_or_else(|| refuse("it names no host"))?
        .to_owned();
    let port = parsed
        .port_or_known_default()
        .ok_or_else(|| refuse("it names no port"))?;
    let checked: Vec<_> = addresses(&host, port, network)?
        .into_iter()
        .map(Allowed::address)
        .collect();
    let failed = |error: reqwest::Error| FetchError::Failed {
        url: url.into(),
        reason: causes(&error),
    };
    let secure = parsed.scheme() == "https";
    let tls = if secure {
        tls::config(options.ca_file.as_deref(), Version::Http11)
    } else {
        tls::none()
    }?;
    let client = builder(&host, &checked, &tls)
        .timeout(timeout)
        .build()
        .map_err(failed)?;
    let mut request = client.get(parsed);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let mut response = request.send().await.map_err(failed)?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if body.len() + chunk.len() > BODY_CAP {
            let reason = format!("the answer passed {BODY_CAP} bytes");
            return Err(FetchError::Failed {
                url: url.into(),
                reason,
            });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Fetched {
        status: response.status().as_u16(),
        body: body.into(),
    })
}

/// A client that goes to these addresses and nowhere else: no redirect, no proxy. HTTP/1.1.
pub(super) fn builder(
    host: &str,
    addresses: &[SocketAddr],
    tls: &rustls::ClientConfig,
) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls.clone())
        .resolve_to_addrs(host, addresses)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .http1_only()
}
