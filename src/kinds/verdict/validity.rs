//! Validity: VALID, INVALID or CLIENT_LIMITED, by what the generator saw of itself (metrics.md, "When a measurement is
//! void"; ci.md D-7).
//!
//! Effects decide, causes explain. That a request went late, or that bytes were read late, is the evidence that the
//! generator set the result, and it is pooled over the whole cell: what holds for one request in a hundred shows in a
//! p99. What may cause it (time stolen by a hypervisor, a quota, a neighbour) names itself in the reason, and voids by
//! itself only where it lasted so long that no figure of the cell can be trusted to be free of it.
//!
//! | signal | voids the cell | over |
//! |---|---|---|
//! | lateness of sending, a slot being free | p99 over 5 ms, or 2 % of the tightest limit that sending late moves | all requests |
//! | lateness of a 1 ms canary on each lane | p99 over 5 ms, or 2 % of the tightest limit that reading late moves | all ticks |
//! | one stall of the generator | over 0.4 s | any |
//! | requests not sent, or not ready, for reasons of our own | over 1 % | all requests |
//! | own CPU, but for spinning before sends | over 80 % of what the process has | any five seconds in a row; all seconds on average where the cap on requests in flight was reached, since nobody can tell then that it was the target's doing |
//! | stolen time | over 5 % | all seconds on average, of five at least: in less, lateness tells whether it mattered |
//! | `EMFILE`, `EADDRNOTAVAIL` | one | any |
//! | swap | a page of ours read back while the machine swapped in | any second |
//! | the clock set, or the machine asleep | over 1 ms | any second |
//! | stopped by a signal; records beyond their bound | once | any |
//!
//! D-7's "pool wait" has no counterpart: a slot owns its connection and shares it with nobody. What waits under a finite
//! `concurrency` waits by the author's own cap, and the cell is CLIENT_LIMITED.

mod evidence;
mod machine;
mod words;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use evidence::{CutShort, Evidence, Machine, Schedule, Timing};
pub use machine::{CPU_SHARE, STEAL_SHARE, worked};

use machine::causes;
use words::{percent, rate, told_apart};

/// VALID, INVALID or CLIENT_LIMITED.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Validity {
    /// The status.
    pub status: ValidityStatus,
    /// Why it is not VALID.
    pub reasons: Vec<String>,
}

/// Whether the generator, not the target, set the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ValidityStatus {
    /// The generator was fit.
    #[default]
    Valid,
    /// Nothing can be said of the target: the generator set the result, or it was not measured.
    Invalid,
    /// The cap on requests in flight was reached since the target was slow: the rate is "at least".
    ClientLimited,
}

/// The reason of a cell of which no repeat was executed.
pub const NOT_EXECUTED: &str = "it was not executed";
/// The reason of a cell during which the process was stopped.
pub const SUSPENDED: &str =
    "SIGCONT came while it ran: the process had been stopped (SIGTSTP or SIGSTOP)";

/// Lateness that is allowed whatever the limits, in seconds.
pub const LATENESS_FLOOR_S: f64 = 0.005;
/// Lateness that is allowed as a share of the tightest limit.
const LATENESS_SHARE: f64 = 0.02;
/// A generator that did not get to run for so long was stopped, or as good as, in seconds.
const STALL_S: f64 = 0.4;
/// The least share of intended requests that must be sent, and be ready when they are due.
pub const SENT_SHARE: f64 = 0.99;
/// Where the rate that was offered is less than this share of what was asked for, it is told.
const OFFERED_SHARE: f64 = 0.95;
/// The share of an open loop's requests that waits for a slot, from which on the cap set the rate.
const WAITED_SHARE: f64 = 0.01;

/// Whether the generator was fit to say what the cell says. Nothing that the target did makes a cell INVALID.
pub fn judge(evidence: &Evidence) -> Validity {
    let capped = capped(&evidence.schedule);
    let mut reasons = evidence.void.clone();
    reasons.extend(late(evidence));
    reasons.extend(read_late(evidence));
    reasons.extend(too_few_sent(&evidence.schedule));
    reasons.extend(not_ready(&evidence.schedule));
    reasons.extend(machine::too_busy(&evidence.machine, capped.is_some()));
    if reasons.len() > evidence.void.len() {
        reasons.extend(could_offer(&evidence.schedule));
    }
    reasons.extend(machine::exhausted(&evidence.machine));
    reasons.extend(machine::cut_short(&evidence.cut_short));
    if !reasons.is_empty() {
        return Validity {
            status: ValidityStatus::Invalid,
            reasons,
        };
    }
    match capped {
        Some(reason) => Validity {
            status: ValidityStatus::ClientLimited,
            reasons: vec![reason],
        },
        None => Validity::default(),
    }
}

/// What is allowed where so late a thing is held against a limit.
fn allowed(limit_s: Option<f64>) -> f64 {
    limit_s.map_or(LATENESS_FLOOR_S, |limit| {
        (limit * LATENESS_SHARE).max(LATENESS_FLOOR_S)
    })
}

fn late(evidence: &Evidence) -> Option<String> {
    let (lateness, allowed) = (
        evidence.timing.lateness_p99_s?,
        allowed(evidence.timing.sending_limit_s),
    );
    (lateness > allowed).then(|| {
        let [late, most] = told_apart(lateness * 1e3, allowed * 1e3);
        format!(
            "the generator sent requests late while slots were free: p99 {late} ms, {most} ms are allowed{}; {ALONE}",
            causes(&evidence.machine)
        )
    })
}

fn read_late(evidence: &Evidence) -> Option<String> {
    let timing = &evidence.timing;
    let causes = causes(&evidence.machine);
    if let Some(stall) = timing.longest_stall_s.filter(|&stall| stall > STALL_S) {
        return Some(format!(
            "the generator did not get to run for {stall:.1} s{causes}; {ALONE}"
        ));
    }
    let (late, allowed) = (timing.canary_p99_s?, allowed(timing.reading_limit_s));
    (late > allowed).then(|| {
        let [late, most] = told_apart(late * 1e3, allowed * 1e3);
        format!(
            "the generator did not get to run in time, so that answers were read late: a tick each millisecond was late \
             by {late} ms at p99, {most} ms are allowed{causes}; {ALONE}"
        )
    })
}

/// What to do where others had the processors.
const ALONE: &str = "stop what else runs on this machine, or give the generator more processors";

/// The rate that was offered, where it is not the one that was asked for.
fn could_offer(schedule: &Schedule) -> Option<String> {
    let (asked, offered) = (schedule.asked_rate?, schedule.offered_rate?);
    (offered < asked * OFFERED_SHARE).then(|| {
        format!(
            "it offered {}/s of the {}/s that were asked for; ask for less, or spread the load over more machines",
            rate(offered),
            rate(asked)
        )
    })
}

fn too_few_sent(schedule: &Schedule) -> Option<String> {
    let unsent = schedule.intended.saturating_sub(schedule.tried);
    let own = unsent.saturating_sub(schedule.unsent_for_slots);
    let share = share_of(
        schedule.intended - own.min(schedule.intended),
        schedule.intended,
    )?;
    (!schedule.stopped && share < SENT_SHARE).then(|| {
        format!(
            "{own} of {} intended requests were not sent, for the generator's own reasons; {ALONE}",
            schedule.intended
        )
    })
}

fn not_ready(schedule: &Schedule) -> Option<String> {
    let share = share_of(schedule.starved, schedule.intended)?;
    (share > 1.0 - SENT_SHARE).then(|| {
        format!(
            "{} of {} requests were due before the generator had made them ready; ask for a lower rate, or for smaller requests",
            schedule.starved, schedule.intended
        )
    })
}

fn capped(schedule: &Schedule) -> Option<String> {
    let waited = share_of(schedule.waited_for_slots, schedule.intended)?;
    let unsent = share_of(schedule.unsent_for_slots, schedule.intended)?;
    if schedule.unsent_for_slots == 0 && waited <= WAITED_SHARE {
        return None;
    }
    let parts: Vec<String> = [
        (schedule.waited_for_slots, waited, "waited for a slot"),
        (schedule.unsent_for_slots, unsent, "were never sent"),
    ]
    .into_iter()
    .filter(|(count, ..)| *count > 0)
    .map(|(_, share, what)| format!("{} of requests {what}", percent(share)))
    .collect();
    Some(format!(
        "the cap on requests in flight was reached, since the target was slow: {}; the rate is \"at least\"",
        parts.join(", ")
    ))
}

fn share_of(part: u64, whole: u64) -> Option<f64> {
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts of requests stay far below 2^53"
    )]
    let share = part as f64 / whole as f64;
    (whole > 0).then_some(share)
}

#[cfg(test)]
mod tests;
