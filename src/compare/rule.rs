//! The rule: what a family of tests decides (compare.md, "Rule"; ci.md B.3).
//!
//! Worsenings and improvements are two families of one-sided tests at half the rate each. A common family of two-sided
//! tests would let an improvement elsewhere lower the bar for a regression here, so that scaling all of head's latencies
//! up could take a REGRESSED away.

use std::collections::BTreeMap;

use super::document::{RefusalCode, Row, Verdict};
use super::evidence::{Evidence, Finding, LEAST_BLOCKS, Test, shown};
use super::subject::Subject;
use crate::instruments::statistics::{
    Estimate, benjamini_hochberg, enough_for, moderate, signed_rank, variance,
};

/// Fewest cells of a metric over which variances are moderated.
const LEAST_MODERATED: usize = 8;

/// Fewest blocks at which signed ranks must agree with an unmoderated t.
const LEAST_RANKED: usize = 8;

/// Bounds closer to the limit than this are at it.
const EQUAL: f64 = 1e-12;

/// One metric of one cell, before and after the family's decision.
#[derive(Debug)]
pub(super) struct Candidate<'a> {
    pub(super) subject: &'a Subject,
    pub(super) evidence: Evidence,
    pub(super) row: Row,
}

/// Decides every row of a family with a false discovery rate of `q`.
pub(super) fn decide(candidates: &mut [Candidate<'_>], q: f64) {
    let moderated = moderate_variances(candidates);
    let tested: Vec<usize> = (0..candidates.len())
        .filter(|place| test_of(&candidates[*place].evidence).is_some())
        .collect();
    let p: Vec<(f64, f64)> = tested
        .iter()
        .filter_map(|place| test_of(&candidates[*place].evidence))
        .map(|test| {
            test.exact
                .unwrap_or((test.estimate.p_greater(), test.estimate.p_less()))
        })
        .collect();
    let significant = |side: fn(&(f64, f64)) -> f64| {
        let one_sided: Vec<f64> = p.iter().map(side).collect();
        benjamini_hochberg(&one_sided, q / 2.0, candidates.len())
    };
    let (worse, better) = (significant(|p| p.0), significant(|p| p.1));
    for (number, place) in tested.into_iter().enumerate() {
        let candidate = &mut candidates[place];
        let Some(Finding::Test(test)) = &candidate.evidence.finding else {
            continue;
        };
        let ranks = if moderated[place] { None } else { ranks(test) };
        let agrees = |p: Option<f64>| p.is_none_or(|p| p <= q / 2.0);
        let significance = Significance {
            worse: worse[number] && agrees(ranks.map(|(over, _)| over)),
            better: better[number] && agrees(ranks.map(|(_, under)| under)),
            p: match test.exact {
                Some((worse, better)) => (2.0 * worse.min(better)).min(1.0),
                None => test.estimate.p_two_sided(),
            },
        };
        let (test, subject) = (test.clone(), candidate.subject);
        conclude(&mut candidate.row, &test, subject, &significance);
    }
    for candidate in candidates {
        let evidence = &candidate.evidence;
        if let Some(Finding::Plain(verdict)) = evidence.finding {
            candidate.row.verdict = verdict;
        }
        if let Some(refusal) = &evidence.refusal {
            candidate.row.verdict = if evidence.void {
                Verdict::Invalid
            } else {
                Verdict::Inconclusive
            };
            candidate.row.significant = false;
            candidate.row.refusal = Some(refusal.clone());
            if refusal.code == RefusalCode::TooFewBlocks {
                candidate.row.more_blocks = LEAST_BLOCKS.checked_sub(candidate.row.blocks);
            }
        }
    }
}

/// Whether a test's p counts, by direction, and its p.
struct Significance {
    worse: bool,
    better: bool,
    p: f64,
}

fn conclude(row: &mut Row, test: &Test, subject: &Subject, significance: &Significance) {
    let effect = test.points.unwrap_or(test.estimate);
    let limit = subject.limit();
    row.p = Some(significance.p);
    row.significant = significance.worse || significance.better;
    row.verdict = if significance.worse && effect.mean >= limit - EQUAL {
        Verdict::Regressed
    } else if significance.better && effect.mean <= EQUAL - limit {
        Verdict::Improved
    } else if effect.upper_bound(0.95) < limit - EQUAL {
        Verdict::Ok
    } else {
        Verdict::Inconclusive
    };
    let visible = effect.least_visible(0.05, 0.8);
    row.smallest_visible = visible
        .is_finite()
        .then(|| shown(subject, visible, None).value);
    if row.verdict == Verdict::Inconclusive {
        row.more_blocks = more_blocks(&effect, limit, row.blocks);
    }
}

/// How many more blocks would decide: as many as bring the interval to half the limit, or, where it is narrower already,
/// to the effect's distance from the limit (ci.md B.3 (7)).
fn more_blocks(effect: &Estimate, limit: f64, blocks: u32) -> Option<u32> {
    let n = f64::from(blocks);
    let stddev = effect.error * n.sqrt();
    let extra_df = (effect.df - (n - 1.0)).max(0.0);
    let more = |half_width: f64| {
        enough_for(stddev, half_width, extra_df)?
            .checked_sub(blocks)
            .filter(|more| *more > 0)
    };
    more(limit / 2.0).or_else(|| more((effect.mean - limit).abs()))
}

/// The test that counts in the family: what is refused is not tested.
fn test_of(evidence: &Evidence) -> Option<&Test> {
    match &evidence.finding {
        Some(Finding::Test(test)) if evidence.refusal.is_none() => Some(test),
        _ => None,
    }
}

/// Exact one-sided p of signed ranks, where there are enough blocks for them to agree; exact counts need none.
fn ranks(test: &Test) -> Option<(f64, f64)> {
    let enough = test.differences.len() >= LEAST_RANKED && test.exact.is_none();
    if enough {
        signed_rank(&test.differences)
    } else {
        None
    }
}

/// Lets the cells of each metric borrow variance from each other where they are enough (ci.md B.3 (5)), and redraws what
/// follows from it. Says of which candidates the variance was moderated.
fn moderate_variances(candidates: &mut [Candidate<'_>]) -> Vec<bool> {
    let mut metrics: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (place, candidate) in candidates.iter().enumerate() {
        let paired = test_of(&candidate.evidence).is_some_and(|test| !test.differences.is_empty());
        if paired {
            metrics
                .entry(candidate.subject.name.clone())
                .or_default()
                .push(place);
        }
    }
    let mut moderated = vec![false; candidates.len()];
    for places in metrics
        .into_values()
        .filter(|places| places.len() >= LEAST_MODERATED)
    {
        let sample = |place: &usize| {
            let test = test_of(&candidates[*place].evidence)?;
            #[expect(clippy::cast_precision_loss, reason = "a number of blocks")]
            let n = test.differences.len() as f64;
            variance(&test.differences).map(|variance| (variance, n - 1.0))
        };
        let samples: Vec<(f64, f64)> = places.iter().filter_map(sample).collect();
        let Some(pooled) = moderate(&samples).filter(|_| samples.len() == places.len()) else {
            continue;
        };
        for ((place, (_, df)), variance) in places.into_iter().zip(samples).zip(pooled.variances) {
            let candidate = &mut candidates[place];
            let Some(Finding::Test(test)) = &mut candidate.evidence.finding else {
                continue;
            };
            let error = (variance / (df + 1.0)).sqrt();
            let Some(estimate) = Estimate::new(test.estimate.mean, error, df + pooled.prior_df)
            else {
                continue;
            };
            test.estimate = estimate;
            moderated[place] = true;
            if test.points.is_none() {
                let mean = estimate.mean;
                candidate.row.change = Some(shown(
                    candidate.subject,
                    mean,
                    Some(estimate.interval(0.95)),
                ));
            }
        }
    }
    moderated
}
