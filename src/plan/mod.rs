//! The plan: the matrix expanded into cells, each with nothing left to choose. Touches no network.
//!
//! [`expand`] is the way in; [`order`] says in which order the repeats of all cells are run, [`estimate`] how many
//! requests and how much time they may take.

mod cell;
mod estimate;
mod key;
mod matrix;
mod order;

pub use cell::{Cell, Plan, Search, SelectError};
pub use estimate::{CellEstimate, PlanDocument, Totals, estimate};
pub use matrix::{Combination, Expansion, expand_axes};
pub use order::{Execution, order};

use crate::foundation::diagnostic::Findings;
use crate::scenario::Scenario;

/// Expands the matrix into cells.
pub fn expand(scenario: &Scenario) -> Result<Plan, Findings> {
    let _ = scenario;
    Err(Vec::new())
}
