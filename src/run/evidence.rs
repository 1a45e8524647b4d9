//! What the generator saw of itself over the repeats of a cell, put together for the verdict and for the results.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;

use super::records::Bases;
use super::told::Told;
use crate::instruments::record::journal::Contents;
use crate::instruments::record::{Commit, Ended, OwnSecond, SampleFile};
use crate::kinds::metric::slo::E2eLimit;
use crate::kinds::verdict::validity::{self, Evidence};
use crate::plan::Cell;
use crate::results::{CellRun, SampleReference, SelfCheck, SelfCheckSecond, Warning, folder};
use crate::scenario::Scenario;

/// A picture larger than this is shown by its file alone.
const THUMBNAIL_BYTES: usize = 48 * 1024;

/// Metrics that sending late moves.
const MOVED: [&str; 4] = ["e2e", "ttft", "ttfo", "queue"];

/// A cell's own side of the results.
///
/// `counted` is how many of its requests the statistics are over.
pub fn cell_run(
    cell: &Cell,
    counted: u64,
    contents: &Contents,
    known: (&Bases, &Told, &Scenario, &Path),
) -> CellRun {
    let (bases, told, scenario, part) = known;
    let mut commits: Vec<&Commit> = contents
        .repeats
        .iter()
        .map(|committed| &committed.commit)
        .filter(|commit| commit.cell_id == cell.id)
        .collect();
    commits.sort_by_key(|commit| commit.repeat);
    CellRun {
        validity: validity::judge(&evidence(
            cell,
            &commits,
            own_reasons(&commits, counted, told),
        )),
        self_check: self_check(&commits),
        base_ms: bases
            .of(scenario, cell)
            .map(crate::kinds::metric::estimate::Base::base_ms),
        positions: commits.iter().map(|commit| commit.position).collect(),
        samples: commits
            .iter()
            .flat_map(|commit| &commit.samples)
            .take(scenario.report.samples as usize)
            .map(|sample| reference(sample, part))
            .collect(),
        warnings: warnings(cell, &commits)
            .into_iter()
            .chain(told.warnings())
            .collect(),
    }
}

/// A process that did not get to run for so long was stopped, or as good as.
const STOPPED_NS: u64 = 400_000_000;

/// What voids a cell by itself, whatever its numbers say; each says who it was.
fn own_reasons(commits: &[&Commit], counted: u64, told: &Told) -> Vec<String> {
    let mut reasons = Vec::new();
    let ended = |how: Ended| commits.iter().any(|commit| commit.ended == how);
    if commits.is_empty() {
        reasons.push(validity::NOT_EXECUTED.to_owned());
    } else if ended(Ended::WarmupFailed) {
        let why = told
            .failures()
            .first()
            .map(|failure| format!(" ({failure})"))
            .unwrap_or_default();
        reasons.push(format!(
            "the target answered no warm-up, so that nothing was measured{why}"
        ));
    } else if ended(Ended::Interrupted) {
        reasons.push("a signal ended it before its time".to_owned());
    } else if counted == 0 {
        reasons.push(
            "no request counts: none was due, or the window leaves all of them out".to_owned(),
        );
    }
    // Whoever ends a process often continues it too, stopped or not (timeout, systemd): that repeat is void anyway.
    let suspended = |commit: &&Commit| commit.suspensions > 0 && commit.ended != Ended::Interrupted;
    if commits.iter().any(suspended) {
        reasons.push(
            "SIGCONT came while it ran: the process had been stopped (SIGTSTP or SIGSTOP)"
                .to_owned(),
        );
    }
    let canaries = seconds(commits).filter_map(|(_, second)| second.canary);
    if let Some(longest) = canaries
        .map(|times| times.max_ns)
        .max()
        .filter(|ns| *ns > STOPPED_NS)
    {
        reasons.push(format!(
            "the generator did not get to run for {:.1} s",
            seconds_of(longest)
        ));
    }
    reasons
}

fn evidence(cell: &Cell, commits: &[&Commit], own_reasons: Vec<String>) -> Evidence {
    let sum = |of: fn(&Commit) -> u64| commits.iter().map(|commit| of(commit)).sum::<u64>();
    let mut void = own_reasons;
    if commits.iter().any(|commit| commit.own.records_overflowed) {
        void.push(
            "records came faster than the disk took them, so that a repeat was ended".to_owned(),
        );
    }
    let starved = sum(|commit| commit.own.starved);
    let intended = sum(|commit| commit.counts.intended);
    if starved * 100 > intended {
        void.push(format!(
            "{starved} of {intended} requests were due before the generator had made them ready"
        ));
    }
    let unsent = sum(|commit| commit.counts.unsent);
    Evidence {
        lateness_p99_s: lateness(commits, 0.99),
        tightest_limit_s: tightest(cell),
        intended,
        sent: intended - unsent.min(intended),
        unsent_for_slots: sum(|commit| commit.own.unsent_for_slots),
        stopped: commits
            .iter()
            .any(|commit| commit.ended == Ended::Interrupted),
        waited_for_slots: sum(|commit| commit.own.waited_for_slot),
        cpu_shares: cpu_shares(commits),
        exhausted: vec![
            (
                "EMFILE".to_owned(),
                sum(|commit| commit.own.out_of_descriptors),
            ),
            (
                "EADDRNOTAVAIL".to_owned(),
                sum(|commit| commit.own.out_of_ports),
            ),
        ],
        void,
    }
}

/// A quantile of lateness over all repeats: the least value that at least that share does not exceed.
fn lateness(commits: &[&Commit], share: f64) -> Option<f64> {
    let mut pooled: BTreeMap<u64, u64> = BTreeMap::new();
    for (ns, times) in commits
        .iter()
        .flat_map(|commit| &commit.own.lateness_counts)
    {
        *pooled.entry(*ns).or_default() += times;
    }
    let all: u64 = pooled.values().sum();
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "counts of requests stay far below 2^53, and a share is from 0 to 1"
    )]
    let rank = (share * all as f64).ceil() as u64;
    let mut below = 0;
    pooled
        .into_iter()
        .find(|(_, times)| {
            below += times;
            below >= rank
        })
        .map(|(ns, _)| seconds_of(ns))
}

fn seconds_of(ns: u64) -> f64 {
    std::time::Duration::from_nanos(ns).as_secs_f64()
}

/// The tightest limit, of a request or of an objective, on what sending late would move.
///
/// Gaps between tokens are not among it: they are the same however late a request was sent.
fn tightest(cell: &Cell) -> Option<f64> {
    let limits = &cell.slo.limits;
    let fixed = match limits.e2e {
        Some(E2eLimit::Fixed(limit)) => Some(limit),
        _ => None,
    };
    let of_requests = [fixed, limits.ttft, limits.queue]
        .into_iter()
        .flatten()
        .map(|limit| limit.as_secs_f64());
    let of_objectives = cell
        .slo
        .objectives
        .iter()
        .filter(|objective| MOVED.contains(&objective.metric.as_str()))
        .map(|objective| objective.bound);
    of_requests.chain(of_objectives).min_by(f64::total_cmp)
}

/// Shares by second, with a pause between repeats: five busy seconds are five of one repeat.
fn cpu_shares(commits: &[&Commit]) -> Vec<f64> {
    commits
        .iter()
        .flat_map(|commit| {
            commit
                .own
                .seconds
                .iter()
                .filter_map(|second| second.cpu_share)
                .chain([0.0])
        })
        .collect()
}

fn seconds<'a>(commits: &'a [&Commit]) -> impl Iterator<Item = (u32, &'a OwnSecond)> {
    commits.iter().flat_map(|commit| {
        commit
            .own
            .seconds
            .iter()
            .map(|second| (commit.repeat, second))
    })
}

fn self_check(commits: &[&Commit]) -> SelfCheck {
    let most = |of: fn(&OwnSecond) -> Option<f64>| {
        seconds(commits)
            .filter_map(|(_, second)| of(second))
            .max_by(f64::total_cmp)
    };
    let intended: u64 = commits.iter().map(|commit| commit.counts.intended).sum();
    let unsent: u64 = commits.iter().map(|commit| commit.counts.unsent).sum();
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts of requests stay far below 2^53"
    )]
    let sent_ratio =
        (intended > 0).then(|| (intended - unsent.min(intended)) as f64 / intended as f64);
    SelfCheck {
        lateness_p50: lateness(commits, 0.5),
        lateness_p99: lateness(commits, 0.99),
        lateness_max: lateness(commits, 1.0),
        cpu_share_max: most(|second| second.cpu_share),
        steal_max: most(|second| second.steal),
        canary_p99: most(|second| second.canary.map(|times| seconds_of(times.p99_ns))),
        descriptors_max: seconds(commits)
            .filter_map(|(_, second)| second.descriptors)
            .max(),
        sent_ratio,
        seconds: seconds(commits)
            .map(|(repeat, second)| one_second(repeat, second))
            .collect(),
    }
}

fn one_second(repeat: u32, second: &OwnSecond) -> SelfCheckSecond {
    SelfCheckSecond {
        repeat,
        at: second.at.as_seconds(),
        lateness_p50: second.lateness.map(|times| seconds_of(times.p50_ns)),
        lateness_p99: second.lateness.map(|times| seconds_of(times.p99_ns)),
        lateness_max: second.lateness.map(|times| seconds_of(times.max_ns)),
        cpu_share: second.cpu_share,
        steal: second.steal,
        canary_max: second.canary.map(|times| seconds_of(times.max_ns)),
        descriptors: second.descriptors,
        in_flight: second.in_flight,
        sent: second.sent,
        intended: second.intended,
        records_waiting_bytes: second.records_waiting_bytes,
    }
}

fn warnings(cell: &Cell, commits: &[&Commit]) -> Vec<Warning> {
    let mut warnings: Vec<Warning> = Vec::new();
    let mut warn = |code: &str, text: &str| {
        if warnings.iter().all(|known| known.text != text) {
            warnings.push(Warning {
                code: code.to_owned(),
                text: text.to_owned(),
            });
        }
    };
    let (executed, repeats) = (commits.len(), cell.load.repeats as usize);
    if (1..repeats).contains(&executed) {
        warn(
            "incomplete",
            &format!(
                "{executed} of {repeats} repeats were executed: no objective is held against it"
            ),
        );
    }
    for commit in commits {
        match commit.ended {
            Ended::DatasetEnded => warn(
                "dataset_ended",
                "the dataset ended before as many requests were sent as were asked for",
            ),
            Ended::WarmupFailed => warn(
                "warmup_failed",
                "every warm-up failed, so nothing was measured",
            ),
            Ended::Complete | Ended::Interrupted => {}
        }
        for note in &commit.notes {
            warn("note", note);
        }
    }
    warnings
}

fn reference(sample: &SampleFile, part: &Path) -> SampleReference {
    SampleReference {
        file: sample.file.clone(),
        text: sample.text.clone(),
        thumbnail: thumbnail(&part.join(folder::SAMPLES).join(&sample.file)),
    }
}

/// A small picture as a data URL.
fn thumbnail(path: &Path) -> Option<String> {
    let kind = match path.extension()?.to_str()? {
        "png" => "png",
        "jpg" | "jpeg" => "jpeg",
        "webp" => "webp",
        _ => return None,
    };
    let bytes = std::fs::read(path)
        .ok()
        .filter(|bytes| bytes.len() <= THUMBNAIL_BYTES)?;
    Some(format!(
        "data:image/{kind};base64,{}",
        base64::engine::general_purpose::STANDARD.encode(bytes)
    ))
}
