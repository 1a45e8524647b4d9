//! The scenario as written, with places.

pub mod interpolate;
mod places;
pub mod source;

pub use places::Places;
