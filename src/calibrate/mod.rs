//! This machine and this binary, measured on the simulator: which rate can be offered truthfully, how far figures err,
//! how far equal measurements lie apart (cli.md, `calibrate`); and what a plan asks for beyond that.
//!
//! What is measured is [`Part`]s: ordinary scenarios, run as any other, whose figures are those of `results.json`; only
//! streams are looked on at besides (`witness`), and what something else disturbed is measured again. Begin
//! at [`Bench`]. No process is started here: the simulators are there already, and share the machine with the client, so
//! that each figure is of both.

mod asked;
mod figures;
mod part;
mod witness;

use witness::Witness;

pub use asked::beyond;
pub use figures::Figures;
pub use part::{MODEL, Part, Sizes};

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::foundation::diagnostic::Finding;
use crate::foundation::files::{self, FilesError};
use crate::instruments::telemetry::calibration::CalibrationError;
use crate::instruments::telemetry::process;
use crate::kinds::verdict::validity;
use crate::plan::{self, Cell, Plan};
use crate::results::{CellResult, Ending, Results, ValidityStatus};
use crate::run::event::Watcher;
use crate::run::{self, Existing, RunError, Session, Signals};
use crate::scenario::{self, ReadOptions, Scenario};

/// How often a cell is measured at most, while something else disturbs it.
const MOST_LOOKS: u32 = 3;

/// Why there is no calibration.
#[derive(Debug, thiserror::Error)]
pub enum CalibrateError {
    /// A part of it is no legal scenario: a bug of ours.
    #[error("the scenario of its part `{part}` is not valid: {message}")]
    Scenario {
        /// The part.
        part: &'static str,
        /// The first thing that is wrong with it.
        message: String,
    },
    /// A file could not be written.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// A part of it could not be run.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A simulator could not be started.
    #[error("cannot start a simulator: {0}")]
    Simulator(#[source] std::io::Error),
    /// What was measured could not be put into words: a bug of ours.
    #[error(transparent)]
    Calibration(#[from] CalibrationError),
    /// A signal ended it.
    #[error("it was stopped; nothing was written")]
    Stopped,
}

/// What is measured on: simulators that answer, a folder to work in, and the time that all may take.
pub struct Bench<'a> {
    /// The base URLs of the simulators, which answer by [`MODEL`].
    pub servers: &'a [String],
    /// An empty folder.
    pub folder: &'a Path,
    /// How long and how often things are measured.
    pub sizes: Sizes,
}

/// A part that is ready to be run.
pub struct Prepared {
    part: Part,
    scenario: Scenario,
    /// Its cells.
    pub plan: Plan,
    out: PathBuf,
}

impl Bench<'_> {
    /// Makes a part ready.
    ///
    /// # Errors
    /// Where its scenario cannot be written or read.
    pub fn prepare(&self, part: Part) -> Result<Prepared, CalibrateError> {
        let descriptors = process::raise_descriptor_limit();
        let text = part::scenario(part, &self.sizes, self.servers, descriptors);
        let file = self.folder.join(format!("{}.yaml", part.name()));
        files::write_atomically(&file, text.as_bytes())?;
        let scenario = scenario::read(&file, &ReadOptions::default())
            .map_err(|rejected| part.wrong(&rejected.findings))?
            .scenario;
        let plan = plan::expand(&scenario).map_err(|findings| part.wrong(&findings))?;
        Ok(Prepared {
            part,
            scenario,
            plan,
            out: self.folder.join(part.name()),
        })
    }

    /// Runs a part, and adds what it shows.
    ///
    /// # Errors
    /// Where it cannot be run to its end. That the generator was not fit is no error: it is what is measured.
    pub fn run(
        &self,
        prepared: &Prepared,
        figures: &mut Figures,
        watched: (&dyn Watcher, &dyn Signals),
    ) -> Result<(), CalibrateError> {
        let cells = &prepared.plan.cells;
        let searched = cells
            .iter()
            .find_map(|cell| Some((cell, cell.search.as_ref()?)));
        let Some((cell, search)) = searched else {
            return self.settle(prepared, cells.clone(), figures, watched);
        };
        let mut tried = Vec::new();
        while let Some(value) = search.next(&tried) {
            let probe = cell.probe(value).into_iter().collect();
            self.settle(prepared, probe, figures, watched)?;
            tried.push((value, figures.shown(value)));
        }
        Ok(())
    }

    /// Measures cells, and those that were disturbed again. What counts is the last look.
    fn settle(
        &self,
        prepared: &Prepared,
        mut cells: Vec<Cell>,
        figures: &mut Figures,
        watched: (&dyn Watcher, &dyn Signals),
    ) -> Result<(), CalibrateError> {
        for look in 1..=MOST_LOOKS {
            let results = self.measure(prepared, &cells, figures, watched)?;
            let again = |cell: &Cell| {
                results
                    .cells
                    .iter()
                    .any(|one| one.id == cell.id && disturbed(one))
            };
            match prepared.part {
                // The two sides of a pair are of the same moment.
                Part::Noise if cells.iter().any(again) => {}
                _ => cells.retain(again),
            }
            if cells.is_empty() || look == MOST_LOOKS {
                break;
            }
            figures.repeat(cells.len());
        }
        Ok(())
    }

    /// Measures cells once, and takes what they show.
    fn measure(
        &self,
        prepared: &Prepared,
        cells: &[Cell],
        figures: &mut Figures,
        (watcher, signals): (&dyn Watcher, &dyn Signals),
    ) -> Result<Results, CalibrateError> {
        let witness = Witness::new(watcher, self.sizes.settled());
        let watcher: &dyn Watcher = match prepared.part {
            Part::Streams => &witness,
            Part::Rates | Part::Noise => watcher,
        };
        let environment = BTreeMap::new();
        let session = Session {
            scenario: &prepared.scenario,
            environment: &environment,
            watcher,
            signals,
            template: None,
            out: &prepared.out,
            existing: Existing::Restart,
            fail_fast: false,
            strict: false,
            options: Vec::new(),
            selection: None,
            calibration: None,
        };
        let rehearsal = plan::rehearse(&prepared.scenario, cells, &|_| true);
        if !rehearsal.findings.is_empty() {
            return Err(prepared.part.wrong(&rehearsal.findings));
        }
        let plan = Plan {
            cells: cells.to_vec(),
            ..prepared.plan.clone()
        };
        let finished = run::execute(&session, &plan, rehearsal.into_datasets())?;
        if finished.results.incomplete || signals.stop().is_stopped() {
            return Err(CalibrateError::Stopped);
        }
        match prepared.part {
            Part::Rates => figures.take_rates(&finished.results),
            Part::Streams => {
                figures.take_streams(&finished.results, &|cell| witness.of(cell), &self.sizes);
            }
            Part::Noise => figures.take_noise(&finished.results, finished.diff.as_ref()),
        }
        Ok(finished.results)
    }
}

/// Whether a cell is unfit, and not by what it was asked for: no rate stops the process, whatever else was too much.
fn disturbed(cell: &CellResult) -> bool {
    let mut reasons = cell.validity.reasons.iter();
    cell.validity.status != ValidityStatus::Valid
        && (cell.self_check.came_and_went() || reasons.any(|reason| reason == validity::SUSPENDED))
}

impl Part {
    /// The error that its scenario is no legal one.
    fn wrong(self, findings: &[Finding]) -> CalibrateError {
        let message = findings.first().map(|finding| finding.message.clone());
        CalibrateError::Scenario {
            part: self.name(),
            message: message.unwrap_or_default(),
        }
    }
}

impl CalibrateError {
    /// What the user can do.
    pub fn help(&self) -> String {
        match self {
            Self::Scenario { .. } | Self::Calibration(_) => {
                "this is a bug: please report it".to_owned()
            }
            Self::Simulator(_) => "free some of the machine's processes and descriptors".to_owned(),
            Self::Files(error) => error.help(),
            Self::Run(error) => error.help(),
            Self::Stopped => "run it again".to_owned(),
        }
    }

    /// How the process ends by it, where no signal says otherwise.
    pub const fn ending(&self) -> Ending {
        match self {
            Self::Scenario { .. } | Self::Calibration(_) => Ending::Bug,
            Self::Files(FilesError::Held { .. }) => Ending::Usage,
            Self::Files(_) | Self::Simulator(_) | Self::Stopped => Ending::Incomplete,
            Self::Run(error) => error.ending(),
        }
    }
}
