//! The scenario as written, with places.

pub mod compare;
mod extends;
pub mod interpolate;
mod limits;
pub mod load;
pub mod mask;
pub mod matrix;
mod node;
mod places;
pub mod report;
mod scalar;
pub mod scenario;
mod set;
pub mod slo;
pub mod source;
pub mod target;
mod yaml;

pub use node::steps;
pub use scenario::Document;
