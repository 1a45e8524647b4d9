//! Throughput and goodput over the rate or concurrency, whichever varies; else a row a cell.

use serde_json::Value;

use super::frame::{self, Area, nothing};
use super::labels::differ;
use super::rows::{HEAD, NOTES, Rows, WIDTH, float};
use super::scale::{From, PlotScale};
use super::svg::{Anchor, CHARACTER, MARKERS, Marker, Svg, shortened};
use crate::report::context::{Axes, shown};
use crate::report::number::Scale;
use crate::results::{CellResult, Results, ValidityStatus};

const HEIGHT: f64 = 380.0;
/// Lines that can still be told from each other; with more, each cell gets a row.
const MOST_GROUPS: usize = MARKERS.len();
/// Room at the right for the lines' names.
const NAMES: f64 = 178.0;
/// Between a line's end and its name.
const BESIDE: f64 = 10.0;
/// Room for what has no place on the scale: `inf`.
const BEYOND: f64 = 54.0;
const LINE: f64 = 14.0;
/// The name of the line that throughput has where the target carries all that is offered.
const ALL: &str = "all that is offered";
const METRICS: [(&str, &str); 2] = [("request_throughput", "throughput"), ("goodput", "goodput")];

/// One value of one cell.
#[derive(Debug, Clone, Copy)]
struct Point<'a> {
    /// Where; `None` for `inf`.
    x: Option<f64>,
    y: f64,
    cell: &'a CellResult,
}

/// Cells that differ only in the axis.
struct Group<'a> {
    name: String,
    cells: Vec<&'a CellResult>,
}

/// Draws it.
pub fn draw(results: &Results, axes: &Axes) -> Svg {
    let over = ["rate", "concurrency"].into_iter().find(|over| {
        let mut values: Vec<f64> = results
            .cells
            .iter()
            .filter_map(|cell| cell.axes.get(*over)?.as_f64())
            .collect();
        values.sort_by(f64::total_cmp);
        values.dedup();
        values.len() > 1
    });
    let groups = over.and_then(|over| {
        [true, false]
            .into_iter()
            .map(|named| (over, groups(results, axes, over, named)))
            .find(|(_, groups)| are_told_apart(groups))
    });
    match groups {
        Some((over, groups)) => over_axis(over, &groups),
        None => over_cells(results, axes),
    }
}

/// Whether colours and names, cut to their room, tell the lines from each other.
fn are_told_apart(groups: &[Group<'_>]) -> bool {
    let names: Vec<String> = groups
        .iter()
        .map(|group| shortened(&line_name("throughput", group), NAMES - BESIDE))
        .collect();
    groups.len() <= MOST_GROUPS && differ(&names)
}

/// `named`: values with the names of their axes.
fn groups<'a>(results: &'a Results, axes: &Axes, over: &str, named: bool) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    for cell in &results.cells {
        let others: Vec<String> = axes
            .varying
            .iter()
            .filter(|name| *name != over)
            .map(|name| {
                let value = shown(cell.axes.get(name));
                if !named || name == "target" || name == "dataset" {
                    value
                } else {
                    format!("{} {value}", name.strip_prefix("params.").unwrap_or(name))
                }
            })
            .collect();
        let name = others.join(", ");
        match groups.iter_mut().find(|group| group.name == name) {
            Some(group) => group.cells.push(cell),
            None => groups.push(Group {
                name,
                cells: vec![cell],
            }),
        }
    }
    groups
}

fn points<'a>(group: &Group<'a>, over: &str, metric: &str) -> Vec<Point<'a>> {
    let mut points: Vec<Point<'a>> = group
        .cells
        .iter()
        .filter_map(|cell| {
            let x = cell.axes.get(over).and_then(Value::as_f64);
            Some(Point {
                x,
                y: cell.value(metric, None)?,
                cell,
            })
        })
        .collect();
    points.sort_by(|a, b| {
        a.x.unwrap_or(f64::INFINITY)
            .total_cmp(&b.x.unwrap_or(f64::INFINITY))
    });
    points
}

fn line_name(word: &str, group: &Group<'_>) -> String {
    if group.name.is_empty() {
        word.to_owned()
    } else {
        format!("{word} {}", group.name)
    }
}

/// The line of one metric of one group.
struct Line<'a> {
    /// Which group, and so which colour and marker.
    index: usize,
    metric: &'static str,
    name: String,
    points: Vec<Point<'a>>,
}

fn lines<'a>(over: &str, groups: &[Group<'a>]) -> Vec<Line<'a>> {
    groups
        .iter()
        .enumerate()
        .flat_map(|(index, group)| {
            METRICS.map(|(metric, word)| Line {
                index,
                metric,
                name: line_name(word, group),
                points: points(group, over, metric),
            })
        })
        .collect()
}

fn over_axis(over: &str, groups: &[Group<'_>]) -> Svg {
    let lines = lines(over, groups);
    let title = format!("Throughput and goodput by {over}");
    let description = format!(
        "Ok requests per second (throughput) and requests per second that kept their limits (goodput, dashed) at each {over}, {} lines; crosses are INVALID cells, arrows mean at least.",
        lines.iter().filter(|line| !line.points.is_empty()).count()
    );
    let mut svg = Svg::new(WIDTH, HEIGHT, &title, &description);
    svg.text("b", Anchor::Start, (0.0, 16.0), &title);
    let values = || lines.iter().flat_map(|line| &line.points);
    let mut area = Area {
        left: 46.0,
        top: 58.0,
        right: WIDTH - NAMES,
        bottom: HEIGHT - 46.0,
    };
    let (Some(y), Some(x)) = (
        PlotScale::fit(values().map(|point| point.y), From::Zero, 5),
        PlotScale::fit(values().filter_map(|point| point.x), From::Least, 6),
    ) else {
        nothing(&mut svg, &area, "no data: no throughput to draw");
        return svg;
    };
    frame::upright(&mut svg, &area, &y, "requests/s");
    let edge = area.right;
    if values().any(|point| point.x.is_none()) {
        area.right -= BEYOND;
        let at = (edge - 16.0, area.bottom + 17.0);
        svg.text("s", Anchor::Middle, at, "inf");
    }
    frame::level(&mut svg, &area, &x, &axis_name(over, &x));
    if over == "rate" {
        offered(&mut svg, &area, &x, &y);
    }
    let place = |point: &Point<'_>| {
        (
            point.x.map_or(edge - 16.0, |value| area.x(&x, value)),
            area.y(&y, point.y),
        )
    };
    let mut names = Vec::new();
    for line in lines {
        series(&mut svg, &line, place);
        if let Some(last) = line.points.last() {
            names.push((place(last).1, line.index, line.name));
        }
    }
    direct_labels(&mut svg, edge + BESIDE, &area, names);
    svg
}

fn axis_name(over: &str, scale: &PlotScale) -> String {
    let unit = if over == "rate" {
        "rate offered, requests/s"
    } else {
        "concurrency, requests in flight at most"
    };
    let kind = if scale.is_logarithmic() {
        ", logarithmic"
    } else {
        ""
    };
    format!("{unit}{kind}")
}

/// Where throughput would be if the target carried all that is offered.
fn offered(svg: &mut Svg, area: &Area, x: &PlotScale, y: &PlotScale) {
    let (Some(low), Some(high)) = (x.ticks().first(), x.ticks().last()) else {
        return;
    };
    let high = high.min(y.high());
    if high <= *low {
        return;
    }
    let points: Vec<(f64, f64)> = (0..=32_u8)
        .map(|step| low + (high - low) * f64::from(step) / 32.0)
        .filter(|rate| *rate >= 0.0)
        .map(|rate| (area.x(x, rate), area.y(y, rate)))
        .collect();
    svg.polyline("l cd", "1.5 4", &points);
    if let Some((x, y)) = points.get(points.len() * 4 / 5) {
        // Where the line is steep there is no room at its left.
        let (anchor, x) = if x - 10.0 - float(ALL.len()) * CHARACTER < 0.0 {
            (Anchor::Start, x + 10.0)
        } else {
            (Anchor::End, x - 10.0)
        };
        svg.text("s", anchor, (x, (y - 2.0).max(area.top + 10.0)), ALL);
    }
}

fn series(svg: &mut Svg, line: &Line<'_>, place: impl Fn(&Point<'_>) -> (f64, f64)) {
    let dashed = line.metric == "goodput";
    let class = format!("c{}", line.index);
    let stroke = format!("l {class}");
    let way: Vec<(f64, f64)> = line
        .points
        .iter()
        .filter(|point| point.x.is_some())
        .map(&place)
        .collect();
    svg.polyline(&stroke, if dashed { "6 4" } else { "" }, &way);
    for point in &line.points {
        let at = place(point);
        let status = point.cell.validity.status;
        if status == ValidityStatus::Invalid {
            svg.marker("x cb", Marker::Cross, at, 4.6);
            continue;
        }
        let filled = format!("{} {class}", if dashed { "h" } else { "f" });
        svg.marker(&filled, MARKERS[line.index % MARKERS.len()], at, 4.4);
        if status == ValidityStatus::ClientLimited {
            at_least(svg, &stroke, at);
        }
    }
}

/// An arrow upward: the target could do more than the client asked of it.
fn at_least(svg: &mut Svg, stroke: &str, (x, y): (f64, f64)) {
    svg.polyline(stroke, "", &[(x, y - 6.0), (x, y - 18.0)]);
    svg.polyline(
        stroke,
        "",
        &[(x - 3.5, y - 14.0), (x, y - 18.0), (x + 3.5, y - 14.0)],
    );
}

/// Names beside the ends of lines, pushed apart where they would overlap.
fn direct_labels(svg: &mut Svg, x: f64, area: &Area, mut names: Vec<(f64, usize, String)>) {
    names.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut lowest = f64::NEG_INFINITY;
    let most = area.bottom - LINE * float(names.len().saturating_sub(1));
    for (index, (y, series, name)) in names.into_iter().enumerate() {
        let at = y.min(most + LINE * float(index)).max(lowest + LINE);
        lowest = at;
        svg.text_within(
            &format!("t{series}"),
            Anchor::Start,
            (x, at + 4.0),
            (&name, WIDTH - x),
        );
    }
}

fn over_cells(results: &Results, axes: &Axes) -> Svg {
    let rows = Rows::of(axes, &results.cells);
    let title = "Throughput and goodput by cell";
    let description = format!(
        "Ok requests per second (throughput, a disc) and requests per second that kept their limits (goodput, a hollow diamond) for each of {} cells.",
        results.cells.len()
    );
    let mut svg = Svg::new(WIDTH, rows.total(), title, &description);
    svg.text("b", Anchor::Start, (0.0, 16.0), title);
    let area = Area {
        left: rows.left(),
        top: HEAD,
        right: WIDTH - NOTES,
        bottom: rows.bottom(),
    };
    let values = results.cells.iter().flat_map(|cell| {
        METRICS
            .iter()
            .filter_map(|(metric, _)| cell.value(metric, None))
    });
    let Some(scale) = PlotScale::fit(values, From::Zero, 6) else {
        nothing(
            &mut svg,
            &Area { left: 0.0, ..area },
            "no data: no throughput to draw",
        );
        return svg;
    };
    legend(&mut svg);
    rows.labels(&mut svg, &results.cells);
    Rows::scale(&mut svg, &area, &scale, "requests/s");
    for (index, cell) in results.cells.iter().enumerate() {
        if rows.are_few() {
            svg.open("", &tip(axes, cell));
        }
        let place = |value: f64| (area.x(&scale, value), rows.y(index));
        row(&mut svg, cell, (area.left, rows.marker()), place);
        if rows.are_few() {
            svg.close();
        }
    }
    svg
}

fn legend(svg: &mut Svg) {
    svg.marker("f c0", Marker::Circle, (WIDTH - 190.0, 12.0), 4.2);
    svg.text("s", Anchor::Start, (WIDTH - 181.0, 16.0), "throughput");
    svg.marker("h c1", Marker::Diamond, (WIDTH - 96.0, 12.0), 4.2);
    svg.text("s", Anchor::Start, (WIDTH - 87.0, 16.0), "goodput");
}

/// A cell's two marks, of radius `r`, and the line from `left` to its throughput.
fn row(svg: &mut Svg, cell: &CellResult, (left, r): (f64, f64), place: impl Fn(f64) -> (f64, f64)) {
    if let Some(at) = cell.value("request_throughput", None).map(&place) {
        svg.line("l c0", (left, at.1), at);
        let (class, marker) = if cell.validity.status == ValidityStatus::Invalid {
            ("x cb", Marker::Cross)
        } else {
            ("f c0", Marker::Circle)
        };
        svg.marker(class, marker, at, r);
    }
    if let Some(at) = cell.value("goodput", None).map(&place) {
        svg.marker("h c1", Marker::Diamond, at, r);
    }
}

fn tip(axes: &Axes, cell: &CellResult) -> String {
    let values: Vec<String> = METRICS
        .iter()
        .filter_map(|(metric, word)| {
            Some(format!(
                "{word} {}",
                Scale::PerSecond.with_unit(cell.value(metric, None)?)
            ))
        })
        .collect();
    format!("{}: {}", axes.label(cell), values.join(", "))
}
