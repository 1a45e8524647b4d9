//! TLS by rustls: the system's roots and what a scenario adds. One stack for load and control plane.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use super::{TransportError, Version};

/// The names of what is offered to a server, the best first (ALPN, RFC 7301).
pub(super) const HTTP_2: &[u8] = b"h2";
const HTTP_1_1: &[u8] = b"http/1.1";

/// A client's configuration for where no TLS is spoken: it trusts nobody, and reads no certificate.
pub(super) fn none() -> Result<Arc<ClientConfig>, TransportError> {
    build(RootCertStore::empty(), Version::Http11)
}

/// A client's configuration that trusts the system's roots and those of `ca_file`, and offers what `version` says.
pub(super) fn config(
    ca_file: Option<&Path>,
    version: Version,
) -> Result<Arc<ClientConfig>, TransportError> {
    let mut roots = RootCertStore::empty();
    // A system may hold some certificates that rustls cannot read; the others count.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = ca_file {
        let unreadable = |reason: String| TransportError::Certificates {
            path: path.to_owned(),
            reason,
        };
        let certificates = CertificateDer::pem_file_iter(path)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| unreadable(error.to_string()))?;
        if certificates.is_empty() {
            return Err(unreadable("it holds no certificate in PEM form".into()));
        }
        for certificate in certificates {
            roots
                .add(certificate)
                .map_err(|error| unreadable(error.to_string()))?;
        }
    }
    build(roots, version)
}

fn build(roots: RootCertStore, version: Version) -> Result<Arc<ClientConfig>, TransportError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| TransportError::Tls {
            reason: error.to_string(),
        })?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let offered: &[&[u8]] = match version {
        Version::Auto => &[HTTP_2, HTTP_1_1],
        Version::Http11 => &[HTTP_1_1],
        Version::Http2 => &[HTTP_2],
    };
    config.alpn_protocols = offered.iter().map(|name| name.to_vec()).collect();
    Ok(Arc::new(config))
}
