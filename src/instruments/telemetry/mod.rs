//! The machine from outside: CPU, kernel, descriptors, versions.

pub mod process;
