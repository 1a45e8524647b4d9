//! Where connections go: a base URL, resolved once a cell, every address checked.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use http::{HeaderName, HeaderValue, Uri};
use rustls::pki_types::ServerName;
use url::Url;

use super::memory::Dialer;
use super::{Caps, Client, Options, Version, tls};
use crate::foundation::access::{Allowed, Denied, Network};
use crate::foundation::socket::Stamping;
use crate::instruments::record::Spoken;

/// Why a target cannot be spoken to at all.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The base URL cannot be used.
    #[error("`{url}` is no base URL: {reason}")]
    Url {
        /// As it was given.
        url: String,
        /// Why.
        reason: String,
    },
    /// The name did not resolve.
    #[error("cannot resolve {host}: {reason}")]
    Resolve {
        /// The name.
        host: String,
        /// Why.
        reason: String,
    },
    /// None of the name's addresses may be touched.
    #[error("{0}")]
    Denied(#[from] Denied),
    /// A certificate file cannot be used.
    #[error("cannot trust the certificates in {}: {reason}", path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// TLS cannot be set up.
    #[error("cannot set up TLS: {reason}")]
    Tls {
        /// Why.
        reason: String,
    },
    /// A version that the client does not speak.
    #[error("reqwest speaks HTTP/1.1 here, and HTTP/2 is asked for")]
    Version,
}

impl TransportError {
    /// What the user can do.
    pub fn help(&self) -> String {
        match self {
            Self::Url { .. } => "write it as http://host:port or https://host".into(),
            Self::Resolve { host, .. } => format!("check the name {host} and this machine's DNS"),
            Self::Denied(denied) => denied.help(),
            Self::Certificates { .. } => "name a file with certificates in PEM form".into(),
            Self::Tls { .. } => "use an http:// address, or report this".into(),
            Self::Version => "leave `client` out, or use `version: 1.1`".into(),
        }
    }
}

/// One place that a target answers at.
#[derive(Debug)]
pub struct Origin {
    /// `http://host:port`.
    name: String,
    /// The host alone.
    pub(super) host_name: String,
    /// The value of Host.
    host: HeaderValue,
    /// The path of the base URL, without a slash at its end.
    prefix: String,
    /// Sent with every request to this origin.
    headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) options: Options,
    pub(super) secure: Option<Secure>,
    pub(super) reach: Reach,
    /// What was spoken over its connections, each way once.
    spoken: Mutex<Vec<Spoken>>,
}

#[derive(Debug)]
pub(super) struct Secure {
    pub(super) config: Arc<rustls::ClientConfig>,
    pub(super) server_name: ServerName<'static>,
}

#[derive(Debug)]
pub(super) enum Reach {
    Addresses {
        /// In the order of the resolver.
        all: Vec<Allowed>,
        /// The first that connected; it holds for the cell.
        held: OnceLock<Allowed>,
        /// Held for as long as connections to them come and go.
        _stamping: Stamping,
    },
    #[cfg_attr(not(test), expect(dead_code, reason = "for tests"))]
    Memory(Dialer),
}

impl Origin {
    /// Resolves a base URL; blocks while the system's resolver answers.
    ///
    /// `headers` go with every request to this origin, credentials among them (marked sensitive by whoever makes them).
    ///
    /// # Errors
    /// Where the URL cannot be used, its name does not resolve, or none of its addresses is allowed.
    pub fn resolve(
        base_url: &str,
        headers: Vec<(HeaderName, HeaderValue)>,
        options: &Options,
        network: &Network,
    ) -> Result<Self, TransportError> {
        if options.version == Version::Http2 && options.client == Client::Reqwest {
            return Err(TransportError::Version);
        }
        let refuse = |reason: &str| TransportError::Url {
            url: base_url.into(),
            reason: reason.into(),
        };
        let url = Url::parse(base_url).map_err(|error| refuse(&error.to_string()))?;
        let host = url.host_str().ok_or_else(|| refuse("it names no host"))?;
        let port = url
            .port_or_known_default()
            .ok_or_else(|| refuse("it names no port"))?;
        let secure = match url.scheme() {
            "http" => None,
            "https" => Some(Secure {
                config: tls::config(options.ca_file.as_deref(), options.offered())?,
                server_name: server_name(&url).ok_or_else(|| refuse("TLS cannot name its host"))?,
            }),
            _ => return Err(refuse("it is neither http nor https")),
        };
        let all = addresses(host, port, network)?;
        let authority = url
            .port()
            .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        Ok(Self {
            name: format!("{}://{host}:{port}", url.scheme()),
            host_name: host.to_owned(),
            host: HeaderValue::from_str(&authority).map_err(|_| refuse("its host is no header"))?,
            prefix: url.path().trim_end_matches('/').to_owned(),
            headers,
            options: options.clone(),
            secure,
            reach: Reach::Addresses {
                all,
                held: OnceLock::new(),
                _stamping: Stamping::keep(),
            },
            spoken: Mutex::default(),
        })
    }

    /// An origin within this process.
    #[cfg(test)]
    pub fn in_memory(dialer: Dialer, options: &Options) -> Self {
        Self {
            name: "memory".into(),
            host_name: "memory".into(),
            host: HeaderValue::from_static("memory"),
            prefix: String::new(),
            headers: Vec::new(),
            options: options.clone(),
            secure: None,
            reach: Reach::Memory(dialer),
            spoken: Mutex::default(),
        }
    }

    /// `http://host:port`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The addresses that its name resolved to, in the order in which they are tried.
    pub fn addresses(&self) -> Vec<String> {
        match &self.reach {
            Reach::Addresses { all, .. } => {
                all.iter().map(|one| one.address().to_string()).collect()
            }
            Reach::Memory(_) => Vec::new(),
        }
    }

    /// What was spoken over its connections so far, each way once.
    pub fn spoken(&self) -> Vec<Spoken> {
        self.spoken
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Takes note of what is spoken over a new connection.
    pub(super) fn note(&self, spoken: Spoken) {
        let mut known = self.spoken.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.contains(&spoken) {
            known.push(spoken);
        }
    }

    /// Where new connections go: all addresses in their order, or the one that holds.
    pub(super) fn candidates(&self) -> Vec<SocketAddr> {
        match &self.reach {
            Reach::Addresses { all, held, .. } => match held.get() {
                Some(held) => vec![held.address()],
                None => all.iter().copied().map(Allowed::address).collect(),
            },
            Reach::Memory(_) => Vec::new(),
        }
    }

    /// A connection to that address was made: it holds for the cell.
    pub(super) fn hold(&self, address: SocketAddr) {
        if let Reach::Addresses { all, held, .. } = &self.reach
            && let Some(one) = all.iter().find(|one| one.address() == address)
        {
            // Another slot may have been first; then its address holds for those that follow.
            let _ = held.set(*one);
        }
    }

    /// What may at most come from it.
    pub const fn caps(&self) -> Caps {
        self.options.caps
    }

    /// Whether a connection serves one exchange only.
    pub const fn per_request(&self) -> bool {
        self.options.per_request
    }

    /// The request target for a path (and query) below the base URL; `/v1` is not doubled.
    ///
    /// `None` where it is no legal path.
    pub fn target(&self, path: &str) -> Option<Uri> {
        let path = if self.prefix.ends_with("/v1") && (path == "/v1" || path.starts_with("/v1/")) {
            &path[3..]
        } else {
            path
        };
        let slash = if path.starts_with('/') || path.is_empty() {
            ""
        } else {
            "/"
        };
        let whole = format!("{}{slash}{path}", self.prefix);
        if whole.is_empty() {
            Some(Uri::from_static("/"))
        } else {
            whole.parse().ok()
        }
    }

    /// The head of a request to this origin, its own headers winning over `extra`.
    pub(super) fn dress(&self, extra: &[(HeaderName, HeaderValue)], headers: &mut http::HeaderMap) {
        headers.insert(http::header::HOST, self.host.clone());
        for (name, value) in extra {
            headers.append(name, value.clone());
        }
        for (name, _) in &self.headers {
            headers.remove(name);
        }
        for (name, value) in &self.headers {
            headers.append(name, value.clone());
        }
        if !headers.contains_key(http::header::USER_AGENT) {
            headers.insert(
                http::header::USER_AGENT,
                HeaderValue::from_static(concat!("plimsoll/", env!("CARGO_PKG_VERSION"))),
            );
        }
        if self.options.per_request {
            headers.insert(http::header::CONNECTION, HeaderValue::from_static("close"));
        }
    }
}

fn server_name(url: &Url) -> Option<ServerName<'static>> {
    let bare = url
        .host_str()?
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned();
    ServerName::try_from(bare).ok()
}

/// The allowed addresses of a host, in the resolver's order; refused only where none is left.
pub(super) fn addresses(
    host: &str,
    port: u16,
    network: &Network,
) -> Result<Vec<Allowed>, TransportError> {
    let unresolved = |reason: String| TransportError::Resolve {
        host: host.into(),
        reason,
    };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let resolved = (bare, port)
        .to_socket_addrs()
        .map_err(|error| unresolved(error.to_string()))?;
    let mut allowed = Vec::new();
    let mut denied = None;
    for address in resolved {
        match network.allow(host, address) {
            Ok(one) if !allowed.contains(&one) => allowed.push(one),
            Ok(_) => {}
            Err(refusal) => denied = denied.or(Some(refusal)),
        }
    }
    match (allowed.is_empty(), denied) {
        (false, _) => Ok(allowed),
        (true, Some(denied)) => Err(denied.into()),
        (true, None) => Err(unresolved("it has no address".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(base: &str) -> Origin {
        Origin::resolve(base, Vec::new(), &Options::default(), &Network::default()).unwrap()
    }

    #[test]
    fn a_base_url_may_end_in_a_slash_or_in_v1() {
        for base in [
            "http://127.0.0.1:8000",
            "http://127.0.0.1:8000/",
            "http://127.0.0.1:8000/v1/",
        ] {
            let target = origin(base).target("/v1/chat/completions").unwrap();
            assert_eq!(target, "/v1/chat/completions", "{base}");
        }
        assert_eq!(
            origin("http://127.0.0.1:8000/api")
                .target("/v1/x?y=1")
                .unwrap(),
            "/api/v1/x?y=1"
        );
        assert_eq!(origin("http://127.0.0.1:8000").target("").unwrap(), "/");
    }

    #[test]
    fn what_is_no_http_address_is_refused_with_its_reason() {
        for base in ["ftp://127.0.0.1/", "127.0.0.1:80", "http://", "unix:/x"] {
            let refused =
                Origin::resolve(base, Vec::new(), &Options::default(), &Network::default());
            assert!(matches!(refused, Err(TransportError::Url { .. })), "{base}");
        }
    }

    #[test]
    fn a_metadata_address_is_refused_before_anything_connects() {
        let refused = Origin::resolve(
            "http://169.254.169.254",
            Vec::new(),
            &Options::default(),
            &Network::default(),
        );
        assert!(matches!(refused, Err(TransportError::Denied(_))));
    }

    #[test]
    fn the_targets_own_headers_win_over_the_protocols() {
        let own = vec![(
            http::header::CONTENT_TYPE,
            HeaderValue::from_static("text/plain"),
        )];
        let origin = Origin::resolve(
            "http://127.0.0.1:1",
            own,
            &Options::default(),
            &Network::default(),
        )
        .unwrap();
        let mut headers = http::HeaderMap::new();
        let json = HeaderValue::from_static("application/json");
        origin.dress(&[(http::header::CONTENT_TYPE, json)], &mut headers);
        let types: Vec<_> = headers.get_all(http::header::CONTENT_TYPE).iter().collect();
        assert_eq!(types, ["text/plain"]);
    }
}
