//! The plan: the matrix expanded into cells, each with nothing left to choose. Touches no network.
//!
//! [`expand`] is the way in; [`order`] says in which order the repeats of all cells are run, [`estimate`] how many
//! requests and how much time they may take, [`rehearse`] what only files and first requests tell.

mod axis;
mod build;
mod cell;
mod declared;
mod estimate;
mod key;
mod matrix;
mod objectives;
mod order;
mod rehearsal;
mod search;
mod sent;
mod unusable;

#[cfg(test)]
mod tests;

pub use cell::{Cell, Plan};
pub use estimate::{CellEstimate, PlanDocument, estimate};
pub use order::{Execution, order};
pub use rehearsal::{Opened, Rehearsal, rehearse};
pub use search::{Capacity, MOST_LOOKS, MOST_ROUNDS, Search, Shown};

use std::collections::{BTreeMap, HashSet};

use serde_json::Value;

use crate::foundation::diagnostic::{Finding, Findings, Severity};
use crate::foundation::units::Rate;
use crate::kinds::arrival;
use crate::scenario::Scenario;
use build::Builder;
use declared::{Declared, HARD_CAP, report};
use matrix::{Point, expand_points};
use objectives::{Known, Objectives, check_named};

/// Most pairs of an entry of `include` and a cell that it may be merged into.
const MOST_MERGES: u64 = 200_000;

/// Expands the matrix into cells.
///
/// # Errors
/// Every finding of the matrix, and of what other sections say about its axes: each with its pointer, without a place.
pub fn expand(scenario: &Scenario) -> Result<Plan, Findings> {
    if scenario.targets.is_empty() {
        let finding = Finding::error("no-target", "/targets", "no target is declared").help(
            "declare one: `targets: { server: { protocol: openai-chat, base_url: http://… } }`",
        );
        return Err(vec![finding]);
    }
    let mut findings = Findings::new();
    let declared = Declared::read(scenario, &mut findings);
    let check_declared = |findings: &mut Findings| {
        check_named(scenario, &Known::declared(scenario, &declared), findings);
    };
    let too_many = too_many(scenario, declared.size());
    if let Some(too_many) = too_many.or_else(|| too_many_includes(&declared)) {
        findings.push(too_many);
        check_declared(&mut findings);
        return Err(findings);
    }
    let (combinations, mut warnings) = combinations(scenario, &declared, &mut findings);
    if let Some(count) = count(scenario, &declared, combinations.len() as u64) {
        findings.push(count);
        check_declared(&mut findings);
        return Err(findings);
    }
    let objectives = Objectives::read(scenario);
    let mut builder = Builder::new(scenario, &declared, &objectives);
    let mut cells: Vec<Cell> = Vec::with_capacity(combinations.len());
    let mut known: HashSet<String> = HashSet::with_capacity(combinations.len());
    for combination in &combinations {
        match builder.cell(combination) {
            Ok(cell) if !known.insert(cell.id.clone()) => {
                report(&mut findings, duplicate(&declared, combination, &cell.id));
            }
            Ok(cell) => cells.push(cell),
            Err(finding) => report(&mut findings, *finding),
        }
    }
    // A value that stands for no cell is told beside whatever else is wrong with the matrix.
    if findings.is_empty() {
        findings.extend(of_closed_loops(scenario, &cells));
        objectives.check_use(&cells, &mut warnings);
        check_named(scenario, &Known::of(&cells), &mut findings);
    } else {
        check_declared(&mut findings);
    }
    if findings
        .iter()
        .any(|finding| finding.severity == Severity::Error)
    {
        return Err(findings);
    }
    warnings.extend(same_rows(scenario, &cells));
    let compared = scenario
        .compare
        .as_ref()
        .and_then(|compare| compare.by.as_ref());
    Ok(Plan {
        scenario: scenario.name.clone(),
        cells,
        paired_axis: compared.map_or_else(|| "target".to_owned(), |(axis, ..)| axis.clone()),
        warnings,
    })
}

/// All combinations with their targets and datasets, and what is idle in `exclude` and `include`.
fn combinations(
    scenario: &Scenario,
    declared: &Declared,
    findings: &mut Findings,
) -> (Vec<matrix::Combination>, Findings) {
    let points = |entries: &[declared::Entry]| -> Vec<Point> {
        entries.iter().map(|entry| entry.point.clone()).collect()
    };
    let axes: Vec<Vec<Point>> = declared
        .axes
        .iter()
        .map(|axis| axis.points.clone())
        .collect();
    let expansion = expand_points(
        &axes,
        &points(&declared.exclude),
        &points(&declared.include),
        &|values, key| axis::implied(scenario, values, key),
    );
    // What an axis lost to a mistake is what an entry may have meant.
    let sure = |place: &&usize| declared.is_sure(&declared.exclude[**place]);
    for place in expansion.idle_excludes.iter().filter(sure) {
        findings.push(
            Finding::error(
                "exclude-removes-nothing",
                &declared.exclude[*place].pointer,
                "this entry removes no cell",
            )
            .help("write values that the axes have, or remove the entry; `plan` lists the cells"),
        );
    }
    let warnings = expansion.idle_includes.iter().map(|place| {
        let pointer = &declared.include[*place].pointer;
        Finding::warning(
            "include-changes-nothing",
            pointer,
            "this entry changes no cell",
        )
    });
    let warnings = warnings.collect();
    let spread = expansion
        .combinations
        .into_iter()
        .flat_map(|combination| spread(declared, combination));
    (spread.collect(), warnings)
}

/// A combination that an `include` made, once for each target and dataset that it leaves open.
fn spread(declared: &Declared, combination: matrix::Combination) -> Vec<matrix::Combination> {
    let mut spread = vec![combination];
    if spread[0].made_by.is_none() {
        return spread;
    }
    for (name, values) in [
        ("target", &declared.targets),
        ("dataset", &declared.datasets),
    ] {
        if spread[0].values.contains_key(name) || values.is_empty() {
            continue;
        }
        let with = |combination: &matrix::Combination, value: &Value| {
            let mut combination = combination.clone();
            combination.values.insert(name.to_owned(), value.clone());
            combination
        };
        spread = spread
            .iter()
            .flat_map(|combination| values.iter().map(move |value| with(combination, value)))
            .collect();
    }
    spread
}

/// The finding of a matrix that has more cells than are allowed.
fn too_many(scenario: &Scenario, cells: u64) -> Option<Finding> {
    let allowed = scenario.matrix.max_cells;
    if cells <= allowed.min(HARD_CAP) {
        return None;
    }
    let help = if allowed < HARD_CAP {
        format!(
            "take values away, or allow more: `max_cells: {}` (at most {HARD_CAP})",
            cells.min(HARD_CAP)
        )
    } else {
        format!("take values away: no plan has more than {HARD_CAP} cells")
    };
    let message = format!(
        "the matrix has {cells} cells, and at most {} are allowed",
        allowed.min(HARD_CAP)
    );
    Some(Finding::error("too-many-cells", "/matrix", message).help(help))
}

/// The finding of a matrix that leaves too many cells, or none.
fn count(scenario: &Scenario, declared: &Declared, cells: u64) -> Option<Finding> {
    let none = cells == 0 && declared.cut.is_empty();
    let no_cells = || {
        Finding::error("no-cells", "/matrix", "no cell is left to run")
            .help("exclude less, or give every axis a value")
    };
    too_many(scenario, cells).or_else(|| none.then(no_cells))
}

fn duplicate(declared: &Declared, combination: &matrix::Combination, id: &str) -> Finding {
    let pointer = match combination
        .made_by
        .and_then(|place| declared.include.get(place))
    {
        Some(entry) => entry.pointer.clone(),
        None => "/matrix".to_owned(),
    };
    Finding::error(
        "duplicate-cells",
        pointer,
        format!("the cell `{id}` is there already"),
    )
    .help("remove one of the two; `load.repeats` runs a cell several times")
}

/// What only the clients of a closed loop do, where no cell is one.
fn of_closed_loops(scenario: &Scenario, cells: &[Cell]) -> Findings {
    let is_closed = |cell: &Cell| cell.rate == Rate::Infinite && !cell.arrival.sets_own_times();
    if cells.iter().any(is_closed) {
        return Findings::new();
    }
    let idle = |key: &str| {
        let under_load = scenario
            .load_document
            .get(key)
            .map(|_| format!("/load/{key}"));
        let axis = format!("load.{key}");
        let as_axis = scenario
            .matrix
            .axes
            .contains_key(&axis)
            .then(|| format!("/matrix/{axis}"));
        let message = format!("`{key}` changes nothing: no cell is a closed loop");
        let finding = Finding::error("without-effect", under_load.or(as_axis)?, message).at_key();
        Some(
            finding
                .help("remove it; only clients who wait for their answers (`rate: inf`) have it"),
        )
    };
    ["think_time", "ramp"]
        .into_iter()
        .filter_map(idle)
        .collect()
}

/// The finding of entries of `include` that are held against too many cells.
fn too_many_includes(declared: &Declared) -> Option<Finding> {
    let (entries, open) = (
        declared.include.len() as u64,
        declared.targets.len() * declared.datasets.len().max(1),
    );
    let cells = declared.size().max(open as u64);
    if entries.saturating_mul(cells) <= MOST_MERGES {
        return None;
    }
    let message = format!(
        "{entries} entries for {cells} cells are {} merges, and at most {MOST_MERGES} are allowed",
        entries.saturating_mul(cells)
    );
    let finding = Finding::error("too-many-includes", "/matrix/include", message).at_key();
    Some(finding.help("make what the entries share an axis, or take values away"))
}

/// Says where cells send the same rows of a file to one target, into caches that the cells before have warmed.
fn same_rows(scenario: &Scenario, cells: &[Cell]) -> Findings {
    let mut sharing: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    let mut replayed: HashSet<&str> = HashSet::new();
    for cell in cells {
        if let Some(dataset) = &cell.dataset {
            if cell.arrival == arrival::Kind::Trace {
                replayed.insert(dataset);
            }
            *sharing.entry((dataset, &cell.target)).or_default() += 1;
        }
    }
    let mut most: BTreeMap<&str, u64> = BTreeMap::new();
    for ((dataset, _), cells) in sharing {
        let most = most.entry(dataset).or_default();
        *most = cells.max(*most);
    }
    most.into_iter()
        .filter(|(_, cells)| *cells > 1)
        .filter_map(|(name, cells)| {
            let dataset = scenario.datasets.get(name)?;
            let message = format!(
                "{cells} cells send the same rows of `{name}` to one target, from the first on: a cache may know them"
            );
            // A trace is replayed in the order of its times.
            let help = if replayed.contains(name) {
                "give each cell a file of its own, or restart the target between cells, where its cache matters"
            } else {
                "`shuffle: true` draws other rows for each cell"
            };
            (!dataset.shuffle && !dataset.endless).then(|| {
                Finding::warning("same-rows", format!("/datasets/{}", declared::escape(name)), message)
                    .help(help)
            })
        })
        .collect()
}
