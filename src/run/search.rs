//! A search executed: its probes one after the other, each a cell of its own, judged by its records once it is committed.
//!
//! Which value is tried next is `plan`'s to say; here it is put into practice, and what its requests show is told.

use std::collections::BTreeMap;

use super::RunError;
use super::course::{Course, Turn, Went};
use super::doubt::violates_for_certain;
use super::evidence;
use super::finish;
use super::records::{self, Bases};
use crate::foundation::files::FilesError;
use crate::instruments::record::journal::Contents;
use crate::instruments::record::{Commit, Ended};
use crate::instruments::table::Table;
use crate::kinds::metric::{CellMetrics, Violation, aggregate, held_against};
use crate::kinds::verdict::slo::{self, SloVerdict};
use crate::load::LoadError;
use crate::plan::{Capacity, Cell, MOST_ROUNDS, Search, Shown};
use crate::results::{
    CellRun, ObjectiveVerdict, Probe, ProbeVerdict, SearchResult, ValidityStatus,
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
        let found = twice_at_most(|look| probe(turn, course, &cell, look))?;
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

/// What a probe has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Found {
    verdict: ProbeVerdict,
    /// Why it did not pass.
    reason: Option<String>,
    /// Whether neither its value nor its target made it void, but something that came and went.
    disturbed: bool,
    /// What voided the first look, where this is the second.
    again: Option<String>,
}

impl Found {
    const fn new(verdict: ProbeVerdict, reason: Option<String>) -> Self {
        Self {
            verdict,
            reason,
            disturbed: false,
            again: None,
        }
    }

    fn stopped() -> Self {
        let reason = "a signal ended it before its time".to_owned();
        Self::new(ProbeVerdict::Invalid, Some(reason))
    }

    fn of(self, cell: &Cell, value: f64) -> Probe {
        Probe {
            cell: cell.id.clone(),
            value,
            verdict: self.verdict,
            reason: self.reason,
            again: self.again,
        }
    }
}

/// Which look at a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look<'a> {
    First,
    /// With what voided the first.
    Second(&'a str),
}

/// Looks once, and once more where something disturbed the first look: a neighbour's second is not to be the end of a
/// search. What counts is the second then, whatever it shows. `None` where a signal ended it.
fn twice_at_most<E>(
    mut look: impl FnMut(Look<'_>) -> Result<Option<Found>, E>,
) -> Result<Option<Found>, E> {
    let first = look(Look::First)?;
    let Some(disturbed) = first.as_ref().filter(|first| first.disturbed) else {
        return Ok(first);
    };
    let why = disturbed.reason.clone().unwrap_or_default();
    let second = look(Look::Second(&why))?;
    Ok(second.map(|second| Found {
        again: Some(why),
        ..second
    }))
}

/// Executes the repeats of a probe, and more of them while they show nothing; `None` where a signal ended it.
fn probe(
    turn: &Turn<'_>,
    course: &mut Course<'_>,
    cell: &Cell,
    look: Look<'_>,
) -> Result<Option<Found>, RunError> {
    if let Look::Second(why) = look {
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

fn found(
    cell: &Cell,
    numbers: &CellMetrics,
    run: &CellRun,
    table: &Table,
) -> Result<Found, RunError> {
    let limited = match run.validity.status {
        ValidityStatus::Valid => None,
        ValidityStatus::Invalid => Some(ProbeVerdict::Invalid),
        ValidityStatus::ClientLimited => Some(ProbeVerdict::ClientLimited),
    };
    if let Some(verdict) = limited {
        return Ok(Found::new(verdict, Some(run.validity.reasons.join("; "))));
    }
    let (mut missed, mut doubted, mut open) = (Vec::new(), Vec::new(), Vec::new());
    for objective in &cell.slo.objectives {
        let text = &objective.text;
        let at_any_n = objective.evaluate(numbers, cell.slo.no_data);
        let of_requests = slo::share_of_requests(objective).filter(|_| at_any_n.value.is_some());
        let (held, n) = match of_requests {
            Some((violation, quality)) => held(table, &cell.id, (&violation, quality), run)?,
            None => (Requests::Show(by_number(at_any_n.verdict)), at_any_n.n),
        };
        match held {
            Requests::Show(SloVerdict::Pass) => {}
            Requests::Show(SloVerdict::Fail) => missed.push(format!("{text} does not hold")),
            Requests::LeaveInDoubt => doubted.push(format!(
                "{text} does not hold, but by no more than the generator itself did not get to run meanwhile"
            )),
            Requests::Show(SloVerdict::Inconclusive { needs_n }) => {
                let enough = needs_n
                    .map(|needed| format!(", {needed} would"))
                    .unwrap_or_default();
                open.push(format!("{text}: {n} requests do not tell{enough}"));
            }
        }
    }
    let verdict = if !missed.is_empty() {
        ProbeVerdict::Missed
    } else if !doubted.is_empty() {
        ProbeVerdict::Doubtful
    } else if !open.is_empty() {
        ProbeVerdict::Inconclusive
    } else {
        return Ok(Found::new(ProbeVerdict::Passed, None));
    };
    missed.extend(doubted.into_iter().chain(open));
    Ok(Found::new(verdict, Some(missed.join("; "))))
}

/// Whether a probe is void by something that came and went: not by a limit of the machine that its value meets each time,
/// nor by a target that answers nothing.
fn disturbed(run: &CellRun, commits: &[&Commit]) -> bool {
    let lasting = |commit: &&Commit| {
        commit.ended == Ended::WarmupFailed
            || commit.own.out_of_descriptors > 0
            || commit.own.out_of_ports > 0
    };
    run.validity.status == ValidityStatus::Invalid
        && run.self_check.came_and_went()
        && !commits.iter().any(lasting)
}

/// What the requests of a probe say of an objective.
enum Requests {
    Show(SloVerdict),
    /// That it does not hold, which may be the generator's own doing.
    LeaveInDoubt,
}

/// Holds the requests of a probe against a bound that a share of them must keep; of how many it could be said.
fn held(
    table: &Table,
    cell: &str,
    (violation, quality): (&Violation<'_>, f64),
    run: &CellRun,
) -> Result<(Requests, u64), RunError> {
    let requests = held_against(table, cell, violation)?;
    let violates: Vec<bool> = requests.iter().map(|request| request.violates).collect();
    let shown = slo::judge(&violates, quality);
    let certain = || violates_for_certain(&requests, &run.self_check.seconds);
    let doubtful = shown == SloVerdict::Fail && slo::judge(&certain(), quality) != SloVerdict::Fail;
    let held = if doubtful {
        Requests::LeaveInDoubt
    } else {
        Requests::Show(shown)
    };
    Ok((held, requests.len() as u64))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::foundation::units::Offset;
    use crate::instruments::record::{Attempt, Clocks, Counts, Outcome, OwnFigures, Phase};
    use crate::instruments::table::{TableRow, Writer};
    use crate::kinds::metric::catalogue;
    use crate::results::{SelfCheck, SelfCheckSecond, Validity};

    /// What forty requests show of a limit of a second on each, where ten of them took so long, and the generator did not get
    /// to run for so long.
    fn shown_by(slow_ms: u64, stall_ms: u32) -> &'static str {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("requests.parquet");
        let mut writer = Writer::create(&path).unwrap();
        for index in 0..40 {
            let took = if index % 4 == 0 { slow_ms } else { 900 };
            let clocks = Clocks {
                sent: Some(Offset::ZERO),
                end: Some(Offset::from_nanos(took * 1_000_000)),
                ..Clocks::default()
            };
            let attempt = Attempt {
                outcome: Outcome::Ok,
                ..Attempt::unsent(Phase::Measured, index, clocks)
            };
            let row = TableRow {
                attempt: &attempt,
                cell: "c",
                repeat: 1,
                target: "t",
                slo_ms: None,
                slo_met: None,
                skipped: false,
            };
            writer.push(&row).unwrap();
        }
        writer.finish().unwrap();
        let second = SelfCheckSecond {
            repeat: 1,
            at: 2.0,
            canary_max: Some(f64::from(stall_ms) / 1e3),
            ..SelfCheckSecond::default()
        };
        let run = CellRun {
            self_check: SelfCheck {
                seconds: vec![second],
                ..SelfCheck::default()
            },
            ..CellRun::default()
        };
        let over = Violation::Over {
            metric: catalogue::find("e2e").unwrap(),
            bound: 1.0,
            at_equality: false,
        };
        match held(&Table::open(&path).unwrap(), "c", (&over, 0.9), &run).unwrap() {
            (Requests::Show(SloVerdict::Pass), 40) => "passed",
            (Requests::Show(SloVerdict::Fail), 40) => "missed",
            (Requests::LeaveInDoubt, 40) => "doubtful",
            _ => "undecided",
        }
    }

    #[test]
    fn a_miss_that_the_generators_own_stall_explains_is_not_held_against_the_target() {
        assert_eq!(shown_by(1030, 20), "missed");
        assert_eq!(shown_by(1030, 31), "doubtful");
        assert_eq!(shown_by(900, 31), "passed");
    }

    /// What is found by looks that show this, one after the other, and how often was looked.
    fn looked(shows: &[Found]) -> (Found, usize) {
        let mut looks = 0;
        let found = twice_at_most(|look| {
            assert_eq!(look == Look::First, looks == 0);
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
    fn only_what_came_and_went_is_a_disturbance() {
        let commit = |change: &dyn Fn(&mut Commit)| {
            let mut commit = Commit {
                cell_key: "k".to_owned(),
                cell_id: "c".to_owned(),
                repeat: 1,
                position: 0,
                counts: Counts::default(),
                ended: Ended::Complete,
                own: OwnFigures::default(),
                suspensions: 0,
                addresses: Vec::new(),
                connections: Vec::new(),
                samples: Vec::new(),
                notes: Vec::new(),
            };
            change(&mut commit);
            commit
        };
        let run = |status, sent: u64| CellRun {
            validity: Validity {
                status,
                reasons: Vec::new(),
            },
            self_check: SelfCheck {
                seconds: (1..=5)
                    .map(|second| SelfCheckSecond {
                        repeat: 1,
                        intended: 1000 * second,
                        sent: sent * second,
                        ..SelfCheckSecond::default()
                    })
                    .collect(),
                ..SelfCheck::default()
            },
            ..CellRun::default()
        };
        let well = commit(&|_| {});
        let is = |run: &CellRun, commit: &Commit| disturbed(run, &[commit]);
        assert!(is(&run(ValidityStatus::Invalid, 1000), &well));
        assert!(
            !is(&run(ValidityStatus::Invalid, 800), &well),
            "the rate was too much"
        );
        assert!(!is(&run(ValidityStatus::Valid, 1000), &well));
        assert!(!is(&run(ValidityStatus::ClientLimited, 1000), &well));
        let lasting: [&dyn Fn(&mut Commit); 3] = [
            &|commit| commit.ended = Ended::WarmupFailed,
            &|commit| commit.own.out_of_descriptors = 1,
            &|commit| commit.own.out_of_ports = 1,
        ];
        for change in lasting {
            assert!(!is(&run(ValidityStatus::Invalid, 1000), &commit(change)));
        }
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
