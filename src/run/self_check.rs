//! What the generator saw of itself over the repeats of a cell, put together for the verdict and for the results.

use std::collections::BTreeMap;

use crate::foundation::units::Offset;
use crate::instruments::record::{Commit, Ended, OwnFigures, OwnSecond};
use crate::kinds::arrival;
use crate::kinds::metric::slo::E2eLimit;
use crate::kinds::verdict::validity::{CutShort, Evidence, Machine, Schedule, Timing, worked};
use crate::plan::Cell;
use crate::results::{SelfCheck, SelfCheckSecond};

/// Metrics that sending late moves. Gaps between tokens are the same however late a request was sent.
const MOVED_BY_SENDING: [&str; 4] = ["e2e", "ttft", "ttfo", "queue"];
/// Metrics that reading late moves; what ends in a point is a family of them.
const MOVED_BY_READING: [&str; 10] = [
    "e2e",
    "service",
    "ttft",
    "ttft_service",
    "ttfo",
    "itl",
    "tpot",
    "first_byte",
    "overhead",
    "step.",
];

/// What a cell's validity is judged by; `void` is what voids it whatever its numbers say.
pub fn evidence(cell: &Cell, commits: &[&Commit], void: Vec<String>) -> Evidence {
    Evidence {
        schedule: schedule(cell, commits),
        timing: Timing {
            lateness_p99_s: quantile(commits, lateness, 0.99),
            sending_limit_s: sending_limit(cell),
            canary_p99_s: quantile(commits, canary, 0.99),
            reading_limit_s: reading_limit(cell),
            longest_stall_s: quantile(commits, canary, 1.0),
        },
        machine: machine(commits),
        cut_short: cut_short(commits, cell.load.requests),
        void,
    }
}

fn sum(commits: &[&Commit], of: fn(&Commit) -> u64) -> u64 {
    commits.iter().map(|commit| of(commit)).sum()
}

fn schedule(cell: &Cell, commits: &[&Commit]) -> Schedule {
    let (intended, tried) = intended_and_tried(commits);
    Schedule {
        intended,
        tried,
        unsent_for_slots: sum(commits, |commit| commit.own.unsent_for_slots),
        waited_for_slots: sum(commits, |commit| commit.own.waited_for_slot),
        starved: sum(commits, |commit| commit.own.starved),
        stopped: commits
            .iter()
            .any(|commit| commit.ended == Ended::Interrupted),
        asked_rate: cell
            .rate
            .per_second()
            .filter(|_| cell.arrival != arrival::Kind::Batch),
        offered_rate: offered(commits),
    }
}

/// Requests of all repeats that were due, and of these those that were tried.
fn intended_and_tried(commits: &[&Commit]) -> (u64, u64) {
    let intended = sum(commits, |commit| commit.counts.intended);
    let unsent = sum(commits, |commit| commit.counts.unsent);
    (intended, intended - unsent.min(intended))
}

/// Requests that went out per second, from the beginning of each repeat to the last that it sent. What never got a
/// connection was tried, and offered to nobody.
fn offered(commits: &[&Commit]) -> Option<f64> {
    let last = |commit: &&Commit| commit.own.last_sent.map(Offset::as_seconds);
    let seconds: f64 = commits.iter().filter_map(last).sum();
    (seconds > 0.0).then(|| count(sum(commits, |commit| commit.own.went_out)) / seconds)
}

/// Share of the processors' time, from the beginning of each repeat to its last send, that was spun before sends.
fn spun(commits: &[&Commit]) -> Option<f64> {
    let last = |commit: &&Commit| commit.own.last_sent.map(Offset::as_seconds);
    let seconds: f64 = commits.iter().filter_map(last).sum();
    let spun = seconds_of(sum(commits, |commit| commit.own.spun_ns));
    let share = spun / (seconds * processors(commits)?);
    (spun > 0.0 && seconds > 0.0).then_some(share)
}

fn machine(commits: &[&Commit]) -> Machine {
    let by_second = |of: fn(&OwnSecond) -> Option<f64>| {
        let seconds = seconds(commits).filter_map(|(_, second)| of(second));
        seconds.collect::<Vec<f64>>()
    };
    let shares = |commit: &&Commit| {
        let seconds = commit.own.seconds.iter();
        seconds
            .filter_map(|second| worked(second.cpu_share, second.spun_share))
            .collect()
    };
    let swapped = |second: &OwnSecond| {
        second.swapped_in.is_some_and(|pages| pages > 0)
            && second.major_faults.is_some_and(|faults| faults > 0)
    };
    Machine {
        processors: processors(commits),
        cpu_shares: commits.iter().map(shares).collect(),
        steal: by_second(|second| second.steal),
        throttled: by_second(|second| second.throttled),
        swapping_seconds: seconds(commits)
            .filter(|(_, second)| swapped(second))
            .count(),
        clock_set_s: clock_set(commits).unwrap_or_default(),
        out_of_descriptors: sum(commits, |commit| commit.own.out_of_descriptors),
        out_of_ports: sum(commits, |commit| commit.own.out_of_ports),
    }
}

/// The repeats that were ended by records which nobody took, of so many requests each.
fn cut_short(commits: &[&Commit], asked: Option<u64>) -> Vec<CutShort> {
    let overflowed = commits
        .iter()
        .filter(|commit| commit.ended == Ended::RecordsOverflowed);
    overflowed
        .map(|commit| CutShort {
            repeat: commit.repeat,
            tried: commit.counts.ok + commit.counts.failed,
            asked,
        })
        .collect()
}

fn processors(commits: &[&Commit]) -> Option<f64> {
    seconds(commits)
        .map(|(_, second)| second.processors)
        .min_by(f64::total_cmp)
}

fn clock_set(commits: &[&Commit]) -> Option<f64> {
    seconds(commits)
        .map(|(_, second)| seconds_of(second.clock_set_ns))
        .max_by(f64::total_cmp)
}

fn lateness(own: &OwnFigures) -> &[(u64, u64)] {
    &own.lateness_counts
}

fn canary(own: &OwnFigures) -> &[(u64, u64)] {
    &own.canary_counts
}

fn read_late(own: &OwnFigures) -> &[(u64, u64)] {
    &own.read_late_counts
}

/// A quantile over all repeats, in seconds: the least value that at least that share does not exceed.
fn quantile(commits: &[&Commit], of: fn(&OwnFigures) -> &[(u64, u64)], share: f64) -> Option<f64> {
    let mut pooled: BTreeMap<u64, u64> = BTreeMap::new();
    for (ns, times) in commits.iter().flat_map(|commit| of(&commit.own)) {
        *pooled.entry(*ns).or_default() += times;
    }
    let all: u64 = pooled.values().sum();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share is from 0 to 1"
    )]
    let rank = (share * count(all)).ceil() as u64;
    let mut below = 0;
    pooled
        .into_iter()
        .find(|(_, times)| {
            below += times;
            below >= rank
        })
        .map(|(ns, _)| seconds_of(ns))
}

fn count(count: u64) -> f64 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts of requests stay far below 2^53"
    )]
    let count = count as f64;
    count
}

fn seconds_of(ns: u64) -> f64 {
    std::time::Duration::from_nanos(ns).as_secs_f64()
}

/// The tightest limit, of a request or of an objective, on what sending late would move.
fn sending_limit(cell: &Cell) -> Option<f64> {
    let limits = &cell.slo.limits;
    let of_requests = [fixed(limits.e2e.as_ref()), limits.ttft, limits.queue];
    tightest(cell, &of_requests, &MOVED_BY_SENDING)
}

/// The tightest limit, of a request or of an objective, on what reading late would move.
fn reading_limit(cell: &Cell) -> Option<f64> {
    let limits = &cell.slo.limits;
    let e2e = fixed(limits.e2e.as_ref());
    let of_requests = [e2e, limits.ttft, limits.itl, limits.tpot];
    tightest(cell, &of_requests, &MOVED_BY_READING)
}

fn fixed(limit: Option<&E2eLimit>) -> Option<std::time::Duration> {
    match limit {
        Some(E2eLimit::Fixed(limit)) => Some(*limit),
        _ => None,
    }
}

fn tightest(
    cell: &Cell,
    of_requests: &[Option<std::time::Duration>],
    moved: &[&str],
) -> Option<f64> {
    let of_objectives = cell
        .slo
        .objectives
        .iter()
        .filter(|objective| {
            let metric = objective.metric.as_str();
            let is =
                |name: &&str| metric == *name || name.ends_with('.') && metric.starts_with(*name);
            moved.iter().any(is)
        })
        .map(|objective| objective.bound);
    of_requests
        .iter()
        .flatten()
        .map(std::time::Duration::as_secs_f64)
        .chain(of_objectives)
        .min_by(f64::total_cmp)
}

fn seconds<'a>(commits: &'a [&Commit]) -> impl Iterator<Item = (u32, &'a OwnSecond)> {
    commits.iter().flat_map(|commit| {
        let seconds = commit.own.seconds.iter();
        seconds.map(|second| (commit.repeat, second))
    })
}

/// The same for people.
pub fn figures(commits: &[&Commit]) -> SelfCheck {
    let most = |of: fn(&OwnSecond) -> Option<f64>| {
        seconds(commits)
            .filter_map(|(_, second)| of(second))
            .max_by(f64::total_cmp)
    };
    let total = |of: fn(&OwnSecond) -> Option<u64>| {
        seconds(commits)
            .filter_map(|(_, second)| of(second))
            .reduce(|one, two| one + two)
    };
    let (intended, tried) = intended_and_tried(commits);
    SelfCheck {
        lateness_p50: quantile(commits, lateness, 0.5),
        lateness_p99: quantile(commits, lateness, 0.99),
        lateness_max: quantile(commits, lateness, 1.0),
        processors: processors(commits),
        cpu_share_max: most(|second| second.cpu_share),
        spun_share: spun(commits),
        steal_max: most(|second| second.steal),
        throttled_max: most(|second| second.throttled),
        swapped_in: total(|second| second.swapped_in),
        major_faults: total(|second| second.major_faults),
        clock_set_max: clock_set(commits),
        canary_p50: quantile(commits, canary, 0.5),
        canary_p99: quantile(commits, canary, 0.99),
        canary_max: quantile(commits, canary, 1.0),
        read_late_p50: quantile(commits, read_late, 0.5),
        read_late_p99: quantile(commits, read_late, 0.99),
        read_late_max: quantile(commits, read_late, 1.0),
        descriptors_max: seconds(commits)
            .filter_map(|(_, second)| second.descriptors)
            .max(),
        tried_ratio: (intended > 0).then(|| count(tried) / count(intended)),
        sent_rate: offered(commits),
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
        spun_share: second.spun_share.filter(|share| *share > 0.0),
        steal: second.steal,
        throttled: second.throttled,
        swapped_in: second.swapped_in,
        major_faults: second.major_faults,
        clock_set: seconds_of(second.clock_set_ns),
        canary_p50: second.canary.map(|times| seconds_of(times.p50_ns)),
        canary_p99: second.canary.map(|times| seconds_of(times.p99_ns)),
        canary_max: second.canary.map(|times| seconds_of(times.max_ns)),
        read_late_p50: second.read_late.map(|times| seconds_of(times.p50_ns)),
        read_late_p99: second.read_late.map(|times| seconds_of(times.p99_ns)),
        read_late_max: second.read_late.map(|times| seconds_of(times.max_ns)),
        descriptors: second.descriptors,
        in_flight: second.in_flight,
        tried: second.tried,
        sent: second.sent,
        intended: second.intended,
        records_waiting_bytes: second.records_waiting_bytes,
    }
}

#[cfg(test)]
mod tests;
