//! Plan, metrics and what the run saw, put together into `results.json`'s value. Pure: no clock, no file.

use super::document::{
    CellResult, DatasetReference, Environment, RepeatResult, Results, SampleReference, SelfCheck, Validity, Warning,
};
use crate::kinds::metric::CellMetrics;
use crate::plan::Plan;
use crate::scenario::Scenario;

/// What a run has to say.
pub struct Assembly<'a> {
    /// What was asked.
    pub scenario: &'a Scenario,
    /// The cells, in order.
    pub plan: &'a Plan,
    /// Each cell's numbers, in the plan's order.
    pub metrics: Vec<CellMetrics>,
    /// What the run saw of each cell, in the plan's order.
    pub runs: Vec<CellRun>,
    /// Machine facts.
    pub environment: Environment,
    /// Datasets as read.
    pub datasets: Vec<DatasetReference>,
    /// Whether some cell was not executed.
    pub incomplete: bool,
}

/// What the run saw of a cell beside its attempts.
#[derive(Debug, Clone, Default)]
pub struct CellRun {
    /// Whether the generator was fit: [`crate::kinds::verdict::validity::judge`].
    pub validity: Validity,
    /// What the generator saw of itself.
    pub self_check: SelfCheck,
    /// The estimate's base in milliseconds, measured or given.
    pub base_ms: Option<f64>,
    /// Each repeat's place in the order of the whole run, from 0.
    pub positions: Vec<u32>,
    /// Kept texts, pictures and videos.
    pub samples: Vec<SampleReference>,
    /// What a reader must know beyond what the rows tell.
    pub warnings: Vec<Warning>,
}
