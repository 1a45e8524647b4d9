//! What a plan asks for beyond what this machine was shown to do: warnings before a run, never errors.

use serde_json::Value;

use crate::foundation::diagnostic::{Finding, Findings};
use crate::foundation::units::{Concurrency, Rate, grouped};
use crate::instruments::telemetry::calibration::Calibration;
use crate::plan::{Cell, Plan};
use crate::scenario::Scenario;

/// Cells that ask for more than was shown.
#[derive(Debug, Default)]
pub struct Beyond {
    /// Each kind of asking once, at its place in the scenario.
    pub findings: Findings,
    /// The cells' ids, each with what it asks too much of.
    pub cells: Vec<(String, String)>,
}

/// Holds the cells of a plan against a calibration of this machine. What a cell leaves to the target (a closed loop's
/// rate, a search's values) is not known before the run, and not held against anything.
pub fn beyond(plan: &Plan, scenario: &Scenario, calibration: &Calibration) -> Beyond {
    let mut beyond = Beyond::default();
    for cell in plan.cells.iter().filter(|cell| cell.search.is_none()) {
        let asks = rate(cell, calibration).or_else(|| streams(cell, calibration));
        let Some((axis, message, help)) = asks else {
            continue;
        };
        let pointer = place(scenario, axis, cell.axes.get(axis));
        let finding = Finding::warning("beyond-calibration", pointer, &message).help(help);
        if !beyond.findings.contains(&finding) {
            beyond.findings.push(finding);
        }
        beyond.cells.push((cell.id.clone(), message));
    }
    beyond
}

/// The axis that asks too much, what it asks, and what the user can do.
type Asks = (&'static str, String, String);

fn rate(cell: &Cell, calibration: &Calibration) -> Option<Asks> {
    let asked = cell.rate.per_second()?;
    let day = calibration.day();
    let Some(highest) = &calibration.highest_rate else {
        let least = calibration.rates.first()?.rate;
        let message = format!(
            "this machine could not even offer {} requests/s truthfully (calibrated {day}); this cell asks for {}",
            grouped(least),
            grouped(asked)
        );
        return (asked >= least).then(|| ("rate", message, RATE_HELP.to_owned()));
    };
    (asked > highest.value).then(|| {
        let message = format!(
            "this machine was shown to offer up to {} requests/s (calibrated {day}); this cell asks for {}",
            grouped(highest.value),
            grouped(asked)
        );
        let limit = highest.limit.as_deref();
        let why = limit.map_or_else(String::new, |limit| format!("{limit}; "));
        ("rate", message, format!("{why}{RATE_HELP}"))
    })
}

const RATE_HELP: &str =
    "where it cannot, the cell will be INVALID: ask for less, or run on a larger machine";

/// Clients of a closed loop are all in flight at once.
fn streams(cell: &Cell, calibration: &Calibration) -> Option<Asks> {
    let most = calibration.most_streams()?;
    let Concurrency::AtMost(asked) = cell.concurrency else {
        return None;
    };
    let closed = cell.rate == Rate::Infinite && !cell.arrival.sets_own_times();
    (closed && asked.get() > most).then(|| {
        let message = format!(
            "this machine was shown to read up to {} streams at once (calibrated {}); this cell has {} requests in flight",
            grouped(f64::from(most)),
            calibration.day(),
            grouped(f64::from(asked.get()))
        );
        let help = "nothing is known of how far its times err: look at the cell's own lateness and canary";
        ("concurrency", message, help.to_owned())
    })
}

/// Where the value of an axis was written.
fn place(scenario: &Scenario, axis: &str, value: Option<&Value>) -> String {
    let matrix = &scenario.matrix;
    let same = |written: &Value| match (value.and_then(Value::as_f64), written.as_f64()) {
        (Some(one), Some(two)) => one.total_cmp(&two).is_eq(),
        _ => value == Some(written),
    };
    let declared = matrix
        .axes
        .get(axis)
        .filter(|_| !matrix.under_load.iter().any(|name| name == axis));
    if let Some(number) = declared.and_then(|values| values.iter().position(same)) {
        return format!("/matrix/{axis}/{number}");
    }
    let included = matrix
        .include
        .iter()
        .find(|(_, entry)| entry.get(axis).is_some_and(same));
    match included {
        Some((pointer, _)) => format!("{pointer}/{axis}"),
        None => format!("/load/{axis}"),
    }
}
