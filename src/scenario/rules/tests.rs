use super::*;
use crate::foundation::diagnostic::{Finding, Severity};
use crate::scenario::{ReadOptions, read};
use std::path::PathBuf;

fn invalid(code: &str) -> PathBuf {
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/scenarios/invalid"
    );
    PathBuf::from(format!("{folder}/{code}.yaml"))
}

/// The errors of a fixture, and the line that it expects its own on.
fn findings(code: &str) -> (Vec<Finding>, usize) {
    let path = invalid(code);
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let (expected, line) = text
        .lines()
        .next()
        .unwrap()
        .strip_prefix("# expect: ")
        .unwrap()
        .split_once(" @ ")
        .unwrap();
    assert_eq!(expected, code);
    let rejected = read(&path, &ReadOptions::default())
        .err()
        .unwrap_or_else(|| panic!("{code} is taken"));
    let errors = rejected
        .findings
        .into_iter()
        .filter(|finding| finding.severity == Severity::Error);
    (errors.collect(), line.parse().unwrap())
}

#[test]
fn every_rule_finds_its_fixture_alone_at_its_line_and_says_what_to_do() {
    let of_schema = [
        "unknown-key",
        "missing-key",
        "wrong-type",
        "wrong-form",
        "wrong-value",
        "out-of-range",
        "wrong-length",
        "illegal-name",
    ];
    for code in ALL.iter().map(|rule| rule.code).chain(of_schema) {
        let (findings, line) = findings(code);
        let told: Vec<_> = findings
            .iter()
            .map(|finding| {
                (
                    finding.code,
                    finding.place.as_ref().unwrap().line_column().0,
                )
            })
            .collect();
        assert_eq!(told, [(code, line)], "{code}: {findings:#?}");
        assert!(
            findings[0]
                .help
                .as_ref()
                .is_some_and(|help| !help.is_empty()),
            "{code} says nothing to do"
        );
    }
}

#[test]
fn every_rule_has_a_code_of_its_own_and_explains_itself() {
    let mut codes: Vec<_> = ALL.iter().map(|rule| rule.code).collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), ALL.len());
    assert!(ALL.iter().all(|rule| rule.explain.ends_with('.')));
}

#[test]
fn a_literal_secret_is_shown_nowhere() {
    let (findings, _) = findings("literal-secret");
    assert!(
        !format!("{findings:?}").contains("not-a-reference"),
        "{findings:?}"
    );
    assert_eq!(
        findings[0].help.as_deref(),
        Some("write `bearer: { env: NAME }`")
    );
}

#[test]
fn a_service_that_no_request_of_its_target_takes_is_warned_of() {
    let told = |protocol: &str, task: &str, model: &str| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.yaml");
        let text = format!(
            "version: 1\nname: a\ntargets:\n  t:\n    protocol: {protocol}\n    embedded: {{ {model} }}\n\
             datasets:\n  d: {{ kind: random, task: {task} }}\nload: {{ requests: 1 }}\n"
        );
        std::fs::write(&path, text).unwrap();
        let loaded = read(&path, &ReadOptions::default()).ok().unwrap();
        loaded
            .warnings
            .iter()
            .any(|warning| warning.pointer == "/targets/t/embedded/service")
    };
    let service = "service: { kind: constant, value: 80ms }";
    let both = format!("{service}, ttft: 20ms, itl: 5ms");
    assert!(told("openai-chat", "chat", &both));
    assert!(told("ollama", "completion", &both));
    assert!(!told(
        "openai-chat",
        "chat",
        &format!("{service}, ttft: 20ms")
    ));
    assert!(
        !told("openai-completions", "completion", &both),
        "not streamed unless asked to"
    );
    let image = format!("{service}, image: {{ base: 300ms, per_unit: 0.05ms }}");
    assert!(told("vllm-omni", "t2i", &image));
    assert!(!told("openai-chat", "chat", &image));
}
