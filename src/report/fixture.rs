//! Results as a run could have left them, for tests: rate × concurrency with a cell of every kind.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde_json::{Value, json};

use crate::kinds::metric::catalogue;
use crate::results::{
    CellResult, DatasetReference, Definition, Environment, GroupResult, MetricValue,
    ObjectiveResult, ObjectiveVerdict, Relative, RepeatResult, ReportSettings, Requests, Results,
    RunVerdict, SampleReference, ScenarioReference, SelfCheck, SloResult, Spread, Summary,
    TimelinePoint, Tool, Validity, ValidityStatus, Warning,
};

/// Texts that a server, a dataset or a scenario could send to become active in some output.
pub const HOSTILE: &[&str] = &[
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\"><svg onload=alert(1)>",
    "' onmouseover='alert(1)",
    "</textarea><iframe src=javascript:alert(1)>",
    "<a href=\"javascript:alert(1)\">x</a>",
    "<base href=//evil.example>",
    "<meta http-equiv=refresh content=0;url=//evil.example>",
    "<link rel=stylesheet href=//evil.example>",
    "<!--<img src=--><img src=x onerror=alert(1)>",
    "]]><script>alert(1)</script>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "{{ 7 * 7 }}{% raw %}",
    "{% include '/etc/passwd' %}",
    "[x](javascript:alert(1))",
    "![x](https://evil.example/p.png)",
    "[x]: https://evil.example",
    "<https://evil.example>",
    "https://evil.example/?q=1",
    "www.evil.example",
    "mail@evil.example",
    "@octocat @org/team",
    "fixes #1, GH-2, org/repo#3",
    "| a | b |\n|---|---|",
    "a|b||c",
    "`code` ``` fence",
    "```\n# heading\n```",
    "# heading",
    "> quote",
    "- item\n- item",
    "1. item",
    "---",
    "**bold** _it_ ~~gone~~",
    "$\\href{javascript:alert(1)}{x}$",
    "<details open ontoggle=alert(1)>",
    "=1+1",
    "+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(A1:A9)",
    "\t=HYPERLINK(\"http://evil.example\")",
    "a,b;\"c\"\r\nd",
    "::error file=x,line=1::owned",
    "  ::set-output name=x::y",
    "##[error]owned",
    "\u{1b}[31mred\u{1b}[0m \u{1b}]0;title\u{7}",
    "\u{1b}]8;;https://evil.example\u{1b}\\link\u{1b}]8;;\u{1b}\\",
    "\u{9b}2J\u{7f}\u{8}",
    "user\u{202e}gnp.exe\u{202c} \u{2066}x\u{2069}",
    "\u{feff}zero\u{200b}width\u{2060}\u{e0041}",
    "line\u{2028}separator\u{2029}",
    "nul\u{0}byte \u{fffe}",
];

fn summary(n: u64, median: f64, spread: f64) -> MetricValue {
    let at = |z: f64| Some(median * (spread * z).exp());
    let statistics: BTreeMap<String, Option<f64>> = [
        ("mean", at(0.15)),
        ("stddev", Some(median * spread)),
        ("min", at(-2.2)),
        ("max", at(3.1)),
        ("p50", at(0.0)),
        ("p75", at(0.674)),
        ("p90", at(1.282)),
        ("p95", at(1.645)),
        ("p99", at(2.326)),
        ("p999", at(3.0)),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect();
    MetricValue::Distribution(Summary { n, statistics })
}

fn spread_of(value: f64, relative: f64) -> Spread {
    let half = value * relative;
    Spread {
        n: 3,
        mean: Some(value),
        stddev: Some(half / 2.5),
        ci95: Some([value - half, value + half]),
        min: Some(value - half / 2.0),
        max: Some(value + half / 2.0),
        median: Some(value),
    }
}

fn timeline(
    repeats: u32,
    seconds: u32,
    rate: f64,
    latency: f64,
    stall: bool,
) -> Vec<TimelinePoint> {
    let mut points = Vec::new();
    for repeat in 1..=repeats {
        for second in 0..seconds {
            let wave = f64::from((second * 7 + repeat * 3) % 5) - 2.0;
            let stalled = stall && (8..11).contains(&second);
            let ok = if stalled {
                0.0
            } else {
                (rate * 1.0 + wave * 0.3).max(0.0)
            };
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "small and not negative"
            )]
            points.push(TimelinePoint {
                repeat,
                at: f64::from(second),
                width: 1.0,
                scheduled: rate.round() as u64,
                ok: ok.round() as u64,
                failed: u64::from(stalled),
                e2e_p50: (!stalled).then_some(latency * (1.0 + wave * 0.05)),
                e2e_p99: (!stalled)
                    .then_some(latency * (2.1 + wave * 0.2) * if second == 11 { 6.0 } else { 1.0 }),
            });
        }
    }
    points
}

/// A cell at that rate and concurrency; `load` grows from 0 to about 1 as the target nears its limit.
pub fn cell(rate: &Value, concurrency: &Value, load: f64) -> CellResult {
    let offered = rate.as_f64().unwrap_or(20.0);
    let throughput = offered * (1.0 - (load - 0.8).max(0.0));
    let latency = 0.42 / (1.02 - load.min(0.97));
    let ok: u64 = 360;
    let failed = u64::from(load > 0.7) * 7;
    let requests = Requests {
        intended: ok + failed,
        sent: ok + failed,
        ok,
        failed,
        unsent: 0,
    };
    #[expect(clippy::cast_precision_loss, reason = "small counts")]
    let error_rate = failed as f64 / requests.intended as f64;
    let goodput = throughput * (1.0 - error_rate) * (1.0 - load * load * 0.4);
    let metrics: BTreeMap<String, Option<MetricValue>> = [
        ("e2e", Some(summary(ok, latency, 0.35))),
        ("service", Some(summary(ok, latency * 0.95, 0.3))),
        ("queue", Some(summary(ok, latency * 0.05, 0.5))),
        ("ttft", Some(summary(ok, latency * 0.22, 0.4))),
        ("tpot", Some(summary(ok, 0.0123 * (1.0 + load), 0.2))),
        ("itl", Some(summary(ok * 63, 0.0119 * (1.0 + load), 0.3))),
        ("ttfo", None),
        ("request_throughput", Some(MetricValue::Number(throughput))),
        ("goodput", Some(MetricValue::Number(goodput))),
        (
            "output_throughput",
            Some(MetricValue::Number(throughput * 64.0)),
        ),
        ("offered_rate", rate.as_f64().map(MetricValue::Number)),
        ("achieved_ratio", Some(MetricValue::Number(1.0))),
        ("duration", Some(MetricValue::Number(360.0 / throughput))),
        (
            "concurrency.mean",
            Some(MetricValue::Number(throughput * latency)),
        ),
        (
            "concurrency.max",
            Some(MetricValue::Number((throughput * latency * 2.0).ceil())),
        ),
        ("error_rate", Some(MetricValue::Number(error_rate))),
        ("success_rate", Some(MetricValue::Number(1.0 - error_rate))),
        (
            "slo_attainment",
            Some(MetricValue::Number(goodput / throughput)),
        ),
        ("output_tokens", Some(summary(ok, 64.0, 0.01))),
        ("cost_per_1k_requests", None),
        ("server.queue_time", Some(summary(ok, 0.003, 0.6))),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect();
    let spread: BTreeMap<String, Spread> = [
        ("request_throughput", throughput),
        ("goodput", goodput),
        ("e2e.p50", latency),
        ("e2e.p99", latency * 2.26),
        ("ttft.p50", latency * 0.22),
        ("ttft.p99", latency * 0.56),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), spread_of(value, 0.04)))
    .collect();
    let axes: IndexMap<String, Value> = [
        ("target".to_owned(), json!("omni")),
        ("dataset".to_owned(), json!("mixed")),
        ("rate".to_owned(), rate.clone()),
        ("concurrency".to_owned(), concurrency.clone()),
    ]
    .into_iter()
    .collect();
    let id = format!(
        "target=omni,dataset=mixed,rate={},concurrency={}",
        text(rate),
        text(concurrency)
    );
    CellResult {
        key: format!(
            "{:016x}",
            id.bytes()
                .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash
                    ^ u64::from(byte))
                .wrapping_mul(0x0100_0000_01b3))
        ),
        id,
        axes,
        validity: Validity::default(),
        requests,
        outcomes: [("ok".to_owned(), ok), ("timeout_total".to_owned(), failed)]
            .into_iter()
            .filter(|(_, n)| *n > 0)
            .collect(),
        http_status: [("200".to_owned(), ok)].into_iter().collect(),
        repeats: (1..=3)
            .map(|repeat| RepeatResult {
                repeat,
                position: repeat * 8,
                metrics: [(
                    "request_throughput".to_owned(),
                    Some(MetricValue::Number(
                        throughput * (0.98 + 0.01 * f64::from(repeat)),
                    )),
                )]
                .into_iter()
                .collect(),
                requests,
            })
            .collect(),
        metrics,
        metrics_failed: BTreeMap::new(),
        metrics_all: BTreeMap::new(),
        spread,
        groups: Vec::new(),
        slo: SloResult {
            defined: ok + failed,
            met: ok - 20,
            attainment: Some(goodput / throughput),
            base_ms: Some(0.49),
        },
        objectives: objectives(latency, error_rate, goodput / throughput),
        warnings: Vec::new(),
        self_check: SelfCheck {
            lateness_p50: Some(0.000_02),
            lateness_p99: Some(0.000_31),
            lateness_max: Some(0.0017),
            cpu_share_max: Some(0.11),
            steal_max: Some(0.0),
            canary_p99: Some(0.0011),
            descriptors_max: Some(41),
            sent_ratio: Some(1.0),
            seconds: Vec::new(),
        },
        samples: Vec::new(),
        tokens_source: Some("usage".to_owned()),
        timeline: timeline(3, 20, throughput.min(50.0), latency, load > 0.85),
        relative: BTreeMap::new(),
    }
}

fn objectives(latency: f64, error_rate: f64, attainment: f64) -> Vec<ObjectiveResult> {
    let verdict = |met: bool| {
        if met {
            ObjectiveVerdict::Met
        } else {
            ObjectiveVerdict::Missed
        }
    };
    vec![
        ObjectiveResult {
            text: "error_rate <= 1%".to_owned(),
            value: Some(error_rate),
            bound: 0.01,
            n: 360,
            needs_n: None,
            verdict: verdict(error_rate <= 0.01),
        },
        ObjectiveResult {
            text: "slo_attainment >= 75%".to_owned(),
            value: Some(attainment),
            bound: 0.75,
            n: 360,
            needs_n: None,
            verdict: verdict(attainment >= 0.75),
        },
        ObjectiveResult {
            text: "e2e.p99 <= 4s".to_owned(),
            value: Some(latency * 2.26),
            bound: 4.0,
            n: 360,
            needs_n: Some(368),
            verdict: verdict(latency * 2.26 <= 4.0),
        },
    ]
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// Eight cells: valid ones, an INVALID one, a CLIENT_LIMITED one, objectives met and missed, metrics without data.
pub fn results() -> Results {
    let mut cells = Vec::new();
    for (index, rate) in [json!(1), json!(2), json!(4), json!(8)].iter().enumerate() {
        for (which, concurrency) in [json!(8), json!("inf")].iter().enumerate() {
            let load = 0.2
                + 0.22 * f64::from(u32::try_from(index).unwrap())
                + 0.06 * f64::from(u32::try_from(which).unwrap());
            cells.push(cell(rate, concurrency, load));
        }
    }
    cells[6].validity = Validity {
        status: ValidityStatus::ClientLimited,
        reasons: vec![
            "the cap of 8 in flight was reached in 41 % of the time, since the target was slow"
                .to_owned(),
        ],
    };
    cells[7].validity = Validity {
        status: ValidityStatus::Invalid,
        reasons: vec!["lateness p99 was 23.1 ms with slots free, over 5 ms".to_owned()],
    };
    cells[7].objectives[2].verdict = ObjectiveVerdict::NoData;
    cells[7].objectives[2].value = None;
    cells[1].warnings = vec![Warning {
        code: "chunk-is-no-token".to_owned(),
        text: "1.9 chunks a token: tpot and itl are of chunks".to_owned(),
    }];
    for cell in &mut cells {
        let speedup = cell
            .value("request_throughput", None)
            .map(|value| value / 0.9);
        cell.relative.insert(
            "request_throughput".to_owned(),
            Relative {
                speedup,
                interval: speedup.map(|s| [s * 0.97, s * 1.03]),
            },
        );
    }
    cells[0].samples = vec![
        SampleReference {
            file: "a1.txt".to_owned(),
            text: Some("The Apache License permits use, modification and distribution.".to_owned()),
            thumbnail: None,
        },
        SampleReference {
            file: "a2.png".to_owned(),
            text: None,
            thumbnail: Some(PICTURE.to_owned()),
        },
    ];
    cells[0].groups = vec![GroupResult {
        by: [
            ("width".to_owned(), json!(512)),
            ("height".to_owned(), json!(512)),
        ]
        .into_iter()
        .collect(),
        requests: cells[0].requests,
        metrics: cells[0].metrics.clone(),
        slo: cells[0].slo.clone(),
    }];
    around(cells)
}

/// A picture of a few bytes.
pub const PICTURE: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";

/// Results with those cells.
pub fn around(cells: Vec<CellResult>) -> Results {
    Results {
        schema: crate::results::SCHEMA.to_owned(),
        tool: Tool {
            name: "plimsoll".to_owned(),
            version: "0.1.0".to_owned(),
        },
        scenario: ScenarioReference {
            name: "qwen-image-slo-vs-rate".to_owned(),
            hash: "9c56cc51b374c3ba189210d5b6d4bf57790d351c96c47c02190ecf1e430635ab".to_owned(),
            description: Some("SLO attainment of Qwen-Image as the request rate grows.".to_owned()),
            labels: [("gpu".to_owned(), "H100".to_owned())]
                .into_iter()
                .collect(),
        },
        environment: Environment {
            host: Some("runner-7".to_owned()),
            cpu_model: Some("Example CPU 3000".to_owned()),
            cores: Some(16),
            kernel: Some("Linux 6.12".to_owned()),
            git_commit: Some("1a2b3c4".to_owned()),
            started: Some("2026-11-25T12:00:00Z".to_owned()),
            finished: Some("2026-11-25T12:20:00Z".to_owned()),
            addresses: [("omni".to_owned(), vec!["127.0.0.1:8099".to_owned()])]
                .into_iter()
                .collect(),
            metadata: [("omni".to_owned(), json!({ "version": "0.14.0" }))]
                .into_iter()
                .collect(),
            options: vec!["--set load.requests=120".to_owned()],
        },
        datasets: vec![DatasetReference {
            name: "mixed".to_owned(),
            sha256: "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae".to_owned(),
            rows: Some(500),
            skipped: 0,
        }],
        cells,
        definitions: catalogue::all()
            .map(|metric| {
                (
                    metric.name.to_owned(),
                    Definition {
                        unit: metric.unit,
                        better: metric.better,
                        shape: metric.shape,
                        definition: metric.definition.to_owned(),
                    },
                )
            })
            .collect(),
        report: ReportSettings {
            formats: ["md", "html", "json", "csv", "junit"]
                .map(str::to_owned)
                .to_vec(),
            baseline: [("rate".to_owned(), json!(1))].into_iter().collect(),
            group_by: vec!["width".to_owned(), "height".to_owned()],
            ..ReportSettings::default()
        },
        compare: None,
        incomplete: false,
        verdict: RunVerdict {
            exit_code: 3,
            reasons: vec!["a cell is INVALID".to_owned()],
        },
    }
}

/// The same with every text that came from outside replaced by `text`.
pub fn hostile(hostile: &str) -> Results {
    let mut results = results();
    // One of each validity is enough: this is rendered for every text.
    results.cells.drain(1..6);
    results
        .cells
        .iter_mut()
        .for_each(|cell| cell.timeline.truncate(12));
    results.scenario.description = Some(hostile.to_owned());
    results
        .scenario
        .labels
        .insert(hostile.to_owned(), hostile.to_owned());
    results.environment.host = Some(hostile.to_owned());
    results.environment.cpu_model = Some(hostile.to_owned());
    results.environment.options = vec![hostile.to_owned()];
    results
        .environment
        .addresses
        .insert(hostile.to_owned(), vec![hostile.to_owned()]);
    results
        .environment
        .metadata
        .insert(hostile.to_owned(), json!({ hostile: [hostile] }));
    results.verdict.reasons = vec![hostile.to_owned()];
    results.datasets[0].name = hostile.to_owned();
    for (index, cell) in results.cells.iter_mut().enumerate() {
        cell.axes.insert(
            "params.style".to_owned(),
            json!(format!("{hostile}{index}")),
        );
        cell.id = format!("{},params.style={hostile}{index}", cell.id);
        cell.key = hostile.to_owned();
        cell.validity.reasons = vec![hostile.to_owned()];
        cell.outcomes.insert(hostile.to_owned(), 1);
        cell.http_status.insert(hostile.to_owned(), 1);
        cell.metrics
            .insert(format!("server.{hostile}"), Some(MetricValue::Number(1.0)));
        cell.tokens_source = Some(hostile.to_owned());
        cell.warnings = vec![Warning {
            code: hostile.to_owned(),
            text: hostile.to_owned(),
        }];
        cell.samples = vec![
            SampleReference {
                file: hostile.to_owned(),
                text: Some(hostile.to_owned()),
                thumbnail: None,
            },
            SampleReference {
                file: "x.png".to_owned(),
                text: None,
                thumbnail: Some(format!("data:image/png;base64,{hostile}!")),
            },
        ];
        cell.objectives[0].text = hostile.to_owned();
        cell.groups = vec![GroupResult {
            by: [(hostile.to_owned(), json!(hostile))].into_iter().collect(),
            requests: cell.requests,
            metrics: cell.metrics.clone(),
            slo: cell.slo.clone(),
        }];
        cell.relative.insert(
            hostile.to_owned(),
            Relative {
                speedup: Some(1.0),
                interval: None,
            },
        );
    }
    results
}

/// 96 cells of 10 repeats: what a report must still carry.
pub fn large() -> Results {
    let mut cells = Vec::new();
    for index in 0..96_u32 {
        let mut cell = cell(
            &json!(f64::from(index / 8) + 0.5),
            &json!(1_u32 << (index % 8)),
            f64::from(index) / 110.0,
        );
        let repeat = cell.repeats[0].clone();
        cell.repeats = (1..=10)
            .map(|number| RepeatResult {
                repeat: number,
                ..repeat.clone()
            })
            .collect();
        cell.timeline = timeline(10, 60, 8.0, 0.5, index % 7 == 0);
        cells.push(cell);
    }
    around(cells)
}
