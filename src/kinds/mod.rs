//! What a scenario can name. Each kind owns, in one file, its name, its options as written in YAML, its behaviour and
//! its unit tests; each room's `mod.rs` has one line a kind.

pub mod arrival;
pub mod dataset;
pub mod metric;
pub mod protocol;
pub mod verdict;
