//! The table at the end of a run.

use super::Colour;
use crate::results::Results;

/// The results as a table no wider than `width` where that is possible.
pub fn summary(results: &Results, width: usize, colour: Colour) -> String {
    let _ = (width, colour);
    results.scenario.name.clone()
}
