use proptest::prelude::*;

use super::timeline::joined;
use super::*;
use crate::report::fixture;
use crate::results::TimelinePoint;

fn coordinates(svg: &str) -> Vec<f64> {
    // Numbers of places only: x, y, cx, cy and absolute path commands.
    let mut found = Vec::new();
    for attribute in [" x=\"", " y=\"", " cx=\"", " cy=\""] {
        for part in svg.split(attribute).skip(1) {
            found.extend(
                part.split('"')
                    .next()
                    .and_then(|number| number.parse::<f64>().ok()),
            );
        }
    }
    found
}

#[test]
fn each_plot_is_well_formed_xml_that_names_itself() {
    for results in [
        fixture::results(),
        fixture::around(Vec::new()),
        fixture::hostile("\"/><script>x</script>&"),
    ] {
        for plot in plots(&results) {
            let file = plot.svg.file();
            let mut depth = 0_i32;
            for tag in file.split('<').skip(1) {
                match tag {
                    tag if tag.starts_with('/') => depth -= 1,
                    tag if tag.split('>').next().unwrap().ends_with('/') => {}
                    _ => depth += 1,
                }
                assert!(depth >= 0, "{}", plot.file);
            }
            assert_eq!(depth, 0, "{}", plot.file);
            assert!(
                file.contains("role=\"img\"")
                    && file.contains("<title id=\"t\">")
                    && file.contains("<desc id=\"d\">")
            );
            assert!(!file.contains("<script"));
            assert!(
                !file.contains("NaN") && !file.contains("inf\""),
                "{}",
                plot.file
            );
        }
    }
}

#[test]
fn everything_that_is_drawn_lies_within_the_drawing() {
    for results in [fixture::results(), fixture::large()] {
        for plot in plots(&results) {
            let file = plot.svg.file();
            let size: Vec<f64> = file
                .split("viewBox=\"-16 -16 ")
                .nth(1)
                .unwrap()
                .split('"')
                .next()
                .unwrap()
                .split(' ')
                .map(|n| n.parse().unwrap())
                .collect();
            let most = size[0].max(size[1]);
            assert!(
                coordinates(&file)
                    .iter()
                    .all(|place| (-16.0..=most - 15.0).contains(place)),
                "{}",
                plot.file
            );
        }
    }
}

#[test]
fn without_data_a_plot_says_so_and_draws_no_axis() {
    let mut results = fixture::results();
    results.cells.truncate(1);
    for value in results.cells[0].metrics.values_mut() {
        *value = None;
    }
    results.cells[0].timeline.clear();
    for plot in plots(&results) {
        let file = plot.svg.file();
        assert!(file.contains("no data: "), "{}", plot.file);
        assert!(!file.contains("class=\"g\""), "{}", plot.file);
    }
}

#[test]
fn a_changed_cell_touches_no_time_line_of_another() {
    let results = fixture::large();
    let mut changed = results.clone();
    changed.cells[3].timeline[5].e2e_p99 = Some(99.0);
    let (before, after) = (plots(&results), plots(&changed));
    let differ: Vec<Option<usize>> = before
        .iter()
        .zip(&after)
        .filter(|(a, b)| a.svg.file() != b.svg.file())
        .map(|(a, _)| a.cell)
        .collect();
    assert_eq!(differ, [Some(3)]);
}

#[test]
fn an_invalid_cell_is_a_cross_and_a_limited_one_has_an_arrow() {
    let file = plots(&fixture::results())[1].svg.file();
    assert_eq!(
        file.matches("class=\"x cb\"").count(),
        2,
        "throughput and goodput of the INVALID cell"
    );
    assert!(file.contains("INVALID"));
}

/// Cells over five axes, whose values and names are so long.
fn of_five_axes(long: usize) -> Results {
    let mut results = fixture::results();
    let cell = results.cells[0].clone();
    results.cells.clear();
    for number in 0..18_u32 {
        let mut cell = cell.clone();
        let word =
            |word: &str, value: u32| serde_json::json!(format!("{}{value}", word.repeat(long)));
        cell.axes = [
            ("target".to_owned(), word("t", number % 2)),
            ("dataset".to_owned(), word("d", number / 2 % 3)),
            ("rate".to_owned(), serde_json::json!(20)),
            ("concurrency".to_owned(), serde_json::json!(4)),
            ("params.temperature".to_owned(), word("x", number / 6)),
            ("params.top_p".to_owned(), word("y", number / 6)),
        ]
        .into();
        results.cells.push(cell);
    }
    results
}

#[test]
fn no_two_rows_are_called_alike_however_many_axes_vary() {
    for (long, legend) in [(1, false), (7, false), (40, true)] {
        let results = of_five_axes(long);
        let labels = labels::Labels::of(&Axes::of(&results), &results.cells);
        assert!(labels::differ(&labels.texts), "{long}: {:?}", labels.texts);
        assert_eq!(!labels.legend.is_empty(), legend, "{long}");
        for plot in plots(&results).iter().take(2) {
            let file = plot.svg.file();
            // A number stands at ticks too.
            for text in labels.texts.iter().filter(|_| !legend) {
                assert_eq!(file.matches(&format!(">{text}<")).count(), 1, "{text}");
            }
            assert!(
                labels.legend.iter().all(|line| file.contains(line)),
                "{}",
                plot.file
            );
        }
    }
}

#[test]
fn lines_whose_names_would_be_cut_to_one_text_become_rows() {
    let mut results = of_five_axes(30);
    for (cell, rate) in results.cells.iter_mut().zip(0_u32..) {
        cell.axes["target"] = serde_json::json!(format!("{}{}", "t".repeat(40), rate % 2));
        cell.axes["dataset"] = serde_json::json!("d");
        cell.axes["params.temperature"] = serde_json::json!(0);
        cell.axes["params.top_p"] = serde_json::json!(0);
        cell.axes["rate"] = serde_json::json!(rate / 2 + 1);
    }
    let file = plots(&results)[1].svg.file();
    assert!(file.contains("Throughput and goodput by cell"));
}

#[test]
fn more_lines_than_can_be_told_apart_become_rows() {
    assert!(plots(&fixture::large())[1].svg.title().ends_with("by cell"));
    assert!(
        plots(&fixture::results())[1]
            .svg
            .title()
            .ends_with("by rate")
    );
}

#[test]
fn a_key_that_is_no_file_name_makes_none() {
    let mut results = fixture::results();
    results.cells[0].key = "../../etc/passwd".to_owned();
    assert_eq!(plots(&results)[2].file, "plots/timeline-cell-0.svg");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn joining_stretches_keeps_every_count_and_the_greatest_latency(
        values in prop::collection::vec((0_u64..50, 0_u64..50, 0_u64..3, prop::option::of(0.001_f64..10.0)), 1..400),
        most in 1_usize..100, repeats in 1_u32..5,
    ) {
        let each = values.len().div_ceil(repeats as usize);
        let points: Vec<TimelinePoint> = values.iter().enumerate().map(|(index, (scheduled, ok, failed, latency))| TimelinePoint {
            repeat: u32::try_from(index / each).unwrap() + 1,
            at: f64::from(u32::try_from(index % each).unwrap()),
            width: 1.0,
            scheduled: *scheduled, ok: *ok, failed: *failed, e2e_p50: *latency, e2e_p99: latency.map(|latency| latency * 2.0),
        }).collect();
        let joined = joined(&points, most);
        prop_assert!(joined.len() <= most + repeats as usize);
        let sum = |points: &[TimelinePoint]| points.iter().map(|point| (point.scheduled, point.ok, point.failed)).fold((0, 0, 0), |a, b| (a.0 + b.0, a.1 + b.1, a.2 + b.2));
        prop_assert_eq!(sum(&points), sum(&joined));
        let max = |points: &[TimelinePoint]| points.iter().filter_map(|point| point.e2e_p99).reduce(f64::max);
        prop_assert_eq!(max(&points), max(&joined));
    }

    #[test]
    fn the_greatest_latency_is_always_in_sight(factor in 1.0_f64..5000.0, cell in 0_usize..8) {
        let mut results = fixture::results();
        results.cells[cell].timeline[4].e2e_p99 = Some(factor);
        let Some(crate::results::MetricValue::Distribution(summary)) = results.cells[cell].metrics.get_mut("e2e").unwrap() else { unreachable!() };
        summary.statistics.insert("max".to_owned(), Some(factor));
        for plot in [&plots(&results)[0], &plots(&results)[2 + cell]] {
            let file = plot.svg.file();
            // The greatest tick of a scale is at or above the value, so that no mark is clipped.
            prop_assert!(!file.contains("NaN"));
            prop_assert!(coordinates(&file).iter().all(|place| (-16.0..=800.0).contains(place)));
        }
    }
}

#[test]
fn the_name_of_the_line_of_all_that_is_offered_is_not_cut_off_where_that_line_is_steep() {
    let name = |factor: f64| {
        let mut results = fixture::results();
        for cell in &mut results.cells {
            let rate = cell.axes["rate"].as_f64().unwrap_or(8.0) * factor;
            cell.axes.insert("rate".to_owned(), rate.into());
        }
        let svg = plots(&results)
            .into_iter()
            .find(|plot| plot.file.contains("throughput"))
            .unwrap()
            .svg
            .file();
        let (before, _) = svg.split_once("all that is offered")?;
        let tag = before.rsplit('<').next().unwrap().to_owned();
        let x: f64 = tag.split_once(" x=\"")?.1.split('"').next()?.parse().ok()?;
        Some((tag, x))
    };
    let mut drawn = 0;
    for factor in [1.0, 3.0, 10.0, 30.0, 1000.0] {
        let Some((tag, x)) = name(factor) else {
            continue;
        };
        drawn += 1;
        let ends_there = tag.contains(" e\"");
        assert!(!ends_there || x > 19.0 * 6.4, "{factor}: {tag}");
    }
    assert!(drawn > 1, "drawn {drawn} times");
}
