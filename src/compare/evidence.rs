//! What the repeats of one cell say of one metric, before anything is decided over the family.

use super::align::Pair;
use super::document::{Change, Refusal, RefusalCode, Verdict};
use super::sides::{Sides, count, logit_of_failure, value};
use super::subject::{Scale, Subject};
use crate::instruments::statistics::{Estimate, fisher_more_in_second, mean};
use crate::kinds::metric::catalogue::least_n;
use crate::results::{CellResult, ValidityStatus};

/// Fewest blocks from which anything is concluded (ci.md B.3 (4)).
pub(super) const LEAST_BLOCKS: u32 = 3;

/// Differences closer than this are rounding.
const EQUAL: f64 = 1e-12;

/// What is known of one metric in one cell.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Evidence {
    pub(super) base: Option<f64>,
    pub(super) head: Option<f64>,
    pub(super) change: Option<Change>,
    pub(super) blocks: u32,
    pub(super) blocks_without_value: u32,
    pub(super) pairs_worse: Option<u32>,
    /// What the test says; `None` where there is none.
    pub(super) finding: Option<Finding>,
    pub(super) refusal: Option<Refusal>,
    /// The verdict that a refusal gives: INVALID where the measurement is void, else INCONCLUSIVE.
    pub(super) void: bool,
}

/// What the differences between head and base say, positive being worse.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Finding {
    /// Decided without a test.
    Plain(Verdict),
    /// To be tested within its family.
    Test(Test),
}

/// A test that awaits its family.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Test {
    /// The mean worsening on the scale of the test.
    pub(super) estimate: Estimate,
    /// The worsening of each block; empty for two runs.
    pub(super) differences: Vec<f64>,
    /// The worsening in points, where the test is not on the scale of the effect.
    pub(super) points: Option<Estimate>,
    /// Exact one-sided p of a worsening and of an improvement, where one side has no errors at all.
    pub(super) exact: Option<(f64, f64)>,
}

impl Evidence {
    /// What a pair says of a subject; `None` where the metric does not apply to the cell at all.
    pub(super) fn of(pair: &Pair<'_>, subject: &Subject, paired: bool) -> Option<Self> {
        let (Some(base), Some(head)) = (pair.base, pair.head) else {
            let side = if pair.base.is_none() { "base" } else { "head" };
            let mut evidence = Self::pooled(pair.base, pair.head, subject);
            evidence.void(RefusalCode::Missing, format!("{side} has no such cell"));
            return Some(evidence);
        };
        let mut evidence = Self::pooled(Some(base), Some(head), subject);
        let sides = Sides::read(base, head, paired, &|repeat| value(repeat, subject));
        match (sides.base_has_any, sides.head_has_any) {
            (false, false) if base.requests.ok > 0 && head.requests.ok > 0 => return None,
            (false, false) => {
                evidence.void(
                    RefusalCode::NoData,
                    format!("neither side has {}: no request succeeded", subject.name),
                );
                return Some(evidence);
            }
            (true, true) => {}
            (base_has_it, _) => {
                let side = if base_has_it { "head" } else { "base" };
                evidence.void(
                    RefusalCode::Missing,
                    format!("{side} has no {}", subject.name),
                );
                return Some(evidence);
            }
        }
        evidence.blocks = narrow(sides.base.len().min(sides.head.len()));
        evidence.blocks_without_value = narrow(sides.without_value);
        match subject.scale() {
            Scale::Ratio => evidence.ratios(&sides, subject),
            Scale::Points => evidence.points(&sides, base, head, subject),
        }
        evidence.refuse_by_rule(pair, subject, base, head);
        Some(evidence)
    }

    /// The cells' pooled values, for rows that cannot show more.
    fn pooled(base: Option<&CellResult>, head: Option<&CellResult>, subject: &Subject) -> Self {
        let value =
            |cell: Option<&CellResult>| cell?.value(&subject.metric, subject.statistic.as_deref());
        Self {
            base: value(base),
            head: value(head),
            ..Self::default()
        }
    }

    fn void(&mut self, code: RefusalCode, text: String) {
        self.refuse(code, text);
        self.void = true;
    }

    /// The first refusal stands: it is the most basic.
    fn refuse(&mut self, code: RefusalCode, text: String) {
        self.refusal.get_or_insert(Refusal { code, text });
    }

    /// Differences of logarithms (ci.md B.3 (4)).
    fn ratios(&mut self, sides: &Sides, subject: &Subject) {
        if sides
            .base
            .iter()
            .chain(&sides.head)
            .any(|value| *value < 0.0)
        {
            return self.refuse(
                RefusalCode::Negative,
                "a negative value has no ratio to another".to_owned(),
            );
        }
        let zeros = |values: &[f64]| values.iter().filter(|value| **value == 0.0).count();
        let (base_zeros, head_zeros) = (zeros(&sides.base), zeros(&sides.head));
        if base_zeros + head_zeros > 0 && !sides.base.is_empty() && !sides.head.is_empty() {
            let (all_base, all_head) = (
                base_zeros == sides.base.len(),
                head_zeros == sides.head.len(),
            );
            return match (all_base, all_head) {
                (true, true) => self.finding = Some(Finding::Plain(Verdict::Ok)),
                (false, true) if base_zeros == 0 && subject.worse() < 0.0 => {
                    self.finding = Some(Finding::Plain(Verdict::Regressed));
                    self.change = Some(Change {
                        value: -1.0,
                        low: None,
                        high: None,
                    });
                }
                _ => self.refuse(
                    RefusalCode::Zero,
                    "a value is 0, which has no ratio to another".to_owned(),
                ),
            };
        }
        let logs = |values: &[f64]| values.iter().map(|value| value.ln()).collect::<Vec<f64>>();
        let (base, head) = (logs(&sides.base), logs(&sides.head));
        self.base = mean(&base).map(f64::exp);
        self.head = mean(&head).map(f64::exp);
        let worse = subject.worse();
        let differences = differences(&base, &head, worse, sides.paired);
        let estimate = estimate(&base, &head, &differences, worse);
        self.count_worse(&differences, sides.paired);
        if let (Some(base), Some(head)) = (mean(&base), mean(&head)) {
            let difference = (head - base) * worse;
            self.conclude(estimate, difference, differences, subject);
        }
    }

    /// Differences of shares of failed requests, tested by their logits (ci.md B.3 (14)).
    fn points(&mut self, sides: &Sides, base: &CellResult, head: &CellResult, subject: &Subject) {
        // Failures are worse under either name.
        let failures = |values: &[f64]| -> Vec<f64> {
            let share = |value: &f64| {
                if subject.worse() > 0.0 {
                    *value
                } else {
                    1.0 - value
                }
            };
            values.iter().map(share).collect()
        };
        self.base = mean(&sides.base);
        self.head = mean(&sides.head);
        let (base_shares, head_shares) = (failures(&sides.base), failures(&sides.head));
        let shares = differences(&base_shares, &head_shares, 1.0, sides.paired);
        let points = estimate(&base_shares, &head_shares, &shares, 1.0);
        self.count_worse(&shares, sides.paired);
        let logits = Sides::read(base, head, sides.paired, &logit_of_failure);
        let differences = differences(&logits.base, &logits.head, 1.0, sides.paired);
        let estimate = estimate(&logits.base, &logits.head, &differences, 1.0);
        let (Some(base_mean), Some(head_mean)) = (mean(&base_shares), mean(&head_shares)) else {
            return;
        };
        self.conclude(points, head_mean - base_mean, differences, subject);
        if let Some(Finding::Test(test)) = &mut self.finding {
            test.points = points;
            test.estimate = estimate.unwrap_or(test.estimate);
            let with_errors = |shares: &[f64]| {
                let with = shares.iter().filter(|share| **share > 0.0).count();
                (with as u64, shares.len() as u64)
            };
            let (base, head) = (with_errors(&base_shares), with_errors(&head_shares));
            test.exact = match (base.0, head.0) {
                (0, 1..) => Some((fisher_more_in_second(base, head), 1.0)),
                (1.., 0) => Some((1.0, fisher_more_in_second(head, base))),
                _ => None,
            };
        }
    }

    fn count_worse(&mut self, differences: &[f64], paired: bool) {
        let worse = differences
            .iter()
            .filter(|difference| **difference > EQUAL)
            .count();
        self.pairs_worse = paired.then(|| narrow(worse));
    }

    /// Shows the change, and tests it unless all differences are equal: then their size alone decides.
    fn conclude(
        &mut self,
        estimate: Option<Estimate>,
        difference: f64,
        differences: Vec<f64>,
        subject: &Subject,
    ) {
        let ends = estimate.map(|estimate| estimate.interval(0.95));
        self.change = Some(shown(subject, difference, ends));
        let varies = estimate.filter(|estimate| estimate.error > EQUAL);
        self.finding = Some(match varies {
            Some(estimate) => Finding::Test(Test {
                estimate,
                differences,
                points: None,
                exact: None,
            }),
            None => Finding::Plain(by_size(difference, subject.limit())),
        });
    }

    /// What never gates, whatever the numbers say.
    fn refuse_by_rule(
        &mut self,
        pair: &Pair<'_>,
        subject: &Subject,
        base: &CellResult,
        head: &CellResult,
    ) {
        let invalid = [("base", base), ("head", head)]
            .into_iter()
            .find(|(_, cell)| cell.validity.status == ValidityStatus::Invalid);
        if let Some((side, cell)) = invalid {
            // Nothing is concluded from a void measurement, so nothing else is said of it.
            self.refusal = None;
            let reasons = cell.validity.reasons.join("; ");
            return self.void(
                RefusalCode::InvalidCell,
                format!("{side} is INVALID: {reasons}"),
            );
        }
        if self.blocks < LEAST_BLOCKS {
            let text = format!(
                "{} blocks have a value on both sides, and it takes {LEAST_BLOCKS}",
                self.blocks
            );
            self.refuse(RefusalCode::TooFewBlocks, text);
        }
        if let Some(share) = subject.percentile() {
            let needed = least_n(share);
            let counts = base
                .repeats
                .iter()
                .chain(&head.repeats)
                .filter_map(|repeat| count(repeat, subject));
            if let Some(fewest) = counts.min().filter(|fewest| *fewest < needed) {
                let name = &subject.name;
                let text =
                    format!("{name} of {fewest} requests a repeat is a guess: it needs {needed}");
                self.refuse(RefusalCode::PercentileNeedsN, text);
            }
        }
        if let Some(refusal) = &pair.refusal {
            self.refusal.get_or_insert_with(|| refusal.clone());
        }
    }
}

fn differences(base: &[f64], head: &[f64], worse: f64, paired: bool) -> Vec<f64> {
    if !paired {
        return Vec::new();
    }
    base.iter()
        .zip(head)
        .map(|(base, head)| (head - base) * worse)
        .collect()
}

/// The mean worsening: of the differences where there are any, else of the two sides.
fn estimate(base: &[f64], head: &[f64], differences: &[f64], worse: f64) -> Option<Estimate> {
    if !differences.is_empty() {
        return Estimate::of(differences);
    }
    let estimate = Estimate::of_difference(base, head)?;
    Some(Estimate {
        mean: estimate.mean * worse,
        ..estimate
    })
}

/// A worsening as a row shows it: head against base, whatever the direction.
pub(super) fn shown(subject: &Subject, difference: f64, ends: Option<[f64; 2]>) -> Change {
    let worse = subject.worse();
    let scaled = |difference: f64| match subject.scale() {
        Scale::Ratio => (difference * worse).exp_m1(),
        Scale::Points => difference * worse,
    };
    let ends = ends.map(|[low, high]| {
        let (one, two) = (scaled(low), scaled(high));
        (one.min(two), one.max(two))
    });
    let finite = |end: f64| end.is_finite().then_some(end);
    Change {
        value: scaled(difference),
        low: ends.and_then(|(low, _)| finite(low)),
        high: ends.and_then(|(_, high)| finite(high)),
    }
}

/// The verdict where there is no noise to test against.
fn by_size(difference: f64, limit: f64) -> Verdict {
    if difference >= limit - EQUAL && difference > EQUAL {
        Verdict::Regressed
    } else if difference <= EQUAL - limit && difference < -EQUAL {
        Verdict::Improved
    } else {
        Verdict::Ok
    }
}

fn narrow(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
