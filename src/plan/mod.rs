//! The plan: the matrix expanded into cells, each with nothing left to choose. Touches no network.

mod cell;

pub use cell::{Cell, Plan};
