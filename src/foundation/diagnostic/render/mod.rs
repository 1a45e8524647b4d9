//! How findings are shown: for people, as JSON, as GitHub annotations, as SARIF.
//!
//! Whatever the format, the same findings are shown at the same places. This room decides
//! neither where the text goes nor what a finding means for the exit code.

mod github;
mod human;
mod json;
mod sarif;

pub use github::github;
pub use human::{Look, human};
pub use json::json;
pub use sarif::sarif;

/// The most errors (and the most warnings) that are shown for one file; the rest is counted.
pub const MOST_SHOWN: usize = 20;
