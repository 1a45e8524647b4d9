//! What a probe of a search shows: that its objectives hold, that they do not, or nothing of the target.
//!
//! How often a probe is executed, and which value is tried next, is not known here.

use super::RunError;
use super::doubt::violates_for_certain;
use crate::instruments::record::{Commit, Ended};
use crate::instruments::table::Table;
use crate::kinds::metric::{CellMetrics, Violation, held_against};
use crate::kinds::verdict::slo::{self, SloVerdict};
use crate::plan::Cell;
use crate::results::{CellRun, ObjectiveVerdict, Probe, ProbeVerdict, ValidityStatus};

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
}
