//! Credentials by reference. Every printed form of a credential is its reference.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Where a credential is to be read from; never the credential itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SecretRef {
    /// The name of an environment variable that holds the secret.
    Env(#[schemars(regex(pattern = r"^[A-Za-z_][A-Za-z0-9_]*$"), example = &"API_TOKEN")] String),
    /// A file, relative to the scenario, whose trimmed content is the secret.
    File(#[schemars(example = &"token.txt")] PathBuf),
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "{{ env: {name} }}"),
            Self::File(path) => write!(f, "{{ file: {} }}", path.display()),
        }
    }
}

/// A credential that was read. It cannot be serialised, and prints as its reference.
#[derive(Clone)]
pub struct Secret {
    reference: SecretRef,
    value: String,
}

impl Secret {
    /// A secret that was read from where `reference` says.
    pub fn new(reference: SecretRef, value: String) -> Self {
        Self { reference, value }
    }

    /// The credential itself, for the socket and for the redaction sink; nothing else may ask.
    pub fn expose(&self) -> &str {
        &self.value
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.reference, f)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.reference, f)
    }
}
