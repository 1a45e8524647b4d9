//! What the tests of every version of HTTP share.

pub mod bench;
