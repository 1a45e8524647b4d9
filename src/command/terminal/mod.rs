//! What a person at a terminal sees of a run: colour, progress, the summary at the end.
//!
//! Figures come in as plain values ([`Snapshot`], [`CellDone`]); nothing here knows how a run works or reads a clock.

pub mod colour;
pub mod progress;
pub mod summary;

pub use colour::{Colour, ColourChoice};
pub use progress::{CellDone, Progress, Snapshot};
pub use summary::summary;
