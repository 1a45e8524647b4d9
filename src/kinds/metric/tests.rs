//! Tables with known content, aggregated. Goldens: research/seeds.md §7 (G…), metrics.md, NumPy's documentation.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::slo::{Judge, Limits, SloClock};
use super::*;
use crate::foundation::units::Offset;
use crate::instruments::record::{Attempt, Clocks, Outcome, Phase, Tokens, TokensSource, Traffic};
use crate::instruments::table::{Table, TableRow, Writer};

const MS: u64 = 1_000_000;
const SECOND: u64 = 1_000_000_000;

/// An ok request that was not streamed.
fn request(index: u64, scheduled: u64, sent: u64, end: u64) -> Attempt {
    let clocks = Clocks {
        scheduled: Offset::from_nanos(scheduled),
        sent: Some(Offset::from_nanos(sent)),
        first_byte: Some(Offset::from_nanos(end)),
        end: Some(Offset::from_nanos(end)),
        ..Clocks::default()
    };
    Attempt {
        dataset_row: Some(index),
        outcome: Outcome::Ok,
        http_status: Some(200),
        traffic: Traffic {
            bytes_sent: 1,
            bytes_received: 100,
            image_bytes: None,
            reused: true,
        },
        chunks: 1,
        params: "{}".to_owned(),
        ..Attempt::unsent(Phase::Measured, index, clocks)
    }
}

/// An ok request whose content came at `content`, of so many output tokens.
fn streamed(index: u64, content: &[u64], tokens: u64) -> Attempt {
    let (first, last) = (content[0], content[content.len() - 1]);
    let mut attempt = request(index, 0, 0, last);
    attempt.clocks.first_content = Some(Offset::from_nanos(first));
    attempt.clocks.first_answer = Some(Offset::from_nanos(first));
    attempt.clocks.last_content = Some(Offset::from_nanos(last));
    attempt.chunks = content.len() as u64;
    attempt.gaps_ns = content.windows(2).map(|pair| pair[1] - pair[0]).collect();
    attempt.tokens = Tokens {
        input: Some(10),
        output: Some(tokens),
        reasoning: None,
        source: Some(TokensSource::Usage),
    };
    attempt
}

fn failed(index: u64, scheduled: u64, end: u64, outcome: Outcome) -> Attempt {
    let status = match outcome {
        Outcome::Rejected => Some(429),
        Outcome::Http(status) => Some(status),
        _ => None,
    };
    Attempt {
        outcome,
        http_status: status,
        ..request(index, scheduled, scheduled, end)
    }
}

fn unsent(index: u64, scheduled: u64) -> Attempt {
    Attempt {
        clocks: Clocks {
            scheduled: Offset::from_nanos(scheduled),
            ..Clocks::default()
        },
        outcome: Outcome::Unsent,
        http_status: None,
        ..request(index, scheduled, 0, 0)
    }
}

/// Repeats of the cell `c`, limits judged as a run does it.
fn aggregated_with(
    repeats: &[Vec<Attempt>],
    limits: &Limits,
    context: &CellContext,
) -> CellMetrics {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("requests.parquet");
    let mut writer = Writer::create(&path).unwrap();
    for (repeat, attempts) in (1..).zip(repeats) {
        let mut judge = Judge::new(limits, None, 3);
        for attempt in attempts {
            let judged = judge.judge(attempt);
            let row = TableRow {
                attempt,
                cell: "c",
                repeat,
                target: "t",
                slo_ms: judged.slo_ms,
                slo_met: judged.met,
                skipped: attempt.notes.contains(&"skip".to_owned()),
            };
            writer.push(&row).unwrap();
        }
    }
    writer.finish().unwrap();
    let context = CellContext {
        id: "c".into(),
        ..context.clone()
    };
    aggregate(&Table::open(&path).unwrap(), &[context])
        .unwrap()
        .remove(0)
}

fn aggregated(repeats: &[Vec<Attempt>]) -> CellMetrics {
    aggregated_with(repeats, &Limits::default(), &CellContext::default())
}

fn statistic(cell: &CellMetrics, metric: &str, statistic: &str) -> f64 {
    cell.value(metric, Some(statistic))
        .unwrap_or_else(|| panic!("{metric}.{statistic} is null"))
}

fn close(found: f64, expected: f64) {
    assert!(
        (found - expected).abs() <= 1e-9 * expected.abs().max(1.0),
        "{found} is not {expected}"
    );
}

/// One request after the other, of so many seconds each.
fn lasting(seconds: &[f64]) -> Vec<Attempt> {
    let attempt = |(index, seconds): (usize, &f64)| {
        request(
            index as u64,
            0,
            0,
            Offset::from_seconds(*seconds).as_nanos(),
        )
    };
    seconds.iter().enumerate().map(attempt).collect()
}

#[test]
fn percentiles_are_those_of_numpy() {
    // G14
    let cell = aggregated(&[lasting(&[0.5, 1.0, 1.5, 2.0, 10.0])]);
    for (name, expected) in [("p50", 1.5), ("p90", 6.8), ("p95", 8.4), ("p99", 9.68)] {
        close(statistic(&cell, "e2e", name), expected);
    }
    let cell = aggregated(&[lasting(&[1.0, 2.0, 3.0, 4.0])]);
    for (name, expected) in [
        ("p50", 2.5),
        ("p90", 3.7),
        ("p95", 3.85),
        ("p99", 3.97),
        ("mean", 2.5),
    ] {
        close(statistic(&cell, "e2e", name), expected);
    }
    // numpy.std([1, 2, 3, 4], ddof=1)
    close(statistic(&cell, "e2e", "stddev"), 1.290_994_448_735_805_6);
}

#[test]
fn a_percentile_that_the_report_names_is_there_too() {
    let context = CellContext {
        percentiles: vec![0.25],
        ..CellContext::default()
    };
    let cell = aggregated_with(
        &[lasting(&[1.0, 2.0, 3.0, 4.0])],
        &Limits::default(),
        &context,
    );
    close(statistic(&cell, "e2e", "p25"), 1.75);
}

/// G20: service 1 s, concurrency 1, three requests at t = 0.
fn queued() -> Vec<Attempt> {
    (0..3)
        .map(|i| request(i, 0, i * SECOND, (i + 1) * SECOND))
        .collect()
}

#[test]
fn waiting_is_seen_by_the_scheduled_clock_and_hidden_by_the_sent_one() {
    let limits = |clock| Limits {
        e2e: Some(slo::E2eLimit::Fixed(std::time::Duration::from_millis(1500))),
        clock,
        ..Limits::default()
    };
    let scheduled = aggregated_with(
        &[queued()],
        &limits(SloClock::Scheduled),
        &CellContext::default(),
    );
    for (name, expected) in [("min", 1.0), ("p50", 2.0), ("max", 3.0)] {
        close(statistic(&scheduled, "e2e", name), expected);
        close(statistic(&scheduled, "service", name), 1.0);
    }
    close(scheduled.slo.attainment.unwrap(), 1.0 / 3.0);
    let sent = aggregated_with(
        &[queued()],
        &limits(SloClock::Sent),
        &CellContext::default(),
    );
    close(sent.slo.attainment.unwrap(), 1.0);
    close(sent.value("goodput", None).unwrap(), 1.0);
}

#[test]
fn a_cell_where_all_are_rejected_has_no_latency_of_ok() {
    // G25
    let cell = aggregated(&[(0..4)
        .map(|i| failed(i, i * SECOND, i * SECOND + MS, Outcome::Rejected))
        .collect()]);
    assert_eq!(cell.metrics["e2e"], None);
    assert_eq!(cell.metrics["ttft"], None);
    assert_eq!(cell.value("request_throughput", None), Some(0.0));
    assert_eq!(cell.value("success_rate", None), Some(0.0));
    assert_eq!(cell.value("error_rate", None), Some(1.0));
    assert_eq!(cell.value("goodput", None), None, "no request has limits");
    assert_eq!(cell.outcomes, BTreeMap::from([("rejected".to_owned(), 4)]));
    assert_eq!(cell.http_status, BTreeMap::from([("429".to_owned(), 4)]));
    let Some(Some(MetricValue::Distribution(e2e))) = cell.failed.get("e2e") else {
        panic!("failed requests last too")
    };
    assert_eq!((e2e.n, e2e.get("p50")), (4, Some(0.001)));
    assert_eq!(cell.all["e2e"], cell.failed["e2e"]);
}

#[test]
fn what_was_not_sent_counts_as_an_error_and_in_every_slos_denominator() {
    let limits = Limits {
        ttft: Some(std::time::Duration::from_secs(1)),
        ..Limits::default()
    };
    let rows = vec![
        streamed(0, &[SECOND / 2, SECOND], 5),
        unsent(1, SECOND),
        failed(2, SECOND, 2 * SECOND, Outcome::Reset),
    ];
    let cell = aggregated_with(&[rows], &limits, &CellContext::default());
    assert_eq!(
        cell.requests,
        Requests {
            intended: 3,
            tried: 2,
            sent: 2,
            ok: 1,
            failed: 1,
            unsent: 1,
            attempts: 2
        }
    );
    close(cell.value("error_rate", None).unwrap(), 2.0 / 3.0);
    close(cell.value("achieved_ratio", None).unwrap(), 2.0 / 3.0);
    assert_eq!((cell.slo.defined, cell.slo.met), (3, 1));
    // Two were tried in two seconds; what was not sent was no attempt.
    close(cell.value("attempt_rate", None).unwrap(), 1.0);
}

#[test]
fn without_data_everything_is_null_and_nothing_is_zero_or_one() {
    let cell = aggregated(&[vec![]]);
    assert_eq!(cell.requests, Requests::default());
    for metric in catalogue::all() {
        let value = cell
            .metrics
            .get(metric.name)
            .unwrap_or_else(|| panic!("{} is missing", metric.name));
        match metric.name {
            "slo_defined" => assert_eq!(
                value,
                &Some(MetricValue::Number(0.0)),
                "none is defined: a count"
            ),
            _ => assert_eq!(value, &None, "{}", metric.name),
        }
    }
    assert_eq!((cell.slo.attainment, cell.tokens_source), (None, None));
    assert!(cell.warnings.is_empty() && cell.timeline.is_empty());
}

#[test]
fn a_stream_has_its_token_metrics_and_an_answer_in_one_piece_has_none() {
    let tenths = |tenths: &[u64]| {
        tenths
            .iter()
            .map(|tenth| tenth * SECOND / 10)
            .collect::<Vec<_>>()
    };
    let cell = aggregated(&[vec![streamed(0, &tenths(&[2, 3, 5]), 3)]]);
    close(statistic(&cell, "ttft", "p50"), 0.2);
    close(statistic(&cell, "tpot", "p50"), 0.15);
    close(statistic(&cell, "itl", "max"), 0.2);
    close(
        statistic(&cell, "output_throughput_per_user", "p50"),
        1.0 / 0.15,
    );
    assert_eq!(cell.n("itl", Some("p50")), 2);
    close(cell.value("output_throughput", None).unwrap(), 6.0);
    close(cell.value("total_throughput", None).unwrap(), 26.0);
    assert_eq!(cell.tokens_source.as_deref(), Some("usage"));

    let whole = aggregated(&[vec![request(0, 0, 0, SECOND)]]);
    for name in ["ttft", "ttfo", "itl", "tpot", "ttft_service"] {
        assert_eq!(whole.metrics[name], None, "{name}");
    }
    let one_read = aggregated(&[vec![streamed(0, &tenths(&[5, 5, 5]), 3)]]);
    assert_eq!(
        (&one_read.metrics["itl"], &one_read.metrics["tpot"]),
        (&None, &None)
    );
    close(statistic(&one_read, "ttft", "p50"), 0.5);
    let one_token = aggregated(&[vec![streamed(0, &tenths(&[5, 6]), 1)]]);
    assert_eq!(one_token.metrics["tpot"], None);
    let reasoning = {
        let mut attempt = streamed(0, &tenths(&[5, 6]), 2);
        attempt.clocks.first_answer = None;
        aggregated(&[vec![attempt]])
    };
    assert_eq!(
        reasoning.metrics["ttfo"], None,
        "an answer of reasoning alone"
    );
}

#[test]
fn with_several_choices_tpot_is_of_one_choice() {
    let mut attempt = streamed(0, &[SECOND, 2 * SECOND], 8);
    attempt.choices = 2;
    close(
        statistic(&aggregated(&[vec![attempt]]), "tpot", "p50"),
        1.0 / 3.0,
    );
}

#[test]
fn a_chunk_that_is_no_token_is_warned_of() {
    let warned = |content: &[u64], tokens| {
        let cell = aggregated(&[vec![streamed(0, content, tokens)]]);
        (
            cell.value("chunks_per_token", None),
            cell.warnings
                .iter()
                .any(|warning| warning.code == "chunks_per_token"),
        )
    };
    assert_eq!(warned(&[1, 2, 3, 4], 4), (Some(1.0), false));
    assert_eq!(warned(&[1, 2, 3, 4], 5), (Some(0.8), false));
    assert_eq!(warned(&[1, 2, 3, 4], 6), (Some(4.0 / 6.0), true));
    assert_eq!(warned(&[1, 2, 3, 4, 5, 6], 4), (Some(1.5), true));
}

#[test]
fn answers_without_a_count_of_tokens_are_told_of() {
    let mut uncounted = streamed(1, &[SECOND, 2 * SECOND], 9);
    uncounted.tokens = Tokens::default();
    let cell = aggregated(&[vec![streamed(0, &[SECOND, 2 * SECOND], 2), uncounted]]);
    let warning = cell
        .warnings
        .iter()
        .find(|warning| warning.code == "tokens_missing")
        .unwrap();
    assert!(
        warning.text.starts_with("1 of 2 answers"),
        "{}",
        warning.text
    );
    close(cell.value("output_throughput", None).unwrap(), 1.0);
}

#[test]
fn a_mixture_of_counts_is_shown_as_one() {
    let mut estimated = streamed(1, &[SECOND, 2 * SECOND], 2);
    estimated.tokens.source = Some(TokensSource::Chunks);
    let cell = aggregated(&[vec![streamed(0, &[SECOND, 2 * SECOND], 2), estimated]]);
    assert_eq!(cell.tokens_source.as_deref(), Some("chunks+usage"));
    assert_eq!(
        cell.value("chunks_per_token", None),
        Some(1.0),
        "of the answer that was counted apart"
    );
}

#[test]
fn cells_are_told_apart_and_one_without_rows_has_no_data() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("requests.parquet");
    let mut writer = Writer::create(&path).unwrap();
    for (cell, repeat, seconds) in [("a", 1, 1), ("b", 1, 2), ("a", 2, 3)] {
        let attempt = request(0, 0, 0, seconds * SECOND);
        let row = TableRow {
            attempt: &attempt,
            cell,
            repeat,
            target: "t",
            slo_ms: None,
            slo_met: None,
            skipped: false,
        };
        writer.push(&row).unwrap();
    }
    writer.finish().unwrap();
    let contexts = ["b", "a", "never run"].map(|id| CellContext {
        id: id.into(),
        ..CellContext::default()
    });
    let cells = aggregate(&Table::open(&path).unwrap(), &contexts).unwrap();
    let mean = |cell: &CellMetrics| cell.value("e2e", Some("mean"));
    assert_eq!(
        cells.iter().map(mean).collect::<Vec<_>>(),
        [Some(2.0), Some(2.0), None]
    );
    assert_eq!(
        cells
            .iter()
            .map(|cell| cell.repeats.len())
            .collect::<Vec<_>>(),
        [1, 2, 0]
    );
}

#[test]
fn a_scalar_is_pooled_over_rows_and_durations_with_its_spread_beside_it() {
    // 2 ok in 1 s, then 2 ok in 3 s: 1 a second pooled, not the mean of 2 and 2/3.
    let repeats = [lasting(&[1.0, 1.0]), lasting(&[3.0, 3.0])];
    let cell = aggregated(&repeats);
    close(cell.value("request_throughput", None).unwrap(), 1.0);
    close(cell.value("duration", None).unwrap(), 4.0);
    close(cell.value("request_throughput", Some("max")).unwrap(), 2.0);
    let spread = &cell.spread["request_throughput"];
    assert_eq!(spread.n, 2);
    close(spread.mean.unwrap(), 4.0 / 3.0);
    let latency = &cell.spread["e2e.p50"];
    assert_eq!(
        (latency.min, latency.max, latency.median),
        (Some(1.0), Some(3.0), Some(2.0))
    );
    // Student's t with one degree of freedom at 97.5 % is 12.7062; s/√n = 1.
    let [low, high] = latency.ci95.unwrap();
    assert!(
        (low + 10.706_205).abs() < 1e-5 && (high - 14.706_205).abs() < 1e-5,
        "{low} {high}"
    );
    assert_eq!(cell.repeats.len(), 2);
    assert_eq!(
        cell.repeats[1].metrics["duration"],
        Some(MetricValue::Number(3.0))
    );
    close(statistic(&cell, "e2e", "mean"), 2.0);
}

#[test]
fn a_repeat_without_an_answer_counts_in_throughput_with_the_time_that_it_waited() {
    // 4 ok in 2 s; then what was in flight at the end of the window to skip kept all others waiting.
    let mut stuck = failed(0, 0, 2 * SECOND, Outcome::TimeoutTotal);
    stuck.notes = vec!["skip".to_owned()];
    let mut waiting = vec![stuck];
    waiting.extend((1..=10).map(|n| unsent(n, n * SECOND / 10)));
    let answered: Vec<_> = (0..4)
        .map(|n| streamed(n, &[SECOND, 2 * SECOND], 10))
        .collect();
    let cell = aggregated(&[answered.clone(), waiting]);
    // From the first that counts, at 0.1 s, to the last end: 1.9 s more.
    close(cell.value("duration", None).unwrap(), 3.9);
    close(cell.value("request_throughput", None).unwrap(), 4.0 / 3.9);
    close(cell.value("output_throughput", None).unwrap(), 40.0 / 3.9);
    for metric in ["request_throughput", "output_throughput"] {
        let spread = &cell.spread[metric];
        assert_eq!((spread.n, spread.min), (2, Some(0.0)), "{metric}");
    }
    let warned = |cell: &CellMetrics| {
        let mut warnings = cell.warnings.iter();
        let found = warnings.find(|warning| warning.code == "repeat_without_answers");
        found.map(|warning| warning.text.clone())
    };
    assert!(warned(&cell).unwrap().contains("no ok answer: 2;"));
    assert_eq!(warned(&aggregated(&[answered])), None);
}

#[test]
fn an_attainment_is_of_the_requests_whose_limits_are_defined() {
    let mut limited = request(0, 0, 0, MS);
    limited.row_slo_ms = Some(2.0);
    let requests = vec![limited, request(1, 0, 0, MS), request(2, 0, 0, MS)];
    let cell = aggregated(&[requests]);
    assert_eq!(cell.value("slo_attainment", None), Some(1.0));
    for (metric, n) in [
        ("slo_attainment", 1),
        ("slo_met", 1),
        ("goodput", 1),
        ("slo_defined", 3),
        ("error_rate", 3),
    ] {
        assert_eq!(cell.n(metric, None), n, "{metric}");
    }
}

#[test]
fn rates_and_concurrency_are_those_of_the_schedule_and_of_what_was_in_flight() {
    // Four requests, one each half second, one second long each.
    let rows: Vec<_> = (0..4)
        .map(|i| request(i, i * SECOND / 2, i * SECOND / 2, i * SECOND / 2 + SECOND))
        .collect();
    let cell = aggregated(std::slice::from_ref(&rows));
    close(cell.value("offered_rate", None).unwrap(), 2.0);
    close(cell.value("concurrency.mean", None).unwrap(), 4.0 / 2.5);
    assert_eq!(
        cell.value("concurrency.max", None),
        Some(2.0),
        "one that ends as another starts is closed"
    );
    let closed = CellContext {
        closed: true,
        ..CellContext::default()
    };
    assert_eq!(
        aggregated_with(&[rows], &Limits::default(), &closed).value("offered_rate", None),
        None
    );
}

#[test]
fn warm_ups_and_what_the_window_skips_are_left_out() {
    let mut warm_up = request(0, 0, 0, 50 * SECOND);
    warm_up.phase = Phase::Warmup;
    warm_up.notes = vec!["warmup_reused".to_owned()];
    let mut skipped = request(0, 0, 0, 40 * SECOND);
    skipped.notes = vec!["skip".to_owned()];
    let cell = aggregated(&[vec![
        warm_up,
        skipped,
        request(1, 10 * SECOND, 10 * SECOND, 11 * SECOND),
    ]]);
    assert_eq!(cell.requests.intended, 1);
    close(cell.value("duration", None).unwrap(), 1.0);
    close(statistic(&cell, "e2e", "max"), 1.0);
    assert!(
        cell.warnings
            .iter()
            .any(|warning| warning.code == "warmup_reused"),
        "{:?}",
        cell.warnings
    );
}

#[test]
fn a_request_spans_its_attempts_and_ends_as_the_last_of_them() {
    let first = failed(0, 0, SECOND, Outcome::Http(500));
    let mut second = request(0, 0, 2 * SECOND, 3 * SECOND);
    second.attempt = 2;
    let other = request(1, 0, 0, SECOND);
    let limits = Limits {
        e2e: Some(slo::E2eLimit::Fixed(std::time::Duration::from_secs(2))),
        clock: SloClock::Sent,
        ..Limits::default()
    };
    let cell = aggregated_with(
        &[vec![first, other, second]],
        &limits,
        &CellContext::default(),
    );
    assert_eq!(
        cell.requests,
        Requests {
            intended: 2,
            tried: 2,
            sent: 2,
            ok: 2,
            failed: 0,
            unsent: 0,
            attempts: 3
        }
    );
    close(statistic(&cell, "e2e", "max"), 3.0);
    close(statistic(&cell, "service", "max"), 3.0);
    close(statistic(&cell, "queue", "max"), 0.0);
    assert_eq!(cell.outcomes, BTreeMap::from([("ok".to_owned(), 2)]));
    assert_eq!(
        (cell.slo.defined, cell.slo.met),
        (2, 1),
        "three seconds since the first sending"
    );
}

#[test]
fn groups_have_their_own_numbers_and_their_rates_add_up_to_the_cells() {
    let sized = |index, width: &str, seconds: u64| Attempt {
        params: format!(r#"{{"width":{width},"seed":{index}}}"#),
        ..request(index, 0, 0, seconds * SECOND)
    };
    let rows = vec![
        sized(0, "512", 1),
        sized(1, "1024", 4),
        sized(2, "512", 3),
        request(3, 0, 0, SECOND),
    ];
    let context = CellContext {
        group_by: vec!["width".into()],
        ..CellContext::default()
    };
    let cell = aggregated_with(&[rows], &Limits::default(), &context);
    let widths: Vec<_> = cell
        .groups
        .iter()
        .map(|group| group.by["width"].to_string())
        .collect();
    assert_eq!(widths, ["512", "1024", "null"]);
    let mean = |group: &GroupResult| {
        number(&group.metrics, &BTreeMap::new(), "e2e", Some("mean")).unwrap()
    };
    assert_eq!(
        cell.groups.iter().map(mean).collect::<Vec<_>>(),
        [2.0, 4.0, 1.0]
    );
    let rate = |group: &GroupResult| {
        number(&group.metrics, &BTreeMap::new(), "request_throughput", None).unwrap()
    };
    close(
        cell.groups.iter().map(rate).sum(),
        cell.value("request_throughput", None).unwrap(),
    );
}

#[test]
fn a_parameter_to_group_by_that_no_request_has_is_told_of() {
    let sized = Attempt {
        params: r#"{"width":512}"#.to_owned(),
        ..request(0, 0, 0, SECOND)
    };
    let context = CellContext {
        group_by: vec!["width".into(), "bogus".into()],
        ..CellContext::default()
    };
    let rows = vec![sized, request(1, 0, 0, SECOND)];
    let cell = aggregated_with(&[rows], &Limits::default(), &context);
    let told: Vec<&str> = cell
        .warnings
        .iter()
        .filter(|warning| warning.code == "group_by")
        .map(|warning| warning.text.as_str())
        .collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("no request has `bogus`"), "{told:?}");
}

#[test]
fn the_servers_own_measures_are_statistics_and_check_our_clock() {
    let told = |index, total_s: f64| Attempt {
        server: BTreeMap::from([
            ("total_s".to_owned(), total_s),
            ("peak_memory_mb".to_owned(), 100.0),
        ]),
        ..request(index, 0, 0, SECOND)
    };
    let cell = aggregated(&[vec![told(0, 0.9), told(1, 0.8), request(2, 0, 0, SECOND)]]);
    close(statistic(&cell, "server.total_s", "mean"), 0.85);
    assert_eq!(cell.n("server.peak_memory_mb", Some("max")), 2);
    close(statistic(&cell, "overhead", "max"), 0.2);
    assert_eq!(cell.n("overhead", Some("max")), 2);
}

#[test]
fn prices_make_costs() {
    let context = CellContext {
        price_per_hour: Some(7.2),
        ..CellContext::default()
    };
    let cell = aggregated_with(
        &[vec![streamed(0, &[5 * SECOND, 10 * SECOND], 100)]],
        &Limits::default(),
        &context,
    );
    close(cell.value("cost_per_1k_requests", None).unwrap(), 20.0);
    close(
        cell.value("cost_per_1m_output_tokens", None).unwrap(),
        200.0,
    );
    assert_eq!(
        aggregated(&[queued()]).value("cost_per_1k_requests", None),
        None
    );
}

#[test]
fn failed_and_rejected_workload_counts_as_none() {
    // G7: ten of 500 units in 10 s, one failed.
    let rows = (0..10).map(|i| {
        let mut row = if i == 0 {
            failed(0, 0, SECOND, Outcome::Http(500))
        } else {
            request(i, 0, 0, 10 * SECOND)
        };
        row.workload = Some(500.0);
        row
    });
    close(
        aggregated(&[rows.collect()])
            .value("workload_throughput", None)
            .unwrap(),
        450.0,
    );
}

#[test]
fn requests_without_a_workload_are_left_out_and_told_of() {
    let rows = (0..4).map(|i| Attempt {
        workload: (i > 0).then_some(100.0),
        ..request(i, 0, 0, SECOND)
    });
    let cell = aggregated(&[rows.collect()]);
    close(cell.value("workload_throughput", None).unwrap(), 300.0);
    let warning = cell
        .warnings
        .iter()
        .find(|warning| warning.code == "workload_missing");
    assert!(
        warning.unwrap().text.starts_with("1 of 4 answers"),
        "{warning:?}"
    );
    // Where none is declared there is nothing to miss.
    assert_eq!(aggregated(&[vec![request(0, 0, 0, SECOND)]]).warnings, []);
}

#[test]
fn of_a_target_that_never_took_a_request_nothing_was_sent() {
    let refused = |index| {
        let mut row = failed(index, 0, MS, Outcome::Connect);
        row.clocks.sent = None;
        row
    };
    let cell = aggregated(&[vec![refused(0), refused(1)]]);
    assert_eq!((cell.requests.tried, cell.requests.sent), (2, 0));
    assert_eq!(cell.value("achieved_ratio", None), Some(0.0));
    let half = aggregated(&[vec![refused(0), request(1, 0, 0, SECOND)]]);
    assert_eq!((half.requests.tried, half.requests.sent), (2, 1));
    assert_eq!(half.value("achieved_ratio", None), Some(0.5));
}

#[test]
fn a_note_of_a_protocol_is_told_in_a_sentence() {
    let mut row = request(0, 0, 0, SECOND);
    for note in ["content_type", "usage_zero", "more_tokens_than_asked"] {
        row.notes = vec![note.to_owned()];
        let cell = aggregated(&[vec![row.clone()]]);
        let warning = cell
            .warnings
            .iter()
            .find(|warning| warning.code == note)
            .unwrap();
        assert!(warning.text.starts_with("answers "), "{warning:?}");
    }
}

#[test]
fn the_time_line_covers_each_repeat_in_at_most_sixty_stretches() {
    let rows: Vec<_> = (0..500)
        .map(|i| request(i, i * SECOND / 7, i * SECOND / 7, i * SECOND / 7 + SECOND))
        .collect();
    let cell = aggregated(&[rows.clone(), vec![failed(0, 0, MS, Outcome::Reset)]]);
    let first: Vec<_> = cell
        .timeline
        .iter()
        .filter(|point| point.repeat == 1)
        .collect();
    assert!((20..=60).contains(&first.len()), "{}", first.len());
    assert_eq!(first.iter().map(|point| point.scheduled).sum::<u64>(), 500);
    assert_eq!(first.iter().map(|point| point.ok).sum::<u64>(), 500);
    assert!(
        first
            .windows(2)
            .all(|pair| (pair[1].at - pair[0].at - pair[0].width).abs() < 1e-9)
    );
    let second: Vec<_> = cell
        .timeline
        .iter()
        .filter(|point| point.repeat == 2)
        .collect();
    assert_eq!(second.iter().map(|point| point.failed).sum::<u64>(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// The limit on tpot is judged when a row is written, the metric computed when it is read: one definition.
    #[test]
    fn a_limit_on_tpot_is_held_against_the_metric(
        gaps in proptest::collection::vec(0..400 * MS, 0..6),
        tokens in 0..12_u64,
        choices in 1..4_u32,
    ) {
        let mut content = vec![SECOND];
        content.extend(gaps.iter().scan(SECOND, |last, gap| { *last += gap; Some(*last) }));
        let mut attempt = streamed(0, &content, tokens);
        attempt.choices = choices;
        let cell = aggregated(&[vec![attempt.clone()]]);
        let judged = |limit: f64| {
            let limit = std::time::Duration::from_secs_f64(limit);
            slo::judge(&attempt, &Limits { tpot: Some(limit), ..Limits::default() }, None).met
        };
        match cell.value("tpot", Some("max")) {
            None => prop_assert_eq!(judged(1.0), None),
            Some(tpot) => {
                prop_assert_eq!(judged(tpot + 1e-8), Some(true));
                prop_assert_eq!(judged((tpot - 1e-8).max(0.0)), Some(false));
            }
        }
    }
}

fn any_request() -> impl Strategy<Value = (u64, u64, u64, u8)> {
    (0..100_000_u64, 0..50_000_u64, 1..80_000_u64, 0..6_u8)
}

fn of_parts((index, (scheduled, queue, service, kind)): (usize, (u64, u64, u64, u8))) -> Attempt {
    let (scheduled, index) = (scheduled * MS, index as u64);
    let sent = scheduled + queue * MS;
    match kind {
        0 => unsent(index, scheduled),
        1 => Attempt {
            outcome: Outcome::TimeoutTotal,
            http_status: None,
            ..request(index, scheduled, sent, sent + service * MS)
        },
        _ => request(index, scheduled, sent, sent + service * MS),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn e2e_is_queue_and_service_and_counts_add_up(
        parts in proptest::collection::vec(any_request(), 1..40),
        more in proptest::collection::vec(any_request(), 0..40),
    ) {
        let rows = |parts: &[_]| parts.iter().copied().enumerate().map(of_parts).collect::<Vec<_>>();
        let repeats = [rows(&parts), rows(&more)];
        let cell = aggregated(&repeats);
        let requests = cell.requests;
        prop_assert_eq!(requests.intended, (parts.len() + more.len()) as u64);
        prop_assert_eq!(requests.intended, requests.tried + requests.unsent);
        prop_assert_eq!(requests.tried, requests.ok + requests.failed);
        prop_assert!((requests.ok..=requests.tried).contains(&requests.sent));
        prop_assert_eq!(cell.outcomes.values().sum::<u64>(), requests.intended);
        let mean = |metric| cell.value(metric, Some("mean"));
        if let (Some(e2e), Some(queue), Some(service)) = (mean("e2e"), mean("queue"), mean("service")) {
            prop_assert!((e2e - queue - service).abs() < 1e-9 * e2e.max(1.0), "{e2e} = {queue} + {service}");
        }
        // The mean of the rows themselves, as numpy.mean has it.
        let ok: Vec<f64> = repeats.iter().flatten().filter(|row| row.outcome.is_ok())
            .map(|row| row.clocks.end.unwrap().since(row.clocks.scheduled).as_secs_f64()).collect();
        match mean("e2e") {
            Some(found) => {
                let expected = ok.iter().sum::<f64>() / totals::count(ok.len() as u64);
                prop_assert!((found - expected).abs() < 1e-9 * expected);
            }
            None => prop_assert!(ok.is_empty()),
        }
        let shares = cell.value("error_rate", None).unwrap() + cell.value("success_rate", None).unwrap();
        prop_assert!((shares - 1.0).abs() < 1e-12);
        if let Some(Some(MetricValue::Distribution(e2e))) = cell.metrics.get("e2e") {
            let ladder = ["min", "p50", "p75", "p90", "p95", "p99", "p999", "max"].map(|name| e2e.get(name).unwrap());
            prop_assert!(ladder.windows(2).all(|pair| pair[0] <= pair[1]), "{ladder:?}");
        }
    }
}

/// A table of a cell: as they ended, the second request was due first, and the third has no limits.
fn held_table(folder: &std::path::Path) -> Table {
    let path = folder.join("requests.parquet");
    let mut writer = Writer::create(&path).unwrap();
    let repeats = [
        vec![
            (request(1, SECOND, SECOND, 2 * SECOND), Some(true)),
            (request(0, 0, 0, 3 * SECOND), Some(false)),
            (failed(2, 2 * SECOND, 2 * SECOND + MS, Outcome::Reset), None),
            (unsent(3, 3 * SECOND), Some(false)),
        ],
        vec![(request(0, 0, 0, SECOND), Some(true))],
    ];
    for (repeat, attempts) in (1..).zip(&repeats) {
        for (attempt, slo_met) in attempts {
            let row = TableRow {
                attempt,
                cell: "c",
                repeat,
                target: "t",
                slo_ms: None,
                slo_met: *slo_met,
                skipped: false,
            };
            writer.push(&row).unwrap();
        }
    }
    writer.finish().unwrap();
    Table::open(&path).unwrap()
}

#[test]
fn requests_violate_a_bound_one_by_one_in_the_order_in_which_they_were_due() {
    let folder = tempfile::tempdir().unwrap();
    let table = held_table(folder.path());
    let limits = Limits::default();
    let held = |violation| held_against(&table, "c", &violation).unwrap();
    let violated = |violation| -> Vec<bool> {
        let held = held(violation);
        held.iter().map(|request| request.violates).collect()
    };
    let bound = |name: &str, at_equality| Violation::Over {
        metric: catalogue::find(name).unwrap(),
        bound: 1.0,
        at_equality,
    };
    let over = |name: &str, at_equality| violated(bound(name, at_equality));
    assert_eq!(
        violated(Violation::Failed),
        [false, false, true, true, false]
    );
    assert_eq!(
        violated(Violation::LimitMissed(&limits)),
        [true, false, true, false],
        "what has no limits is left out"
    );
    assert_eq!(over("e2e", false), [true, false, true, true, false]);
    assert_eq!(over("e2e", true), [true, true, true, true, true]);
    assert_eq!(
        over("ttft", false),
        [true, true],
        "of what was not streamed only failures are left"
    );
    assert!(
        held_against(&table, "other", &Violation::Failed)
            .unwrap()
            .is_empty()
    );
}

#[test]
fn by_how_much_a_time_is_over_its_bound_is_told_and_a_failure_is_over_by_none() {
    let folder = tempfile::tempdir().unwrap();
    let table = held_table(folder.path());
    let held = |violation| held_against(&table, "c", &violation).unwrap();
    let over = Violation::Over {
        metric: catalogue::find("e2e").unwrap(),
        bound: 1.0,
        at_equality: false,
    };
    let over_by: Vec<_> = held(over)
        .into_iter()
        .map(|request| (request.repeat, request.due_ns, request.over_s))
        .collect();
    let second = i64::try_from(SECOND).unwrap();
    assert_eq!(
        over_by,
        [
            (1, 0, Some(2.0)),
            (1, second, Some(0.0)),
            (1, 2 * second, None),
            (1, 3 * second, None),
            (2, 0, Some(0.0)),
        ]
    );
    assert!(
        held(Violation::Failed)
            .iter()
            .all(|request| request.over_s.is_none())
    );
}
