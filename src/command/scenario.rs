//! What `validate`, `plan` and `run` begin with: a file read and expanded.

use std::path::Path;

use super::output;
use super::surroundings::Surroundings;
use crate::foundation::diagnostic::{Findings, Place};
use crate::plan::{self, Plan};
use crate::report::UserTemplate;
use crate::results::{Ending, Selection};
use crate::scenario::{self, Loaded, ReadOptions, Rejected};

/// A scenario and its cells.
pub struct Planned {
    /// The scenario.
    pub loaded: Loaded,
    /// Its cells, or those that were selected.
    pub plan: Plan,
    /// Which cells were selected, where not all.
    pub selection: Option<Selection>,
    /// The user's template, read and tried; none before that.
    pub template: Option<UserTemplate>,
}

impl Planned {
    /// Leaves only the cells that `--cells` selects.
    pub fn select(&mut self, glob: Option<&str>) -> Result<(), Ending> {
        let Some(glob) = glob else { return Ok(()) };
        let of = self.plan.cells.len() as u64;
        self.plan = self.plan.select(glob).map_err(|error| {
            output::error(&error.to_string(), Some(&error.help()));
            Ending::Usage
        })?;
        let selected = self.plan.cells.len() as u64;
        self.selection = (selected < of).then(|| Selection { cells: glob.to_owned(), selected, of });
        Ok(())
    }
}

/// A file that has no cells.
pub struct Refused {
    /// What is wrong, each at its place.
    pub findings: Findings,
    /// Variables that are not set, where nothing else is wrong: the cells hang on them.
    pub unset: Vec<String>,
}

/// Parts of a scenario that cells hang on.
const CELLS: [&str; 3] = ["/matrix", "/load", "/datasets"];

/// How a scenario is to be read.
pub fn options(set: &[String], check_env: bool, surroundings: &Surroundings) -> ReadOptions {
    ReadOptions {
        set: set.to_vec(),
        environment: surroundings.environment.clone(),
        check_env,
        untrusted: false,
    }
}

/// Reads a scenario and expands its matrix; every finding has its place.
pub fn plan(file: &Path, options: &ReadOptions) -> Result<Planned, Refused> {
    let mut loaded = scenario::read(file, options).map_err(everything)?;
    match plan::expand(&loaded.scenario) {
        Ok(mut plan) => {
            // A value of an axis that is not known is a cell that would not be shown.
            let unset = loaded.unset(&CELLS[..1]);
            if !unset.is_empty() {
                return Err(Refused { findings: Findings::new(), unset });
            }
            let warnings = loaded.attach(std::mem::take(&mut plan.warnings));
            loaded.warnings.extend(warnings);
            Ok(Planned { loaded, plan, selection: None, template: None })
        }
        Err(findings) => {
            let unset = loaded.unset(&CELLS);
            Err(Refused { findings: loaded.attach(findings), unset })
        }
    }
}

/// What is wrong with a file, and with the cells that the rest of it has: all in one pass.
fn everything(rejected: Rejected) -> Refused {
    let Rejected { mut findings, partial, unset } = rejected;
    if let Some(partial) = partial {
        findings.extend(partial.attach(plan::expand(&partial.scenario).err().unwrap_or_default()));
        findings.sort_by_key(|finding| finding.place.as_ref().map(Place::line_column));
    }
    Refused { findings, unset }
}
