//! The machine from outside: CPU, kernel, descriptors, versions; and what it was shown to be able to do.

pub mod calibration;
mod host;
pub mod process;

pub use host::{Host, git_commit, host};
