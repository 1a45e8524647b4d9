use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::LazyLock;

use super::*;
use crate::results::{MetricValue, Results};

fn all(results: &Results) -> Vec<Rendered> {
    let formats = FORMATS
        .iter()
        .map(|format| format.name.to_owned())
        .collect();
    render(
        results,
        &Rendering {
            formats,
            template: None,
            exports: Vec::new(),
            plots: true,
        },
    )
    .unwrap()
}

/// The report for every hostile text.
static HOSTILE: LazyLock<Vec<(&'static str, Vec<Rendered>)>> = LazyLock::new(|| {
    fixture::HOSTILE
        .iter()
        .map(|text| (*text, readable(&fixture::hostile(text))))
        .collect()
});

/// All that is written of results but their JSON, whose escaping is the serialiser's.
fn readable(results: &Results) -> Vec<Rendered> {
    let formats = ["md", "html", "csv", "junit"].map(str::to_owned).to_vec();
    render(
        results,
        &Rendering {
            formats,
            template: None,
            exports: Vec::new(),
            plots: true,
        },
    )
    .unwrap()
}

fn text_of<'a>(rendered: &'a [Rendered], path: &str) -> &'a str {
    let file = rendered
        .iter()
        .find(|file| file.path == path)
        .unwrap_or_else(|| panic!("no {path}"));
    std::str::from_utf8(&file.bytes).unwrap()
}

fn file(results: &Results, path: &str) -> String {
    let formats = FORMATS
        .iter()
        .filter(|format| format.file == path)
        .map(|format| format.name.to_owned())
        .collect();
    let rendered = render(
        results,
        &Rendering {
            formats,
            template: None,
            exports: Vec::new(),
            plots: true,
        },
    )
    .unwrap();
    text_of(&rendered, path).to_owned()
}

fn with_template(name: &str, source: &str) -> Result<Vec<Rendered>, ReportError> {
    let template = Some(UserTemplate {
        name: name.to_owned(),
        source: source.to_owned(),
    });
    render(
        &fixture::results(),
        &Rendering {
            formats: vec!["md".to_owned(), "html".to_owned()],
            template,
            exports: Vec::new(),
            plots: false,
        },
    )
}

/// Tags of a page with the names of their attributes, counted: what a hostile text would change if it became active.
fn skeleton(page: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for part in page.split('<').skip(1) {
        let mut name = String::new();
        let mut in_value = false;
        for c in part.chars() {
            match c {
                '"' => in_value = !in_value,
                _ if in_value => {}
                '>' => break,
                c => name.push(c),
            }
        }
        *counts.entry(name).or_insert(0) += 1;
    }
    counts
}

/// What is not escaped in a line of Markdown.
fn unescaped(line: &str, what: char) -> usize {
    let mut count = 0;
    let mut escaped = false;
    for c in line.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == what => count += 1,
            _ => {}
        }
    }
    count
}

#[test]
fn the_report_reads_as_it_should() {
    insta::assert_snapshot!("report.md", file(&fixture::results(), "report.md"));
    insta::assert_snapshot!(
        "throughput.svg",
        file(&fixture::results(), "plots/throughput.svg")
    );
}

#[test]
fn what_is_void_or_incomplete_stands_before_the_first_number() {
    let mut results = fixture::results();
    results.incomplete = true;
    for path in ["report.md", "report.html"] {
        let text = file(&results, path);
        let table = text.find("1.00").unwrap();
        for kind in ["INCOMPLETE", "INVALID", "CLIENT_LIMITED"] {
            assert!(text.find(kind).unwrap() < table, "{kind} in {path}");
        }
    }
}

#[test]
fn the_same_results_give_the_same_bytes_also_when_they_were_read_back() {
    for results in [fixture::results(), fixture::hostile("zebra=1")] {
        let json = crate::results::to_json(&results).unwrap();
        let again: Results = serde_json::from_slice(&json).unwrap();
        for (a, b) in all(&results).into_iter().zip(all(&again)) {
            assert_eq!(a.path, b.path);
            assert!(a.bytes == b.bytes, "{} differs", a.path);
        }
    }
}

#[test]
fn the_markdown_names_no_host_and_no_time() {
    let text = file(&fixture::results(), "report.md");
    for fact in ["runner-7", "2026-", "Example CPU", "127.0.0.1", "1a2b3c4"] {
        assert!(!text.contains(fact), "{fact}");
    }
}

#[test]
fn a_changed_repeat_changes_few_lines_of_the_markdown() {
    let results = fixture::large();
    let mut changed = results.clone();
    let cell = &mut changed.cells[40];
    for value in cell.metrics.values_mut().flatten() {
        match value {
            MetricValue::Number(number) => *number *= 1.013,
            MetricValue::Distribution(summary) => summary
                .statistics
                .values_mut()
                .flatten()
                .for_each(|value| *value *= 1.017),
        }
    }
    for objective in &mut cell.objectives {
        objective.value = objective.value.map(|value| value * 1.01);
    }
    let (before, after) = (file(&results, "report.md"), file(&changed, "report.md"));
    assert_eq!(before.lines().count(), after.lines().count());
    let differ = before
        .lines()
        .zip(after.lines())
        .filter(|(a, b)| a != b)
        .count();
    assert!((1..=12).contains(&differ), "{differ} lines");
}

#[test]
fn the_page_of_a_large_run_is_small() {
    let page = file(&fixture::large(), "report.html");
    assert!(page.len() <= 350_000, "{} bytes", page.len());
}

#[test]
fn the_page_asks_for_nothing_and_allows_only_its_own_style() {
    use base64::Engine as _;
    use sha2::Digest as _;
    let page = file(&fixture::results(), "report.html");
    let style = page
        .split("<style>")
        .nth(1)
        .unwrap()
        .split("</style>")
        .next()
        .unwrap();
    let hash =
        base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(style.as_bytes()));
    let policy =
        format!("content=\"default-src 'none'; style-src 'sha256-{hash}'; img-src data:\"");
    assert!(page.contains(&policy), "{policy}");
    assert_eq!(page.matches("<style").count(), 1);
    for never in [
        "<script",
        " style=\"",
        "http://",
        "https://",
        "url(",
        "@import",
        "<link",
        "<iframe",
        " onload",
    ] {
        assert!(!page.contains(never), "{never}");
    }
    assert!(page.contains("<html lang=\"en\">"));
}

#[test]
fn hostile_text_adds_no_tag_to_a_page_or_a_plot() {
    let tags = |file: &Rendered| skeleton(std::str::from_utf8(&file.bytes).unwrap());
    // How long a text is decides how a plot names its rows: a hostile one is laid out as a harmless one of its length, or
    // of another where characters of it are not shown.
    let of_length = |length: usize| {
        let text: String = "harmless, with a comma!"
            .chars()
            .cycle()
            .take(length)
            .collect();
        readable(&fixture::hostile(&text))
    };
    let [short, long] = [2, 300].map(of_length);
    for (text, report) in HOSTILE.iter() {
        let harmless = [&of_length(text.chars().count()), &short, &long];
        for (place, rendered) in report.iter().enumerate() {
            if rendered.path.ends_with("html") || rendered.path.ends_with("svg") {
                let found = tags(rendered);
                assert!(
                    harmless.iter().any(|report| tags(&report[place]) == found),
                    "{text:?} in {}: {found:?}",
                    rendered.path
                );
            }
        }
    }
}

/// Whether the whole text is one code span: no run of backticks in it is as long as its fence.
fn is_one_code_span(text: &str) -> bool {
    let fence = text.len() - text.trim_start_matches('`').len();
    let inner = text.get(fence..text.len().saturating_sub(fence));
    fence > 0
        && text.ends_with(&"`".repeat(fence))
        && inner.is_some_and(|inner| inner.split(|c| c != '`').all(|run| run.len() != fence))
}

#[test]
fn hostile_text_is_no_markup_in_markdown() {
    let harmless = file(&fixture::hostile("harmless"), "report.md");
    for (text, report) in HOSTILE.iter() {
        let report = text_of(report, "report.md");
        // Options are to be copied: they stand in a code span, where nothing is markup but its end.
        let (options, others): (Vec<&str>, Vec<&str>) = report
            .lines()
            .partition(|line| line.starts_with("- options: "));
        assert!(
            options
                .iter()
                .all(|line| is_one_code_span(&line[11..]) && !line.contains("##[")),
            "{options:?}"
        );
        let report = others.join("\n");
        assert_eq!(
            report.lines().count() + 1,
            harmless.lines().count(),
            "{text:?} makes lines"
        );
        let harmless = harmless
            .lines()
            .filter(|line| !line.starts_with("- options: "));
        for (line, harmless) in report.lines().zip(harmless) {
            for c in ['|', '`', '[', ']', '*', '~'] {
                assert_eq!(
                    unescaped(line, c),
                    unescaped(harmless, c),
                    "{c} of {text:?} in {line}"
                );
            }
            assert_eq!(
                line.matches('<').count(),
                harmless.matches('<').count() + line.matches("<= ").count()
                    - harmless.matches("<= ").count()
            );
            assert!(
                !line.trim_start().starts_with("::") && !line.contains("##["),
                "{line}"
            );
        }
        for active in ["@octocat", "://", "www.evil", "#1,", "mail@evil"] {
            assert!(!report.contains(active), "{active} of {text:?}");
        }
    }
}

#[test]
fn no_output_carries_a_control_or_a_direction_mark() {
    for (text, report) in HOSTILE.iter() {
        for rendered in report {
            let content = std::str::from_utf8(&rendered.bytes).unwrap();
            let active = content.chars().find(|c| {
                c.is_control() && !matches!(c, '\n' | '\r' | '\t')
                    || ('\u{202a}'..='\u{202e}').contains(c)
                    || ('\u{2066}'..='\u{2069}').contains(c)
            });
            assert_eq!(active, None, "{text:?} in {}", rendered.path);
        }
    }
}

#[test]
fn a_csv_reader_gets_a_row_a_cell_and_no_formula() {
    for (text, report) in HOSTILE.iter() {
        let csv = text_of(report, "results.csv");
        let mut reader = ::csv::Reader::from_reader(csv.as_bytes());
        let titles = reader.headers().unwrap().clone();
        let rows: Vec<::csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        assert_eq!(rows.len(), 3);
        for field in rows.iter().flatten().chain(&titles) {
            let is_formula = field.trim_start().starts_with(['=', '+', '-', '@'])
                && field.parse::<f64>().is_err();
            assert!(!is_formula, "{field:?} of {text:?}");
        }
    }
}

#[test]
fn the_csv_holds_every_number_in_full() {
    let results = fixture::results();
    let csv = file(&results, "results.csv");
    let mut reader = ::csv::Reader::from_reader(csv.as_bytes());
    let titles = reader.headers().unwrap().clone();
    let column = |title: &str| {
        titles
            .iter()
            .position(|other| other == title)
            .unwrap_or_else(|| panic!("no {title}"))
    };
    for (cell, row) in results
        .cells
        .iter()
        .zip(reader.records().map(Result::unwrap).collect::<Vec<_>>())
    {
        assert_eq!(&row[column("id")], cell.id);
        assert_eq!(
            row[column("e2e.p99")].parse::<f64>().ok(),
            cell.value("e2e", Some("p99"))
        );
        assert_eq!(
            row[column("goodput")].parse::<f64>().ok(),
            cell.value("goodput", None)
        );
        assert_eq!(&row[column("cost_per_1k_requests")], "", "no data is no 0");
        assert_eq!(
            row[column("requests.ok")].parse::<u64>().unwrap(),
            cell.requests.ok
        );
    }
}

#[test]
fn a_junit_reader_gets_a_case_an_objective() {
    let results = fixture::results();
    let report = quick_junit::Report::deserialize(file(&results, "junit.xml").as_bytes()).unwrap();
    assert_eq!((report.tests, report.failures, report.errors), (24, 3, 3));
    assert_eq!(report.test_suites.len(), 8);
    let mut interrupted = results;
    interrupted.incomplete = true;
    let report =
        quick_junit::Report::deserialize(file(&interrupted, "junit.xml").as_bytes()).unwrap();
    assert_eq!(report.errors, 4, "what was not run is no pass");
    for (text, report) in HOSTILE.iter() {
        let hostile = text_of(report, "junit.xml");
        assert_eq!(
            quick_junit::Report::deserialize(hostile.as_bytes())
                .unwrap()
                .tests,
            9,
            "{text:?}"
        );
    }
}

#[test]
fn a_users_template_replaces_the_file_that_it_writes() {
    let rendered = with_template(
        "short.md.jinja",
        "# {{ results.scenario.name }}: {{ cells | length }} cells\n",
    )
    .unwrap();
    let paths: Vec<&str> = rendered.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["report.html", "report.md"]);
    assert_eq!(rendered[1].bytes, b"# qwen-image-slo-vs-rate: 8 cells");
    let rendered = with_template(
        "own.txt",
        "{{ results.cells[0].metrics.e2e.p50 | quantity('ms') }} {{ none | number('s') }}",
    )
    .unwrap();
    assert_eq!(
        (rendered[2].path.as_str(), rendered[2].bytes.as_slice()),
        ("report.txt", "512 ms –".as_bytes())
    );
}

#[test]
fn a_wrong_template_names_itself_its_line_and_the_reason() {
    for (name, source, line) in [
        ("a.md", "one\n{{ verdict.sentense }}", Some(2)),
        ("a.html.jinja", "one\ntwo\n{% for x in %}", Some(3)),
        ("a.txt", "{{ 1 | number('parsec') }}", Some(1)),
    ] {
        let ReportError::Template {
            name: named,
            line: at,
            reason,
        } = with_template(name, source).unwrap_err()
        else {
            panic!("{name}")
        };
        assert_eq!((named.as_str(), at), (name, line), "{reason}");
        assert!(!reason.is_empty());
    }
    assert!(with_template("noextension.", "x").is_err());
    assert!(with_template("evil./../x", "x").is_err());
}

#[test]
fn a_format_that_does_not_exist_is_named_with_those_that_do() {
    let error = render(
        &fixture::results(),
        &Rendering {
            formats: vec!["pdf".to_owned()],
            ..Rendering::default()
        },
    )
    .unwrap_err();
    assert_eq!(error.to_string(), "`pdf` is no report format");
    assert!(error.help().contains("md, html, json, csv, junit"));
}

/// Writes the fixtures' reports into `target/look`: `cargo test --lib report::tests::look -- --ignored`.
#[test]
#[ignore = "writes files to look at"]
fn look() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/look");
    let mut single = fixture::results();
    single.cells.truncate(1);
    let mut incomplete = fixture::results();
    incomplete.incomplete = true;
    let mut empty = fixture::results();
    for value in empty
        .cells
        .iter_mut()
        .flat_map(|cell| cell.metrics.values_mut())
    {
        *value = None;
    }
    let hostile = fixture::hostile(
        "<script>alert(1)</script> | @octocat `x` \u{202e}abc [l](javascript:alert(1))",
    );
    for (name, results) in [
        ("normal", fixture::results()),
        ("single", single),
        ("incomplete", incomplete),
        ("empty", empty),
        ("hostile", hostile),
        ("large", fixture::large()),
        ("none", fixture::around(Vec::new())),
    ] {
        for rendered in all(&results) {
            let path = folder.join(name).join(&rendered.path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::File::create(path)
                .unwrap()
                .write_all(&rendered.bytes)
                .unwrap();
        }
    }
}
