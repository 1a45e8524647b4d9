//! The values of both sides of a pair: by block where these are paired, else each side's own.

use std::collections::{BTreeMap, BTreeSet};

use super::align::repeats;
use super::subject::Subject;
use crate::results::{CellResult, MetricValue, RepeatResult};

/// Values of both sides: by block where these are paired, else each side's own.
pub(super) struct Sides {
    pub(super) base: Vec<f64>,
    pub(super) head: Vec<f64>,
    pub(super) paired: bool,
    pub(super) without_value: usize,
    pub(super) base_has_any: bool,
    pub(super) head_has_any: bool,
}

impl Sides {
    pub(super) fn read(
        base: &CellResult,
        head: &CellResult,
        paired: bool,
        value: &dyn Fn(&RepeatResult) -> Option<f64>,
    ) -> Self {
        let (base, head) = (repeats(base), repeats(head));
        let values = |side: &BTreeMap<u32, &RepeatResult>| -> Vec<f64> {
            side.values().filter_map(|repeat| value(repeat)).collect()
        };
        let (all_base, all_head) = (values(&base), values(&head));
        let (base_has_any, head_has_any) = (!all_base.is_empty(), !all_head.is_empty());
        if !paired {
            let without_value = base.len() + head.len() - all_base.len() - all_head.len();
            return Self {
                base: all_base,
                head: all_head,
                paired,
                without_value,
                base_has_any,
                head_has_any,
            };
        }
        let numbers: BTreeSet<&u32> = base.keys().chain(head.keys()).collect();
        let block = |number: &u32| Some((value(base.get(number)?)?, value(head.get(number)?)?));
        let (base, head): (Vec<f64>, Vec<f64>) =
            numbers.iter().filter_map(|number| block(number)).unzip();
        let without_value = numbers.len() - base.len();
        Self {
            base,
            head,
            paired,
            without_value,
            base_has_any,
            head_has_any,
        }
    }
}

/// The subject's value in one repeat.
pub(super) fn value(repeat: &RepeatResult, subject: &Subject) -> Option<f64> {
    repeat
        .value(&subject.metric, subject.statistic.as_deref())
        .filter(|value| value.is_finite())
}

/// Failed requests and all, unsent included; `None` where there were none.
#[expect(clippy::cast_precision_loss, reason = "counts of requests")]
fn failures(repeat: &RepeatResult) -> Option<(f64, f64)> {
    let all = repeat.requests.intended;
    (all > 0).then(|| (all.saturating_sub(repeat.requests.ok) as f64, all as f64))
}

/// The logit of the share of failures, with half a request added to either side.
pub(super) fn logit_of_failure(repeat: &RepeatResult) -> Option<f64> {
    let (failed, all) = failures(repeat)?;
    Some(((failed + 0.5) / (all - failed + 0.5)).ln())
}

/// How many requests stand behind the subject's statistic in one repeat.
pub(super) fn count(repeat: &RepeatResult, subject: &Subject) -> Option<u64> {
    match repeat.metrics.get(&subject.metric)?.as_ref()? {
        MetricValue::Distribution(summary) => Some(summary.n),
        MetricValue::Number(_) => None,
    }
}
