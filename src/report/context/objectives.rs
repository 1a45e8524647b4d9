//! Objectives, cell by cell: the value that was held against the bound, and what became of it.

use super::axes::Axes;
use super::table::{Column, Row, Table, Value, validity_of};
use super::tables::unit_of;
use crate::kinds::metric::Unit;
use crate::report::number::Scale;
use crate::results::{CellResult, ObjectiveResult, ObjectiveVerdict, Results, ValidityStatus};

/// The unit of the metric that an objective's text begins with.
pub fn unit_of_objective(results: &Results, text: &str) -> Unit {
    let name = text.split(['<', '>', '=', ' ']).next().unwrap_or_default();
    match unit_of(results, name) {
        Unit::None => name
            .rsplit_once('.')
            .map_or(Unit::None, |(metric, _)| unit_of(results, metric)),
        unit => unit,
    }
}

/// The value in its unit, with digits enough to tell it from the bound.
pub fn value_against_bound(results: &Results, objective: &ObjectiveResult) -> Option<String> {
    let value = objective.value?;
    let scale = Scale::of(
        unit_of_objective(results, &objective.text),
        [objective.bound.abs()],
    );
    Some(scale.against(value, objective.bound))
}

/// What became of an objective, in words. One of an INVALID cell is void, whatever its numbers say.
pub fn verdict_of(cell: &CellResult, objective: &ObjectiveResult) -> (&'static str, &'static str) {
    match (cell.validity.status, objective.verdict) {
        (ValidityStatus::Invalid, _) | (_, ObjectiveVerdict::Void) => ("void", "doubt"),
        (_, ObjectiveVerdict::Met) => ("met", "good"),
        (_, ObjectiveVerdict::Missed) => ("MISSED", "bad"),
        (_, ObjectiveVerdict::NoData) => ("no data", "doubt"),
    }
}

/// Objectives that are met (`met`), or all others, in the order of the cells; those of probes are the search's.
pub fn objectives(results: &Results, axes: &Axes, met: bool) -> Table {
    let columns = vec![
        Column::text("cell"),
        Column::text("objective"),
        Column::number("value", Scale::Plain),
        Column::number("n", Scale::Count),
        Column::text("verdict"),
    ];
    let mut rows = Vec::new();
    let held = results
        .cells
        .iter()
        .enumerate()
        .filter(|(_, cell)| !results.is_probe(cell));
    for (index, cell) in held {
        for objective in &cell.objectives {
            let (word, state) = verdict_of(cell, objective);
            if (state == "good") != met {
                continue;
            }
            let mut value = value_against_bound(results, objective)
                .map_or_else(|| Value::marked("–", "none"), Value::text);
            value.note = objective.needs_n.map(|needed| format!("needs {needed}"));
            rows.push(Row {
                cell: Some(index),
                validity: validity_of(cell),
                values: vec![
                    Value::text(axes.label(cell)),
                    Value::text(&objective.text),
                    value,
                    Value::count(objective.n),
                    Value::marked(word, state),
                ],
            });
        }
    }
    Table { columns, rows }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn a_missed_objective_shows_a_value_that_differs_from_its_bound() {
        let mut results = fixture::results();
        let objective = &mut results.cells[0].objectives[2];
        objective.value = Some(4.0003);
        objective.verdict = ObjectiveVerdict::Missed;
        let table = objectives(&results, &Axes::of(&results), false);
        assert_eq!(table.rows[0].values[2].text, "4.0003 s");
        assert_eq!(table.rows[0].values[4].text, "MISSED");
    }

    #[test]
    fn an_objective_of_an_invalid_cell_stands_among_those_that_are_not_met() {
        let results = fixture::results();
        let axes = Axes::of(&results);
        let void: Vec<_> = objectives(&results, &axes, false)
            .rows
            .into_iter()
            .filter(|row| row.cell == Some(7))
            .collect();
        assert_eq!(void.len(), 3);
        assert!(void.iter().all(|row| row.values[4].text == "void"));
        assert!(
            objectives(&results, &axes, true)
                .rows
                .iter()
                .all(|row| row.cell != Some(7))
        );
    }
}
