//! What `validate`, `plan` and `run` begin with: a file read and expanded.

use std::path::Path;

use super::output;
use super::surroundings::Surroundings;
use crate::foundation::diagnostic::{Findings, Place};
use crate::plan::{self, Plan};
use crate::results::Ending;
use crate::scenario::{self, Loaded, ReadOptions, Rejected};

/// A scenario and its cells.
pub struct Planned {
    /// The scenario.
    pub loaded: Loaded,
    /// Its cells.
    pub plan: Plan,
}

/// How a scenario is to be read.
pub fn options(set: &[String], check_env: bool, surroundings: &Surroundings) -> ReadOptions {
    ReadOptions { set: set.to_vec(), environment: surroundings.environment.clone(), check_env, untrusted: false }
}

/// Reads a scenario and expands its matrix; every finding has its place.
pub fn plan(file: &Path, options: &ReadOptions) -> Result<Planned, Findings> {
    let mut loaded = scenario::read(file, options).map_err(everything)?;
    match plan::expand(&loaded.scenario) {
        Ok(mut plan) => {
            let warnings = loaded.attach(std::mem::take(&mut plan.warnings));
            loaded.warnings.extend(warnings);
            Ok(Planned { loaded, plan })
        }
        Err(findings) => Err(loaded.attach(findings)),
    }
}

/// What is wrong with a file, and with the cells that the rest of it has: all in one pass.
fn everything(rejected: Rejected) -> Findings {
    let Some(partial) = rejected.partial else { return rejected.findings };
    let mut findings = rejected.findings;
    findings.extend(partial.attach(plan::expand(&partial.scenario).err().unwrap_or_default()));
    findings.sort_by_key(|finding| finding.place.as_ref().map(Place::line_column));
    findings
}

/// Leaves only the cells that `--cells` selects.
pub fn select(plan: &mut Plan, glob: Option<&str>) -> Result<(), Ending> {
    let Some(glob) = glob else { return Ok(()) };
    match plan.select(glob) {
        Ok(selected) => {
            *plan = selected;
            Ok(())
        }
        Err(error) => {
            output::error(&error.to_string(), Some(&error.help()));
            Err(Ending::Usage)
        }
    }
}
