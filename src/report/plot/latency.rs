//! Latency percentiles over cells: a row a cell, a panel a metric, from the median to the greatest value.

use super::frame::{Area, nothing};
use super::rows::{HEAD, NOTES, Rows, WIDTH, float};
use super::scale::{From, PlotScale};
use super::svg::{Anchor, Marker, Svg};
use crate::report::context::{Axes, Value, distribution, scale_of};
use crate::report::number::Scale;
use crate::results::{CellResult, Results};

/// Metrics that have a panel where they have data, from left to right.
const PANELS: [&str; 4] = ["ttft", "tpot", "load", "e2e"];
/// What is marked, from the median outward.
const MARKS: [(&str, Marker); 4] = [
    ("p50", Marker::Circle),
    ("p95", Marker::Diamond),
    ("p99", Marker::Triangle),
    ("max", Marker::Bar),
];
const TITLE: &str = "Latency percentiles by cell";

struct Panel {
    metric: &'static str,
    unit: Scale,
    scale: PlotScale,
    area: Area,
}

/// Draws it.
pub fn draw(results: &Results, axes: &Axes) -> Svg {
    let rows = Rows::of(axes, &results.cells);
    let metrics = drawn(results);
    let description = description(results, &metrics);
    let mut svg = Svg::new(WIDTH, rows.total(), TITLE, &description);
    svg.text("b", Anchor::Start, (0.0, 16.0), TITLE);
    if metrics.is_empty() {
        let area = Area {
            left: 0.0,
            top: HEAD,
            right: WIDTH,
            bottom: rows.bottom(),
        };
        nothing(&mut svg, &area, "no data: no request succeeded");
        return svg;
    }
    legend(&mut svg);
    rows.labels(&mut svg, &results.cells);
    let panels = panels(results, &metrics, &rows);
    for panel in &panels {
        scale_along(&mut svg, panel);
    }
    for panel in &panels {
        strokes(&mut svg, &results.cells, panel, &rows);
    }
    for (index, cell) in results.cells.iter().enumerate() {
        if rows.are_few() {
            svg.open("", &tip(axes, cell, &panels));
        }
        for panel in &panels {
            marks(&mut svg, cell, panel, (rows.y(index), rows.marker()));
        }
        if rows.are_few() {
            svg.close();
        }
    }
    svg
}

/// Metrics of which any cell has values.
fn drawn(results: &Results) -> Vec<&'static str> {
    PANELS
        .into_iter()
        .filter(|metric| {
            results
                .cells
                .iter()
                .any(|cell| distribution(cell, metric).is_some_and(|summary| summary.n > 0))
        })
        .collect()
}

fn description(results: &Results, metrics: &[&'static str]) -> String {
    if metrics.is_empty() {
        return "No request succeeded, so that there is no latency to draw.".to_owned();
    }
    format!(
        "For each of {} cells the median, p95, p99 and greatest value of {} over ok requests, a panel each. Hollow marks are percentiles of too few values.",
        results.cells.len(),
        metrics.join(", ")
    )
}

fn scale_along(svg: &mut Svg, panel: &Panel) {
    let kind = if panel.scale.is_logarithmic() {
        ", logarithmic"
    } else {
        ""
    };
    let name = format!("{}, {}{kind}", panel.metric, panel.unit.symbol());
    Rows::scale(svg, &panel.area, &panel.scale, &name);
}

fn legend(svg: &mut Svg) {
    let mut x = WIDTH - 344.0;
    for (name, marker) in MARKS {
        svg.marker(
            if marker == Marker::Bar {
                "x c0"
            } else {
                "f c0"
            },
            marker,
            (x, 12.0),
            4.2,
        );
        svg.text("s", Anchor::Start, (x + 8.0, 16.0), name);
        x += 46.0;
    }
    svg.marker("h c0", Marker::Circle, (x + 6.0, 12.0), 4.2);
    svg.text(
        "s",
        Anchor::Start,
        (x + 14.0, 16.0),
        "hollow: too few values",
    );
}

fn panels(results: &Results, metrics: &[&'static str], rows: &Rows) -> Vec<Panel> {
    let gap = 36.0;
    let width =
        (WIDTH - rows.left() - NOTES - gap * (float(metrics.len()) - 1.0)) / float(metrics.len());
    let ticks = if metrics.len() > 2 { 3 } else { 4 };
    metrics
        .iter()
        .enumerate()
        .filter_map(|(index, metric)| {
            let unit = scale_of(results, metric, &["p50", "p95", "p99", "max"]);
            let values = results.cells.iter().flat_map(|cell| {
                MARKS.iter().filter_map(|(name, _)| {
                    Some(distribution(cell, metric)?.get(name)? * unit.factor())
                })
            });
            let scale = PlotScale::fit(values, From::Least, ticks)?;
            let left = rows.left() + float(index) * (width + gap);
            Some(Panel {
                metric,
                unit,
                scale,
                area: Area {
                    left,
                    top: HEAD,
                    right: left + width,
                    bottom: rows.bottom(),
                },
            })
        })
        .collect()
}

fn place(panel: &Panel, cell: &CellResult, name: &str) -> Option<f64> {
    Some(panel.area.x(
        &panel.scale,
        distribution(cell, panel.metric)?.get(name)? * panel.unit.factor(),
    ))
}

/// What lies behind the marks: from the median to p99, to the greatest value, and the bar at its end.
fn strokes(svg: &mut Svg, cells: &[CellResult], panel: &Panel, rows: &Rows) {
    for (class, end) in [("w c0", "p99"), ("l c0", "max")] {
        let strokes: Vec<(f64, f64, f64)> = cells
            .iter()
            .enumerate()
            .filter_map(|(index, cell)| {
                Some((
                    place(panel, cell, "p50")?,
                    place(panel, cell, end)?,
                    rows.y(index),
                ))
            })
            .collect();
        svg.strokes(class, &strokes);
    }
    let ends: Vec<(f64, f64)> = cells
        .iter()
        .enumerate()
        .filter_map(|(index, cell)| Some((place(panel, cell, "max")?, rows.y(index))))
        .collect();
    svg.bars("x c0", &ends, rows.marker() * 2.6);
}

fn marks(svg: &mut Svg, cell: &CellResult, panel: &Panel, (y, r): (f64, f64)) {
    let Some(summary) = distribution(cell, panel.metric) else {
        return;
    };
    // The median last, so that it is never hidden.
    for (name, marker) in MARKS
        .iter()
        .rev()
        .filter(|(_, marker)| *marker != Marker::Bar)
    {
        let Some(x) = place(panel, cell, name) else {
            continue;
        };
        let few = Value::statistic(Some(summary), name, panel.unit).state == "doubt";
        svg.marker(if few { "h c0" } else { "f c0" }, *marker, (x, y), r);
    }
}

fn tip(axes: &Axes, cell: &CellResult, panels: &[Panel]) -> String {
    let mut text = axes.label(cell);
    for panel in panels {
        let Some(summary) = distribution(cell, panel.metric) else {
            continue;
        };
        let values: Vec<String> = MARKS
            .iter()
            .filter_map(|(name, _)| {
                Some(format!(
                    "{name} {}",
                    panel.unit.with_unit(summary.get(name)?)
                ))
            })
            .collect();
        text = format!(
            "{text}; {}: {} (n {})",
            panel.metric,
            values.join(", "),
            summary.n
        );
    }
    text
}
