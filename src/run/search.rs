//! A search executed: its probes one after the other, each a cell of its own, judged by its records once it is committed.
//!
//! Which value is tried next is `plan`'s to say; here it is put into practice, and what its requests show is told.

use std::collections::BTreeMap;

use super::RunError;
use super::course::{Course, Turn, Went};
use super::evidence;
use super::finish;
use super::probe::{Found, disturbed, found};
use super::records::{self, Bases};
use crate::foundation::files::FilesError;
use crate::instruments::record::Ended;
use crate::instruments::record::journal::Contents;
use crate::instruments::table::Table;
use crate::kinds::metric::aggregate;
use crate::load::LoadError;
use crate::plan::{Capacity, Cell, MOST_LOOKS, MOST_ROUNDS, Search, Shown};
use crate::results::{ProbeVerdict, SearchResult};

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
        let found = undisturbed(|voided| probe(turn, course, &cell, voided))?;
        if found.is_none() {
            went = Went::Stopped;
        }
        let probe = found.unwrap_or_else(Found::stopped).of(&cell, value);
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
        ProbeVerdict::Doubtful | ProbeVerdict::ClientLimited | ProbeVerdict::Invalid => {
            Shown::Limited
        }
    }
}

fn why_none(result: &SearchResult) -> String {
    let least = result.probes.first();
    let why = least
        .and_then(|least| least.reason.clone())
        .unwrap_or_default();
    let twice = match least.and_then(|least| least.again.as_ref()) {
        Some(_) => ", though it was measured twice",
        None => "",
    };
    format!(
        "its least {}, {}, did not pass{twice}: {why}",
        result.axis, result.min
    )
}

/// Looks, and again where something disturbed a look, [`MOST_LOOKS`] in all: a neighbour's second is not to be the end of a
/// search. What counts is the last, whatever it shows; each is told what voided the one before. `None` where a signal ended it.
fn undisturbed<E>(
    mut look: impl FnMut(Option<&str>) -> Result<Option<Found>, E>,
) -> Result<Option<Found>, E> {
    let mut again = None;
    for number in 1.. {
        let Some(found) = look(again.as_deref())? else {
            break;
        };
        if !found.disturbed || number >= MOST_LOOKS {
            return Ok(Some(Found { again, ..found }));
        }
        again = Some(found.reason.unwrap_or_default());
    }
    Ok(None)
}

/// Executes the repeats of a probe, and more of them while they show nothing; `voided` is what voided the look before, whose
/// records go. `None` where a signal ended it.
fn probe(
    turn: &Turn<'_>,
    course: &mut Course<'_>,
    cell: &Cell,
    voided: Option<&str>,
) -> Result<Option<Found>, RunError> {
    if let Some(why) = voided {
        course.forget(turn, cell, why)?;
        turn.cool_down()?;
        if turn.is_stopped() {
            return Ok(None);
        }
    }
    let declared = cell.load.repeats.max(1);
    for repeat in 1.. {
        if repeat > 1 {
            turn.cool_down()?;
        }
        let found = match course.repeat(turn, cell, repeat) {
            Ok(commit) if commit.ended == Ended::Interrupted => return Ok(None),
            Ok(_) if repeat < declared => continue,
            Ok(_) => judge(turn, course, cell)?,
            // Of a cell that was asked for it is an error; a search ends below what the machine grants.
            Err(RunError::Load {
                source: source @ LoadError::Descriptors { .. },
                ..
            }) => Found::new(ProbeVerdict::Invalid, Some(source.to_string())),
            Err(error) => return Err(error),
        };
        let open = matches!(
            found.verdict,
            ProbeVerdict::Inconclusive | ProbeVerdict::Doubtful
        );
        if !open || repeat >= declared.saturating_mul(MOST_ROUNDS) {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

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
    let found = Found {
        disturbed: disturbed(&run, &evidence::commits(cell, &contents)),
        ..found(cell, &numbers, &run, &rows)?
    };
    std::fs::remove_file(&table).map_err(|source| {
        RunError::Files(FilesError::Write {
            path: table,
            source,
        })
    })?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found by looks that show this, one after the other, and how often was looked.
    fn looked(shows: &[Found]) -> (Found, usize) {
        let mut looks: usize = 0;
        let found = undisturbed(|voided| {
            let before = looks
                .checked_sub(1)
                .map(|before| shows[before].reason.as_deref());
            assert_eq!(voided, before.flatten());
            looks += 1;
            Ok::<_, RunError>(shows.get(looks - 1).cloned())
        });
        (found.unwrap().unwrap(), looks)
    }

    fn void(why: &str, disturbed: bool) -> Found {
        Found {
            disturbed,
            ..Found::new(ProbeVerdict::Invalid, Some(why.to_owned()))
        }
    }

    #[test]
    fn a_probe_that_was_disturbed_is_looked_at_again_once_and_the_second_look_counts() {
        let passed = Found::new(ProbeVerdict::Passed, None);
        let (found, looks) = looked(&[void("a stall", true), passed.clone()]);
        assert_eq!(
            (found.verdict, found.reason, looks),
            (ProbeVerdict::Passed, None, 2)
        );
        assert_eq!(found.again.as_deref(), Some("a stall"));
        let (found, looks) = looked(&[void("a stall", true), void("stolen", true), passed.clone()]);
        assert_eq!((found.verdict, looks), (ProbeVerdict::Invalid, 2));
        assert_eq!(found.reason.as_deref(), Some("stolen"));
        assert_eq!(looked(&[passed.clone(), void("never", true)]), (passed, 1));
    }

    #[test]
    fn what_the_machine_cannot_do_is_not_tried_again() {
        let too_much = void("too late in all its seconds", false);
        assert_eq!(
            looked(std::slice::from_ref(&too_much)),
            (too_much.clone(), 1)
        );
    }

    #[test]
    fn a_doubtful_probe_ends_a_search_as_at_least() {
        let tried = [
            (10.0, shown(ProbeVerdict::Passed)),
            (11.0, shown(ProbeVerdict::Doubtful)),
            (40.0, shown(ProbeVerdict::Missed)),
        ];
        let capacity = Capacity::of(&tried).unwrap();
        assert_eq!(
            (capacity.value, capacity.high, capacity.at_least),
            (10.0, Some(40.0), true)
        );
    }
}
