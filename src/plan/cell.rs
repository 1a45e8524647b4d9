//! A cell, and the plan that it stands in.

use globset::GlobBuilder;
use indexmap::IndexMap;
use serde_json::Value;

use super::search::Search;
use crate::foundation::diagnostic::Findings;
use crate::foundation::secret::Secret;
use crate::foundation::seed::Seed;
use crate::foundation::template::TemplateError;
use crate::foundation::units::{Concurrency, Rate};
use crate::kinds::arrival;
use crate::kinds::dataset::workload::Workload;
use crate::kinds::dataset::{Layers, Params};
use crate::kinds::protocol::Settings;
use crate::scenario::{Load, Scenario, Slo, Target, WorkloadCost};

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
    /// The rate offered; under a search for it, its least.
    pub rate: Rate,
    /// The most in flight; under a search for it, its least.
    pub concurrency: Concurrency,
    /// The arrival process.
    pub arrival: arrival::Kind,
    /// The matrix's request parameters.
    pub params: Params,
    /// What is searched for, where the cell is a search instead of one measurement.
    pub search: Option<Search>,
    /// Load with the cell's axes applied.
    pub load: Load,
    /// Limits and objectives, the target's merged in; only the objectives whose `where` fits.
    pub slo: Slo,
    /// Whether an `include` entry made it.
    pub created_by_include: bool,
    /// The root of its random choices: `load.seed` and the values of all axes but `target`.
    pub seed: Seed,
}

impl Cell {
    /// The layers of its request parameters, for a target and a dataset of the scenario.
    pub fn layers(&self, scenario: &Scenario, target: &Target) -> Layers {
        let dataset = self
            .dataset
            .as_ref()
            .and_then(|name| scenario.datasets.get(name));
        Layers {
            target: target.params.clone(),
            dataset: dataset
                .map(|dataset| dataset.params.clone())
                .unwrap_or_default(),
            dataset_override: dataset
                .map(|dataset| dataset.overrides.clone())
                .unwrap_or_default(),
            matrix: self.params.clone(),
            warmup: self.load.warmup.params.clone(),
        }
    }

    /// What its target's protocol is built from; `secrets` are those that the target's requests name in their bodies.
    pub fn settings(&self, scenario: &Scenario, target: &Target, secrets: Vec<Secret>) -> Settings {
        let dataset = self
            .dataset
            .as_ref()
            .and_then(|name| scenario.datasets.get(name));
        Settings {
            model: self.model.clone().or_else(|| target.model.clone()),
            path: target.path.clone(),
            task: dataset.and_then(|dataset| dataset.task),
            http: target.http_protocol.clone(),
            secrets,
            folders: Some(scenario.folders.clone()),
        }
    }

    /// What computes the cost of its requests, where a workload is declared.
    ///
    /// # Errors
    /// Where its expression cannot be read.
    pub fn workload(&self) -> Result<Option<Workload>, TemplateError> {
        let Some(declared) = &self.load.workload else {
            return Ok(None);
        };
        Ok(Some(match &declared.cost {
            WorkloadCost::Tokens => Workload::Tokens,
            WorkloadCost::Requests => Workload::Requests,
            WorkloadCost::PixelSteps => Workload::PixelSteps,
            WorkloadCost::Comfyui => Workload::Comfyui,
            WorkloadCost::Expression(source) => Workload::expression(source)?,
        }))
    }
}

/// The cells, in the order of the matrix.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The scenario's name.
    pub scenario: String,
    /// The cells.
    pub cells: Vec<Cell>,
    /// Cells that differ only in this axis follow each other where the order is interleaved: `target`, or the axis
    /// that `compare.by` names.
    pub paired_axis: String,
    /// What is worth knowing and makes nothing invalid.
    pub warnings: Findings,
}

/// Why `--cells` selects nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    /// The pattern is none.
    #[error("`{pattern}` is no pattern: {reason}")]
    Pattern {
        /// As given.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No cell's id matches.
    #[error("no cell matches `{pattern}`")]
    Nothing {
        /// As given.
        pattern: String,
        /// The first ids of the plan.
        first: Vec<String>,
    },
}

impl SelectError {
    /// What the user can do.
    pub fn help(&self) -> String {
        match self {
            Self::Pattern { .. } => {
                "use `*` for any text, `?` for one character, `{a,b}` for either: `target=omni,*`"
                    .to_owned()
            }
            Self::Nothing { first, .. } => {
                format!(
                    "patterns are held against whole ids, such as {}",
                    first.join(" or ")
                )
            }
        }
    }
}

impl Plan {
    /// The cells whose id matches a glob, in the same order; running them alone draws what the whole plan would have
    /// drawn for them.
    pub fn select(&self, pattern: &str) -> Result<Self, SelectError> {
        let glob = GlobBuilder::new(pattern)
            .literal_separator(false)
            .build()
            .map_err(|error| SelectError::Pattern {
                pattern: pattern.to_owned(),
                reason: error.kind().to_string(),
            })?;
        let matcher = glob.compile_matcher();
        let cells: Vec<Cell> = self
            .cells
            .iter()
            .filter(|cell| matcher.is_match(&cell.id))
            .cloned()
            .collect();
        if cells.is_empty() {
            let first = self
                .cells
                .iter()
                .take(2)
                .map(|cell| cell.id.clone())
                .collect();
            return Err(SelectError::Nothing {
                pattern: pattern.to_owned(),
                first,
            });
        }
        Ok(Self {
            cells,
            ..self.clone()
        })
    }
}
