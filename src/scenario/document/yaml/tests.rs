use serde_json::{Value, json};

use super::{Input, Limits, parse};
use crate::scenario::document::node::Problem;

struct Read {
    value: Value,
    whole: bool,
    problems: Vec<Problem>,
}

fn read(text: &str) -> Read {
    let mut problems = Vec::new();
    let parsed = parse(
        Input {
            file: 0,
            text,
            offset: 0,
        },
        &Limits::TRUSTED,
        &mut problems,
    );
    let value = parsed.root.map_or(Value::Null, |root| {
        root.to_value(&mut String::new(), &mut |_, text, _| {
            Value::String(text.to_string())
        })
    });
    Read {
        value,
        whole: parsed.whole,
        problems,
    }
}

fn value(text: &str) -> Value {
    let read = read(text);
    assert!(read.problems.is_empty(), "{text:?}: {:?}", read.problems);
    read.value
}

/// The problems as `code line:column text`.
fn problems(text: &str) -> Vec<String> {
    let show = |problem: &Problem| {
        let before = &text[..problem.span.start];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        format!(
            "{} {line}:{column} {}",
            problem.code,
            &text[problem.span.start..problem.span.end]
        )
    };
    read(text).problems.iter().map(show).collect()
}

#[test]
fn words_that_other_readers_take_for_booleans_stay_text() {
    assert_eq!(
        value("[yes, no, on, off, y, inf, 1_000]"),
        json!(["yes", "no", "on", "off", "y", "inf", "1_000"])
    );
}

#[test]
fn scalars_are_those_of_the_core_schema() {
    assert_eq!(
        value("[~, null, true, 1, -2.5, '1', \"2\", 0x1f]"),
        json!([null, null, true, 1, -2.5, "1", "2", 31])
    );
    assert_eq!(
        value("a:\nb: ''\nc: |\n  x\n  y\n"),
        json!({"a": null, "b": "", "c": "x\ny\n"})
    );
    assert_eq!(value("n: 18446744073709551615"), json!({"n": u64::MAX}));
    assert_eq!(
        value("n: 9007199254740993").to_string(),
        r#"{"n":9007199254740993}"#
    );
}

#[test]
fn what_is_refused_is_said_at_its_place_and_reading_goes_on() {
    let text = "a: 014\nb: .nan\nc: !env X\nd: 18446744073709551616\ne: .inf\nf: *gone\n? [x]\n: 1\ng: 1\n";
    let expected = [
        "leading-zero 1:4 014",
        "not-a-number 2:4 .nan",
        "unknown-tag 3:4 !env",
        "number-too-large 4:4 18446744073709551616",
        "infinite-number 5:4 .inf",
        "unknown-anchor 6:4 *gone",
        "complex-key 7:3 [x]",
    ];
    assert_eq!(problems(text), expected);
    let read = read(text);
    assert!(read.whole);
    assert_eq!(read.value["g"], json!(1));
}

#[test]
fn a_duplicate_key_names_both_places_and_the_first_holds() {
    let text = "slo:\n  p99: 250\n  p99: 300ms\n";
    assert_eq!(problems(text), ["duplicate-key 3:3 p99"]);
    let read = read(text);
    assert_eq!(read.value, json!({"slo": {"p99": 250}}));
    assert_eq!(read.problems[0].pointer, "/slo/p99");
    let (first, label) = &read.problems[0].labels[0];
    assert_eq!(
        (&text[first.start..first.end], first.start, label.as_str()),
        ("p99", 7, "first defined here")
    );
    assert_eq!(problems("1: a\n\"1\": b\n"), ["duplicate-key 2:1 \"1\""]);
}

#[test]
fn core_tags_are_read_and_foreign_ones_refused() {
    assert_eq!(
        value("[!!str 1, !!int 2, !!float 2, ! 3, !!null ~]"),
        json!(["1", 2, 2, "3", null])
    );
    assert_eq!(
        problems("[!!int x, !!set {a: 1}, !x [1]]"),
        [
            "wrong-tag 1:8 x",
            "unknown-tag 1:11 !!set",
            "unknown-tag 1:25 !x"
        ]
    );
}

#[test]
fn a_second_document_is_refused() {
    assert_eq!(problems("a: 1\n---\nb: 2\n"), ["second-document 2:1 ---"]);
    assert_eq!(value("---\na: 1\n...\n"), json!({"a": 1}));
}

#[test]
fn merges_give_way_to_explicit_keys_and_stand_where_they_were_written() {
    let text = "x: &x {a: 1, b: 2}\ny: &y {b: 3, c: 4}\nz:\n  <<: [*x, *y]\n  a: 9\n  d: 5\n";
    let merged = value(text)["z"].to_string();
    assert_eq!(merged, r#"{"b":2,"c":4,"a":9,"d":5}"#);
    assert_eq!(
        value("x: &x {a: 1}\nz: {b: 2, <<: *x}")["z"].to_string(),
        r#"{"b":2,"a":1}"#
    );
    assert_eq!(value("z: {\"<<\": 1}"), json!({"z": {"<<": 1}}));
    assert_eq!(problems("z: {<<: 5}"), ["merge-of-no-map 1:9 5"]);
}

#[test]
fn an_unquoted_reference_in_a_flow_map_is_reported_and_what_follows_is_read() {
    let text = "a: { u: ${env:X}, n: 010 }\nb: [http://${env:H:-a}:${env:P}/v1, 2]\nc: { ${{ x }}: 1 }\nd: 5\n";
    assert_eq!(
        problems(text),
        [
            "unquoted-reference 1:9 ${env:X}",
            "leading-zero 1:22 010",
            "unquoted-reference 2:5 http://${env:H:-a}:${env:P}/v1",
            "unquoted-reference 3:6 ${{ x }}",
        ]
    );
    let read = read(text);
    assert!(read.whole);
    assert_eq!(read.problems[0].pointer, "/a/u");
    assert_eq!(read.problems[2].pointer, "/b/0");
    assert_eq!(read.value["a"]["u"], Value::Null);
    assert_eq!(
        (&read.value["b"][1], &read.value["d"]),
        (&json!(2), &json!(5))
    );
    assert!(
        read.problems[0]
            .help
            .as_deref()
            .unwrap_or("")
            .contains("\"${env:X}\"")
    );
    assert_eq!(
        value("a: {u: \"${env:X}\"}\nb: ${env:Y}"),
        json!({"a": {"u": "${env:X}"}, "b": "${env:Y}"})
    );
}

#[test]
fn broken_syntax_is_said_in_words_with_its_place() {
    let cases = [
        ("a: b: c", "yaml-syntax 1:5 ", "quote a text"),
        ("a: {b: 1\nc: 2\n", "yaml-syntax", ""),
        ("a: \"x\n", "yaml-syntax 1:4 ", "close it"),
        ("a:\n  - 1\n b: 2\n", "yaml-syntax", "indentation"),
    ];
    for (text, place, help) in cases {
        let shown = problems(text);
        assert!(
            shown.len() == 1 && shown[0].starts_with(place),
            "{text:?}: {shown:?}"
        );
        let read = read(text);
        assert!(
            !read.whole
                && read.problems[0]
                    .help
                    .as_deref()
                    .unwrap_or("")
                    .contains(help),
            "{:?}",
            read.problems
        );
    }
}

#[test]
fn byte_order_mark_and_crlf_move_nothing() {
    let text = "\u{feff}a: \u{e9}\r\nb: 010\r\n";
    let read = read(text);
    assert_eq!(read.value, json!({"a": "\u{e9}", "b": null}));
    assert_eq!(
        &text[read.problems[0].span.start..read.problems[0].span.end],
        "010"
    );
}

fn bomb() -> String {
    let level = |level: usize| {
        let below = vec![format!("*a{}", level - 1); 9].join(", ");
        format!("a{level}: &a{level} [{below}]\n")
    };
    let levels: Vec<String> = (1..=9).map(level).collect();
    format!("a0: &a0 [x, x, x, x, x, x, x, x, x]\n{}", levels.concat())
}

#[test]
fn bombs_are_refused_by_what_they_would_become() {
    let repeated = |range: std::ops::Range<usize>, line: &dyn Fn(usize) -> String| {
        range.map(line).collect::<Vec<_>>().concat()
    };
    let deep_flow = format!("a: {}", "[".repeat(20_000));
    let deep_block = repeated(0..3_000, &|depth| format!("{}a:\n", " ".repeat(depth)));
    let long = format!(
        "a: &a {}\nb: [{}]",
        "x".repeat(1_000_000),
        vec!["*a"; 500].join(",")
    );
    let keys = repeated(0..1_000, &|key| format!("k{key}: 1, "));
    let uses = repeated(0..900, &|key| format!("u{key}: {{<<: *m}}\n"));
    let merges = format!("m: &m {{{keys}}}\n{uses}");
    let uses = repeated(1..100, &|level| {
        format!("a{level}: &a{level} [*a{}]\n", level - 1)
    });
    let chain = format!("a0: &a0 []\n{uses}");
    let cases = [
        (bomb(), "too-many-values"),
        (deep_flow, "too-deep"),
        (deep_block, "too-deep"),
        (long, "too-much-text"),
        (merges, "too-many-values"),
        (chain, "too-deep"),
        (
            format!("a: &a 1\nb: [{}]", vec!["*a"; 1_001].join(",")),
            "too-many-aliases",
        ),
        (format!("a: {}", "x".repeat(1_100_000)), "text-too-large"),
        (format!("a: {}", " ".repeat(9 << 20)), "file-too-large"),
        (format!("? {}\n: 1", "k".repeat(1_025)), "key-too-long"),
        ("a: &a [*a]".to_owned(), "recursive-alias"),
    ];
    for (text, code) in cases {
        let codes: Vec<_> = read(&text)
            .problems
            .iter()
            .map(|problem| problem.code)
            .collect();
        assert_eq!(codes, [code]);
    }
}
