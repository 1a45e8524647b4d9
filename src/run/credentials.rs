//! A target's credentials: read once, turned into headers, and told to the redaction sink.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use http::{HeaderName, HeaderValue};

use super::RunError;
use crate::foundation::files;
use crate::foundation::secret::{Secret, SecretRef};
use crate::kinds::dataset::Folders;
use crate::kinds::protocol;
use crate::scenario::{Auth, Target};

/// Headers of every request to a target's own origin, and the secrets among them.
#[derive(Default)]
pub struct Credentials {
    /// The headers; those that hold a secret are marked sensitive.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// What must appear in no output.
    pub secrets: Vec<Secret>,
}

/// Where secrets are read from.
pub struct Vault<'a> {
    /// The environment.
    pub environment: &'a BTreeMap<String, String>,
    /// Where files may be.
    pub folders: &'a Folders,
}

impl Vault<'_> {
    /// Reads a secret.
    pub fn read(&self, reference: &SecretRef) -> Result<Secret, RunError> {
        reference
            .read(
                |name| self.environment.get(name).cloned(),
                |path| self.file(path),
            )
            .map_err(RunError::Secret)
    }

    fn file(&self, path: &Path) -> Result<String, String> {
        let inside = files::inside(&self.folders.root, &self.folders.scenario.join(path))
            .map_err(|error| error.to_string())?;
        std::fs::read_to_string(inside).map_err(|error| error.to_string())
    }
}

/// Reads the credentials that a target's own requests name in their bodies.
pub fn in_bodies(target: &Target, vault: &Vault<'_>) -> Result<Vec<Secret>, RunError> {
    let references = target
        .http_protocol
        .iter()
        .flat_map(protocol::http::Options::secrets);
    references.map(|reference| vault.read(&reference)).collect()
}

/// Reads a target's credentials and plain headers.
pub fn of(target: &Target, vault: &Vault<'_>) -> Result<Credentials, RunError> {
    let mut credentials = Credentials::default();
    for (name, value) in &target.headers {
        let header = HeaderName::try_from(name.as_str())
            .ok()
            .zip(HeaderValue::from_str(value).ok());
        credentials
            .headers
            .push(header.ok_or_else(|| RunError::Header {
                target: target.name.clone(),
                name: name.clone(),
            })?);
    }
    credentials.secrets = in_bodies(target, vault)?;
    if let (Some(pair), None) = (&target.user_info, &target.auth) {
        // As curl does: what a URL says of a user goes as Basic.
        let encoded = base64::engine::general_purpose::STANDARD.encode(pair.expose());
        let header = sensitive(&target.name, "authorization", &format!("Basic {encoded}"))?;
        credentials.headers.push(header);
        let password = pair
            .expose()
            .split_once(':')
            .map_or("", |(_, password)| password);
        let parts = [pair.expose(), password, &encoded].map(str::to_owned);
        let known = parts.into_iter().filter(|part| !part.is_empty());
        credentials
            .secrets
            .extend(known.map(|part| Secret::new(pair.reference().clone(), part)));
    }
    let Some(auth) = &target.auth else {
        return Ok(credentials);
    };
    let (name, value, secrets) = match auth {
        Auth::Bearer(reference) => {
            let secret = vault.read(reference)?;
            (
                "authorization",
                format!("Bearer {}", secret.expose()),
                vec![secret],
            )
        }
        Auth::Basic { user, password } => {
            let secret = vault.read(password)?;
            let pair = format!("{user}:{}", secret.expose());
            let encoded = base64::engine::general_purpose::STANDARD.encode(pair);
            // The encoded pair is as good as the password.
            let derived = Secret::new(password.clone(), encoded.clone());
            (
                "authorization",
                format!("Basic {encoded}"),
                vec![secret, derived],
            )
        }
        Auth::Header { name, value } => {
            let secret = vault.read(value)?;
            (name.as_str(), secret.expose().to_owned(), vec![secret])
        }
    };
    credentials
        .headers
        .push(sensitive(&target.name, name, &value)?);
    credentials.secrets.extend(secrets);
    Ok(credentials)
}

/// A header whose value is a secret.
fn sensitive(target: &str, name: &str, value: &str) -> Result<(HeaderName, HeaderValue), RunError> {
    let refuse = || RunError::Header {
        target: target.to_owned(),
        name: name.to_owned(),
    };
    let header = HeaderName::try_from(name).map_err(|_| refuse())?;
    let mut value = HeaderValue::from_str(value).map_err(|_| refuse())?;
    value.set_sensitive(true);
    Ok((header, value))
}
