//! Whether requests show that a target keeps a bound, that it does not, or neither yet (ci.md B.3 (2)).
//!
//! An objective compares one number with its bound at any n. A search for a capacity goes up by what a probe has shown,
//! and so asks for more than a number: that chance would not have given it.

use super::objective::{Objective, Op};
use crate::instruments::statistics::{binomial_at_least, binomial_at_most, variance};
use crate::kinds::metric::Violation;
use crate::kinds::metric::catalogue::{self, percentile_share};
use crate::kinds::metric::slo::Limits;

/// What a share of violations must not be reached by chance with.
const CONFIDENCE: f64 = 0.95;
/// Contiguous batches by whose means the dependence of requests is estimated (ci.md B.3 (1)).
const BATCHES: usize = 30;
/// The most requests that are worth asking for.
const MOST_NEEDED: u64 = 1 << 40;

/// What requests show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SloVerdict {
    /// The bound is kept.
    Pass,
    /// The bound is not kept.
    Fail,
    /// Neither is shown.
    Inconclusive {
        /// The least number of requests that would pass with as large a share of violations; `None` where none would.
        needs_n: Option<u64>,
    },
}

/// What violates an objective, and the share of requests that must not: `e2e.p99 <= 20s` is kept where 99 % of requests
/// are not over 20 s. `None` for an objective on what is no share of requests. `limits` are those of the cell's requests.
pub fn share_of_requests<'a>(
    objective: &Objective,
    limits: &'a Limits,
) -> Option<(Violation<'a>, f64)> {
    let upper = matches!(objective.op, Op::Less | Op::AtMost);
    let (violation, quality) = match (objective.metric.as_str(), &objective.statistic) {
        ("error_rate", None) if upper => (Violation::Failed, 1.0 - objective.bound),
        ("success_rate", None) if !upper => (Violation::Failed, objective.bound),
        ("slo_attainment", None) if !upper => (Violation::LimitMissed(limits), objective.bound),
        (name, Some(statistic)) if upper => {
            let metric = catalogue::find(name).filter(|metric| metric.is_time_of_request())?;
            let over = Violation::Over {
                metric,
                bound: objective.bound,
                at_equality: objective.op == Op::Less,
            };
            (over, percentile_share(statistic)?)
        }
        _ => return None,
    };
    // That nothing at all goes wrong is shown by no number of requests.
    (quality > 0.0 && quality < 1.0).then_some((violation, quality))
}

/// What requests show, each of which violates the bound or not, in the order in which they were due; of them a share
/// `quality` must not.
pub fn judge(violations: &[bool], quality: f64) -> SloVerdict {
    let violated = count(violations.iter().filter(|violated| **violated).count());
    let share = violated / count(violations.len().max(1));
    let n = effective_size(violations, share);
    let chance = 1.0 - CONFIDENCE;
    if !violations.is_empty() && binomial_at_most(share * n, n, 1.0 - quality) <= chance {
        return SloVerdict::Pass;
    }
    if !violations.is_empty() && binomial_at_least(share * n, n, 1.0 - quality) <= chance {
        return SloVerdict::Fail;
    }
    let dilution = if violations.is_empty() {
        1.0
    } else {
        count(violations.len()) / n
    };
    SloVerdict::Inconclusive {
        needs_n: needed(share, quality, dilution),
    }
}

/// How many independent requests these are worth: neighbours share a queue.
fn effective_size(violations: &[bool], share: f64) -> f64 {
    let n = violations.len();
    let batches = BATCHES.min(n);
    let batch = |number: usize| &violations[number * n / batches..(number + 1) * n / batches];
    let means: Vec<f64> = (0..batches)
        .map(|number| {
            let batch = batch(number);
            count(batch.iter().filter(|violated| **violated).count()) / count(batch.len())
        })
        .collect();
    match variance(&means).map(|variance| variance / count(batches)) {
        Some(of_mean) if of_mean > 0.0 => {
            (share * (1.0 - share) / of_mean).clamp(2.0_f64.min(count(n)), count(n))
        }
        _ => count(n),
    }
}

/// The least n at which a share of violations passes, `dilution` requests counting as one.
fn needed(share: f64, quality: f64, dilution: f64) -> Option<u64> {
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    let passes = |n: u64| {
        let n = n as f64 / dilution;
        binomial_at_most(share * n, n, 1.0 - quality) <= 1.0 - CONFIDENCE
    };
    if share >= 1.0 - quality {
        return None;
    }
    let mut enough = 1;
    while !passes(enough) {
        enough *= 2;
        if enough > MOST_NEEDED {
            return None;
        }
    }
    let mut short = enough / 2;
    while enough - short > 1 {
        let middle = short + (enough - short) / 2;
        if passes(middle) {
            enough = middle;
        } else {
            short = middle;
        }
    }
    Some(enough)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of requests stay far below 2^53"
)]
fn count(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::verdict::parse;

    /// So many requests, the violations spread evenly.
    fn spread(n: usize, violated: usize) -> Vec<bool> {
        (0..n)
            .map(|at| (at * violated) / n != ((at + 1) * violated) / n)
            .collect()
    }

    #[test]
    fn as_many_requests_are_needed_as_the_table_of_the_rule_says() {
        // ci.md B.3 (2), c = 0.95.
        for (quality, table) in [
            (
                0.99,
                [
                    (0, 299),
                    (1, 473),
                    (2, 628),
                    (5, 1049),
                    (10, 1693),
                    (20, 2902),
                ],
            ),
            (
                0.95,
                [(0, 59), (1, 93), (2, 124), (5, 208), (10, 336), (20, 577)],
            ),
        ] {
            for (violated, n) in table {
                assert_eq!(
                    judge(&spread(n, violated), quality),
                    SloVerdict::Pass,
                    "{quality} {violated}"
                );
                let short = judge(&spread(n - 1, violated), quality);
                assert!(
                    matches!(short, SloVerdict::Inconclusive { .. }),
                    "{quality} {violated}: {short:?}"
                );
            }
        }
        for (violated, n) in [(0, 2995), (1, 4742), (2, 6294)] {
            assert_eq!(
                judge(&spread(n, violated), 0.999),
                SloVerdict::Pass,
                "{violated}"
            );
        }
    }

    #[test]
    fn too_few_requests_show_nothing_and_say_how_many_would() {
        assert_eq!(
            judge(&[false; 40], 0.99),
            SloVerdict::Inconclusive { needs_n: Some(299) }
        );
        assert_eq!(
            judge(&[], 0.95),
            SloVerdict::Inconclusive { needs_n: Some(59) }
        );
        assert_eq!(
            judge(&spread(100, 8), 0.95),
            SloVerdict::Inconclusive { needs_n: None }
        );
    }

    #[test]
    fn many_violations_fail() {
        assert_eq!(judge(&spread(100, 30), 0.9), SloVerdict::Fail);
        assert_eq!(judge(&[true; 40], 0.9), SloVerdict::Fail);
    }

    #[test]
    fn violations_in_a_row_show_less_than_as_many_apart() {
        let apart = spread(600, 14);
        let mut in_a_row = vec![false; 600];
        in_a_row[300..314].fill(true);
        assert_eq!(judge(&apart, 0.95), SloVerdict::Pass);
        let verdict = judge(&in_a_row, 0.95);
        assert!(
            matches!(verdict, SloVerdict::Inconclusive { .. }),
            "{verdict:?}"
        );
    }

    #[test]
    fn an_objective_on_a_share_of_requests_says_which_share() {
        let quality = |text: &str| {
            let parsed = parse::objective(text).unwrap();
            let objective = Objective {
                text: text.into(),
                metric: parsed.metric,
                statistic: parsed.statistic,
                op: parsed.op,
                bound: parsed.bound,
                only: indexmap::IndexMap::new(),
                pointer: String::new(),
            };
            share_of_requests(&objective, &Limits::default())
                .map(|(_, quality)| (quality * 1e6).round() / 1e6)
        };
        assert_eq!(quality("e2e.p99 <= 20s"), Some(0.99));
        assert_eq!(quality("error_rate < 1%"), Some(0.99));
        assert_eq!(quality("slo_attainment >= 95%"), Some(0.95));
        for other in [
            "e2e.mean <= 1s",
            "goodput >= 5",
            "itl.p99 <= 1s",
            "error_rate <= 0%",
            "e2e.p99 >= 1s",
        ] {
            assert_eq!(quality(other), None, "{other}");
        }
    }
}
