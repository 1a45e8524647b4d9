//! The scenario: YAML read with places, interpolated, extended, checked, and resolved into values that are all legal.
//!
//! Three families, one conversion each: `document` (as written) → the types below (defaults filled, references found)
//! → `plan::Cell` (nothing left to choose). Nothing here touches a network.

mod domain;
pub mod document;

pub use domain::*;
