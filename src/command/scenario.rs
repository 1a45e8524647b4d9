//! What `validate`, `plan` and `run` begin with: a file read and expanded.

use std::path::Path;

use super::output;
use super::surroundings::Surroundings;
use crate::calibrate;
use crate::foundation::diagnostic::{Finding, Findings};
use crate::instruments::telemetry::calibration::Calibration;
use crate::plan::{self, Plan, Rehearsal};
use crate::report::{self, UserTemplate};
use crate::results::{Ending, Selection};
use crate::scenario::{self, Loaded, ReadOptions, Rejected, Scenario};

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
    /// What its files and first requests told.
    pub rehearsal: Rehearsal,
    /// Cells, by their ids, that ask for more than this machine was shown to do, each with what.
    pub beyond: Vec<(String, String)>,
}

impl Planned {
    /// Warns of cells that ask for more than this machine was shown to do.
    pub fn hold_against(&mut self, calibration: &Calibration) {
        let beyond = calibrate::beyond(&self.plan, &self.loaded.scenario, calibration);
        let warnings = self.loaded.attach(beyond.findings);
        self.loaded.warnings.extend(warnings);
        self.beyond = beyond.cells;
    }

    /// Leaves only the cells that `--cells` selects.
    pub fn select(&mut self, glob: Option<&str>) -> Result<(), Ending> {
        let Some(glob) = glob else { return Ok(()) };
        let of = self.plan.cells.len() as u64;
        self.plan = self.plan.select(glob).map_err(|error| {
            output::error(&error.to_string(), Some(&error.help()));
            Ending::Usage
        })?;
        let selected = self.plan.cells.len() as u64;
        self.selection = (selected < of).then(|| Selection {
            cells: glob.to_owned(),
            selected,
            of,
        });
        Ok(())
    }

    /// What of it cannot be executed yet, as far as its cells need that.
    pub fn unsupported(&self) -> Findings {
        let cells = &self.plan.cells;
        let declared = |finding: &Finding, section: &str| {
            let name = finding.pointer.strip_prefix(section)?.split('/').next()?;
            Some(name.to_owned())
        };
        let needed = |finding: &&Finding| {
            let target = declared(finding, "/targets/");
            let dataset = declared(finding, "/datasets/");
            target.is_none_or(|name| cells.iter().any(|cell| cell.target == name))
                && dataset.is_none_or(|name| {
                    cells
                        .iter()
                        .any(|cell| cell.dataset.as_ref() == Some(&name))
                })
        };
        self.loaded
            .unsupported
            .iter()
            .filter(needed)
            .cloned()
            .collect()
    }
}

/// A file that has no cells.
pub struct Refused {
    /// What is wrong, each at its place.
    pub findings: Findings,
    /// What cannot be executed yet, each at its place.
    pub unsupported: Findings,
    /// Variables that are not set, where nothing else is wrong: the cells hang on them.
    pub unset: Vec<String>,
}

impl Refused {
    /// All that stands between the file and a run, in the order of the file.
    pub fn for_run(self) -> Findings {
        let mut findings = [self.findings, self.unsupported].concat();
        findings.sort_by_key(place);
        findings
    }
}

/// Parts of a scenario that cells hang on.
const CELLS: [&str; 3] = ["/matrix", "/load", "/datasets"];

/// Where a report's own template is named.
const TEMPLATE: &str = "/report/template";

/// How a scenario is to be read.
pub fn options(set: &[String], check_env: bool, surroundings: &Surroundings) -> ReadOptions {
    ReadOptions {
        set: set.to_vec(),
        environment: surroundings.environment.clone(),
        check_env,
        untrusted: false,
    }
}

/// Reads a scenario, expands its matrix and rehearses it; every finding has its place.
pub fn plan(file: &Path, options: &ReadOptions) -> Result<Planned, Refused> {
    let mut loaded = scenario::read(file, options).map_err(everything)?;
    let (expanded, mut rehearsal) = looked_at(&loaded);
    let unsupported = loaded.attach(std::mem::take(&mut rehearsal.unsupported));
    loaded.unsupported.extend(unsupported);
    loaded.unsupported.sort_by_key(place);
    let findings = std::mem::take(&mut rehearsal.findings);
    match expanded {
        Ok(mut plan) if findings.is_empty() => {
            // A value of an axis that is not known is a cell that would not be shown.
            let unset = loaded.unset(&CELLS[..1]);
            if !unset.is_empty() {
                return Err(Refused {
                    findings,
                    unsupported: loaded.unsupported,
                    unset,
                });
            }
            let warnings = loaded.attach(std::mem::take(&mut plan.warnings));
            loaded.warnings.extend(warnings);
            Ok(Planned {
                loaded,
                plan,
                selection: None,
                template: None,
                rehearsal,
                beyond: Vec::new(),
            })
        }
        expanded => {
            let wrong = expanded.err().unwrap_or_default();
            let findings = loaded.attach(wrong.into_iter().chain(findings).collect());
            let unset = if findings.is_empty() {
                loaded.unset(&CELLS)
            } else {
                Vec::new()
            };
            Err(Refused {
                findings,
                unsupported: loaded.unsupported,
                unset,
            })
        }
    }
}

/// The cells of a scenario, or what is wrong with them; and all that its files tell.
fn looked_at(loaded: &Loaded) -> (Result<Plan, Findings>, Rehearsal) {
    let scenario = &loaded.scenario;
    let expanded = plan::expand(scenario);
    let cells = expanded.as_ref().map_or(&[][..], |plan| &plan.cells);
    let mut rehearsal = plan::rehearse(scenario, cells, &|pointer| loaded.is_whole(pointer));
    if let Some(path) = scenario
        .report
        .template
        .as_ref()
        .filter(|_| loaded.is_whole(TEMPLATE))
    {
        let path = scenario.folders.scenario.join(path);
        if let Err((message, help)) = try_template(&path, scenario, expanded.as_ref().ok()) {
            let finding = Finding::error("bad-report-template", TEMPLATE, message).help(help);
            rehearsal.findings.push(finding);
        }
    }
    (expanded, rehearsal)
}

/// Reads a report's own template and tries it, with the plan's cells where there are any.
fn try_template(
    path: &Path,
    scenario: &Scenario,
    plan: Option<&Plan>,
) -> Result<(), (String, String)> {
    let template =
        super::report::template(path).map_err(|error| (error.to_string(), error.help()))?;
    match plan {
        Some(plan) => crate::run::check_template(scenario, plan, None, &template)
            .map_err(|error| (error.to_string(), error.help())),
        None => report::check(&template).map_err(|error| (error.to_string(), error.help())),
    }
}

/// What is wrong with a file, and with the cells and the data that the rest of it has: all in one pass.
fn everything(rejected: Rejected) -> Refused {
    let Rejected {
        mut findings,
        partial,
        mut unsupported,
        mut unset,
    } = rejected;
    if let Some(partial) = partial {
        let (expanded, rehearsal) = looked_at(&partial);
        let wrong = expanded.err().unwrap_or_default();
        findings.extend(partial.attach(wrong.into_iter().chain(rehearsal.findings).collect()));
        findings.sort_by_key(place);
        unsupported.extend(partial.attach(rehearsal.unsupported));
        unsupported.sort_by_key(place);
    }
    if !findings.is_empty() {
        unset.clear();
    }
    Refused {
        findings,
        unsupported,
        unset,
    }
}

/// Where a finding stands in its file: in bytes, for lines would be counted anew for each of thousands.
fn place(finding: &Finding) -> Option<usize> {
    finding.place.as_ref().map(|place| place.span.start)
}
