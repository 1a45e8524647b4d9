//! The report folder: what it keeps, and what renders again from it.

use serde_json::Value;

use super::support::{WIDE, chat, run, write};

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
    let hash =
        |out: &str| super::support::results(&folder.path().join(out))["scenario"]["hash"].clone();
    assert_eq!(hash("again"), hash("bench/reports/chat"));
}
