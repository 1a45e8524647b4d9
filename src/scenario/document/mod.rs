//! The scenario as written, with places.

pub mod compare;
pub mod dataset;
pub mod interpolate;
pub mod load;
pub mod matrix;
mod places;
pub mod report;
pub mod scenario;
pub mod slo;
pub mod source;
pub mod target;

pub use places::Places;
pub use scenario::Document;
