//! A request: a row with every layer of parameters applied.

use super::{Params, Row};

/// The layers that request parameters come from, the first losing against the later ones (scenario.md, `matrix`).
#[derive(Debug, Clone, Default)]
pub struct Layers {
    /// The target's `params`.
    pub target: Params,
    /// The dataset's `params`: fill what a row lacks.
    pub dataset: Params,
    /// The dataset's `override`: replace what a row has.
    pub dataset_override: Params,
    /// The cell's `params`.
    pub matrix: Params,
    /// `warmup.params`; empty for measured requests.
    pub warmup: Params,
}

/// What is asked of a target: a row and its parameters after all layers, ranges drawn, `null`s removed.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The row.
    pub row: Row,
    /// The parameters.
    pub params: Params,
    /// Cost in the declared unit.
    pub workload: Option<f64>,
}
