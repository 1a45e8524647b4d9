//! `results.json`: the machine's summary, schema-versioned, every number of metrics.md.

mod document;

pub use document::*;
