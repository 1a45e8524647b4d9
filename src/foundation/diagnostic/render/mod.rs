//! How findings are shown: for people, as JSON, as GitHub annotations, as SARIF.
//!
//! Whatever the format, the same findings are shown at the same places: [`shown`] decides which. This room decides
//! neither where the text goes nor what a finding means for the exit code.

mod github;
mod human;
mod json;
mod sarif;
mod shown;

pub use github::github;
pub use human::{Look, human};
pub use json::json;
pub use sarif::sarif;

#[cfg(test)]
mod tests;
