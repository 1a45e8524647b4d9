//! What a probe of a search shows: that its objectives hold, that they do not, or nothing of the target.
//!
//! How often a probe is executed, and which value is tried next, is not known here.

use super::RunError;
use super::doubt::violates_for_certain;
use crate::instruments::record::{Commit, Ended};
use crate::instruments::table::Table;
use crate::kinds::metric::catalogue::{self, Better, Unit};
use crate::kinds::metric::{CellMetrics, Violation, held_against};
use crate::kinds::verdict::objective::{Objective, ObjectiveResult};
use crate::kinds::verdict::slo::{self, SloVerdict};
use crate::plan::Cell;
use crate::results::{CellRun, ObjectiveVerdict, Probe, ProbeVerdict, ValidityStatus, Warning};

/// What a probe has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub verdict: ProbeVerdict,
    /// Why it did not pass.
    pub reason: Option<String>,
    /// Whether neither its value nor its target made it void, but something that came and went.
    pub disturbed: bool,
    /// What voided the first look, where this is the second.
    pub again: Option<String>,
}

impl Found {
    /// By its requests alone, looked at once.
    pub const fn new(verdict: ProbeVerdict, reason: Option<String>) -> Self {
        Self {
            verdict,
            reason,
            disturbed: false,
            again: None,
        }
    }

    /// A probe that a signal ended.
    pub fn stopped() -> Self {
        let reason = "a signal ended it before its time".to_owned();
        Self::new(ProbeVerdict::Invalid, Some(reason))
    }

    /// As the results have it.
    pub fn of(self, cell: &Cell, value: f64) -> Probe {
        Probe {
            cell: cell.id.clone(),
            value,
            verdict: self.verdict,
            reason: self.reason,
            again: self.again,
        }
    }
}

/// What the committed repeats of a probe show: its rows are the table's, and its numbers are made of them.
///
/// # Errors
/// Where the table cannot be read.
pub fn found(
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
        let of_requests = slo::share_of_requests(objective, &cell.slo.limits)
            .filter(|_| at_any_n.value.is_some());
        let (held, n) = match of_requests {
            Some((violation, quality)) => held(table, &cell.id, (&violation, quality), run)?,
            None => (by_number(objective, &at_any_n, run), at_any_n.n),
        };
        match held {
            Answer::Sure(SloVerdict::Pass) => {}
            Answer::Sure(SloVerdict::Fail) => missed.push(match at_any_n.value {
                Some(_) => format!("{text} does not hold"),
                None => without_value(text, numbers, run),
            }),
            Answer::InDoubt => doubted.push(format!(
                "{text} is missed by no more than the generator itself did not get to run meanwhile"
            )),
            Answer::Sure(SloVerdict::Inconclusive { .. }) if at_any_n.value.is_none() => {
                open.push(without_value(text, numbers, run));
            }
            Answer::Sure(SloVerdict::Inconclusive { needs_n }) => {
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

/// That an objective has no value to hold or miss by, and how much succeeded; where nothing did, what failed most often.
fn without_value(text: &str, numbers: &CellMetrics, run: &CellRun) -> String {
    let ok = numbers.requests.ok;
    if ok > 0 {
        return format!("{text} has no value, though {ok} requests succeeded");
    }
    let failures = |warning: &&Warning| warning.code == "failures";
    let why = run.warnings.iter().find(failures);
    let why = why.map_or_else(String::new, |failure| format!(" ({})", failure.text));
    format!("{text} has no value: no request succeeded{why}")
}

/// Whether a probe is void by something that came and went: not by a limit of the machine that its value meets each time,
/// nor by a target that answers nothing.
pub fn disturbed(run: &CellRun, commits: &[&Commit]) -> bool {
    let lasting = |commit: &&Commit| {
        commit.ended == Ended::WarmupFailed
            || commit.own.out_of_descriptors > 0
            || commit.own.out_of_ports > 0
    };
    run.validity.status == ValidityStatus::Invalid
        && run.self_check.came_and_went()
        && !commits.iter().any(lasting)
}

/// What a probe says of an objective.
enum Answer {
    /// What is shown.
    Sure(SloVerdict),
    /// That it does not hold, or not that it does, which may be the generator's own doing.
    InDoubt,
}

/// Holds the requests of a probe against a bound that a share of them must keep; of how many it could be said.
fn held(
    table: &Table,
    cell: &str,
    (violation, quality): (&Violation<'_>, f64),
    run: &CellRun,
) -> Result<(Answer, u64), RunError> {
    let requests = held_against(table, cell, violation)?;
    let violates: Vec<bool> = requests.iter().map(|request| request.violates).collect();
    let shown = slo::judge(&violates, quality);
    let seconds = &run.self_check.seconds;
    let certain = || slo::judge(&violates_for_certain(&requests, seconds), quality);
    let doubtful = match shown {
        SloVerdict::Pass => false,
        SloVerdict::Fail => certain() != SloVerdict::Fail,
        SloVerdict::Inconclusive { .. } => certain() == SloVerdict::Pass,
    };
    let held = if doubtful {
        Answer::InDoubt
    } else {
        Answer::Sure(shown)
    };
    Ok((held, requests.len() as u64))
}

/// The verdict over what is no share of requests: that of the number itself. A time is moved by no more than the longest
/// stall.
fn by_number(objective: &Objective, result: &ObjectiveResult, run: &CellRun) -> Answer {
    let is_time = catalogue::find(&objective.metric)
        .is_some_and(|metric| metric.unit == Unit::Seconds && metric.better == Better::Lower);
    let seconds = run.self_check.seconds.iter();
    let stall = seconds
        .filter_map(|second| second.canary_max)
        .fold(0.0, f64::max);
    let without_stall = result.value.filter(|_| is_time).map(|value| value - stall);
    match result.verdict {
        ObjectiveVerdict::Met => Answer::Sure(SloVerdict::Pass),
        ObjectiveVerdict::Missed
            if without_stall.is_some_and(|value| objective.op.holds(value, objective.bound)) =>
        {
            Answer::InDoubt
        }
        ObjectiveVerdict::Missed => Answer::Sure(SloVerdict::Fail),
        ObjectiveVerdict::NoData | ObjectiveVerdict::Void => {
            Answer::Sure(SloVerdict::Inconclusive { needs_n: None })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::foundation::units::Offset;
    use crate::instruments::record::{Attempt, Clocks, Counts, Outcome, OwnFigures, Phase};
    use crate::instruments::table::{TableRow, Writer};
    use crate::kinds::metric::slo::{E2eLimit, Limits};
    use crate::kinds::verdict::objective::Op;
    use crate::results::{SelfCheck, SelfCheckSecond, Validity};

    /// A cell of one second, in which the generator did not get to run for so long.
    fn stalled(stall_ms: u32) -> CellRun {
        let second = SelfCheckSecond {
            repeat: 1,
            at: 2.0,
            canary_max: Some(f64::from(stall_ms) / 1e3),
            ..SelfCheckSecond::default()
        };
        CellRun {
            self_check: SelfCheck {
                seconds: vec![second],
                ..SelfCheck::default()
            },
            ..CellRun::default()
        }
    }

    /// What forty requests show of a limit of a second on each that a share must keep, where ten of them took so long, and the
    /// generator did not get to run for so long. By their e2e, and by the limits of each.
    fn shown_by(slow_ms: u64, stall_ms: u32, quality: f64) -> [&'static str; 2] {
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
                slo_ms: Some(1000.0),
                slo_met: Some(took <= 1000),
                skipped: false,
            };
            writer.push(&row).unwrap();
        }
        writer.finish().unwrap();
        let run = stalled(stall_ms);
        let over = Violation::Over {
            metric: catalogue::find("e2e").unwrap(),
            bound: 1.0,
            at_equality: false,
        };
        let limits = Limits {
            e2e: Some(E2eLimit::FromRow),
            ttft: Some(Duration::from_millis(1)),
            ..Limits::default()
        };
        [over, Violation::LimitMissed(&limits)].map(|violation| {
            let table = Table::open(&path).unwrap();
            match held(&table, "c", (&violation, quality), &run).unwrap() {
                (Answer::Sure(SloVerdict::Pass), 40) => "passed",
                (Answer::Sure(SloVerdict::Fail), 40) => "missed",
                (Answer::InDoubt, 40) => "doubtful",
                _ => "undecided",
            }
        })
    }

    #[test]
    fn a_miss_that_the_generators_own_stall_explains_is_not_held_against_the_target() {
        assert_eq!(shown_by(1030, 20, 0.9), ["missed"; 2]);
        assert_eq!(shown_by(1030, 31, 0.9), ["doubtful"; 2]);
        assert_eq!(shown_by(900, 31, 0.9), ["passed"; 2]);
        // A quarter of forty neither shows that 80 % keep the limit nor that they do not.
        assert_eq!(shown_by(1030, 20, 0.8), ["undecided"; 2]);
        assert_eq!(shown_by(1030, 31, 0.8), ["doubtful"; 2]);
    }

    #[test]
    fn a_number_is_moved_by_the_longest_stall_at_most() {
        let verdict = |metric: &str, value: f64| {
            let text = format!("{metric} <= 1");
            let objective = Objective {
                text: text.clone(),
                metric: metric.to_owned(),
                statistic: Some("mean".to_owned()),
                op: Op::AtMost,
                bound: 1.0,
                only: indexmap::IndexMap::new(),
                pointer: String::new(),
            };
            let result = ObjectiveResult {
                text,
                value: Some(value),
                bound: 1.0,
                n: 9,
                needs_n: None,
                verdict: if value <= 1.0 {
                    ObjectiveVerdict::Met
                } else {
                    ObjectiveVerdict::Missed
                },
            };
            match by_number(&objective, &result, &stalled(31)) {
                Answer::Sure(SloVerdict::Pass) => "passed",
                Answer::Sure(_) => "missed",
                Answer::InDoubt => "doubtful",
            }
        };
        assert_eq!(verdict("itl", 0.9), "passed");
        assert_eq!(verdict("itl", 1.03), "doubtful");
        assert_eq!(verdict("itl", 1.04), "missed");
        assert_eq!(verdict("chunks", 1.03), "missed", "no time");
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
        let run = |status, tried: u64| CellRun {
            validity: Validity {
                status,
                reasons: Vec::new(),
            },
            self_check: SelfCheck {
                seconds: (1..=5)
                    .map(|second| SelfCheckSecond {
                        repeat: 1,
                        intended: 1000 * second,
                        tried: tried * second,
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
}
