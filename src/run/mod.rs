//! A whole plan: datasets read, targets made ready, repeats in order, each committed, then the report.
//!
//! Begin at [`execute`]. Nothing here looks into a body, draws a number or renders anything: it puts the rooms' parts
//! together and keeps what was measured whatever fails later.

mod course;
mod credentials;
mod dataset;
mod doubt;
mod error;
pub mod event;
mod evidence;
mod finish;
mod folder;
mod probe;
mod records;
mod rehearsal;
mod repeat;
mod search;
mod self_check;
mod signals;
mod target;
mod told;

pub use error::RunError;
pub use folder::Existing;
pub use rehearsal::check_template;
pub use signals::Signals;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use indexmap::IndexMap;

use crate::compare::Diff;
use crate::foundation::clock;
use crate::foundation::secret::{Redactor, Secret};
use crate::instruments::record::journal::Journal;
use crate::instruments::telemetry;
use crate::instruments::telemetry::calibration::Calibration;
use crate::load::Descriptors;
use crate::plan::{Opened, Plan};
use crate::report::UserTemplate;
use crate::results::{Calibrated, Ending, Environment, Results, Selection};
use crate::scenario::{Address, Scenario};
use course::Course;
use event::{Event, Watcher};
use finish::Facts;
use folder::Workplace;
use target::ReadyTarget;

/// What a run is given.
pub struct Session<'a> {
    /// The scenario.
    pub scenario: &'a Scenario,
    /// The environment that secrets are read from.
    pub environment: &'a BTreeMap<String, String>,
    /// Who watches.
    pub watcher: &'a dyn Watcher,
    /// What signals tell it.
    pub signals: &'a dyn Signals,
    /// The user's template, read.
    pub template: Option<UserTemplate>,
    /// Where the report goes.
    pub out: &'a Path,
    /// Whether an unfinished run may be thrown away.
    pub existing: Existing,
    /// Whether the first cell that fails ends the run.
    pub fail_fast: bool,
    /// Whether an inconclusive comparison has an exit code of its own.
    pub strict: bool,
    /// `--set` and other options that changed what is run, for the record.
    pub options: Vec<String>,
    /// Which cells of the plan are run, where not all.
    pub selection: Option<Selection>,
    /// What this machine was shown to be able to do, where that is known.
    pub calibration: Option<&'a Calibration>,
}

/// A run that has its report.
pub struct Finished {
    /// What was measured.
    pub results: Results,
    /// Where the report stands.
    pub folder: PathBuf,
    /// The comparison, where the scenario asks for one.
    pub diff: Option<Diff>,
    /// How it ended.
    pub ending: Ending,
}

/// Executes a plan, whose datasets were `opened` when it was rehearsed.
pub fn execute(session: &Session<'_>, plan: &Plan, opened: Opened) -> Result<Finished, RunError> {
    repeat::check(session, plan, &opened)?;
    let descriptors = Descriptors::before_run(simulators(session, plan));
    repeat::check_descriptors(session, plan, descriptors)?;
    let datasets = dataset::Datasets::pin(session.scenario, plan, (&opened, session.watcher));
    // Each repeat reads its own: what it draws, and no more, is in memory.
    drop(opened);
    let workplace = Workplace::claim(session.out, session.existing, session.selection.is_none())?;
    let mut environment = environment(session);
    let journal = Journal::create(&workplace.journal())?;
    let targets = match make_ready(session, plan) {
        Ok(targets) => targets,
        Err(error) => {
            drop(journal);
            workplace.abandon();
            return Err(error);
        }
    };
    for (name, target) in &targets {
        environment
            .addresses
            .insert(name.clone(), target.addresses());
        if let Some(metadata) = &target.metadata {
            environment.metadata.insert(name.clone(), metadata.clone());
        }
    }
    let secrets: Vec<&Secret> = targets
        .values()
        .flat_map(|target| &target.secrets)
        .collect();
    let redactor = Redactor::new(secrets);
    let rooms = Rooms {
        datasets: &datasets,
        targets: &targets,
        redactor: &redactor,
        descriptors,
    };
    let executed = Course::new(plan, rooms, (journal, &workplace)).run(session)?;
    drop(targets);
    environment.finished = Some(clock::utc_now());
    let ended = session
        .signals
        .ending()
        .or((!executed.complete).then_some(Ending::Incomplete));
    session.watcher.event(&Event::Reporting);
    let facts = Facts {
        environment,
        datasets: datasets.references(),
        searches: executed.searches,
        ended,
    };
    finish::finish(session, &executed.plan, workplace, (facts, &redactor))
}

/// What repeats are executed with.
#[derive(Clone, Copy)]
pub struct Rooms<'a> {
    datasets: &'a dataset::Datasets<'a>,
    targets: &'a IndexMap<String, ReadyTarget>,
    redactor: &'a Redactor,
    descriptors: Descriptors,
}

/// How many simulators the plan's targets embed.
fn simulators(session: &Session<'_>, plan: &Plan) -> u64 {
    let targets: BTreeSet<&str> = plan.cells.iter().map(|cell| &*cell.target).collect();
    let targets = targets
        .into_iter()
        .filter_map(|name| session.scenario.targets.get(name));
    targets
        .filter(|target| matches!(target.address, Address::Embedded(_)))
        .count() as u64
}

fn make_ready(
    session: &Session<'_>,
    plan: &Plan,
) -> Result<IndexMap<String, ReadyTarget>, RunError> {
    let lane = clock::lane(false).map_err(|source| RunError::Machine {
        what: "start a runtime for the targets",
        source,
    })?;
    let mut targets = IndexMap::new();
    for cell in &plan.cells {
        let Some(target) = session.scenario.targets.get(&cell.target) else {
            continue;
        };
        if !targets.contains_key(&cell.target) {
            let ready = lane.block_on(target::make_ready(target, session))?;
            targets.insert(cell.target.clone(), ready);
        }
    }
    Ok(targets)
}

fn environment(session: &Session<'_>) -> Environment {
    let host = telemetry::host();
    Environment {
        host: host.name,
        cpu_model: host.cpu_model,
        cores: host.cores,
        kernel: host.kernel,
        git_commit: telemetry::git_commit(&session.scenario.folders.scenario),
        started: Some(clock::utc_now()),
        options: session.options.clone(),
        calibration: session.calibration.map(Calibrated::of),
        ..Environment::default()
    }
}

#[cfg(test)]
mod tests;
