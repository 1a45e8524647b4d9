use std::sync::Arc;

use serde_json::{Value, json};

use super::{Look, github, human, json as as_json, sarif};
use crate::foundation::diagnostic::{Finding, Label, Place, SourceFile};

const PLAIN: Look = Look {
    colour: false,
    width: 100,
};

fn file(path: &str, text: &str) -> Arc<SourceFile> {
    Arc::new(SourceFile {
        path: path.to_owned(),
        text: text.to_owned(),
    })
}

/// The place of the first `what` in a file.
fn at(file: &Arc<SourceFile>, what: &str) -> Place {
    let start = file.text.find(what).unwrap();
    Place {
        file: file.clone(),
        span: start..start + what.len(),
    }
}

fn error(place: Place) -> Finding {
    Finding::error("unknown-key", "/load/steam", "unknown key `steam`")
        .help("did you mean `stream`?")
        .in_place(place)
}

#[test]
fn people_see_what_rustc_would_show() {
    let source = file(
        "s/bad.yaml",
        "version: 1\nload:\n  steam: true\n  p99: 250\n  p99: 300ms\n",
    );
    let mut duplicate = Finding::error("duplicate-key", "/load/p99", "duplicate key `p99`")
        .in_place(Place {
            file: source.clone(),
            span: source.text.rfind("p99").map(|at| at..at + 3).unwrap(),
        });
    duplicate.labels.push(Label {
        place: at(&source, "p99"),
        text: "first defined here".to_owned(),
    });
    let text = human(&[error(at(&source, "steam")), duplicate], PLAIN);
    insta::assert_snapshot!(text, @r"
    error[unknown-key]: unknown key `steam`
     --> s/bad.yaml:3:3
      |
    3 |   steam: true
      |   ^^^^^
      |
      = help: did you mean `stream`?

    error[duplicate-key]: duplicate key `p99`
     --> s/bad.yaml:5:3
      |
    4 |   p99: 250
      |   --- first defined here
    5 |   p99: 300ms
      |   ^^^
    ");
}

#[test]
fn a_label_in_another_file_shows_that_file_and_a_finding_without_place_is_a_sentence() {
    let one = file("one.yaml", "a: 1\n");
    let two = file("two.yaml", "b: 2\n");
    let mut finding = error(at(&one, "1"));
    finding.labels.push(Label {
        place: at(&two, "2"),
        text: "used here".to_owned(),
    });
    let placeless = Finding::warning("old-file", "", "nothing to point at");
    insta::assert_snapshot!(human(&[finding, placeless], PLAIN), @r"
    error[unknown-key]: unknown key `steam`
     --> one.yaml:1:4
      |
    1 | a: 1
      |    ^
      |
     ::: two.yaml:1:4
      |
    1 | b: 2
      |    - used here
      |
      = help: did you mean `stream`?

    warning[old-file]: nothing to point at
    ");
}

/// Places in which columns are easily miscounted.
fn awkward() -> Vec<Finding> {
    let bom = file(
        "bom.yaml",
        "\u{feff}a: x\r\nb: \u{e9}\u{1f600} y\r\n\tz: 1\n",
    );
    let empty = file("empty.yaml", "");
    let unended = file("end,of: it%.yaml", "a: [\n");
    let span = |file: &Arc<SourceFile>, start, end| Place {
        file: file.clone(),
        span: start..end,
    };
    [
        at(&bom, "a"),
        at(&bom, "x"),
        at(&bom, "y"),
        at(&bom, "z"),
        span(&bom, 0, 0),
        span(&empty, 0, 0),
        span(&unended, 5, 5),
        span(&unended, 99, 100),
    ]
    .map(error)
    .into()
}

fn headers(text: &str) -> Vec<String> {
    text.lines()
        .filter_map(|line| line.trim_start().strip_prefix("--> "))
        .map(ToOwned::to_owned)
        .collect()
}

/// Where each finding stands, as a person would say it.
fn expected(findings: &[Finding]) -> Vec<String> {
    findings
        .iter()
        .map(|finding| {
            let place = finding.place.as_ref().unwrap();
            let (line, column) = place.line_column();
            format!("{}:{line}:{column}", place.file.path)
        })
        .collect()
}

fn places_of_json(findings: &[Finding]) -> Vec<String> {
    let document: Value = serde_json::from_str(&as_json(findings)).unwrap();
    let rows = document["errors"].as_array().unwrap();
    rows.iter()
        .map(|row| {
            format!(
                "{}:{}:{}",
                row["file"].as_str().unwrap(),
                row["line"],
                row["column"]
            )
        })
        .collect()
}

fn places_of_sarif(findings: &[Finding]) -> Vec<String> {
    let log: Value = serde_json::from_str(&sarif(findings)).unwrap();
    let results = log["runs"][0]["results"].as_array().unwrap();
    results
        .iter()
        .map(|result| {
            let location = &result["locations"][0]["physicalLocation"];
            let uri = location["artifactLocation"]["uri"].as_str().unwrap();
            let path = uri
                .replace("%2C", ",")
                .replace("%3A", ":")
                .replace("%20", " ")
                .replace("%25", "%");
            let region = &location["region"];
            format!("{path}:{}:{}", region["startLine"], region["startColumn"])
        })
        .collect()
}

fn places_of_github(findings: &[Finding]) -> Vec<String> {
    let place = |line: &str| {
        let command = line.strip_prefix("::error ").unwrap();
        let properties = command.split("::").next().unwrap();
        let values: Vec<_> = properties
            .split(',')
            .map(|pair| pair.split_once('=').unwrap().1)
            .collect();
        values
            .join(":")
            .replace("%2C", ",")
            .replace("%3A", ":")
            .replace("%25", "%")
    };
    github(findings).lines().map(place).collect()
}

#[test]
fn all_formats_name_the_same_places() {
    let findings = awkward();
    let expected = expected(&findings);
    assert_eq!(
        expected[..4],
        [
            "bom.yaml:1:1",
            "bom.yaml:1:4",
            "bom.yaml:2:7",
            "bom.yaml:3:2"
        ]
    );
    assert_eq!(expected[4..6], ["bom.yaml:1:1", "empty.yaml:1:1"]);
    assert_eq!(headers(&human(&findings, PLAIN)), expected);
    assert_eq!(places_of_json(&findings), expected);
    assert_eq!(places_of_sarif(&findings), expected);
    assert_eq!(places_of_github(&findings), expected);
}

#[test]
fn json_has_the_seven_fields_and_warnings_apart() {
    let source = file("a.yaml", "load:\n  steam: 1\n");
    let warning = Finding::warning("old", "", "w");
    let document: Value =
        serde_json::from_str(&as_json(&[warning, error(at(&source, "steam"))])).unwrap();
    assert_eq!(
        document,
        json!({
            "errors": [{
                "file": "a.yaml", "line": 2, "column": 3, "pointer": "/load/steam", "code": "unknown-key",
                "message": "unknown key `steam`", "help": "did you mean `stream`?",
            }],
            "warnings": [{
                "file": null, "line": null, "column": null, "pointer": "", "code": "old", "message": "w", "help": null,
            }],
        })
    );
    assert_eq!(
        as_json(&[]),
        "{\n  \"errors\": [],\n  \"warnings\": []\n}\n"
    );
}

#[test]
fn github_commands_cannot_be_broken_out_of() {
    let source = file("a,b:c.yaml", "x\n");
    let finding = Finding::error("x", "", "50% of\r\n::error::fake").in_place(at(&source, "x"));
    assert_eq!(
        github(&[finding]),
        "::error file=a%2Cb%3Ac.yaml,line=1,col=1::50%25 of\\u{d}%0A::error::fake [x]\n"
    );
}

#[test]
fn sarif_has_a_rule_for_each_code_and_a_location_for_each_finding() {
    let source = file("dir with space/a.yaml", "one\ntwo\n");
    let mut finding = error(Place {
        file: source.clone(),
        span: 0..7,
    });
    finding.labels.push(Label {
        place: at(&source, "two"),
        text: "here".to_owned(),
    });
    let log: Value =
        serde_json::from_str(&sarif(&[finding, Finding::warning("a-code", "/x", "w")])).unwrap();
    let run = &log["runs"][0];
    assert_eq!(
        (&log["version"], &run["tool"]["driver"]["name"]),
        (&json!("2.1.0"), &json!("plimsoll"))
    );
    assert_eq!(
        run["tool"]["driver"]["rules"][1]["id"],
        json!("unknown-key")
    );
    let result = &run["results"][0];
    assert_eq!(
        (&result["ruleIndex"], &result["level"]),
        (&json!(1), &json!("error"))
    );
    assert_eq!(
        result["message"]["text"],
        json!("unknown key `steam`\nhelp: did you mean `stream`?")
    );
    let location = &result["locations"][0]["physicalLocation"];
    assert_eq!(
        location["artifactLocation"]["uri"],
        json!("dir%20with%20space/a.yaml")
    );
    assert_eq!(
        location["region"],
        json!({"startLine": 1, "startColumn": 1, "endLine": 2, "endColumn": 4})
    );
    assert_eq!(
        result["relatedLocations"][0]["message"]["text"],
        json!("here")
    );
    assert_eq!(
        (
            &run["results"][1]["level"],
            run["results"][1].get("locations")
        ),
        (&json!("warning"), None)
    );
}

#[test]
fn beyond_twenty_of_a_file_the_rest_is_counted() {
    let one = file("one.yaml", "x\n");
    let two = file("two.yaml", "x\n");
    let mut findings: Vec<Finding> = (0..23).map(|_| error(at(&one, "x"))).collect();
    findings.extend((0..21).map(|_| error(at(&two, "x"))));
    findings.push(Finding::warning("w", "", "w").in_place(at(&one, "x")));
    let text = human(&findings, PLAIN);
    assert_eq!(headers(&text).len(), 41);
    assert!(
        text.ends_with("\nand 3 more errors in one.yaml\nand 1 more error in two.yaml\n"),
        "{text}"
    );
    let document: Value = serde_json::from_str(&as_json(&findings)).unwrap();
    assert_eq!(
        (
            document["errors"].as_array().map(Vec::len),
            &document["omitted"]
        ),
        (Some(40), &json!(4))
    );
    assert!(github(&findings).contains("::error file=one.yaml::and 3 more errors in one.yaml\n"));
    let log: Value = serde_json::from_str(&sarif(&findings)).unwrap();
    assert_eq!(log["runs"][0]["results"].as_array().map(Vec::len), Some(41));
}

#[test]
fn control_and_bidi_characters_are_harmless_in_every_format() {
    let source = file(
        "a\u{1b}[2J.yaml",
        "k: \"\u{1b}[31m\u{202e}evil\u{9b}\u{200f}\r\u{8}\"\n",
    );
    let mut finding = Finding::error("x", "/k\u{202e}", "saw `\u{1b}[31m\u{202e}`\nerror: fake")
        .help("no \u{7}\u{2066}")
        .in_place(at(&source, "evil"));
    finding.labels.push(Label {
        place: at(&source, "k"),
        text: "\u{1b}x".to_owned(),
    });
    let findings = [finding];
    for text in [
        human(&findings, PLAIN),
        as_json(&findings),
        github(&findings),
        sarif(&findings),
    ] {
        let harmful = |character: &char| {
            (character.is_control() && *character != '\n')
                || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        };
        assert_eq!(text.chars().find(harmful), None, "{text}");
    }
    assert!(
        human(&findings, PLAIN).starts_with("error[x]: saw `\\u{1b}[31m\\u{202e}`\\nerror: fake\n")
    );
}

#[test]
fn colours_and_width_are_inputs() {
    let source = file("a.yaml", &format!("k: {} # end\n", "x".repeat(300)));
    let findings = [error(at(&source, "k"))];
    let narrow = human(
        &findings,
        Look {
            colour: false,
            width: 60,
        },
    );
    assert!(
        narrow.lines().all(|line| line.chars().count() <= 64),
        "{narrow}"
    );
    let coloured = human(
        &findings,
        Look {
            colour: true,
            width: 60,
        },
    );
    assert!(coloured.contains("\u{1b}["));
    assert_eq!(human(&[], PLAIN), "");
}
