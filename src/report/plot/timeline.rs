//! A cell over time: requests scheduled, ok and failed per second, and below them p50 and p99 of e2e, repeat by repeat.
//!
//! Where there are more stretches of time than can be drawn, neighbours are joined: counts are added, and of percentiles
//! the greatest stays, since percentiles cannot be averaged and a spike must not vanish.

use super::frame::{self, Area, nothing};
use super::rows::{WIDTH, float};
use super::scale::{From, PlotScale};
use super::svg::{Anchor, Svg};
use crate::kinds::metric::Unit;
use crate::report::number::Scale;
use crate::results::{CellResult, TimelinePoint};

const HEIGHT: f64 = 320.0;
/// Time between repeats, as a share of all.
const GAP: f64 = 0.015;
/// Room at the right for the lines' names.
const NAMES: f64 = 84.0;

/// How many stretches a cell's line may have, so that many cells still make a small page.
pub const fn stretches_for(cells: usize) -> usize {
    match cells {
        0..=12 => 240,
        13..=48 => 120,
        _ => 60,
    }
}

/// A stretch of time, placed.
struct Stretch {
    repeat: u32,
    from: f64,
    to: f64,
    point: TimelinePoint,
}

/// Joins neighbours of a repeat until there are at most about `most` over all repeats.
pub fn joined(points: &[TimelinePoint], most: usize) -> Vec<TimelinePoint> {
    let together = points.len().div_ceil(most.max(1)).max(1);
    let mut joined: Vec<TimelinePoint> = Vec::new();
    let mut count = 0;
    for point in points {
        if let Some(last) = joined
            .last_mut()
            .filter(|last| last.repeat == point.repeat && count < together)
        {
            last.width = point.at + point.width - last.at;
            last.scheduled += point.scheduled;
            last.ok += point.ok;
            last.failed += point.failed;
            last.e2e_p50 = greater(last.e2e_p50, point.e2e_p50);
            last.e2e_p99 = greater(last.e2e_p99, point.e2e_p99);
            count += 1;
        } else {
            joined.push(point.clone());
            count = 1;
        }
    }
    joined
}

fn greater(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    a.into_iter().chain(b).reduce(f64::max)
}

/// Draws it with at most about `most` stretches.
pub fn draw(cell: &CellResult, label: &str, most: usize) -> Svg {
    let points = joined(&cell.timeline, most);
    let title = format!("Time line of {label}");
    let description = format!(
        "Requests scheduled, ok and failed per second, and median and p99 of e2e of those that ended, over the time of {} repeats one after another{}.",
        cell.repeats.len(),
        if points.len() < cell.timeline.len() {
            "; each point is the highest of its stretch of time"
        } else {
            ""
        },
    );
    let mut svg = Svg::new(WIDTH, HEIGHT, &title, &description);
    svg.text_within("b", Anchor::Start, (0.0, 16.0), (&title, WIDTH));
    let counts = Area {
        left: 46.0,
        top: 54.0,
        right: WIDTH - NAMES,
        bottom: 144.0,
    };
    let latency = Area {
        top: 190.0,
        bottom: 280.0,
        ..counts
    };
    let most = points.iter().flat_map(|point| {
        [point.scheduled, point.ok, point.failed].map(|count| rate(count, point))
    });
    let Some(scale) = PlotScale::fit(most, From::Zero, 3) else {
        let all = Area {
            bottom: latency.bottom,
            ..counts
        };
        nothing(&mut svg, &all, "no data: no request was scheduled");
        return svg;
    };
    let stretches = placed(&points, &counts);
    frame::upright(&mut svg, &counts, &scale, "requests/s");
    failures(&mut svg, &counts, &scale, &stretches);
    requests(&mut svg, &counts, &scale, &stretches);
    for (class, below, name) in [
        ("t0", 10.0, "ok"),
        ("s", 26.0, "⋯ scheduled"),
        ("v", 42.0, "▮ failed"),
    ] {
        let at = (counts.right + 8.0, counts.top + below);
        svg.text(class, Anchor::Start, at, name);
    }
    latencies(&mut svg, &latency, &stretches);
    times(&mut svg, &latency, &stretches);
    svg
}

/// Requests per second of a point's width.
fn rate(count: u64, point: &TimelinePoint) -> f64 {
    float(usize::try_from(count).unwrap_or(usize::MAX)) / point.width.max(1e-9)
}

fn failures(svg: &mut Svg, area: &Area, scale: &PlotScale, stretches: &[Stretch]) {
    for stretch in stretches.iter().filter(|stretch| stretch.point.failed > 0) {
        // At least as high as can be seen: a failure is never too small to show.
        let y = area
            .y(scale, rate(stretch.point.failed, &stretch.point))
            .min(area.bottom - 2.0);
        svg.rectangle(
            "f cb",
            (stretch.from, y),
            ((stretch.to - stretch.from).max(1.5), area.bottom - y),
        );
    }
}

/// What was scheduled, and over it what was ok.
fn requests(svg: &mut Svg, area: &Area, scale: &PlotScale, stretches: &[Stretch]) {
    let scheduled: fn(&TimelinePoint) -> u64 = |point| point.scheduled;
    let ok: fn(&TimelinePoint) -> u64 = |point| point.ok;
    for repeat in repeats(stretches) {
        let end = repeat.last().map_or(0.0, |last| last.to);
        for (class, dash, count) in [("l cd", "2 3", scheduled), ("l c0", "", ok)] {
            let line: Vec<(f64, f64)> = repeat
                .iter()
                .map(|stretch| {
                    let rate = rate(count(&stretch.point), &stretch.point);
                    (stretch.from, area.y(scale, rate))
                })
                .collect();
            svg.steps(class, dash, &line, end);
        }
    }
}

fn latencies(svg: &mut Svg, area: &Area, stretches: &[Stretch]) {
    let values = || {
        stretches.iter().flat_map(|stretch| {
            stretch
                .point
                .e2e_p50
                .into_iter()
                .chain(stretch.point.e2e_p99)
        })
    };
    let unit = Scale::of(Unit::Seconds, values());
    let Some(scale) = PlotScale::fit(values().map(|value| value * unit.factor()), From::Least, 3)
    else {
        nothing(svg, area, "no data: no request that ended was ok");
        return;
    };
    let kind = if scale.is_logarithmic() {
        ", logarithmic"
    } else {
        ""
    };
    frame::upright(svg, area, &scale, &format!("e2e, {}{kind}", unit.symbol()));
    for (class, dash, which) in [("l c1", "6 4", 1), ("l c0", "", 0)] {
        for repeat in repeats(stretches) {
            // A stretch without an ok request breaks the line: nothing is known of it.
            for run in repeat.split(|stretch| stretch.point.e2e_p50.is_none()) {
                let line: Vec<(f64, f64)> = run
                    .iter()
                    .filter_map(|stretch| {
                        let value = [stretch.point.e2e_p50, stretch.point.e2e_p99][which]?;
                        Some((
                            f64::midpoint(stretch.from, stretch.to),
                            area.y(&scale, value * unit.factor()),
                        ))
                    })
                    .collect();
                match line.as_slice() {
                    [(x, y)] => svg.line(class, (x - 1.5, *y), (x + 1.5, *y)),
                    line => svg.polyline(class, dash, line),
                }
            }
        }
    }
    svg.text(
        "t1",
        Anchor::Start,
        (area.right + 8.0, area.top + 10.0),
        "╌ p99",
    );
    svg.text(
        "t0",
        Anchor::Start,
        (area.right + 8.0, area.top + 26.0),
        "p50",
    );
}

/// The repeats side by side along the area, in proportion to their time.
fn placed(points: &[TimelinePoint], area: &Area) -> Vec<Stretch> {
    let mut lengths: Vec<(u32, f64)> = Vec::new();
    for point in points {
        let end = point.at + point.width;
        match lengths
            .last_mut()
            .filter(|(repeat, _)| *repeat == point.repeat)
        {
            Some((_, length)) => *length = length.max(end),
            None => lengths.push((point.repeat, end)),
        }
    }
    let total: f64 = lengths.iter().map(|(_, length)| length).sum();
    let gap = (area.right - area.left) * GAP;
    let width = (area.right - area.left - gap * float(lengths.len().saturating_sub(1))).max(1.0);
    let per_second = if total > 0.0 { width / total } else { 0.0 };
    let mut starts = Vec::new();
    let mut start = area.left;
    for (repeat, length) in lengths {
        starts.push((repeat, start));
        start += length * per_second + gap;
    }
    points
        .iter()
        .map(|point| {
            let start = starts
                .iter()
                .find(|(repeat, _)| *repeat == point.repeat)
                .map_or(area.left, |(_, start)| *start);
            let from = start + point.at * per_second;
            Stretch {
                repeat: point.repeat,
                from,
                to: from + point.width * per_second,
                point: point.clone(),
            }
        })
        .collect()
}

fn repeats(stretches: &[Stretch]) -> impl Iterator<Item = &[Stretch]> {
    stretches.chunk_by(|a, b| a.repeat == b.repeat)
}

/// Which repeat is where, and how long it took.
fn times(svg: &mut Svg, area: &Area, stretches: &[Stretch]) {
    let many = repeats(stretches).count() > 1;
    for repeat in repeats(stretches) {
        let (Some(first), Some(last)) = (repeat.first(), repeat.last()) else {
            continue;
        };
        svg.line("a", (first.from, area.bottom), (last.to, area.bottom));
        let width = last.to - first.from;
        let length = Scale::Seconds.with_unit(last.point.at + last.point.width);
        let text = match () {
            () if !many => format!("time from the start, {length} in all"),
            () if width > 110.0 => format!("repeat {}, {length}", first.repeat),
            () if width > 14.0 => first.repeat.to_string(),
            () => continue,
        };
        svg.text(
            "s",
            Anchor::Middle,
            (f64::midpoint(first.from, last.to), area.bottom + 17.0),
            &text,
        );
    }
    if many {
        svg.text(
            "s",
            Anchor::Start,
            (area.right + 8.0, area.bottom + 17.0),
            "repeats",
        );
    }
}
