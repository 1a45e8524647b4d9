//! `validate`: everything that is wrong with a file, at once, each at its place, in four formats.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::support::{Ended, run, write};

const FIXTURE: &str = "tests/fixtures/scenarios/many-mistakes.yaml";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn validate(format: &str) -> Ended {
    run(root(), &["validate", FIXTURE, "--format", format])
}

fn json() -> Vec<Value> {
    let ended = validate("json");
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    let document: Value = serde_json::from_str(&ended.stdout).unwrap();
    document["errors"].as_array().unwrap().clone()
}

/// Line and column of every finding.
fn places(errors: &[Value]) -> BTreeSet<(u64, u64)> {
    errors
        .iter()
        .map(|error| {
            (
                error["line"].as_u64().unwrap(),
                error["column"].as_u64().unwrap(),
            )
        })
        .collect()
}

#[test]
fn every_mistake_of_a_file_is_shown_at_its_place_in_one_pass() {
    let errors = json();
    let lines: BTreeSet<u64> = errors
        .iter()
        .map(|error| error["line"].as_u64().unwrap())
        .collect();
    // Each line of the fixture that holds a mistake.
    for line in [2, 6, 7, 9, 14, 16, 17, 18, 19, 22, 23, 25] {
        assert!(
            lines.contains(&line),
            "nothing was found on line {line}: {errors:#?}"
        );
    }
    for error in &errors {
        assert!(
            error["help"].as_str().is_some_and(|help| !help.is_empty()),
            "no fix: {error}"
        );
        assert!(
            error["pointer"].is_string() && error["code"].is_string(),
            "{error}"
        );
    }
}

#[test]
fn the_nearest_right_key_is_suggested() {
    let errors = json();
    let help = |line: u64| {
        let of_line = errors.iter().filter(|error| error["line"] == line);
        of_line
            .map(|error| error["help"].as_str().unwrap())
            .collect::<Vec<_>>()
            .join("; ")
    };
    assert!(help(6).contains("base_url"), "{}", help(6));
    assert!(help(9).contains("prompt_tokens"), "{}", help(9));
    assert!(help(18).contains("poisson"), "{}", help(18));
    assert!(help(22).contains("ttf"), "{}", help(22));
}

#[test]
fn a_literal_secret_is_refused_and_shown_nowhere() {
    for format in ["human", "json", "github", "sarif"] {
        let ended = validate(format);
        assert_eq!(ended.code, Some(2));
        for output in [&ended.stdout, &ended.stderr] {
            assert!(
                !output.contains("0123456789abcdef"),
                "{format} shows the secret: {output}"
            );
        }
    }
}

#[test]
fn all_formats_name_the_same_places() {
    let expected = places(&json());

    let human = validate("human");
    for (line, column) in &expected {
        let place = format!("many-mistakes.yaml:{line}:{column}");
        assert!(
            human.stderr.contains(&place),
            "human lacks {place}:\n{}",
            human.stderr
        );
    }

    let github = validate("github");
    let annotated: BTreeSet<(u64, u64)> = github
        .stdout
        .lines()
        .filter(|line| line.starts_with("::error "))
        .map(|line| (number(line, "line="), number(line, "col=")))
        .collect();
    assert_eq!(annotated, expected);

    let sarif: Value = serde_json::from_str(&validate("sarif").stdout).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    let located: BTreeSet<(u64, u64)> = sarif["runs"][0]["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| {
            let region = &result["locations"][0]["physicalLocation"]["region"];
            (
                region["startLine"].as_u64().unwrap(),
                region["startColumn"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(located, expected);
}

fn number(line: &str, key: &str) -> u64 {
    let at = line
        .find(key)
        .unwrap_or_else(|| panic!("no {key} in {line}"))
        + key.len();
    line[at..]
        .chars()
        .take_while(char::is_ascii_digit)
        .collect::<String>()
        .parse()
        .unwrap()
}

#[test]
fn every_scenario_that_we_ship_is_valid() {
    for entry in std::fs::read_dir(root().join("scenarios")).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            let ended = run(root(), &["validate", path.to_str().unwrap()]);
            assert_eq!(ended.code, Some(0), "{}: {}", path.display(), ended.stderr);
        }
    }
}

#[test]
fn an_unset_reference_is_accepted_until_the_environment_is_checked() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("a.yaml"),
        "version: 1\nname: a\ntargets:\n  t: { protocol: http, base_url: '${env:NOWHERE}' }\nload: { requests: 1 }\n",
    )
    .unwrap();
    assert_eq!(run(folder.path(), &["validate", "a.yaml"]).code, Some(0));
    let checked = run(folder.path(), &["validate", "a.yaml", "--check-env"]);
    assert_eq!(checked.code, Some(2));
    assert!(checked.stderr.contains("NOWHERE"), "{}", checked.stderr);
    assert!(checked.stderr.contains("a.yaml:4:"), "{}", checked.stderr);
}

#[test]
fn cells_that_hang_on_an_unset_variable_are_never_left_out_silently() {
    let folder = tempfile::tempdir().unwrap();
    let text = "version: 1\nname: a\ntargets:\n  t: { protocol: http, base_url: http://127.0.0.1:1 }\nload: { requests: 1 }\nmatrix: { rate: ['${env:NOWHERE}', 3] }\n";
    std::fs::write(folder.path().join("a.yaml"), text).unwrap();
    let validated = run(folder.path(), &["validate", "a.yaml"]);
    assert_eq!(validated.code, Some(0), "{}", validated.stderr);
    let planned = run(folder.path(), &["plan", "a.yaml"]);
    assert_eq!(planned.code, Some(2));
    assert!(planned.stderr.contains("NOWHERE"), "{}", planned.stderr);
}

#[test]
fn a_reference_in_a_credential_field_is_refused_whether_or_not_it_is_set() {
    let folder = tempfile::tempdir().unwrap();
    let text = "version: 1\nname: a\ntargets:\n  t: { protocol: http, base_url: http://127.0.0.1:1, auth: { bearer: '${env:NOWHERE}' } }\nload: { requests: 1 }\n";
    std::fs::write(folder.path().join("a.yaml"), text).unwrap();
    let ended = run(folder.path(), &["validate", "a.yaml"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("literal-secret"), "{}", ended.stderr);
}

/// A legal scenario of one chat target, with more at its end.
fn chat_of(dataset: &str, more: &str) -> String {
    format!(
        "version: 1
name: a
targets: {{ api: {{ protocol: openai-chat, base_url: 'http://127.0.0.1:9' }} }}
datasets: {{ chat: {{ {dataset}, task: chat }} }}
{more}
"
    )
}

#[test]
fn a_row_of_a_file_that_no_request_can_be_made_of_is_named_before_anything_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let rows = "{\"prompt\":\"a\",\"stream\":true}\n{\"prompt\":\"b\",\"stream\":\"yes\"}\n";
    write(folder.path(), "rows.jsonl", rows);
    let scenario = chat_of("kind: prompts, path: rows.jsonl", "load: { requests: 2 }");
    write(folder.path(), "a.yaml", &scenario);
    let ended = run(folder.path(), &["run", "a.yaml", "--out", "out"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("row 2"), "{}", ended.stderr);
    let reason = "`stream` is true or false, and not \"yes\"";
    assert!(ended.stderr.contains(reason), "{}", ended.stderr);
}

#[test]
fn entries_of_include_are_bounded_before_they_are_expanded() {
    let folder = tempfile::tempdir().unwrap();
    let numbers = |many: usize| {
        (0..many)
            .map(|n| n.to_string())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let entries = |many: usize| {
        let entry = |n| format!("{{ params.a: {n}, params.c: {n} }}");
        (0..many).map(entry).collect::<Vec<_>>().join(", ")
    };
    let validate = |axes: &str, included: usize| {
        let matrix = format!("matrix: {{ {axes}, include: [{}] }}", entries(included));
        let more = format!("{matrix}\nload: {{ requests: 1 }}");
        write(folder.path(), "a.yaml", &chat_of("kind: random", &more));
        run(folder.path(), &["validate", "a.yaml"])
    };
    let ended = validate(&format!("params.a: [{}]", numbers(256)), 256);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let hundred = numbers(100);
    let most = format!("params.a: [{hundred}], params.b: [{hundred}], max_cells: 10000");
    let ended = validate(&most, 21);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("too-many-includes"),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.contains("210000 merges"), "{}", ended.stderr);
}

#[test]
fn what_stands_far_into_a_line_is_told_by_its_place_alone() {
    let folder = tempfile::tempdir().unwrap();
    let blank = " ".repeat(900_000);
    write(
        folder.path(),
        "a.yaml",
        &format!("{{version: 1, name: x,{blank} wrong: 1}}"),
    );
    let ended = run(folder.path(), &["validate", "a.yaml"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("a.yaml:1:900023"), "{}", ended.stderr);
    assert!(ended.stderr.len() < 10_000, "{}", ended.stderr.len());
}
