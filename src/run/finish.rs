//! From the journal to a published report: table, aggregates, verdicts, rendering.

use std::path::Path;

use super::event::Event;
use super::evidence;
use super::folder::{Published, Workplace, put};
use super::records::{self, Bases};
use super::{Finished, RunError, Session};
use crate::compare::{self, Diff, Outcome, Refusal, Verdict};
use crate::foundation::files::FilesError;
use crate::foundation::secret::Redactor;
use crate::instruments::record::journal::Contents;
use crate::instruments::table::Table;
use crate::kinds::metric::{CellContext, aggregate, percentile_share};
use crate::kinds::verdict::validity::NOT_EXECUTED;
use crate::plan::{Cell, Plan};
use crate::report::{self, Rendering};
use crate::results::{
    self, Assembly, CellResult, DatasetReference, Ending, Environment, ObjectiveVerdict, PacedBy,
    ProbeVerdict, Results, RunVerdict, SearchResult, ValidityStatus,
    folder::{self, Occupant},
};
use crate::scenario::{self, Scenario};

/// What the run knows beside its journal.
pub struct Facts {
    /// Machine facts.
    pub environment: Environment,
    /// Datasets as read.
    pub datasets: Vec<DatasetReference>,
    /// What searches have found.
    pub searches: Vec<SearchResult>,
    /// How the run was ended before its time, if it was.
    pub ended: Option<Ending>,
}

/// Makes the report and publishes it.
pub fn finish(
    session: &Session<'_>,
    plan: &Plan,
    workplace: Workplace,
    known: (Facts, &Redactor),
) -> Result<Finished, RunError> {
    let (mut facts, redactor) = known;
    let scenario = session.scenario;
    let contents = Contents::read(&workplace.journal())?;
    note_connections(&mut facts.environment, plan, &contents);
    let part = workplace.part().to_owned();
    let table = part.join(folder::REQUESTS);
    let bases = Bases::measure(scenario, &plan.cells, &contents)?;
    let told = records::write(&table, (scenario, &bases), &plan.cells, &contents)?;
    let asked: Vec<CellContext> = plan
        .cells
        .iter()
        .map(|cell| context(scenario, cell))
        .collect();
    let metrics = aggregate(&Table::open(&table)?, &asked)?;
    let runs = plan
        .cells
        .iter()
        .zip(metrics.iter().zip(&told))
        .map(|(cell, (numbers, told))| {
            let known = (&bases, told, scenario, part.as_path());
            evidence::cell_run(cell, numbers, &contents, known)
        })
        .collect();
    let mut results = results::assemble(Assembly {
        scenario,
        plan,
        metrics,
        runs,
        searches: facts.searches,
        environment: facts.environment,
        datasets: facts.datasets,
        incomplete: facts.ended.is_some(),
        selection: session.selection.clone(),
    });
    results::warn_of_errors(&mut results, session.calibration);
    let diff = compare::of_run(&results);
    let (ending, verdict) = verdict(&results, diff.as_ref(), facts.ended, session.strict);
    results.verdict = verdict;
    let effective =
        scenario::effective_yaml(&scenario.effective, &scenario.folders, workplace.out());
    let beside = (diff.as_ref(), effective);
    write(session, (&part, redactor), &mut results, beside)?;
    let published = workplace.publish(kind(&results))?;
    note_kept(session, &published);
    Ok(Finished {
        results,
        folder: published.folder,
        diff,
        ending,
    })
}

/// Says what of the user's was kept in the report folder.
fn note_kept(session: &Session<'_>, published: &Published) {
    if published.kept.is_empty() {
        return;
    }
    let names: Vec<_> = published
        .kept
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let text = format!(
        "kept what is not plimsoll's in the report folder: {}",
        names.join(", ")
    );
    session.watcher.event(&Event::Note { text: &text });
}

/// How complete a report of these results is.
fn kind(results: &Results) -> Occupant {
    match () {
        () if results.incomplete => Occupant::Incomplete,
        () if results.selection.is_some() => Occupant::Selection,
        () => Occupant::Complete,
    }
}

/// Names are resolved once a cell: every address that a target had, and all that was spoken with it.
fn note_connections(environment: &mut Environment, plan: &Plan, contents: &Contents) {
    for commit in contents.repeats.iter().map(|repeat| &repeat.commit) {
        let Some(cell) = plan.cells.iter().find(|cell| cell.id == commit.cell_id) else {
            continue;
        };
        let known = environment
            .addresses
            .entry(cell.target.clone())
            .or_default();
        for address in &commit.addresses {
            if !known.contains(address) {
                known.push(address.clone());
            }
        }
        let known = environment
            .connections
            .entry(cell.target.clone())
            .or_default();
        for spoken in &commit.connections {
            if !known.contains(spoken) {
                known.push(spoken.clone());
            }
        }
    }
}

/// What the aggregation is told of a cell.
pub fn context(scenario: &Scenario, cell: &Cell) -> CellContext {
    let named = cell
        .slo
        .objectives
        .iter()
        .filter_map(|objective| objective.statistic.as_deref());
    let gates = scenario.compare.iter().flat_map(|compare| &compare.gates);
    let mut percentiles = scenario.report.percentiles.clone();
    percentiles.extend(
        named
            .chain(gates.filter_map(|gate| gate.statistic.as_deref()))
            .filter_map(percentile_share),
    );
    CellContext {
        id: cell.id.clone(),
        closed: !PacedBy::of(cell).offers_rate(),
        price_per_hour: results::price_per_hour(scenario, cell),
        percentiles,
        group_by: scenario.report.group_by.clone(),
    }
}

fn verdict(
    results: &Results,
    diff: Option<&Diff>,
    ended: Option<Ending>,
    strict: bool,
) -> (Ending, RunVerdict) {
    let mut all: Vec<(Ending, String)> = Vec::new();
    if let Some(ended) = ended {
        let how = match ended {
            Ending::Incomplete => "--fail-fast ended it".to_owned(),
            signal => signal.to_string(),
        };
        all.push((ended, format!("not every cell was executed: {how}")));
    }
    // What a probe misses is what its search is for.
    for cell in results.cells.iter().filter(|cell| !results.is_probe(cell)) {
        all.extend(cell_endings(cell));
    }
    for search in results
        .searches
        .iter()
        .filter(|search| search.capacity.is_none())
    {
        all.extend(search_ending(search, results));
    }
    match diff.map(|diff| diff.outcome(diff.default_gate(), strict)) {
        Some(Outcome::Regressed) => all.push((Ending::Missed, regressed(diff))),
        Some(Outcome::Void) => {
            all.push((Ending::Void, void(diff)));
        }
        Some(Outcome::Inconclusive) => {
            all.push((
                Ending::Inconclusive,
                "a gate of the comparison is inconclusive".to_owned(),
            ));
        }
        Some(Outcome::Pass) | None => {}
    }
    all.sort_by_key(|(ending, _)| *ending);
    let ending = Ending::of(all.iter().map(|(ending, _)| *ending));
    let reasons = all.into_iter().map(|(_, reason)| reason).collect();
    (
        ending,
        RunVerdict {
            exit_code: ending.code(),
            reasons,
        },
    )
}

/// What keeps the comparison from passing: void and refused gates are two things, and may be one gate.
fn void(diff: Option<&Diff>) -> String {
    let Some(diff) = diff else {
        return String::new();
    };
    if let Some(refusal) = diff.refused(diff.default_gate()).first() {
        return format!("the comparison cannot gate: {}", refusal.text);
    }
    let (wanted, what) = if diff.summary.invalid > 0 {
        (Some(Verdict::Invalid), "void")
    } else {
        (None, "refused")
    };
    let refusals: Vec<&Refusal> = diff
        .gates
        .iter()
        .filter(|row| wanted.is_none_or(|verdict| row.verdict == verdict))
        .filter_map(|row| row.refusal.as_ref())
        .collect();
    let why = refusals
        .first()
        .map_or_else(String::new, |refusal| format!(": {}", refusal.text));
    let (count, all) = (refusals.len(), diff.gates.len());
    format!("{count} of {all} gates of the comparison {what}{why} (diff.md)")
}

fn regressed(diff: Option<&Diff>) -> String {
    let (regressed, gates) =
        diff.map_or((0, 0), |diff| (diff.summary.regressed, diff.summary.gates));
    format!("{regressed} of {gates} gates of the comparison regressed (diff.md)")
}

fn cell_endings(cell: &CellResult) -> Vec<(Ending, String)> {
    let mut endings = Vec::new();
    let warned = |code: &str| cell.warnings.iter().find(|warning| warning.code == code);
    let tried = cell.requests.ok + cell.requests.failed;
    if cell.requests.ok == 0 && tried > 0 {
        let why = warned("failures")
            .map(|warning| format!(" ({})", warning.text))
            .unwrap_or_default();
        endings.push((
            Ending::Unreachable,
            format!("{}: every request failed{why}", cell.id),
        ));
    }
    // That the run is incomplete says already that some cells were not executed.
    let executed = !cell
        .validity
        .reasons
        .iter()
        .any(|reason| reason == NOT_EXECUTED);
    if cell.validity.status == ValidityStatus::Invalid && executed {
        let ending = if warned("warmup_failed").is_some() {
            Ending::Unreachable
        } else {
            Ending::Void
        };
        endings.push((
            ending,
            format!("{}: {}", cell.id, cell.validity.reasons.join("; ")),
        ));
    }
    for objective in &cell.objectives {
        if objective.verdict == ObjectiveVerdict::Missed {
            let value = objective.value.map_or_else(
                || "there is no data".to_owned(),
                |value| format!("it is {value:.6}"),
            );
            endings.push((
                Ending::Missed,
                format!("{}: {} missed, {value}", cell.id, objective.text),
            ));
        }
    }
    endings
}

/// How a search without an answer ends a run: by what its least value has shown.
fn search_ending(search: &SearchResult, results: &Results) -> Option<(Ending, String)> {
    let least = search.probes.first()?;
    let cell = results.cells.iter().find(|cell| cell.id == least.cell)?;
    let of_cell = cell_endings(cell).into_iter().map(|(ending, _)| ending);
    let ending = match least.verdict {
        // That the run is incomplete says already why there is no answer.
        ProbeVerdict::Passed => return None,
        ProbeVerdict::Missed | ProbeVerdict::Inconclusive => Ending::Missed,
        ProbeVerdict::Doubtful | ProbeVerdict::ClientLimited | ProbeVerdict::Invalid => {
            Ending::Void
        }
    };
    let ending = Ending::of(of_cell.chain([ending]));
    Some((
        ending,
        format!(
            "{}: {}",
            search.id,
            search.reason.as_deref().unwrap_or("there is no answer")
        ),
    ))
}

/// Everything of the folder that is made from the results.
fn write(
    session: &Session<'_>,
    place: (&Path, &Redactor),
    results: &mut Results,
    beside: (Option<&Diff>, String),
) -> Result<(), RunError> {
    let (part, redactor) = place;
    let (diff, effective) = beside;
    let rendering = Rendering {
        formats: session.scenario.report.formats.clone(),
        template: session.template.clone(),
        exports: session.scenario.report.exports.clone(),
        plots: true,
    };
    let rendered = report::render(results, &rendering).or_else(|error| {
        // What was measured is not lost to a template: the built-in ones stand in, and the run says so.
        let text = format!("the template was left out: {error}");
        session.watcher.event(&Event::Note { text: &text });
        report::render(
            results,
            &Rendering {
                template: None,
                ..rendering.clone()
            },
        )
    });
    let mut files: Vec<(String, Vec<u8>)> = rendered?
        .into_iter()
        .map(|file| (file.path, file.bytes))
        .collect();
    // `report DIR` and `diff` read it, whatever formats the scenario asks for.
    files.retain(|(path, _)| path != folder::RESULTS);
    files.push((folder::EFFECTIVE.to_owned(), effective.into_bytes()));
    if let Some(diff) = diff {
        files.push((
            "diff.md".to_owned(),
            report::diff::markdown(diff).into_bytes(),
        ));
        files.push((
            "diff.json".to_owned(),
            serde_json::to_vec_pretty(diff).map_err(RunError::Json)?,
        ));
    }
    for (path, bytes) in files {
        put(part, &path, &redactor.bytes(bytes))?;
    }
    // Last, since it lists what stands beside it.
    let unread = |source| {
        RunError::Files(FilesError::Read {
            path: part.to_owned(),
            source,
        })
    };
    results.files = folder::files(part)
        .map_err(unread)?
        .iter()
        .filter(|path| !path.starts_with(folder::JOURNAL))
        .map(|path| path.display().to_string())
        .collect();
    put(
        part,
        folder::RESULTS,
        &redactor.bytes(results::to_json(results)?),
    )
}
