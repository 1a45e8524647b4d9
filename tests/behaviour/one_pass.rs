//! Bad input: all of it at once, each at its place with a fix, before a byte is sent.

use std::path::Path;

use serde_json::Value;

use super::support::run;

/// What `validate` tells of a scenario that lies beside some files: `line:column code: message | help`, in its order.
fn told(scenario: &str, files: &[(&str, &str)], arguments: &[&str]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), scenario, files);
    let ended = run(
        folder.path(),
        &[&["validate", "a.yaml", "--format", "json"], arguments].concat(),
    );
    let document: Value = serde_json::from_str(&ended.stdout).unwrap();
    let errors = document["errors"].as_array().unwrap();
    assert_eq!(
        ended.code,
        Some(if errors.is_empty() { 0 } else { 2 }),
        "{}",
        ended.stderr
    );
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let line = |error: &Value| {
        let (code, message, help) = (
            text(&error["code"]),
            text(&error["message"]),
            text(&error["help"]),
        );
        assert!(!help.is_empty(), "no fix: {error}");
        format!(
            "{}:{} {code}: {message} | {help}",
            error["line"], error["column"]
        )
    };
    errors.iter().map(line).collect()
}

fn write(folder: &Path, scenario: &str, files: &[(&str, &str)]) {
    std::fs::write(folder.join("a.yaml"), scenario).unwrap();
    for (name, content) in files {
        std::fs::write(folder.join(name), content).unwrap();
    }
}

/// Holds each line that was told against its beginning and a part of the rest.
fn assert_told(told: &[String], expected: &[(&str, &str)]) {
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    for (line, (begins, holds)) in told.iter().zip(expected) {
        assert!(
            line.starts_with(begins) && line.contains(holds),
            "{line}\nis not {begins} … {holds}"
        );
    }
}

/// A scenario of six lines that is right, and more of it.
fn with(more: &str) -> String {
    format!(
        "version: 1
name: a
targets:
  t: {{ protocol: openai-chat, base_url: 'http://127.0.0.1:1' }}
datasets:
  d: {{ kind: prompts, task: chat, rows: [{{ prompt: hello }}] }}
{more}
"
    )
}

/// Holds what is told of a scenario against a code and a part of its words, at the place that `«` marks.
fn assert_found(marked: &str, code: &str, holds: &str) {
    let (before, after) = marked.split_once('«').unwrap();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap().chars().count() + 1;
    let told = told(&format!("{before}{after}"), &[], &[]);
    let begins = format!("{line}:{column} {code}: ");
    let found = told
        .iter()
        .any(|told| told.starts_with(&begins) && told.contains(holds));
    assert!(found, "{marked}\n{begins} … {holds} is not in {told:#?}");
}

/// What is told of the right scenario with more of it.
fn told_with(more: &str) -> Vec<String> {
    told(&with(more), &[], &[])
}

const EVERYTHING: &str = r#"version: 1
name: a
targets:
  h:
    protocol: http
    base_url: "http://127.0.0.1:1"
    auth: { bearer: { env: NO_TOKEN } }
    headers: { "x y": a, z: "a\nb" }
    steps:
      - name: one
        path: /a
        json: { p: "{{ row.prompt }", q: "{{ foo }}", k: { secret: { env: NO_KEY } } }
        extract: { url: { json: /url } }
      - name: two
        path: "{{ one.ur }}/x"
        file: no.bin
  c:
    protocol: openai-chat
    base_url: "${env:NO_URL}"
    auth: { basic: { user: x, password: { file: no.txt } } }
datasets:
  a: { kind: trace, task: chat, path: a.csv }
  b: { kind: trace, task: chat, path: [b.jsonl] }
  c: { kind: prompts, task: chat, rows: [{ prompt: a }, { promt: b }] }
  e: { kind: prompts, task: chat, path: "*.none" }
load: { requsts: 1 }
report: { template: own.md }
"#;

const FILES: [(&str, &str); 3] = [
    ("a.csv", "prompt,width\na,1\nb,wide\n\"c,3\nd,4\n"),
    ("b.jsonl", "{\"prompt\": \"x\"}\n{\"width\": 1}\n"),
    ("own.md", "{{ foo"),
];

/// What is wrong with [`EVERYTHING`] whatever the environment.
const WRONG: [(&str, &str); 13] = [
    ("8:16 bad-header", "`x y`"),
    ("8:29 bad-header", "line break"),
    ("12:20 bad-template", "no Jinja"),
    ("12:42 bad-template", "sees `foo`"),
    ("15:15 bad-template", "did you mean `url`?"),
    ("16:15 missing-file", "no.bin"),
    ("22:39 bad-row", "a.csv:3: `width`"),
    (
        "22:39 bad-row",
        "a.csv:4: opens a quote that is never closed",
    ),
    ("23:40 bad-row", "b.jsonl:2: `prompt` is missing"),
    (
        "24:57 bad-row",
        "row 2: `prompt` is missing; did `promt` mean it?",
    ),
    ("25:41 empty-dataset", "`*.none` names no file"),
    ("26:9 unknown-key", "did you mean `requests`?"),
    ("27:21 bad-report-template", "own.md"),
];

#[test]
fn data_templates_headers_and_keys_are_told_in_one_pass_each_at_its_place() {
    assert_told(&told(EVERYTHING, &FILES, &[]), &WRONG);
}

#[test]
fn of_many_bad_rows_the_first_are_told_and_all_are_counted() {
    let rows = "{}\n".repeat(500);
    let scenario = with("").replace("rows: [{ prompt: hello }]", "path: a.jsonl");
    let told = told(&scenario, &[("a.jsonl", &rows)], &[]);
    assert_eq!(told.len(), 20);
    assert!(
        told[0].contains("a.jsonl:1: ") && told[0].contains("the first of 500"),
        "{}",
        told[0]
    );
    assert!(told[19].contains("a.jsonl:20: "), "{}", told[19]);
}

#[test]
fn secrets_and_variables_that_are_not_there_join_them_where_the_environment_is_checked() {
    let missing = [
        ("7:21 unreadable-secret", "set NO_TOKEN"),
        ("12:68 unreadable-secret", "{ env: NO_KEY } is not set"),
        ("19:16 unset-variable", "NO_URL"),
        ("20:41 unreadable-secret", "{ file: no.txt } cannot be read"),
    ];
    let mut expected = [&WRONG[..], &missing].concat();
    let place = |(begins, _): &(&str, &str)| -> Vec<u32> {
        let place = begins.split(' ').next().unwrap();
        place
            .split(':')
            .map(|number| number.parse().unwrap())
            .collect()
    };
    expected.sort_by_key(place);
    assert_told(&told(EVERYTHING, &FILES, &["--check-env"]), &expected);
}

#[test]
fn a_run_tells_the_same_before_anything_is_sent_or_written() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), EVERYTHING, &FILES);
    let ended = run(folder.path(), &["run", "a.yaml"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    for (begins, _) in WRONG {
        let place = format!("a.yaml:{} ", begins.split(' ').next().unwrap()).replace(' ', "\n");
        assert!(
            ended.stderr.contains(&place),
            "{place} is not in {}",
            ended.stderr
        );
    }
    assert!(
        ended.stderr.contains("NO_TOKEN") && ended.stderr.contains("NO_URL"),
        "{}",
        ended.stderr
    );
    assert!(!folder.path().join("reports").exists());
}

#[test]
fn a_mistyped_protocol_kind_or_name_hides_nothing() {
    let scenario = "version: 1
name: A b
targets:
  t: { protocol: openai-cat, base_urll: x, ready: { within: 5 } }
datasets:
  d: { kind: promts, task: caht, pth: x, limit: 0 }
matrix: { rate: [1], exclude: [{ rate: 3 }] }
load: { requests: many }
report: { baseline: { foo: 1 } }
";
    assert_told(
        &told(scenario, &[], &[]),
        &[
            ("2:7 illegal-name", "`a-b`"),
            ("4:3 no-address", "base_url"),
            ("4:18 wrong-value", "did you mean `openai-chat`?"),
            ("4:30 unknown-key", "did you mean `base_url`?"),
            ("4:61 wrong-type", "`5s`"),
            ("6:14 wrong-value", "did you mean `prompts`?"),
            ("6:28 wrong-value", "did you mean `chat`?"),
            ("6:34 unknown-key", "did you mean `path`?"),
            ("6:49 out-of-range", "at least 1"),
            ("7:32 exclude-removes-nothing", "removes no cell"),
            ("8:19 wrong-type", "not a whole number"),
            ("9:23 unknown-axis", "`foo`"),
        ],
    );
}

#[test]
fn mistakes_of_the_matrix_hide_none_of_what_names_its_axes() {
    let told = told_with(
        "matrix: { rate: [1], exclude: [{ rate: 3 }], target: [t, u], concurrency: [1, 0, x] }
compare: { by: { target: [t, v] } }
report: { baseline: { foo: 1 } }
slo: { objectives: [{ objective: error_rate <= 1%, where: { bar: 1 } }] }",
    );
    assert_told(
        &told,
        &[
            ("7:32 exclude-removes-nothing", "removes no cell"),
            ("7:58 unknown-target", "there is no target `u`"),
            ("7:79 out-of-range", "`0`"),
            ("7:82 wrong-form", "`x` is not a concurrency"),
            ("9:23 unknown-axis", "`foo`"),
            ("10:61 unknown-axis", "`bar`"),
        ],
    );
}

#[test]
fn what_may_come_of_another_mistake_is_not_told_as_one() {
    // Of `rate` a value is missing, of `d` the task: neither the entry nor the pair is known to be wrong.
    let of_values = told(
        "version: 1
name: a
targets: { t: { protocol: openai-chat, base_url: 'http://127.0.0.1:1' } }
datasets: { d: { kind: prompts, task: caht, rows: [{ prompt: x }] } }
matrix: { rate: [1, 2x], exclude: [{ rate: 2 }] }
",
        &[],
        &[],
    );
    assert_told(
        &of_values,
        &[
            ("4:39 wrong-value", "`chat`"),
            ("5:21 wrong-form", "is not a rate"),
        ],
    );
    // A misspelt key hides what it was meant to say: whether the load ends, and which rates there are.
    for (more, told_at) in [
        ("load: { reqests: 3, repeats: 2 }", "7:9 unknown-key"),
        (
            "load: { requests: 3 }\nmatrix: { rte: [1, 2], exclude: [{ rate: 2 }] }",
            "8:11 unknown-key",
        ),
    ] {
        let scenario = with(more).replace("kind: prompts", "kind: random");
        let scenario = scenario.replace(", rows: [{ prompt: hello }]", "");
        assert_told(&told(&scenario, &[], &[]), &[(told_at, "did you mean")]);
    }
}

#[test]
fn a_trace_without_times_is_refused_before_the_run() {
    let none = told_with("load: { arrival: trace }");
    assert_told(
        &none,
        &[("7:18 no-timestamps", "rows of dataset `d` have none")],
    );
    let axis = told_with("matrix: { arrival: [constant, trace] }");
    assert_told(&axis, &[("7:31 no-timestamps", "take another arrival")]);
    let right = with("load: { arrival: trace }")
        .replace("kind: prompts", "kind: trace")
        .replace("prompt: hello", "prompt: hello, timestamp: 3");
    assert_told(&told(&right, &[], &[]), &[]);
}

#[test]
fn a_template_that_takes_what_a_row_has_not_names_the_row_and_the_field() {
    let scenario = "version: 1
name: a
targets:
  t:
    protocol: http
    base_url: http://127.0.0.1:1
    json: { seed: '{{ row.seed }}', width: '{{ row.width | default(8) }}' }
datasets:
  d: { kind: prompts, rows: [{ prompt: a, seed: 1 }, { prompt: b, seed: 2 }, { prompt: c }] }
";
    let told = told(scenario, &[], &[]);
    assert_told(
        &told,
        &[(
            "7:19 no-request",
            "row 3 of dataset `d`: the row has no `seed`",
        )],
    );
}

#[test]
fn values_that_mean_nothing_are_refused_at_their_place() {
    for (more, code, holds) in [
        ("load: { requests: «1e308 }", "out-of-range", "at most"),
        (
            "load: { requests: «3.5 }",
            "wrong-type",
            "not a whole number",
        ),
        (
            "load: { «think_time: { min: 3s, foo: 1 } }",
            "missing-key",
            "`max`",
        ),
        (
            "load: { think_time: «[1s, 2s] }",
            "wrong-type",
            "`load.think_time`",
        ),
        (
            "load: { warmup: { requests: 1, params: { x: «[1, 2] } } }",
            "list-without-axis",
            "`params.x`",
        ),
    ] {
        assert_found(&with(more), code, holds);
    }
}

#[test]
fn axes_and_shares_that_mean_nothing_are_refused_at_their_place() {
    for (more, code, holds) in [
        (
            "matrix: { params.x: [{ min: 3, «foo: 1 }] }",
            "bad-range",
            "did you mean `max`?",
        ),
        (
            "matrix: { params.x: [«{ min: 3 }] }",
            "bad-range",
            "no `max`",
        ),
        ("matrix: { «load.nope: [1] }", "unknown-key", "`nope`"),
        (
            "matrix: { «rate: { search: { min: 1, max: inf } } }",
            "invalid-axis-value",
            "finite",
        ),
        (
            "matrix: { «rate: [1] }\nload: { rate: { search: { min: 1, max: 5 } } }",
            "axis-in-two-places",
            "`rate`",
        ),
        (
            "compare: { gates: [{ metric: ttft.p95, tolerance: «10 }] }",
            "senseless-share",
            "1000%",
        ),
        (
            "compare: { false_discovery_rate: «0% }",
            "senseless-share",
            "above 0%",
        ),
        (
            "slo: { objectives: [«e2e.p99.9 <= 1s] }",
            "bad-statistic",
            "`e2e.p999`",
        ),
    ] {
        assert_found(&with(more), code, holds);
    }
}

#[test]
fn options_of_a_target_that_mean_nothing_are_refused_at_their_place() {
    for (options, code, holds) in [
        (
            "protocol: openai-chat, ready: { path: «health }",
            "path-without-slash",
            "`/health`",
        ),
        (
            "protocol: http, expect: { status: [200, «999] }",
            "out-of-range",
            "at most 599",
        ),
        (
            "protocol: http, url: «'ftp://x/{a}'",
            "bad-url",
            "neither `http",
        ),
        (
            "protocol: http, auth: { basic: { «username: x } }",
            "unknown-key",
            "did you mean `user`?",
        ),
        (
            "protocol: http, auth: { bearer: { env: A }, «basic: {} }",
            "unknown-key",
            "keep one of them",
        ),
        (
            "protocol: http, auth: { «token: { env: A } }",
            "unknown-key",
            "`bearer`, `basic`, `header`",
        ),
        (
            "protocol: http, http: { tls: { ca: «none.pem } }",
            "missing-file",
            "none.pem",
        ),
    ] {
        let scenario = format!(
            "version: 1\nname: a\ntargets:\n  t: {{ {options}, base_url: 'http://h' }}\ndatasets: {{ d: {{ kind: random, task: chat }} }}\nload: {{ requests: 1 }}\n"
        );
        assert_found(&scenario, code, holds);
    }
}

#[test]
fn what_another_form_of_the_same_means_is_taken() {
    for more in [
        "load: { requests: 3.0, repeats: 2.0 }",
        "load: { rate: { search: { min: 1, max: 5 } } }\nslo: { objectives: [error_rate <= 1%] }",
        "slo: { objectives: [speedup >= 1.1, capacity >= 4, probe.e2e.p50 <= 1s] }",
        "compare: { gates: [{ metric: ttft.p95, tolerance: 100% }] }",
        "matrix: { params.stop: [['.', '!']] }",
    ] {
        assert_told(&told_with(more), &[]);
    }
    let scenario = format!("extends: b.yaml\n{}", with(""));
    assert_told(
        &told(&scenario, &[("b.yaml", "load: { requests: 3 }\n")], &[]),
        &[],
    );
}

#[test]
fn what_cannot_be_executed_yet_is_valid_and_a_run_refuses_it_only_where_a_cell_needs_it() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = with(
        "  later: { kind: urls, rows: [/a] }\nmatrix: { dataset: [d] }\nload: { requests: 1 }",
    );
    write(folder.path(), &scenario, &[]);
    assert_eq!(run(folder.path(), &["validate", "a.yaml"]).code, Some(0));
    let unused = run(folder.path(), &["run", "a.yaml", "--dry-run"]);
    assert_eq!(unused.code, Some(0), "{}", unused.stderr);
    write(
        folder.path(),
        &with("slo: { objectives: [capacity >= 4] }"),
        &[],
    );
    let refused = run(folder.path(), &["run", "a.yaml", "--dry-run"]);
    assert_eq!(refused.code, Some(2));
    assert!(
        refused.stderr.contains("a.yaml:7:21") && refused.stderr.contains("`capacity`"),
        "{}",
        refused.stderr
    );
}

#[test]
fn a_line_as_long_as_a_file_is_not_shown_whole() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = format!("version: 1\nname: a\nx-a: \"{}\"\n", "x".repeat(2 << 20));
    write(folder.path(), &scenario, &[]);
    let ended = run(folder.path(), &["validate", "a.yaml"]);
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.stderr.contains("a.yaml:3:6") && ended.stderr.len() < 10_000,
        "{}",
        ended.stderr.len()
    );
}
