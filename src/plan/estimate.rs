//! How many requests a plan sends, and how long it may take at worst; the shape of `plan --format json`.

use indexmap::IndexMap;
use serde::Serialize;
use serde_json::Value;

use super::cell::{Cell, Plan};
use super::search::{MOST_LOOKS, MOST_ROUNDS, Search};
use crate::kinds::arrival::Kind;
use crate::scenario::Scenario;

/// What `plan --format json` prints.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlanDocument {
    /// The scenario's name.
    pub scenario: String,
    /// The cells, in the order of the matrix.
    pub cells: Vec<CellEstimate>,
    /// Sums over all cells.
    pub totals: Totals,
}

/// A cell with what it costs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CellEstimate {
    /// Its id.
    pub id: String,
    /// Its key.
    pub key: String,
    /// Each axis with its value, in the id's order.
    pub axes: IndexMap<String, Value>,
    /// How often it is run.
    pub repeats: u32,
    /// Measured requests of all its repeats, and of a search at most; null where only the run will tell.
    pub requests: Option<u64>,
    /// Seconds that all its repeats take where every request takes its whole time-out; null where nothing bounds it.
    pub worst_case_s: Option<f64>,
    /// Whether an `include` entry made it.
    pub created_by_include: bool,
    /// The most values that it tries, where it is a search; absent for a plain cell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub most_probes: Option<u32>,
    /// What it asks for beyond what this machine was shown to do; absent where that is nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// Sums over all cells.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Totals {
    /// Cells.
    pub cells: u64,
    /// Measured requests; null where those of a cell are.
    pub requests: Option<u64>,
    /// Seconds at worst; null where those of a cell are.
    pub worst_case_s: Option<f64>,
}

impl PlanDocument {
    /// Adds warnings to cells, by their ids.
    pub fn warn(&mut self, warnings: &[(String, String)]) {
        for (id, text) in warnings {
            let cells = self.cells.iter_mut().filter(|cell| cell.id == *id);
            cells.for_each(|cell| cell.warnings.push(text.clone()));
        }
    }
}

/// What the plan costs. `rows` says how many rows a dataset has, `None` where that is not known.
pub fn estimate(
    plan: &Plan,
    scenario: &Scenario,
    rows: &dyn Fn(&str) -> Option<u64>,
) -> PlanDocument {
    let cells: Vec<CellEstimate> = plan
        .cells
        .iter()
        .map(|cell| {
            let known = known_rows(cell, scenario, rows);
            let ends = ends(cell, scenario);
            let requests = requests_of_a_repeat(cell, known, ends);
            let most_probes = cell.search.as_ref().map(Search::most_probes);
            let repeats = match most_probes {
                Some(probes) => cell
                    .load
                    .repeats
                    .saturating_mul(MOST_ROUNDS)
                    .saturating_mul(MOST_LOOKS)
                    .saturating_mul(probes),
                None => cell.load.repeats,
            };
            CellEstimate {
                id: cell.id.clone(),
                key: cell.key.clone(),
                axes: cell.axes.clone(),
                repeats: cell.load.repeats,
                requests: requests.map(|n| n.saturating_mul(u64::from(repeats))),
                worst_case_s: worst_case_of_a_repeat(cell, requests).map(|seconds| {
                    (seconds + cell.load.cooldown.as_secs_f64()) * f64::from(repeats)
                }),
                created_by_include: cell.created_by_include,
                most_probes,
                warnings: Vec::new(),
            }
        })
        .collect();
    let totals = Totals {
        cells: cells.len() as u64,
        requests: cells
            .iter()
            .try_fold(0_u64, |sum, cell| Some(sum.saturating_add(cell.requests?))),
        worst_case_s: cells.iter().map(|cell| cell.worst_case_s).sum(),
    };
    PlanDocument {
        scenario: plan.scenario.clone(),
        cells,
        totals,
    }
}

/// Rows after which the cell's dataset ends; without a dataset there is one empty row.
fn known_rows(cell: &Cell, scenario: &Scenario, rows: &dyn Fn(&str) -> Option<u64>) -> Option<u64> {
    let Some(name) = &cell.dataset else {
        return Some(1);
    };
    let dataset = scenario.datasets.get(name)?;
    if dataset.endless { None } else { rows(name) }
}

/// Whether the cell's dataset ends with its last row, and with it the repeat.
fn ends(cell: &Cell, scenario: &Scenario) -> bool {
    let name = cell.dataset.as_ref();
    name.and_then(|name| scenario.datasets.get(name))
        .is_some_and(|dataset| !dataset.cycle && !dataset.endless)
}

/// Requests of one repeat: as many as are asked for, or as the rate offers in the time, or each row once; no more than
/// there are rows, where the dataset `ends`.
fn requests_of_a_repeat(cell: &Cell, rows: Option<u64>, ends: bool) -> Option<u64> {
    let load = &cell.load;
    let offered = load.duration.and_then(|duration| {
        let rate = cell.rate.per_second().filter(|_| cell.search.is_none())?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "`as` saturates, and neither factor is negative"
        )]
        Some((rate * duration.as_secs_f64()).ceil() as u64)
    });
    let asked = match (load.requests, load.duration, offered) {
        (Some(requests), _, Some(offered)) => Some(requests.min(offered)),
        (Some(requests), ..) => Some(requests),
        (None, Some(_), offered) => offered,
        (None, None, _) => rows,
    };
    match rows.filter(|_| ends) {
        Some(rows) => asked.map(|asked| asked.min(rows)),
        None => asked,
    }
}

/// Seconds of one repeat where every request takes its total time-out, warm-ups included; of a search's slowest probe,
/// that of its least value.
fn worst_case_of_a_repeat(cell: &Cell, requests: Option<u64>) -> Option<f64> {
    let load = &cell.load;
    let attempts = f64::from(load.retries) + 1.0;
    let one = load.timeouts.total.as_secs_f64() * attempts;
    let warmup = rounds(load.warmup.requests, Some(load.warmup.concurrency.max(1))) * one;
    let by_requests = requests.and_then(|requests| {
        let concurrency = cell.concurrency.limit();
        let served = rounds(requests, concurrency) * (one + load.think_time.1.as_secs_f64());
        match (cell.arrival, cell.rate.per_second()) {
            // A trace's length is in its rows.
            (Kind::Trace, _) => None,
            (Kind::Batch, _) => {
                let size = u64::from(load.batch.max(1)).min(requests.max(1));
                Some(rounds(requests, u32::try_from(size).ok()) * rounds(size, concurrency) * one)
            }
            #[expect(clippy::cast_precision_loss, reason = "an estimate")]
            (_, Some(rate)) => Some((requests as f64 / rate + one).max(served)),
            (_, None) => Some(served + load.ramp.as_secs_f64()),
        }
    });
    let by_duration = load.duration.map(|duration| {
        let drain = load.drain.unwrap_or(load.timeouts.total);
        duration.as_secs_f64() + drain.as_secs_f64()
    });
    let measured = match (by_requests, by_duration) {
        (Some(requests), Some(duration)) => requests.min(duration),
        (requests, duration) => requests.or(duration)?,
    };
    measured.is_finite().then_some(warmup + measured)
}

/// How many times `width` at once it takes to serve `requests`; all at once without a width.
fn rounds(requests: u64, width: Option<u32>) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    match width {
        Some(width) => requests.div_ceil(u64::from(width.max(1))) as f64,
        None => f64::from(u8::from(requests > 0)),
    }
}
