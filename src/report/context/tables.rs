//! The tables of a report: what varies, then numbers. Which columns there are depends on which metrics have data.

use super::axes::{Axes, shown};
use super::table::{Column, Row, Table, Value, status_of, validity_of};
use crate::kinds::metric::{Unit, catalogue};
use crate::report::number::Scale;
use crate::results::{
    Bound, CellResult, GroupResult, MetricValue, Relative, Results, SloResult, Summary,
    ValidityStatus,
};

/// What stands beside how many requests have limits at all.
const ATTAINMENT: &str = "slo_attainment";

/// Scalars that the report shows beside the counts, with their titles; left out where no cell has data.
const SCALARS: &[(&str, &str)] = &[
    ("request_throughput", "throughput"),
    ("goodput", "goodput"),
    (ATTAINMENT, "slo attainment"),
    ("output_throughput", "output tokens"),
    ("workload_throughput", "workload"),
];

/// What is shown relative to the baseline, where it has data; `results.json` has every metric.
const RELATIVE: [&str; 8] = [
    "request_throughput",
    "goodput",
    "output_throughput",
    "workload_throughput",
    "ttft.p50",
    "tpot.p50",
    "e2e.p50",
    "e2e.p99",
];

/// Statistics of the table of one cell.
const STATISTICS: [&str; 10] = [
    "mean", "stddev", "min", "p50", "p75", "p90", "p95", "p99", "p999", "max",
];

/// The unit of a metric: as the results define it, else the catalogue, else that of its family.
pub fn unit_of(results: &Results, metric: &str) -> Unit {
    results
        .definitions
        .get(metric)
        .map(|definition| definition.unit)
        .or_else(|| catalogue::find(metric).map(|metric| metric.unit))
        .unwrap_or(if metric.starts_with("step.") {
            Unit::Seconds
        } else {
            Unit::None
        })
}

/// The distribution of a metric, where there is one.
pub fn distribution<'a>(cell: &'a CellResult, metric: &str) -> Option<&'a Summary> {
    match cell.metrics.get(metric)?.as_ref()? {
        MetricValue::Distribution(summary) => Some(summary),
        MetricValue::Number(_) => None,
    }
}

/// The scale in which a metric is shown in all cells.
pub fn scale_of(results: &Results, metric: &str, statistics: &[&str]) -> Scale {
    let values = results.cells.iter().flat_map(|cell| {
        let scalar = cell.value(metric, None);
        scalar.into_iter().chain(
            statistics
                .iter()
                .filter_map(move |name| distribution(cell, metric)?.get(name)),
        )
    });
    Scale::of(unit_of(results, metric), values)
}

pub(super) fn axis_columns(axes: &Axes) -> Vec<Column> {
    if axes.varying.is_empty() {
        return vec![Column::text("cell")];
    }
    axes.varying.iter().map(Column::text).collect()
}

pub(super) fn axis_values(axes: &Axes, cell: &CellResult) -> Vec<Value> {
    if axes.varying.is_empty() {
        return vec![Value::text(axes.short_label(cell))];
    }
    axes.values(cell).into_iter().map(Value::text).collect()
}

pub(super) fn row(index: usize, cell: &CellResult, values: Vec<Value>) -> Row {
    Row {
        cell: Some(index),
        validity: validity_of(cell),
        values,
    }
}

fn status_value(cell: &CellResult) -> Value {
    let state = if cell.validity.status == ValidityStatus::Valid {
        ""
    } else {
        "bad"
    };
    Value::marked(status_of(cell), state)
}

/// Throughput, goodput and errors.
pub fn throughput(results: &Results, axes: &Axes) -> Table {
    let shown: Vec<(&str, &str, Scale)> = SCALARS
        .iter()
        .filter(|(metric, _)| {
            *metric == "request_throughput"
                || results
                    .cells
                    .iter()
                    .any(|cell| cell.value(metric, None).is_some())
        })
        .map(|(metric, title)| (*metric, *title, scale_of(results, metric, &[])))
        .collect();
    let mut columns = axis_columns(axes);
    columns.push(Column::text("validity"));
    for title in ["requests", "ok", "failed", "unsent"] {
        columns.push(Column::number(title, Scale::Count));
    }
    columns.push(Column::number("errors", Scale::Percent));
    let estimated = results.cells.iter().any(|cell| cell.slo.base_ms.is_some());
    for (metric, title, scale) in &shown {
        columns.push(Column::number(*title, *scale));
        if *metric == ATTAINMENT {
            columns.push(Column::number("slo defined", Scale::Count));
            columns.extend(estimated.then(|| Column::number("slo base", Scale::Milliseconds)));
        }
    }
    let rows = results.cells.iter().enumerate().map(|(index, cell)| {
        let mut values = axis_values(axes, cell);
        values.push(status_value(cell));
        let requests = cell.requests;
        values.extend([requests.intended, requests.ok].map(Value::count));
        values.extend([requests.failed, requests.unsent].map(|count| {
            if count > 0 {
                Value::marked(count.to_string(), "bad")
            } else {
                Value::count(count)
            }
        }));
        values.push(Value::number(
            cell.value("error_rate", None),
            Scale::Percent,
        ));
        for (metric, _, scale) in &shown {
            values.push(scalar(cell, metric, *scale));
            if *metric == ATTAINMENT {
                values.push(defined(&cell.slo, requests.intended));
                values.extend(estimated.then(|| base(&cell.slo)));
            }
        }
        row(index, cell, values)
    });
    Table {
        rows: rows.collect(),
        columns,
    }
}

/// Of how many requests the SLO is defined; in doubt where not of all.
fn defined(slo: &SloResult, intended: u64) -> Value {
    let mut value = Value::count(slo.defined);
    if slo.defined < intended {
        value.note = Some(format!("of {intended}"));
        value.state = "doubt";
    }
    value
}

/// What limits are estimated with, a unit of work; and what an affine model adds to each request.
fn base(slo: &SloResult) -> Value {
    let seconds = |ms: f64| ms / 1e3;
    let scale = Scale::Milliseconds;
    let mut value = Value::number(slo.base_ms.map(seconds), scale);
    value.note = slo
        .intercept_ms
        .map(|ms| format!("and {} a request", scale.with_unit(seconds(ms))));
    value
}

fn scalar(cell: &CellResult, metric: &str, scale: Scale) -> Value {
    let mut value =
        Value::number(cell.value(metric, None), scale).with_spread(cell.spread.get(metric), scale);
    if cell.validity.status == ValidityStatus::ClientLimited
        && catalogue::find(metric).is_some_and(catalogue::Metric::is_throughput)
        && value.state != "none"
    {
        value.text = format!("≥ {}", value.text);
    }
    value
}

/// Each cell relative to the baseline: how many times better it is; `None` where no baseline was declared.
pub fn relative(results: &Results, axes: &Axes) -> Option<Table> {
    let has = |metric: &&str| {
        results
            .cells
            .iter()
            .any(|cell| cell.relative.contains_key(*metric))
    };
    let metrics: Vec<&str> = RELATIVE.into_iter().filter(has).collect();
    if metrics.is_empty() {
        return None;
    }
    let mut columns = axis_columns(axes);
    columns.extend(
        metrics
            .iter()
            .map(|metric| Column::number(*metric, Scale::Plain)),
    );
    let rows = results.cells.iter().enumerate().map(|(index, cell)| {
        let mut values = axis_values(axes, cell);
        values.extend(
            metrics
                .iter()
                .map(|metric| speedup(cell.relative.get(*metric))),
        );
        row(index, cell, values)
    });
    Some(Table {
        rows: rows.collect(),
        columns,
    })
}

/// `× 1.8` with its interval, `≥` or `≤` where it is known from one side; why there is none or no
/// interval, where there is none.
fn speedup(relative: Option<&Relative>) -> Value {
    let Some(relative) = relative else {
        return Value::number(None, Scale::Plain);
    };
    let mut value = Value::number(relative.speedup, Scale::Plain);
    if value.state == "none" {
        value.note.clone_from(&relative.reason);
        return value;
    }
    let sign = match relative.bound {
        None => "",
        Some(Bound::AtLeast) => "≥ ",
        Some(Bound::AtMost) => "≤ ",
    };
    value.text = format!("{sign}× {}", value.text);
    value.note = relative
        .interval
        .map(|[low, high]| format!("{} … {}", Scale::Plain.show(low), Scale::Plain.show(high)))
        .or_else(|| relative.reason.clone());
    if let Some(needed) = relative.needs_n {
        let needs = format!("needs {needed}");
        value.note = Some(match value.note {
            Some(note) => format!("{needs}; {note}"),
            None => needs,
        });
        value.state = "doubt";
    }
    value
}

/// Statistics by request parameters; `None` where none were asked for.
pub fn groups(results: &Results, axes: &Axes) -> Option<Table> {
    let all = || results.cells.iter().flat_map(|cell| cell.groups.iter());
    let mut names: Vec<&String> = Vec::new();
    for name in all().flat_map(|group| group.by.keys()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if names.is_empty() {
        return None;
    }
    let declared = |name: &String| {
        results
            .report
            .group_by
            .iter()
            .position(|other| other == name)
    };
    names.sort_by_key(|name| (declared(name).unwrap_or(usize::MAX), *name));
    let e2e = |group: &GroupResult| match group.metrics.get("e2e") {
        Some(Some(MetricValue::Distribution(summary))) => Some(summary.clone()),
        _ => None,
    };
    let values = all()
        .filter_map(e2e)
        .filter_map(|summary| summary.get("p50"));
    let scale = Scale::of(Unit::Seconds, values);
    let mut columns = axis_columns(axes);
    columns.extend(names.iter().map(|name| Column::text(name.as_str())));
    columns.extend([
        Column::number("ok", Scale::Count),
        Column::number("failed", Scale::Count),
        Column::number("e2e p50", scale),
        Column::number("e2e p99", scale),
        Column::number("slo attainment", Scale::Percent),
        Column::number("slo defined", Scale::Count),
    ]);
    let mut rows = Vec::new();
    for (index, cell) in results.cells.iter().enumerate() {
        for group in &cell.groups {
            let mut values = axis_values(axes, cell);
            values.extend(
                names
                    .iter()
                    .map(|name| Value::text(shown(group.by.get(name.as_str())))),
            );
            let summary = e2e(group);
            values.extend([
                Value::count(group.requests.ok),
                Value::count(group.requests.failed),
                Value::statistic(summary.as_ref(), "p50", scale),
                Value::statistic(summary.as_ref(), "p99", scale),
                Value::number(group.slo.attainment, Scale::Percent),
                defined(&group.slo, group.requests.intended),
            ]);
            rows.push(row(index, cell, values));
        }
    }
    Some(Table { columns, rows })
}

/// Every metric of one cell that has data, a metric a row.
pub fn statistics(results: &Results, cell: &CellResult) -> Table {
    let mut columns = vec![
        Column::text("metric"),
        Column::text("unit"),
        Column::number("n", Scale::Count),
    ];
    columns.extend(
        STATISTICS
            .iter()
            .map(|name| Column::number(*name, Scale::Plain)),
    );
    let mut names: Vec<&String> = cell.metrics.keys().collect();
    names.sort_by_key(|name| {
        (
            catalogue::all()
                .position(|metric| metric.name == name.as_str())
                .unwrap_or(usize::MAX),
            *name,
        )
    });
    let rows = names.into_iter().filter_map(|name| {
        let unit = unit_of(results, name);
        let mut values = vec![Value::text(name)];
        match cell.metrics.get(name)?.as_ref()? {
            MetricValue::Distribution(summary) => {
                let scale = Scale::of(
                    unit,
                    ["p50", "p99"]
                        .iter()
                        .filter_map(|statistic| summary.get(statistic)),
                );
                values.push(Value::text(scale.symbol()));
                values.push(Value::count(summary.n));
                values.extend(
                    STATISTICS
                        .iter()
                        .map(|statistic| Value::statistic(Some(summary), statistic, scale)),
                );
            }
            MetricValue::Number(number) => {
                let scale = Scale::of(unit, [*number]);
                values.push(Value::text(scale.symbol()));
                values.push(Value::text(""));
                values.push(scalar(cell, name, scale));
                values.extend(STATISTICS.iter().skip(1).map(|_| Value::text("")));
            }
        }
        Some(Row {
            cell: None,
            validity: validity_of(cell),
            values,
        })
    });
    Table {
        rows: rows.collect(),
        columns,
    }
}

#[cfg(test)]
mod tests {
    use super::super::latency::latency;
    use super::*;
    use crate::report::fixture;

    fn column(table: &Table, title: &str) -> usize {
        table
            .columns
            .iter()
            .position(|column| column.title == title)
            .unwrap()
    }

    #[test]
    fn a_percentile_of_too_few_values_says_how_many_it_needs() {
        let results = fixture::results();
        let table = latency(&results, &Axes::of(&results));
        let value = &table.rows[0].values[column(&table, "e2e p99")];
        assert_eq!(
            (value.note.as_deref(), value.state),
            (Some("needs 368"), "doubt"),
            "n is 360"
        );
        assert_eq!(table.rows[0].values[column(&table, "e2e p95")].note, None);
    }

    #[test]
    fn a_metric_without_data_in_any_cell_has_no_column_and_in_some_a_dash() {
        let mut results = fixture::results();
        results.cells[2].metrics.insert("goodput".to_owned(), None);
        for cell in &mut results.cells {
            cell.metrics.insert("ttft".to_owned(), None);
        }
        let axes = Axes::of(&results);
        let table = throughput(&results, &axes);
        assert_eq!(table.rows[2].values[column(&table, "goodput")].text, "–");
        assert!(
            latency(&results, &axes)
                .columns
                .iter()
                .all(|column| !column.title.starts_with("ttft"))
        );
    }

    #[test]
    fn an_attainment_says_of_how_many_requests_it_is_and_by_which_base() {
        let mut results = fixture::results();
        let intended = results.cells[0].requests.intended;
        results.cells[0].slo.defined = 6;
        results.cells[0].slo.intercept_ms = Some(20.0);
        let table = throughput(&results, &Axes::of(&results));
        let at = column(&table, "slo defined");
        assert_eq!(at, column(&table, "slo attainment") + 1);
        let few = &table.rows[0].values[at];
        assert_eq!((few.text.as_str(), few.state), ("6", "doubt"));
        assert_eq!(few.note, Some(format!("of {intended}")));
        assert_eq!(table.rows[1].values[at].note, None);
        let base = &table.rows[0].values[column(&table, "slo base")];
        assert_eq!(base.text, "0.490");
        assert_eq!(base.note.as_deref(), Some("and 20.0 ms a request"));
    }

    #[test]
    fn the_rate_of_a_client_limited_cell_is_at_least() {
        let results = fixture::results();
        let table = throughput(&results, &Axes::of(&results));
        let ok = column(&table, "throughput");
        assert!(table.rows[6].values[ok].text.starts_with("≥ "));
        assert!(!table.rows[0].values[ok].text.starts_with('≥'));
    }

    #[test]
    fn a_speed_up_is_marked_where_it_is_known_from_one_side_and_explained_where_it_is_not_known() {
        let shown = |relative: Relative| {
            let value = speedup(Some(&relative));
            (value.text, value.note)
        };
        let known = Relative {
            speedup: Some(2.0),
            interval: Some([1.5, 2.5]),
            ..Relative::default()
        };
        assert_eq!(shown(known.clone()).0, "× 2.00");
        assert_eq!(
            shown(Relative {
                bound: Some(Bound::AtMost),
                ..known.clone()
            })
            .0,
            "≤ × 2.00"
        );
        assert_eq!(
            shown(Relative {
                bound: Some(Bound::AtLeast),
                ..known.clone()
            })
            .0,
            "≥ × 2.00"
        );
        let few = Relative {
            interval: None,
            reason: Some("needs 5 repeats".to_owned()),
            ..known
        };
        let of_few = Relative {
            needs_n: Some(368),
            ..few.clone()
        };
        assert_eq!(
            speedup(Some(&of_few)),
            Value {
                note: Some("needs 368; needs 5 repeats".to_owned()),
                ..Value::marked("× 2.00", "doubt")
            },
            "greyed as the p99 itself is"
        );
        assert_eq!(
            shown(few),
            ("× 2.00".to_owned(), Some("needs 5 repeats".to_owned()))
        );
        let void = Relative {
            reason: Some("the cell is INVALID".to_owned()),
            ..Relative::default()
        };
        assert_eq!(
            shown(void),
            ("–".to_owned(), Some("the cell is INVALID".to_owned()))
        );
    }

    #[test]
    fn relative_numbers_are_those_that_matter_and_not_all() {
        let mut results = fixture::results();
        let known = Relative {
            speedup: Some(2.0),
            ..Relative::default()
        };
        let cell = &mut results.cells[1];
        for metric in catalogue::all() {
            cell.relative.insert(metric.name.to_owned(), known.clone());
            cell.relative
                .insert(format!("{}.p50", metric.name), known.clone());
        }
        let axes = Axes::of(&results);
        let columns = relative(&results, &axes).unwrap().columns.len();
        assert!(
            columns <= axes.varying.len() + RELATIVE.len(),
            "{columns} columns"
        );
    }

    #[test]
    fn every_row_has_a_value_a_column() {
        for results in [
            fixture::results(),
            fixture::hostile("x|y"),
            fixture::large(),
            fixture::around(Vec::new()),
        ] {
            let axes = Axes::of(&results);
            let mut tables = vec![throughput(&results, &axes), latency(&results, &axes)];
            tables.extend(relative(&results, &axes));
            tables.extend(groups(&results, &axes));
            tables.extend(results.cells.iter().map(|cell| statistics(&results, cell)));
            for table in tables {
                assert!(
                    table
                        .rows
                        .iter()
                        .all(|row| row.values.len() == table.columns.len())
                );
            }
        }
    }
}
