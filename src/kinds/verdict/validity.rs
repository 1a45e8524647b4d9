//! Validity: VALID, INVALID or CLIENT_LIMITED, by what the generator saw of itself (metrics.md, "When a measurement is
//! void").

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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

/// What the generator saw of itself over a cell, as plain numbers; `None` for what was not measured.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Evidence {
    /// p99 of sending lateness against the schedule with slots free, in seconds: over the requests of all repeats.
    pub lateness_p99_s: Option<f64>,
    /// The tightest limit on latency that requests or objectives have, in seconds.
    pub tightest_limit_s: Option<f64>,
    /// Requests due by the schedule.
    pub intended: u64,
    /// Requests that were attempted.
    pub sent: u64,
    /// Of those that were due and not sent: how many since no slot was free.
    pub unsent_for_slots: u64,
    /// Whether the run was stopped (a signal, a dead target) before its schedule ended: what is unsent then is nobody's fault.
    pub stopped: bool,
    /// Requests of an open loop that waited for a slot while they were due.
    pub waited_for_slots: u64,
    /// The generator's share of the processors that it may use, by second, repeats one after the other.
    pub cpu_shares: Vec<f64>,
    /// Attempts that failed since descriptors (`EMFILE`) or local ports (`EADDRNOTAVAIL`) ran out, by the error's name.
    pub exhausted: Vec<(String, u64)>,
    /// What voids the cell by itself, in words: records waiting beyond their bound, a process that was stopped.
    pub void: Vec<String>,
}

/// The reason of a cell of which no repeat was executed.
pub const NOT_EXECUTED: &str = "it was not executed";

/// Lateness that is allowed whatever the limits, in seconds.
const LATENESS_FLOOR_S: f64 = 0.005;
/// Lateness that is allowed as a share of the tightest limit.
const LATENESS_SHARE: f64 = 0.02;
/// The least share of intended requests that must be sent.
const SENT_SHARE: f64 = 0.99;
/// The greatest share of processors over so many seconds in a row.
const CPU_SHARE: f64 = 0.8;
const CPU_SECONDS: usize = 5;
/// The share of an open loop's requests that waits for a slot, from which on the cap set the rate.
const WAITED_SHARE: f64 = 0.01;

/// Whether the generator was fit to say what the cell says. Nothing that the target did makes a cell INVALID.
pub fn judge(evidence: &Evidence) -> Validity {
    let mut reasons = evidence.void.clone();
    reasons.extend(late(evidence));
    reasons.extend(too_few_sent(evidence));
    reasons.extend(too_busy(&evidence.cpu_shares));
    reasons.extend(
        evidence
            .exhausted
            .iter()
            .filter(|(_, count)| *count > 0)
            .map(|(error, count)| {
                format!(
                    "{count} attempts failed with {error}: the machine ran out of {}",
                    resource(error)
                )
            }),
    );
    if !reasons.is_empty() {
        return Validity {
            status: ValidityStatus::Invalid,
            reasons,
        };
    }
    match capped(evidence) {
        Some(reason) => Validity {
            status: ValidityStatus::ClientLimited,
            reasons: vec![reason],
        },
        None => Validity::default(),
    }
}

fn late(evidence: &Evidence) -> Option<String> {
    let lateness = evidence.lateness_p99_s?;
    let share = evidence
        .tightest_limit_s
        .map_or(0.0, |limit| limit * LATENESS_SHARE);
    let allowed = share.max(LATENESS_FLOOR_S);
    (lateness > allowed).then(|| {
        let [late, most] = told_apart(lateness * 1e3, allowed * 1e3);
        format!(
            "the generator sent requests late while slots were free: p99 {late} ms, {most} ms are allowed"
        )
    })
}

/// Two numbers with as many decimals as tell them apart, one at least.
fn told_apart(one: f64, two: f64) -> [String; 2] {
    let written = |decimals: usize| [one, two].map(|number| format!("{number:.decimals$}"));
    (1..7)
        .map(written)
        .find(|[one, two]| one != two)
        .unwrap_or_else(|| written(7))
}

fn too_few_sent(evidence: &Evidence) -> Option<String> {
    let unsent = evidence.intended.saturating_sub(evidence.sent);
    let own = unsent.saturating_sub(evidence.unsent_for_slots);
    let share = share_of(
        evidence.intended - own.min(evidence.intended),
        evidence.intended,
    )?;
    (!evidence.stopped && share < SENT_SHARE).then(|| {
        format!(
            "{own} of {} intended requests were not sent, for the generator's own reasons",
            evidence.intended
        )
    })
}

fn too_busy(shares: &[f64]) -> Option<String> {
    let busiest = shares
        .windows(CPU_SECONDS)
        .map(|window| window.iter().copied().fold(f64::INFINITY, f64::min))
        .fold(0.0, f64::max);
    (busiest > CPU_SHARE).then(|| {
        format!(
            "the generator used over {:.0} % of the processors that it has for {CPU_SECONDS} s; {:.0} % are allowed",
            (busiest * 100.0).floor(),
            CPU_SHARE * 100.0
        )
    })
}

fn capped(evidence: &Evidence) -> Option<String> {
    let waited = share_of(evidence.waited_for_slots, evidence.intended)?;
    let unsent = share_of(evidence.unsent_for_slots, evidence.intended)?;
    if evidence.unsent_for_slots == 0 && waited <= WAITED_SHARE {
        return None;
    }
    let parts: Vec<String> = [
        (evidence.waited_for_slots, waited, "waited for a slot"),
        (evidence.unsent_for_slots, unsent, "were never sent"),
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

/// A share that is not 0, so that it does not look like 0.
fn percent(share: f64) -> String {
    if share < 0.001 {
        "under 0.1 %".to_owned()
    } else {
        format!("{:.1} %", share * 100.0)
    }
}

fn resource(error: &str) -> &'static str {
    if error == "EADDRNOTAVAIL" {
        "local ports"
    } else {
        "descriptors"
    }
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
mod tests {
    use super::*;

    fn fit() -> Evidence {
        Evidence {
            intended: 1000,
            sent: 1000,
            lateness_p99_s: Some(0.001),
            ..Evidence::default()
        }
    }

    fn status(evidence: &Evidence) -> ValidityStatus {
        judge(evidence).status
    }

    #[test]
    fn a_quiet_generator_is_valid_without_reasons() {
        assert_eq!(judge(&fit()), Validity::default());
        assert_eq!(
            judge(&Evidence::default()),
            Validity::default(),
            "nothing was due"
        );
    }

    #[test]
    fn lateness_is_held_against_five_milliseconds_or_two_percent_of_the_tightest_limit() {
        let late = Evidence {
            lateness_p99_s: Some(0.0051),
            ..fit()
        };
        assert_eq!(status(&late), ValidityStatus::Invalid);
        assert_eq!(
            status(&Evidence {
                lateness_p99_s: Some(0.005),
                ..fit()
            }),
            ValidityStatus::Valid
        );
        let lax = Evidence {
            tightest_limit_s: Some(1.0),
            ..late.clone()
        };
        assert_eq!(status(&lax), ValidityStatus::Valid, "20 ms are allowed");
        let tight = Evidence {
            tightest_limit_s: Some(0.1),
            ..late
        };
        assert_eq!(
            status(&tight),
            ValidityStatus::Invalid,
            "2 ms would be, 5 ms are"
        );
    }

    #[test]
    fn a_lateness_just_over_what_is_allowed_is_written_so_that_it_shows() {
        let reasons = |lateness| {
            let evidence = Evidence {
                lateness_p99_s: Some(lateness),
                ..fit()
            };
            judge(&evidence).reasons.join("")
        };
        assert!(
            reasons(0.00503).ends_with("p99 5.03 ms, 5.00 ms are allowed"),
            "{}",
            reasons(0.00503)
        );
        assert!(
            reasons(0.0071).ends_with("p99 7.1 ms, 5.0 ms are allowed"),
            "{}",
            reasons(0.0071)
        );
    }

    #[test]
    fn what_the_target_kept_from_being_sent_is_not_the_generators_fault() {
        let own = Evidence { sent: 980, ..fit() };
        assert_eq!(status(&own), ValidityStatus::Invalid);
        let capped = Evidence {
            unsent_for_slots: 20,
            waited_for_slots: 400,
            ..own.clone()
        };
        let validity = judge(&capped);
        assert_eq!(validity.status, ValidityStatus::ClientLimited);
        assert!(
            validity.reasons[0].contains("40.0 % of requests waited"),
            "{:?}",
            validity.reasons
        );
        assert_eq!(
            status(&Evidence {
                stopped: true,
                ..own
            }),
            ValidityStatus::Valid
        );
        assert_eq!(
            status(&Evidence { sent: 990, ..fit() }),
            ValidityStatus::Valid,
            "99 % are enough"
        );
    }

    #[test]
    fn a_cap_that_was_reached_is_told_by_what_it_did_and_never_as_a_share_of_nothing() {
        let reason = |waited, unsent| {
            let evidence = Evidence {
                intended: 10_000,
                waited_for_slots: waited,
                unsent_for_slots: unsent,
                sent: 10_000 - unsent,
                ..fit()
            };
            judge(&evidence).reasons.join("")
        };
        let never_sent = reason(0, 300);
        assert!(
            never_sent.contains("slow: 3.0 % of requests were never sent;"),
            "{never_sent}"
        );
        let few = reason(3, 300);
        assert!(few.contains("under 0.1 % of requests waited"), "{few}");
        assert_eq!(reason(100, 0), "", "1 % may wait");
    }

    #[test]
    fn processors_must_be_busy_for_five_seconds_in_a_row() {
        let seconds = |shares: &[f64]| Evidence {
            cpu_shares: shares.to_vec(),
            ..fit()
        };
        assert_eq!(status(&seconds(&[0.9; 5])), ValidityStatus::Invalid);
        assert_eq!(
            status(&seconds(&[0.9, 0.9, 0.1, 0.9, 0.9, 0.9])),
            ValidityStatus::Valid
        );
        assert_eq!(status(&seconds(&[1.0; 4])), ValidityStatus::Valid);
    }

    #[test]
    fn an_exhausted_machine_is_named() {
        let evidence = Evidence {
            exhausted: vec![("EADDRNOTAVAIL".into(), 3)],
            ..fit()
        };
        let validity = judge(&evidence);
        assert_eq!(validity.status, ValidityStatus::Invalid);
        assert!(
            validity.reasons[0].contains("local ports"),
            "{:?}",
            validity.reasons
        );
    }

    #[test]
    fn invalid_wins_over_client_limited() {
        let evidence = Evidence {
            waited_for_slots: 900,
            void: vec!["SIGSTOP".into()],
            ..fit()
        };
        assert_eq!(status(&evidence), ValidityStatus::Invalid);
    }
}
