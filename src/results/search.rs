//! What a search has found, in the shape in which `results.json` publishes it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::document::{CellResult, Results};
pub use crate::plan::Capacity;

/// One search for the highest value of an axis at which the objectives hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SearchResult {
    /// The id of the search in the plan.
    pub id: String,
    /// The axis that is searched, `rate` or `concurrency`.
    pub axis: String,
    /// The other axes with their values, the same for all its probes.
    pub axes: BTreeMap<String, Value>,
    /// The least value, which must pass.
    pub min: f64,
    /// The greatest value that is tried.
    pub max: f64,
    /// The share to which the answer is narrowed.
    pub precision: f64,
    /// The values that were tried, in the order of trying; each is a cell too.
    pub probes: Vec<Probe>,
    /// The answer; null where the least value did not pass, or the run ended before the search.
    pub capacity: Option<Capacity>,
    /// Why there is no answer; null where there is one.
    pub reason: Option<String>,
}

/// One value that was tried.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Probe {
    /// The id of its cell.
    pub cell: String,
    /// The value.
    pub value: f64,
    /// What it has shown.
    pub verdict: ProbeVerdict,
    /// Why it did not pass; null where it did.
    pub reason: Option<String>,
    /// Why it was measured a second time, which is the one that counts: what had voided the first and came and went; null
    /// where it was measured once.
    pub again: Option<String>,
}

/// What a probe has shown. Unlike an objective's verdict, which compares at any n, it must not be by chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProbeVerdict {
    /// Every objective holds.
    Passed,
    /// An objective does not hold.
    Missed,
    /// Its requests were too few to tell; it counts as not passed.
    Inconclusive,
    /// An objective does not hold, but by so little that the generator's own stalls may have done it: it says nothing of
    /// the target's end.
    Doubtful,
    /// The cap on requests in flight held the rate down: it says nothing of the target's end.
    ClientLimited,
    /// The generator set the result, or it was not measured to its end.
    Invalid,
}

impl Results {
    /// Whether a cell is a probe of a search: what it misses fails no run.
    pub fn is_probe(&self, cell: &CellResult) -> bool {
        let mut probes = self.searches.iter().flat_map(|search| &search.probes);
        probes.any(|probe| probe.cell == cell.id)
    }
}
