//! Cells beside their baseline: the speed-up and its interval (scenario.md, `report.baseline`).

use indexmap::IndexMap;
use serde_json::Value;

use super::document::{Better, Bound, CellResult, MetricValue, Relative, ValidityStatus};
use crate::foundation::seed::Seed;
use crate::instruments::statistics::{mean, ratio_interval};
use crate::kinds::metric::catalogue;

/// Statistics of a distribution that are shown relative to the baseline.
const STATISTICS: [&str; 5] = ["mean", "p50", "p90", "p95", "p99"];

/// Fewest repeats a side that have an interval: two drawn from two give so few different means that the interval is far
/// too narrow.
const LEAST_REPEATS: usize = 5;

/// Fills `relative` of every cell that differs from a baseline cell only in the axes that `baseline` names.
pub(super) fn relative_to_baseline(cells: &mut [CellResult], baseline: &IndexMap<String, Value>) {
    if baseline.is_empty() {
        return;
    }
    for place in 0..cells.len() {
        let Some(base) = baseline_of(cells, place, baseline) else {
            continue;
        };
        let relative = names(&cells[place])
            .into_iter()
            .filter_map(|(name, metric, statistic)| {
                let compared = compare(&cells[place], &cells[base], (&name, metric, statistic))?;
                Some((name, compared))
            })
            .collect();
        cells[place].relative = relative;
    }
}

/// The cell whose axes are those of the cell at `place` with the baseline's values; `None` for the baseline itself.
fn baseline_of(
    cells: &[CellResult],
    place: usize,
    baseline: &IndexMap<String, Value>,
) -> Option<usize> {
    let wanted = |name: &str, own: &Value, theirs: &Value| match baseline.get(name) {
        Some(value) => same(value, theirs),
        None => same(own, theirs),
    };
    let fits = |other: &CellResult| {
        baseline.keys().all(|name| other.axes.contains_key(name))
            && cells[place].axes.len() == other.axes.len()
            && cells[place].axes.iter().all(|(name, own)| {
                other
                    .axes
                    .get(name)
                    .is_some_and(|theirs| wanted(name, own, theirs))
            })
    };
    cells.iter().position(fits).filter(|base| *base != place)
}

/// Equality of axis values: numbers by value, whatever their form.
fn same(one: &Value, two: &Value) -> bool {
    match (one.as_f64(), two.as_f64()) {
        (Some(one), Some(two)) => one.total_cmp(&two).is_eq(),
        _ => one == two,
    }
}

/// The metrics of a cell that have a better direction: key, name and statistic.
fn names(cell: &CellResult) -> Vec<(String, &'static str, Option<&'static str>)> {
    let mut names = Vec::new();
    for metric in catalogue::all().filter(|metric| metric.better != Better::Neither) {
        match cell.metrics.get(metric.name) {
            Some(Some(MetricValue::Number(_))) => {
                names.push((metric.name.to_owned(), metric.name, None));
            }
            Some(Some(MetricValue::Distribution(_))) => names.extend(STATISTICS.map(|statistic| {
                (
                    format!("{}.{statistic}", metric.name),
                    metric.name,
                    Some(statistic),
                )
            })),
            _ => {}
        }
    }
    names
}

/// The factor by which `cell` is better than `base`, as times: above 1 is better, whatever the metric's direction.
///
/// Speed-up and interval are of the repeats' means, the interval's draws from a seed that the cell and the metric give: the
/// same results have the same interval. Under [`LEAST_REPEATS`] on a side there is none; with one, the speed-up is of the
/// cells' own numbers.
fn compare(
    cell: &CellResult,
    base: &CellResult,
    (name, metric, statistic): (&str, &str, Option<&str>),
) -> Option<Relative> {
    let found = catalogue::find(metric)?;
    let pooled = (
        cell.value(metric, statistic)?,
        base.value(metric, statistic)?,
    );
    let known = match known(cell, base, found.is_throughput()) {
        Ok(bound) => bound,
        Err(reason) => {
            return Some(Relative {
                reason: Some(reason),
                ..Relative::default()
            });
        }
    };
    let repeats = (
        repeats(cell, metric, statistic),
        repeats(base, metric, statistic),
    );
    let enough = repeats.0.len().min(repeats.1.len()) >= LEAST_REPEATS;
    let several = repeats.0.len() >= 2 && repeats.1.len() >= 2;
    let (own, theirs) = match (mean(&repeats.0), mean(&repeats.1)) {
        (Some(own), Some(theirs)) if several => (own, theirs),
        _ => pooled,
    };
    let mut generator = Seed::root(0)
        .derive("speed-up")
        .derive(&cell.id)
        .derive(name)
        .generator();
    let (speedup, interval) = match found.better {
        Better::Lower => (
            theirs / own,
            ratio_interval(&repeats.1, &repeats.0, 0.95, &mut generator),
        ),
        Better::Higher | Better::Neither => (
            own / theirs,
            ratio_interval(&repeats.0, &repeats.1, 0.95, &mut generator),
        ),
    };
    speedup.is_finite().then_some(Relative {
        speedup: Some(speedup),
        interval: interval.filter(|_| enough),
        bound: known,
        reason: (!enough).then(|| format!("needs {LEAST_REPEATS} repeats")),
        needs_n: statistic.and_then(|statistic| needed(cell, base, metric, statistic)),
    })
}

/// How many values a percentile needs, where either side has fewer.
fn needed(cell: &CellResult, base: &CellResult, metric: &str, statistic: &str) -> Option<u64> {
    let needed = catalogue::percentile_share(statistic).map(catalogue::least_n)?;
    let n = |cell: &CellResult| match cell.metrics.get(metric) {
        Some(Some(MetricValue::Distribution(summary))) => summary.n,
        _ => 0,
    };
    (n(cell).min(n(base)) < needed).then_some(needed)
}

/// From which side the speed-up is known, `None` from both; or why nothing can be said.
fn known(cell: &CellResult, base: &CellResult, throughput: bool) -> Result<Option<Bound>, String> {
    let is = |cell: &CellResult, status| cell.validity.status == status;
    for (side, cell) in [("the cell", cell), ("the baseline", base)] {
        if is(cell, ValidityStatus::Invalid) {
            return Err(format!("{side} is INVALID"));
        }
    }
    let limited = |cell| throughput && is(cell, ValidityStatus::ClientLimited);
    match (limited(cell), limited(base)) {
        (false, false) => Ok(None),
        (true, false) => Ok(Some(Bound::AtLeast)),
        (false, true) => Ok(Some(Bound::AtMost)),
        (true, true) => Err("both are CLIENT_LIMITED: neither rate is known".to_owned()),
    }
}

/// The number in each repeat that has it.
fn repeats(cell: &CellResult, metric: &str, statistic: Option<&str>) -> Vec<f64> {
    cell.repeats
        .iter()
        .filter_map(|repeat| repeat.value(metric, statistic))
        .collect()
}
