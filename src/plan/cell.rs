//! A cell, and the plan that it stands in.

use indexmap::IndexMap;
use serde_json::Value;

use crate::foundation::seed::Seed;
use crate::foundation::units::{Concurrency, Rate};
use crate::kinds::arrival;
use crate::kinds::dataset::Params;
use crate::scenario::{Load, Slo};

/// A point of the matrix.
#[derive(Debug, Clone)]
pub struct Cell {
    /// `target=…,dataset=…,rate=…,concurrency=…`, then the other axes by name; values percent-encoded.
    pub id: String,
    /// Hash of what is sent and when, as declared: names files, keys the journal.
    pub key: String,
    /// The axes of the id, in its order.
    pub axes: IndexMap<String, Value>,
    /// The target's name.
    pub target: String,
    /// The dataset's name, where any is declared.
    pub dataset: Option<String>,
    /// The model, where it is an axis.
    pub model: Option<String>,
    /// The rate offered.
    pub rate: Rate,
    /// The most in flight.
    pub concurrency: Concurrency,
    /// The arrival process.
    pub arrival: arrival::Kind,
    /// The matrix's request parameters.
    pub params: Params,
    /// Load with the cell's axes applied.
    pub load: Load,
    /// Limits and objectives, the target's merged in; only the objectives whose `where` fits.
    pub slo: Slo,
    /// Whether an `include` entry made it.
    pub created_by_include: bool,
    /// The root of its random choices: `load.seed` and the values of all axes but `target`.
    pub seed: Seed,
}

/// The cells, in the order of the matrix.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The scenario's name.
    pub scenario: String,
    /// The cells.
    pub cells: Vec<Cell>,
}
