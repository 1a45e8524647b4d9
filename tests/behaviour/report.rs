//! The report folder: what it keeps, and what renders again from it.

use std::path::Path;

use serde_json::{Value, json};

use super::support::{WIDE, chat, results, run, write};

/// Runs a scenario of that load; the report's folder.
fn ran(folder: &Path, rest: &str) -> std::path::PathBuf {
    write(
        folder,
        "a.yaml",
        &chat("embedded: {}", &format!("{rest}\n{WIDE}")),
    );
    let ended = run(folder, &["run", "a.yaml"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    folder.join("reports/chat")
}

/// Changes a report's `results.json`.
fn change(out: &Path, change: impl FnOnce(&mut Value)) {
    let mut document = results(out);
    change(&mut document);
    write(out, "results.json", &document.to_string());
}

#[test]
fn the_effective_scenario_gives_the_same_cells() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = chat(
        "embedded: {}",
        &format!(
            "matrix: {{ concurrency: [1, 2], params.temperature: [0, 0.5] }}\nload: {{ requests: 2 }}\n{WIDE}"
        ),
    );
    write(folder.path(), "a.yaml", &scenario);
    assert_eq!(run(folder.path(), &["run", "a.yaml"]).code, Some(0));
    let cells = |file: &str| {
        let ended = run(folder.path(), &["plan", file, "--format", "json"]);
        let plan: Value =
            serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{}", ended.stderr));
        plan["cells"].clone()
    };
    assert_eq!(cells("reports/chat/effective.yaml"), cells("a.yaml"));
}

#[test]
fn a_report_renders_again_to_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        "a.yaml",
        &chat("embedded: {}", &format!("load: {{ requests: 3 }}\n{WIDE}")),
    );
    assert_eq!(run(folder.path(), &["run", "a.yaml"]).code, Some(0));
    let out = folder.path().join("reports/chat");
    let files = [
        "report.md",
        "report.html",
        "results.csv",
        "results.json",
        "junit.xml",
    ];
    let before: Vec<Vec<u8>> = files
        .iter()
        .map(|file| std::fs::read(out.join(file)).unwrap())
        .collect();
    for file in files {
        if file != "results.json" {
            std::fs::remove_file(out.join(file)).unwrap();
        }
    }
    let ended = run(folder.path(), &["report", "reports/chat"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    for (file, before) in files.iter().zip(before) {
        assert!(
            std::fs::read(out.join(file)).unwrap() == before,
            "{file} changed"
        );
    }
}

#[test]
fn a_template_of_ones_own_is_rendered_and_a_wrong_one_is_named() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        "a.yaml",
        &chat("embedded: {}", &format!("load: {{ requests: 3 }}\n{WIDE}")),
    );
    assert_eq!(run(folder.path(), &["run", "a.yaml"]).code, Some(0));
    write(
        folder.path(),
        "mine.txt.jinja",
        "{% for cell in results.cells %}{{ cell.requests.ok }} ok{% endfor %}\n",
    );
    let ended = run(
        folder.path(),
        &["report", "reports/chat", "--template", "mine.txt.jinja"],
    );
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let mine: Vec<_> = std::fs::read_dir(folder.path().join("reports/chat"))
        .unwrap()
        .filter_map(|entry| std::fs::read_to_string(entry.unwrap().path()).ok())
        .filter(|text| text.trim() == "3 ok")
        .collect();
    assert_eq!(mine.len(), 1, "the template's output is nowhere");

    write(
        folder.path(),
        "wrong.md.jinja",
        "one\n{{ results.nothing_of_that_name }}\n",
    );
    let ended = run(
        folder.path(),
        &[
            "report",
            "reports/chat",
            "--check-template",
            "--template",
            "wrong.md.jinja",
        ],
    );
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.stderr.contains("wrong.md.jinja") && ended.stderr.contains("line 2"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_folder_that_is_not_ours_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        "a.yaml",
        &chat("embedded: {}", "load: { requests: 1 }\n"),
    );
    std::fs::create_dir(folder.path().join("mine")).unwrap();
    write(&folder.path().join("mine"), "thesis.txt", "years of work");
    let ended = run(folder.path(), &["run", "a.yaml", "--out", "mine"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert_eq!(
        std::fs::read_to_string(folder.path().join("mine/thesis.txt")).unwrap(),
        "years of work"
    );
}

#[test]
fn what_is_not_ours_outlives_every_rerun() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = |requests: u32| {
        chat(
            "embedded: {}",
            &format!("load: {{ requests: {requests} }}\n{WIDE}"),
        )
    };
    write(folder.path(), "a.yaml", &scenario(1));
    assert_eq!(run(folder.path(), &["run", "a.yaml"]).code, Some(0));
    let out = folder.path().join("reports/chat");
    std::fs::create_dir_all(out.join("slides/img")).unwrap();
    let mine = [
        "notes.txt",
        "slides/img/a.svg",
        "plots/mine.svg",
        "samples/keep.txt",
    ];
    for file in mine {
        write(&out, file, "mine");
    }
    // A plot of a cell that is gone is ours, and goes.
    let plots = || std::fs::read_dir(out.join("plots")).unwrap().count();
    let before = plots();
    write(folder.path(), "a.yaml", &scenario(2));
    let ended = run(folder.path(), &["run", "a.yaml"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    for file in mine {
        assert_eq!(
            std::fs::read_to_string(out.join(file)).unwrap(),
            "mine",
            "{file}"
        );
    }
    assert!(
        ended.stderr.contains("notes.txt"),
        "it is not told: {}",
        ended.stderr
    );
    assert_eq!(plots(), before, "the other cell's time line is left");
    let beside = std::fs::read_dir(folder.path().join("reports"))
        .unwrap()
        .count();
    assert_eq!(beside, 1, "something is left beside the folder");
}

#[test]
fn the_effective_scenario_runs_from_where_it_lies() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("bench/prompts")).unwrap();
    std::fs::create_dir(folder.path().join(".git")).unwrap();
    write(folder.path(), "shared.txt", "one\ntwo\n");
    write(folder.path(), "bench/prompts/a.txt", "three\nfour\nfive\n");
    write(
        folder.path(),
        "bench/mine.txt.jinja",
        "{{ results.cells | length }} cells\n",
    );
    let scenario = format!(
        "version: 1
name: chat
targets:
  server: {{ protocol: openai-chat, model: m, embedded: {{}} }}
datasets:
  near: {{ kind: prompts, task: chat, path: prompts/*.txt }}
  far: {{ kind: prompts, task: chat, path: ../shared.txt }}
matrix: {{ concurrency: [1, 2] }}
load: {{ requests: 2 }}
report: {{ template: mine.txt.jinja }}
{WIDE}"
    );
    write(folder.path(), "bench/a.yaml", &scenario);
    let ended = run(
        folder.path(),
        &["run", "bench/a.yaml", "--out", "bench/reports/chat"],
    );
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let effective = "bench/reports/chat/effective.yaml";
    let text = std::fs::read_to_string(folder.path().join(effective)).unwrap();
    assert!(text.contains("../../../shared.txt"), "{text}");
    assert!(!text.contains(folder.path().to_str().unwrap()), "{text}");

    let cells = |file: &str| {
        let ended = run(folder.path(), &["plan", file, "--format", "json"]);
        let plan: Value =
            serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{}", ended.stderr));
        plan["cells"].clone()
    };
    assert_eq!(cells(effective), cells("bench/a.yaml"));
    let again = run(folder.path(), &["run", effective, "--out", "again"]);
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    let hash = |out: &str| results(&folder.path().join(out))["scenario"]["hash"].clone();
    assert_eq!(hash("again"), hash("bench/reports/chat"));
}

#[test]
fn a_figure_that_the_rows_do_not_give_is_refused_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let load =
        "load: { requests: 3, repeats: 2 }\nreport: { group_by: [max_tokens], percentiles: [42] }";
    let out = ran(folder.path(), load);
    let untouched = std::fs::read(out.join("results.json")).unwrap();
    let refusal = |figure: &str| {
        let ended = run(folder.path(), &["report", "reports/chat"]);
        assert_eq!(ended.code, Some(2), "{figure}: {}", ended.stderr);
        assert!(
            ended.stderr.contains(figure),
            "{figure} is not named: {}",
            ended.stderr
        );
        assert!(ended.stderr.contains("help:"), "{}", ended.stderr);
        std::fs::write(out.join("results.json"), &untouched).unwrap();
    };
    for (pointer, figure) in [
        ("/cells/0/metrics/e2e/p99", "metrics.e2e.p99"),
        ("/cells/0/metrics/e2e/p42", "metrics.e2e.p42"),
        ("/cells/0/metrics/error_rate", "metrics.error_rate"),
        (
            "/cells/0/repeats/1/metrics/goodput",
            "repeats.1.metrics.goodput",
        ),
        ("/cells/0/groups/0/requests/ok", "groups.0.requests.ok"),
        ("/cells/0/outcomes/ok", "outcomes.ok"),
    ] {
        change(&out, |results| {
            *results.pointer_mut(pointer).expect(pointer) = json!(7);
        });
        refusal(figure);
    }
    // Rows of another run of the same scenario.
    let own = std::fs::read(out.join("requests.parquet")).unwrap();
    let ended = run(folder.path(), &["run", "a.yaml", "--out", "other"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    std::fs::copy(
        folder.path().join("other/requests.parquet"),
        out.join("requests.parquet"),
    )
    .unwrap();
    refusal("metrics.");
    // Rows that were cut off.
    std::fs::write(out.join("requests.parquet"), &own[..own.len() / 2]).unwrap();
    refusal("requests.parquet");
    std::fs::write(out.join("requests.parquet"), &own).unwrap();
    assert_eq!(
        run(folder.path(), &["report", "reports/chat"]).code,
        Some(0)
    );
}

#[test]
fn what_results_lack_is_computed_from_the_rows() {
    let folder = tempfile::tempdir().unwrap();
    let out = ran(folder.path(), "load: { requests: 3 }");
    let whole = results(&out);
    // As a version would have written it that did not know these, and asked for a further percentile since.
    change(&out, |results| {
        results["report"]["percentiles"] = json!([0.25]);
        for place in [
            "/cells/0/metrics",
            "/cells/0/repeats/0/metrics",
            "/cells/0/metrics_all",
        ] {
            let metrics = results.pointer_mut(place).unwrap().as_object_mut().unwrap();
            metrics.remove("service");
        }
    });
    let ended = run(folder.path(), &["report", "reports/chat"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let again = results(&out);
    let (was, is) = (&whole["cells"][0]["metrics"], &again["cells"][0]["metrics"]);
    for statistic in ["mean", "p50", "p99"] {
        assert_eq!(
            is["service"][statistic], was["service"][statistic],
            "{statistic}"
        );
    }
    let quarter = is["e2e"]["p25"].as_f64().unwrap();
    // Of three values, k = 2 · 0.25: halfway between the least and the median.
    let halfway = f64::midpoint(
        was["e2e"]["min"].as_f64().unwrap(),
        was["e2e"]["p50"].as_f64().unwrap(),
    );
    assert!((quarter - halfway).abs() < 1e-12, "{quarter} and {halfway}");
}

#[test]
fn a_report_without_its_rows_says_that_it_is_taken_at_its_word() {
    let folder = tempfile::tempdir().unwrap();
    let out = ran(folder.path(), "load: { requests: 2 }");
    let before = std::fs::read(out.join("report.html")).unwrap();
    std::fs::remove_file(out.join("requests.parquet")).unwrap();
    let ended = run(folder.path(), &["report", "reports/chat"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("requests.parquet is not there"),
        "{}",
        ended.stderr
    );
    assert!(std::fs::read(out.join("report.html")).unwrap() == before);
}

#[test]
fn a_wrong_template_ends_a_run_before_anything_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    // A target that would be asked whether it is ready, if anything were sent.
    let scenario = chat(
        "base_url: 'http://127.0.0.1:9', ready: { path: /health, within: 30s }",
        &format!("load: {{ requests: 2 }}\nreport: {{ template: mine.md.jinja }}\n{WIDE}"),
    );
    write(folder.path(), "a.yaml", &scenario);
    for (template, line) in [
        ("one\n{% for cell in results.cells %}\n", "line "),
        ("one\n{{ results.scenario.nam }}\n", "line 2"),
        (
            "one\ntwo\n{{ results.cells[0].metrics.e2e.p99 | quantity('parsec') }}\n",
            "line 3",
        ),
    ] {
        write(folder.path(), "mine.md.jinja", template);
        let ended = run(folder.path(), &["run", "a.yaml"]);
        assert_eq!(ended.code, Some(2), "{template}: {}", ended.stderr);
        assert!(
            ended.stderr.contains("mine.md.jinja") && ended.stderr.contains(line),
            "{template}: {}",
            ended.stderr
        );
        assert!(!folder.path().join("reports").exists());
    }
}

#[test]
fn a_template_may_name_what_only_a_run_can_tell() {
    let folder = tempfile::tempdir().unwrap();
    let template = "{% for cell in results.cells %}
{{ cell.label }} {{ cell.metrics.ttft.p975 }} {{ cell.spread['e2e.p99'].ci95 }} {{ cell.repeats[0].metrics.goodput }}
{{ cell.metrics_all.e2e.max | quantity('ms') }} {{ cell.objectives[0].value }} {{ cell.outcomes.ok }}
{% if cell.metrics['server.gpu_s'] is defined %}{{ cell.metrics['server.gpu_s'].p50 }}{% endif %}
{% endfor %}{{ plots[0].title }} {{ environment[0].name }} {{ reproduction[0].value }} ok\n";
    write(
        folder.path(),
        "mine.txt.jinja",
        &template.replace("cell.label", "cell.id"),
    );
    let scenario = chat(
        "embedded: {}",
        "load: { requests: 2 }
report: { template: mine.txt.jinja, percentiles: [97.5] }
slo: { request: { e2e: 60s }, objectives: [error_rate <= 1%] }
",
    );
    write(folder.path(), "a.yaml", &scenario);
    let ended = run(folder.path(), &["run", "a.yaml"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let text = std::fs::read_to_string(folder.path().join("reports/chat/report.txt")).unwrap();
    assert!(text.trim_end().ends_with("ok"), "{text}");
}
