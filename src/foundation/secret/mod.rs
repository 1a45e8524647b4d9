//! Credentials by reference. Every printed form of a credential is its reference.

mod redact;

pub use redact::Redactor;

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

    /// Where it was read from: what stands in its place in every output.
    pub fn reference(&self) -> &SecretRef {
        &self.reference
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

/// Why a credential could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The variable is not set.
    #[error("the secret {{ env: {name} }} is not set")]
    Unset {
        /// The variable.
        name: String,
    },
    /// The file cannot be read.
    #[error("the secret {{ file: {} }} cannot be read: {reason}", path.display())]
    Unreadable {
        /// The file as the scenario names it.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// There is nothing in it.
    #[error("the secret {reference} is empty")]
    Empty {
        /// The reference.
        reference: SecretRef,
    },
}

impl SecretRef {
    /// Reads the credential. `variable` looks up an environment variable, `file` reads a path of the scenario; both are
    /// given, so that nothing here touches the process or the disk by itself.
    pub fn read(
        &self,
        variable: impl FnOnce(&str) -> Option<String>,
        file: impl FnOnce(&std::path::Path) -> Result<String, String>,
    ) -> Result<Secret, SecretError> {
        let value = match self {
            Self::Env(name) => {
                variable(name).ok_or_else(|| SecretError::Unset { name: name.clone() })?
            }
            Self::File(path) => file(path)
                .map_err(|reason| SecretError::Unreadable {
                    path: path.clone(),
                    reason,
                })?
                .trim()
                .to_owned(),
        };
        if value.is_empty() {
            return Err(SecretError::Empty {
                reference: self.clone(),
            });
        }
        Ok(Secret::new(self.clone(), value))
    }
}
