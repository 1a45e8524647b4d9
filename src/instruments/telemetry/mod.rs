//! The machine from outside: CPU, kernel, descriptors, versions.

pub mod process;
mod host;

pub use host::{git_commit, host};
