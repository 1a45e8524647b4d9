use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Filled, Filling, coerced, fill};
use crate::scenario::document::limits::Limits;
use crate::scenario::document::node::Node;
use crate::scenario::document::yaml::{Input, parse};

fn tree(text: &str) -> Node {
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
    assert!(problems.is_empty(), "{problems:?}");
    parsed.root.expect("a document")
}

fn filled(text: &str, environment: &[(&str, &str)], required: bool) -> Filled {
    let environment: BTreeMap<&str, &str> = environment.iter().copied().collect();
    let texts = [text.to_owned()];
    let filling = Filling {
        environment: &|name| environment.get(name).map(ToString::to_string),
        required,
        limits: &Limits::TRUSTED,
        texts: &texts,
    };
    fill(&tree(text), &filling)
}

fn one(text: &str) -> Value {
    let environment = [("HOST", "h"), ("EMPTY", ""), ("N", "100")];
    let filled = filled(&format!("a: '{text}'"), &environment, true);
    assert!(filled.problems.is_empty(), "{text}: {:?}", filled.problems);
    filled.value["a"].clone()
}

#[test]
fn references_are_filled_in_as_a_shell_would() {
    let cases = [
        ("${env:HOST}", "h"),
        ("http://${env:HOST}:80/${env:N}", "http://h:80/100"),
        (
            "${env:GONE:-http://127.0.0.1:8099}",
            "http://127.0.0.1:8099",
        ),
        ("${env:GONE:-}", ""),
        ("${env:EMPTY:-x}", "x"),
        ("${env:EMPTY}", ""),
        ("${env:HOST:-x}", "h"),
        ("${env:HOST:?needed}", "h"),
        ("$${env:HOST} $${", "${env:HOST} ${"),
        ("costs $5 and $ {x} }", "costs $5 and $ {x} }"),
        ("${env:HOST}$${x}", "h${x}"),
    ];
    for (text, expected) in cases {
        assert_eq!(one(text), json!(expected), "{text}");
    }
}

#[test]
fn what_is_no_reference_says_what_to_write() {
    let cases = [
        ("${X}", "`${env:X}`"),
        ("${matrix.rate}", "`${env:rate}`"),
        ("${{ env.TOKEN }}", "`${env:TOKEN}`"),
        ("${{ X }}", "`${env:X}`"),
        ("${HOST:-x}", "`${env:HOST}`"),
        ("${env:HOST", "never closed"),
        ("${env:}", "letters"),
        ("${env:1A}", "letters"),
        ("${env:A-b}", ":-default"),
        ("${env:A:-${env:B}}", "plain text"),
    ];
    for (text, says) in cases {
        let filled = filled(&format!("a: 'x {text}'"), &[("A", "1"), ("B", "2")], true);
        let problem = &filled.problems[0];
        let words = format!(
            "{} {}",
            problem.message,
            problem.help.as_deref().unwrap_or("")
        );
        assert!(words.contains(says), "{text}: {words}");
        assert_eq!(
            (problem.code, problem.span.start),
            ("bad-reference", 6),
            "{text}"
        );
        assert_eq!(filled.refused, ["/a"]);
    }
}

#[test]
fn an_unset_reference_stands_as_written_and_is_a_problem_only_where_it_is_required() {
    let text = "x-m: ${env:LATER}\na: 1\nb: u ${env:GONE:?the token} v\n";
    let lax = filled(text, &[], false);
    assert!(lax.problems.is_empty());
    assert_eq!(lax.value["b"], json!("u ${env:GONE:?the token} v"));
    assert_eq!(lax.references["/b"].unset, ["GONE"]);
    let strict = filled(text, &[], true);
    assert_eq!(strict.problems.len(), 1, "{:?}", strict.problems);
    let problem = &strict.problems[0];
    assert_eq!(
        problem.message,
        "the environment variable `GONE` is not set: the token"
    );
    assert_eq!(
        &text[problem.span.start..problem.span.end],
        "${env:GONE:?the token}"
    );
}

#[test]
fn a_leaf_remembers_what_it_was() {
    let filled = filled("a: ['${env:HOST}:1', '$${', b]", &[("HOST", "h")], true);
    assert_eq!(filled.value, json!({"a": ["h:1", "${", "b"]}));
    let written: Vec<_> = filled
        .references
        .iter()
        .map(|(at, leaf)| (at.as_str(), leaf.written.as_str()))
        .collect();
    assert_eq!(written, [("/a/0", "${env:HOST}:1"), ("/a/1", "$${")]);
    assert_eq!(filled.references["/a/0"].names, ["HOST"]);
}

#[test]
fn numbers_and_booleans_can_come_from_references() {
    assert_eq!(coerced("100"), Some(json!(100)));
    assert_eq!(coerced("0.5"), Some(json!(0.5)));
    assert_eq!(coerced("true"), Some(json!(true)));
    assert_eq!(coerced("010"), None);
    assert_eq!(coerced("30s"), None);
}

fn pointers(value: &Value, at: &str, into: &mut BTreeSet<String>) {
    into.insert(at.to_owned());
    match value {
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(index, item)| pointers(item, &format!("{at}/{index}"), into));
        }
        Value::Object(map) => map
            .iter()
            .for_each(|(key, item)| pointers(item, &format!("{at}/{key}"), into)),
        _ => {}
    }
}

fn set_of(value: &Value) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    pointers(value, "", &mut all);
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_value_of_a_variable_changes_the_structure(
        one in "(?s:.{0,40})|[\\n:#'\"{}\\[\\]$&*!|>% -]{0,20}|a: b\\n- c|\\$\\{env:B\\}",
        two in "(?s:.{0,10})",
    ) {
        let text = "m: {a: \"${env:A}\", b: [\"x${env:B}y\", 1]}\nk: ${env:A:-d}\n";
        let plain = filled(text, &[], false);
        let full = filled(text, &[("A", &one), ("B", &two)], true);
        prop_assert_eq!(set_of(&plain.value), set_of(&full.value));
        prop_assert_eq!(full.value["m"]["a"].as_str(), Some(one.as_str()));
        prop_assert_eq!(full.value["m"]["b"][0].clone(), json!(format!("x{two}y")));
    }

    #[test]
    fn any_text_is_read_without_panic_and_text_without_references_stays(text in "[${}a:env?-]{0,24}") {
        let pieces = super::template::pieces(&text);
        if !text.contains("${") && !text.is_empty() {
            prop_assert_eq!(pieces, vec![super::template::Piece::Text(&text)]);
        }
    }
}
