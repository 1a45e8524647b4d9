//! The table at the end of a run: what varies, throughput, goodput, latencies, errors, validity.

use super::Colour;
use super::colour::Paint;
use crate::report::number::{NO_DATA, Scale};
use crate::report::tables::{distribution, scale_of};
use crate::report::{Axes, Banner, Value, Verdict, banners, escape, searches};
use crate::results::{CellResult, Results, ValidityStatus};

/// Cells that are shown; the report has all.
const MOST_ROWS: usize = 48;
/// Reasons of void cells that are shown.
const MOST_REASONS: usize = 5;
/// Widest that the value of an axis may be.
const WIDEST_AXIS: usize = 28;
/// Blanks between columns.
const BETWEEN: usize = 2;

/// A column of the table.
struct Column {
    title: String,
    to_the_right: bool,
    /// What is left out first where the terminal is narrow; 0 stays.
    rank: u8,
    cells: Vec<(String, Option<Paint>)>,
}

impl Column {
    fn width(&self) -> usize {
        self.cells
            .iter()
            .map(|(text, _)| wide(text))
            .chain([wide(&self.title)])
            .max()
            .unwrap_or(0)
    }
}

/// The results as a table, in lines of at most `width` characters where that is possible: what matters least is left out.
pub fn summary(results: &Results, width: usize, colour: Colour) -> String {
    let axes = Axes::of(results);
    let verdict = Verdict::of(results);
    let mut lines = vec![String::new()];
    for banner in banners(results, &axes) {
        banner_lines(&mut lines, &banner, colour);
    }
    let shown = &results.cells[..results.cells.len().min(MOST_ROWS)];
    if !shown.is_empty() {
        let mut columns = columns(results, &axes, shown);
        fit(&mut columns, width);
        let titles = |column: &Column| (column.title.clone(), Some(Paint::Dim));
        lines.push(line(&columns, titles, colour));
        for index in 0..shown.len() {
            lines.push(line(&columns, |column| column.cells[index].clone(), colour));
        }
        if results.cells.len() > shown.len() {
            lines.push(format!(
                "and {} cells more, in the report",
                results.cells.len() - shown.len()
            ));
        }
        let is_about = |column: &Column| column.cells.iter().any(|(text, _)| text.starts_with('~'));
        if columns.iter().any(is_about) {
            let text = "~ of too few requests to be trusted: the report says how many it needs";
            lines.push(colour.paint(Paint::Dim, text));
        }
        lines.push(String::new());
    }
    for search in searches(results) {
        let paint = if search.state == "good" {
            Paint::Good
        } else {
            Paint::Bad
        };
        lines.push(colour.paint(paint, &escape::line(&search.sentence)));
    }
    let paint = if verdict.kind == "good" {
        Paint::Good
    } else {
        Paint::Bad
    };
    lines.push(colour.paint(paint, &escape::line(&verdict.sentence)));
    lines.extend(
        verdict
            .reasons
            .iter()
            .map(|reason| format!("  {}", escape::line(reason))),
    );
    lines.push(String::new());
    lines.join("\n")
}

fn banner_lines(lines: &mut Vec<String>, banner: &Banner, colour: Colour) {
    let paint = if banner.kind == "CLIENT_LIMITED" {
        Paint::Doubt
    } else {
        Paint::Bad
    };
    lines.push(format!(
        "{} {}",
        colour.paint(paint, banner.kind),
        banner.text
    ));
    for item in banner.items.iter().take(MOST_REASONS) {
        lines.push(format!(
            "  {}: {}",
            escape::line(&item.cell),
            escape::line(&item.text)
        ));
    }
    if banner.items.len() > MOST_REASONS {
        lines.push(format!(
            "  and {} cells more",
            banner.items.len() - MOST_REASONS
        ));
    }
    lines.push(String::new());
}

fn columns(results: &Results, axes: &Axes, shown: &[CellResult]) -> Vec<Column> {
    let mut columns = axis_columns(axes, shown);
    columns.extend(throughput_columns(results, shown));
    columns.extend(latency_columns(results, shown));
    columns.push(errors_column(shown));
    columns.push(validity_column(shown));
    columns
}

/// What tells a cell from the others; its label, where nothing varies.
fn axis_columns(axes: &Axes, shown: &[CellResult]) -> Vec<Column> {
    if axes.varying.is_empty() {
        return vec![text_column("cell", shown, |cell| {
            (escape::line(&axes.short_label(cell)), None)
        })];
    }
    axes.varying
        .iter()
        .enumerate()
        .map(|(at, name)| {
            let value = |cell: &CellResult| {
                let value = axes.values(cell).swap_remove(at);
                (escape::shorten(&escape::line(&value), WIDEST_AXIS), None)
            };
            let title = escape::shorten(&escape::line(name), WIDEST_AXIS);
            text_column(&title, shown, value)
        })
        .collect()
}

/// Ok requests per second, and goodput where any cell has one; `≥` where the client was the limit.
fn throughput_columns(results: &Results, shown: &[CellResult]) -> Vec<Column> {
    let has = |metric: &str| {
        results
            .cells
            .iter()
            .any(|cell| cell.value(metric, None).is_some())
    };
    [
        ("request_throughput", "ok/s", 0),
        ("goodput", "goodput/s", 2),
    ]
    .into_iter()
    .filter(|(metric, _, rank)| *rank == 0 || has(metric))
    .map(|(metric, title, rank)| {
        number_column(title, rank, shown, |cell| {
            let value = Value::number(cell.value(metric, None), Scale::PerSecond);
            let limited =
                cell.validity.status == ValidityStatus::ClientLimited && value.state != "none";
            let text = if limited {
                format!("≥{}", value.text)
            } else {
                value.text
            };
            (text, None)
        })
    })
    .collect()
}

/// End to end always, the first token where any cell has one; `~` where a percentile stands on too few values.
fn latency_columns(results: &Results, shown: &[CellResult]) -> Vec<Column> {
    let has = |metric: &str| {
        results
            .cells
            .iter()
            .any(|cell| distribution(cell, metric).is_some())
    };
    [
        ("ttft", "p50", 3),
        ("ttft", "p99", 3),
        ("e2e", "p50", 1),
        ("e2e", "p99", 0),
    ]
    .into_iter()
    .filter(|(metric, _, _)| *metric == "e2e" || has(metric))
    .map(|(metric, statistic, rank)| {
        let scale = scale_of(results, metric, &["p50", "p99"]);
        let title = format!("{metric} {statistic} {}", scale.symbol());
        number_column(&title, rank, shown, |cell| {
            let value = Value::statistic(distribution(cell, metric), statistic, scale);
            if value.state == "doubt" {
                (format!("~{}", value.text), Some(Paint::Dim))
            } else {
                (value.text, None)
            }
        })
    })
    .collect()
}

fn errors_column(shown: &[CellResult]) -> Column {
    number_column("errors", 0, shown, |cell| {
        let errors = cell.value("error_rate", None);
        let text = errors.map_or_else(
            || NO_DATA.to_owned(),
            |errors| Scale::Percent.with_unit(errors),
        );
        let any = errors.is_some_and(|errors| errors > 0.0);
        (text, any.then_some(Paint::Bad))
    })
}

fn validity_column(shown: &[CellResult]) -> Column {
    text_column("validity", shown, |cell| {
        let (text, paint) = match cell.validity.status {
            ValidityStatus::Valid => ("VALID", Paint::Dim),
            ValidityStatus::Invalid => ("INVALID", Paint::Bad),
            ValidityStatus::ClientLimited => ("CLIENT_LIMITED", Paint::Doubt),
        };
        (text.to_owned(), Some(paint))
    })
}

fn text_column(
    title: &str,
    shown: &[CellResult],
    of: impl Fn(&CellResult) -> (String, Option<Paint>),
) -> Column {
    Column {
        title: title.to_owned(),
        to_the_right: false,
        rank: 0,
        cells: shown.iter().map(of).collect(),
    }
}

fn number_column(
    title: &str,
    rank: u8,
    shown: &[CellResult],
    of: impl Fn(&CellResult) -> (String, Option<Paint>),
) -> Column {
    Column {
        rank,
        to_the_right: true,
        ..text_column(title, shown, of)
    }
}

/// Leaves out what has the greatest rank until the rest fits.
fn fit(columns: &mut Vec<Column>, width: usize) {
    loop {
        let total: usize = columns.iter().map(|column| column.width() + BETWEEN).sum();
        let greatest = columns.iter().map(|column| column.rank).max().unwrap_or(0);
        if total <= width + BETWEEN || greatest == 0 {
            return;
        }
        columns.retain(|column| column.rank != greatest);
    }
}

fn line(
    columns: &[Column],
    of: impl Fn(&Column) -> (String, Option<Paint>),
    colour: Colour,
) -> String {
    let mut out = String::new();
    for (index, column) in columns.iter().enumerate() {
        let (text, paint) = of(column);
        let padding = " ".repeat(column.width().saturating_sub(wide(&text)));
        let painted = paint.map_or_else(|| text.clone(), |paint| colour.paint(paint, &text));
        if column.to_the_right {
            out.push_str(&padding);
            out.push_str(&painted);
        } else {
            out.push_str(&painted);
            out.push_str(&padding);
        }
        if index + 1 < columns.len() {
            out.push_str(&" ".repeat(BETWEEN));
        }
    }
    out.trim_end().to_owned()
}

fn wide(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn the_table_shows_what_varies_and_what_is_void() {
        let text = summary(&fixture::results(), 120, Colour::Off);
        assert!(
            text.contains("INVALID The numbers of these cells say nothing of the target."),
            "{text}"
        );
        let banner = text.find("INVALID").unwrap();
        let title = text.find("rate  concurrency").unwrap();
        assert!(
            banner < title,
            "what is void stands before the first number"
        );
        let limited = text
            .lines()
            .find(|line| line.ends_with("CLIENT_LIMITED"))
            .unwrap();
        assert!(limited.contains('≥'), "{limited}");
        assert!(
            text.contains("~1.16"),
            "360 requests are too few for a p99: {text}"
        );
        assert!(
            !text.contains("omni"),
            "what is the same in all cells is not shown"
        );
        assert!(!text.contains('\u{1b}'));
    }

    #[test]
    fn a_narrow_terminal_gets_fewer_columns_but_never_loses_errors_and_validity() {
        for width in [120, 100, 80, 60] {
            let text = summary(&fixture::results(), width, Colour::Off);
            let rows: Vec<&str> = text
                .lines()
                .skip_while(|line| !line.starts_with("rate"))
                .take(9)
                .collect();
            assert!(
                rows.iter().all(|row| wide(row) <= width.max(64)),
                "{width}: {text}"
            );
            assert!(
                rows[0].contains("errors")
                    && rows[0].contains("validity")
                    && rows[0].contains("e2e p99"),
                "{width}"
            );
        }
    }

    #[test]
    fn columns_stand_under_their_titles() {
        let text = summary(&fixture::results(), 200, Colour::Off);
        let rows: Vec<&str> = text
            .lines()
            .skip_while(|line| !line.starts_with("rate"))
            .take(9)
            .collect();
        let at = rows[0].find("validity").unwrap();
        for row in &rows[1..] {
            let start: String = row.chars().skip(rows[0][..at].chars().count()).collect();
            assert!(
                ["VALID", "INVALID", "CLIENT_LIMITED"].contains(&start.as_str()),
                "{row}"
            );
        }
    }

    #[test]
    fn nothing_that_a_server_sent_reaches_the_terminal_as_a_control() {
        for hostile in fixture::HOSTILE {
            let text = summary(&fixture::hostile(hostile), 120, Colour::Off);
            let is_control = |c: char| {
                c.is_control() && c != '\n'
                    || ('\u{202a}'..='\u{202e}').contains(&c)
                    || ('\u{2066}'..='\u{2069}').contains(&c)
            };
            assert!(!text.chars().any(is_control), "{text:?}");
            assert!(
                !text
                    .lines()
                    .any(|line| line.trim_start().starts_with("::") || line.contains("##[")),
                "{text}"
            );
        }
    }

    #[test]
    fn what_stands_on_too_few_requests_is_explained_where_it_occurs() {
        let explained =
            |results: &Results| summary(results, 120, Colour::Off).contains("\n~ of too few");
        let mut results = fixture::results();
        assert!(explained(&results));
        for cell in &mut results.cells {
            for value in cell.metrics.values_mut().flatten() {
                if let crate::results::MetricValue::Distribution(summary) = value {
                    summary.n = 100_000;
                }
            }
        }
        assert!(!explained(&results));
    }

    #[test]
    fn a_run_without_cells_has_a_verdict() {
        let text = summary(&fixture::around(Vec::new()), 80, Colour::Off);
        assert!(text.contains("No objective was declared."), "{text}");
    }
}
