//! A search executed: its probes one after the other, each a cell of its own, judged by its records once it is committed.
//!
//! Which value is tried next is `plan`'s to say; here it is put into practice, and what its requests show is told.

use std::collections::BTreeMap;

use super::RunError;
use super::course::{Course, Turn, Went};
use super::evidence;
use super::finish;
use super::records::{self, Bases};
use crate::foundation::files::FilesError;
use crate::instruments::record::Ended;
use crate::instruments::record::journal::Contents;
use crate::instruments::table::Table;
use crate::kinds::metric::{CellMetrics, aggregate, violations};
use crate::kinds::verdict::slo::{self, SloVerdict};
use crate::load::LoadError;
use crate::plan::{Capacity, Cell, MOST_ROUNDS, Search, Shown};
use crate::results::{
    ObjectiveVerdict, Probe, ProbeVerdict, SearchResult, Validity, ValidityStatus,
};

/// The records of the probe that is judged, for as long as it is.
const TABLE: &str = "probe.parquet";

/// Why a search that was not executed to its end has no answer.
const NOT_ENDED: &str = "the run ended before the search did";

/// The result of a search before its first probe; `None` for a cell that is no search.
pub fn without_answer(cell: &Cell) -> Option<SearchResult> {
    let search = cell.search.as_ref()?;
    let others = cell.axes.iter().filter(|(axis, _)| *axis != search.axis);
    Some(SearchResult {
        id: cell.id.clone(),
        axis: search.axis.to_owned(),
        axes: others
            .map(|(axis, value)| (axis.clone(), value.clone()))
            .collect::<BTreeMap<_, _>>(),
        min: search.min,
        max: search.max,
        precision: search.precision,
        probes: Vec::new(),
        capacity: None,
        reason: Some(NOT_ENDED.to_owned()),
    })
}

/// Executes the search of the turn's cell, and leaves its probes and its answer with the course.
pub fn execute(
    turn: &Turn<'_>,
    search: &Search,
    course: &mut Course<'_>,
) -> Result<Went, RunError> {
    let mut tried: Vec<(f64, Shown)> = Vec::new();
    let Some(mut result) = without_answer(turn.cell) else {
        return Ok(Went::On);
    };
    let mut went = Went::On;
    while let (Some(value), Went::On) = (search.next(&tried), went) {
        let Some(cell) = turn.cell.probe(value) else {
            break;
        };
        if !tried.is_empty() {
            turn.cool_down()?;
        }
        if turn.is_stopped() {
            went = Went::Stopped;
            break;
        }
        let probe = probe(turn, course, &cell, value)?;
        if probe.is_none() {
            went = Went::Stopped;
        }
        let probe = probe.unwrap_or_else(|| Probe {
            cell: cell.id.clone(),
            value,
            verdict: ProbeVerdict::Invalid,
            reason: Some("a signal ended it before its time".to_owned()),
        });
        tried.push((value, shown(probe.verdict)));
        course.tried(turn, value, cell);
        result.probes.push(probe);
    }
    if went == Went::On {
        result.capacity = Capacity::of(&tried);
        result.reason = result.capacity.is_none().then(|| why_none(&result));
        if result.capacity.is_none() {
            went = Went::Failed;
        }
    }
    course.searched(turn, result);
    Ok(went)
}

/// What a probe's verdict means for where to look next: what was not shown to hold is not gone beyond.
const fn shown(verdict: ProbeVerdict) -> Shown {
    match verdict {
        ProbeVerdict::Passed => Shown::Passed,
        ProbeVerdict::Missed | ProbeVerdict::Inconclusive => Shown::NotPassed,
        ProbeVerdict::ClientLimited | ProbeVerdict::Invalid => Shown::Limited,
    }
}

fn why_none(result: &SearchResult) -> String {
    let why = result
        .probes
        .first()
        .and_then(|least| least.reason.clone())
        .unwrap_or_default();
    format!(
        "its least {}, {}, did not pass: {why}",
        result.axis, result.min
    )
}

/// Executes the repeats of a probe, and more of them while they show nothing; `None` where a signal ended it.
fn probe(
    turn: &Turn<'_>,
    course: &mut Course<'_>,
    cell: &Cell,
    value: f64,
) -> Result<Option<Probe>, RunError> {
    let declared = cell.load.repeats.max(1);
    for repeat in 1.. {
        if repeat > 1 {
            turn.cool_down()?;
        }
        let (verdict, reason) = match course.repeat(turn, cell, repeat) {
            Ok(commit) if commit.ended == Ended::Interrupted => return Ok(None),
            Ok(_) if repeat < declared => continue,
            Ok(_) => judge(turn, course, cell)?,
            // Of a cell that was asked for it is an error; a search ends below what the machine grants.
            Err(RunError::Load {
                source: source @ LoadError::Descriptors { .. },
                ..
            }) => (ProbeVerdict::Invalid, Some(source.to_string())),
            Err(error) => return Err(error),
        };
        if verdict != ProbeVerdict::Inconclusive || repeat >= declared.saturating_mul(MOST_ROUNDS) {
            return Ok(Some(Probe {
                cell: cell.id.clone(),
                value,
                verdict,
                reason,
            }));
        }
    }
    Ok(None)
}

type Found = (ProbeVerdict, Option<String>);

/// What the committed repeats of a probe show.
fn judge(turn: &Turn<'_>, course: &Course<'_>, cell: &Cell) -> Result<Found, RunError> {
    let scenario = turn.session.scenario;
    let contents = Contents::read(&course.workplace.journal())?;
    let mut known = course.executed_cells();
    known.push(cell.clone());
    let bases = Bases::measure(scenario, &known, &contents)?;
    let part = course.workplace.part();
    let table = part.join(TABLE);
    let told = records::write(
        &table,
        (scenario, &bases),
        std::slice::from_ref(cell),
        &contents,
    )?;
    let rows = Table::open(&table)?;
    let numbers = aggregate(&rows, &[finish::context(scenario, cell)])?;
    let (numbers, told) = (
        numbers.into_iter().next().unwrap_or_default(),
        told.into_iter().next().unwrap_or_default(),
    );
    let run = evidence::cell_run(cell, &numbers, &contents, (&bases, &told, scenario, part));
    let found = found(cell, &numbers, &run.validity, &rows)?;
    std::fs::remove_file(&table).map_err(|source| {
        RunError::Files(FilesError::Write {
            path: table,
            source,
        })
    })?;
    Ok(found)
}

fn found(
    cell: &Cell,
    numbers: &CellMetrics,
    validity: &Validity,
    table: &Table,
) -> Result<Found, RunError> {
    let limited = match validity.status {
        ValidityStatus::Valid => None,
        ValidityStatus::Invalid => Some(ProbeVerdict::Invalid),
        ValidityStatus::ClientLimited => Some(ProbeVerdict::ClientLimited),
    };
    if let Some(verdict) = limited {
        return Ok((verdict, Some(validity.reasons.join("; "))));
    }
    let mut missed = Vec::new();
    let mut open = Vec::new();
    for objective in &cell.slo.objectives {
        let at_any_n = objective.evaluate(numbers, cell.slo.no_data);
        let (verdict, n) =
            match slo::share_of_requests(objective).filter(|_| at_any_n.value.is_some()) {
                Some((violation, quality)) => {
                    let violations = violations(table, &cell.id, &violation)?;
                    (slo::judge(&violations, quality), violations.len() as u64)
                }
                None => (by_number(at_any_n.verdict), at_any_n.n),
            };
        match verdict {
            SloVerdict::Pass => {}
            SloVerdict::Fail => missed.push(format!("{} does not hold", objective.text)),
            SloVerdict::Inconclusive { needs_n } => {
                let enough = needs_n
                    .map(|needed| format!(", {needed} would"))
                    .unwrap_or_default();
                open.push(format!(
                    "{}: {n} requests do not tell{enough}",
                    objective.text
                ));
            }
        }
    }
    let verdict = match (missed.is_empty(), open.is_empty()) {
        (true, true) => return Ok((ProbeVerdict::Passed, None)),
        (true, false) => ProbeVerdict::Inconclusive,
        (false, _) => ProbeVerdict::Missed,
    };
    missed.extend(open);
    Ok((verdict, Some(missed.join("; "))))
}

/// The verdict over what is no share of requests: that of the number itself.
const fn by_number(verdict: ObjectiveVerdict) -> SloVerdict {
    match verdict {
        ObjectiveVerdict::Met => SloVerdict::Pass,
        ObjectiveVerdict::Missed => SloVerdict::Fail,
        ObjectiveVerdict::NoData | ObjectiveVerdict::Void => {
            SloVerdict::Inconclusive { needs_n: None }
        }
    }
}
