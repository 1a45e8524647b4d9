//! `${env:NAME}` in string leaves, filled in after parsing, so that a value can never change the structure.

use std::collections::BTreeMap;

use serde_json::Value;

/// A string leaf that held at least one reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The leaf as written: `${env:HOST:-localhost}:8080`.
    pub written: String,
    /// The variables that it names.
    pub names: Vec<String>,
    /// Those of them that are not set and have no default; the leaf then stands as written.
    pub unset: Vec<String>,
}

/// The leaves that came wholly or partly from references, by JSON pointer.
pub type References = BTreeMap<String, Reference>;

/// What a text from a reference would be as a plain YAML scalar: a number, a boolean or null; `None` for other text.
///
/// For fields whose schema wants no string: `requests: ${env:N}` with `N=100`.
pub fn coerced(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok().filter(|value: &Value| value.is_number() || value.is_boolean() || value.is_null())
}
