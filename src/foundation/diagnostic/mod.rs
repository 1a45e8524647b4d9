//! Findings: problems in a file, each with its place, reason and fix.
//!
//! Whoever finds a problem makes a [`Finding`] that names the JSON pointer; only the `scenario` room knows where in
//! which file that pointer was written ([`Place`]), and only [`render`] knows how a finding is shown.

mod finding;
pub mod render;

pub use finding::{Code, Finding, Findings, Label, Place, Severity, SourceFile};
