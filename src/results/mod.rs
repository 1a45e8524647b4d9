//! `results.json`: the machine's summary, schema-versioned, every number of metrics.md; and the folder that it is in.
//!
//! [`assemble()`] makes the document of what the rooms before have to say, [`to_json`] and [`read`] are its two ways
//! to and from bytes. Nothing is measured or computed here that is not a relation between finished numbers.

mod again;
mod assemble;
mod calibrated;
mod disturbed;
mod document;
mod ending;
pub mod folder;
mod json;
mod relative;
mod schema;
mod search;
mod self_check;

pub use again::{AgainError, again};
pub use assemble::{Assembly, CellRun, assemble, price_per_hour};
pub use calibrated::{Calibrated, warn_of_errors};
pub use document::*;
pub use ending::Ending;
pub use json::{ResultsError, from_json, read, to_json};
pub use schema::schema;
pub use search::{Capacity, Probe, ProbeVerdict, SearchResult};

#[cfg(test)]
mod tests;
