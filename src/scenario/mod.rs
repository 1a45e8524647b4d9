//! The scenario: YAML read with places, interpolated, extended, checked, and resolved into values that are all legal.
//!
//! Three families, one conversion each: `document` (as written) → the types of `domain` (defaults filled, references
//! found) → `plan::Cell` (nothing left to choose). Nothing here touches a network.

mod check;
pub mod document;
mod domain;
mod effective;
mod paths;
mod profile;
mod pruned;
mod read;
mod resolve;
mod rules;
mod schema;
mod suggest;

pub use domain::*;
pub use effective::yaml as effective_yaml;
pub use profile::read_profile;
pub use read::{Loaded, ReadOptions, Rejected, read};
pub use resolve::canonical;
pub use schema::schema;
