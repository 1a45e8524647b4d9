//! The machine from outside: CPU, kernel, descriptors, versions.

mod host;
pub mod process;

pub use host::{git_commit, host};
