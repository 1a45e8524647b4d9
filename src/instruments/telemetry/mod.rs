//! The machine from outside: CPU, kernel, descriptors, versions; and what it was shown to be able to do.

pub mod calibration;
mod host;
mod machine;
pub mod process;
mod quota;

pub use host::{Host, git_commit, host};
pub use machine::{Ticks, swapped_in};
pub use quota::Groups;
