//! `plan`: the expanded cells, their requests and the longest that they can take; touches no network.

use std::fmt::Write as _;
use std::time::Duration;

use super::arguments::{PlanArguments, TableFormat};
use super::surroundings::Surroundings;
use super::{calibration, findings, output, scenario};
use crate::foundation::units::HumanDuration;
use crate::plan::{CellEstimate, PlanDocument, estimate};
use crate::results::Ending;

/// Shows the plan.
pub fn run(arguments: &PlanArguments, surroundings: &Surroundings) -> Ending {
    let calibration = match calibration::find(arguments.calibration.as_deref(), surroundings) {
        Ok(calibration) => calibration,
        Err(ending) => return ending,
    };
    let options = scenario::options(&arguments.set, arguments.check_env, surroundings);
    let mut planned = match scenario::plan(&arguments.file, &options) {
        Ok(planned) => planned,
        Err(refused) => {
            findings::people(&refused.findings, surroundings);
            say_refused(&refused);
            return Ending::Usage;
        }
    };
    let selected = planned.select(arguments.cells.as_deref());
    if let (Ok(()), Some(calibration)) = (selected, &calibration) {
        planned.hold_against(calibration);
    }
    findings::people(&planned.loaded.warnings, surroundings);
    if let Err(ending) = selected {
        return ending;
    }
    let scenario = &planned.loaded.scenario;
    let mut document = estimate(&planned.plan, scenario, &|name| {
        planned.rehearsal.rows(name)
    });
    document.warn(&planned.beyond);
    match arguments.format {
        TableFormat::Json => match serde_json::to_string_pretty(&document) {
            Ok(json) => output::data(&format!("{json}\n")),
            Err(error) => {
                output::error(&format!("cannot write the plan as JSON: {error}"), None);
                return Ending::Bug;
            }
        },
        TableFormat::Table => output::data(&table(&document)),
    }
    Ending::Well
}

/// Why there is no plan.
fn say_refused(refused: &scenario::Refused) {
    if refused.unset.is_empty() {
        output::error(
            &format!("{} in the scenario", findings::count(&refused.findings)),
            None,
        );
    } else {
        let names = refused.unset.join(", ");
        output::error(
            &format!("the cells cannot be told while {names} is not set"),
            Some("set it, or write a default: `${env:NAME:-default}`"),
        );
    }
}

fn table(document: &PlanDocument) -> String {
    let head = ["cell", "repeats", "requests", "at worst", ""].map(str::to_owned);
    let mut rows: Vec<[String; 5]> = document.cells.iter().map(row).collect();
    rows.insert(0, head);
    let widths: Vec<usize> = (0..5)
        .map(|column| {
            rows.iter()
                .map(|row| row[column].chars().count())
                .max()
                .unwrap_or_default()
        })
        .collect();
    let mut text = String::new();
    for row in &rows {
        let line = format!(
            "{:<w0$}  {:>w1$}  {:>w2$}  {:>w3$}  {}",
            row[0],
            row[1],
            row[2],
            row[3],
            row[4],
            w0 = widths[0],
            w1 = widths[1],
            w2 = widths[2],
            w3 = widths[3],
        );
        text.push_str(line.trim_end());
        text.push('\n');
    }
    let totals = &document.totals;
    let _ = write!(
        text,
        "\n{} cells, {} requests, at worst {}\n",
        totals.cells,
        number(totals.requests),
        time(totals.worst_case_s)
    );
    text
}

fn row(cell: &CellEstimate) -> [String; 5] {
    let origin = match cell.most_probes {
        Some(probes) => format!("at most {probes} probes"),
        None if cell.created_by_include => "made by include".to_owned(),
        None => String::new(),
    };
    [
        cell.id.clone(),
        cell.repeats.to_string(),
        number(cell.requests),
        time(cell.worst_case_s),
        origin,
    ]
}

fn number(number: Option<u64>) -> String {
    number.map_or_else(|| "by duration".to_owned(), |number| number.to_string())
}

/// Whole seconds are enough for a bound.
fn time(seconds: Option<f64>) -> String {
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds.ceil()).ok())
        .map_or_else(
            || "unbounded".to_owned(),
            |time| HumanDuration(time).to_string(),
        )
}
