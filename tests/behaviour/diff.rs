//! `diff`, and the comparison that a run makes itself.

use super::support::{results, run, write};

/// Base and head of the simulator, head slower by that.
fn gate(head: &str) -> String {
    format!(
        "version: 1
name: gate
targets:
  base: {{ protocol: openai-chat, model: m, embedded: {{ service: {{ kind: constant, median: 20ms }} }} }}
  head: {{ protocol: openai-chat, model: m, embedded: {{ service: {{ kind: constant, median: {head} }} }} }}
datasets:
  short: {{ kind: random, task: chat, prompt_tokens: 8, output_tokens: 4 }}
load: {{ requests: 6, repeats: 5 }}
slo: {{ request: {{ e2e: 60s }} }}
compare:
  by: {{ target: [base, head] }}
  gates: [{{ metric: e2e.p50, tolerance: 20% }}]
"
    )
}

#[test]
fn the_report_of_a_compared_run_says_what_the_comparison_says() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a.yaml", &gate("60ms"));
    let ended = run(folder.path(), &["run", "a.yaml"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let out = folder.path().join("reports/gate");
    let sentence = "1 of 1 gate regressed";
    // The first sentence, in the terminal too: not that all objectives are met.
    assert!(
        ended
            .stderr
            .contains(&format!("{sentence}; no objective was declared.")),
        "{}",
        ended.stderr
    );
    for file in ["report.md", "report.html", "diff.md"] {
        let text = std::fs::read_to_string(out.join(file)).unwrap();
        assert!(text.contains(sentence), "{file} lacks the verdict");
        assert!(text.contains("REGRESSED"), "{file} lacks the row");
    }
    let report = std::fs::read_to_string(out.join("report.md")).unwrap();
    let headline = report.lines().find(|line| line.starts_with("**")).unwrap();
    assert!(
        headline.starts_with("**1 of 1 gate regressed"),
        "the regression does not lead: {headline}"
    );
    // Again from the records, and by `diff`, to the same.
    let before = std::fs::read(out.join("report.md")).unwrap();
    assert_eq!(
        run(folder.path(), &["report", "reports/gate"]).code,
        Some(0)
    );
    assert!(std::fs::read(out.join("report.md")).unwrap() == before);
    let diff = run(folder.path(), &["diff", "reports/gate", "--format", "md"]);
    assert_eq!(diff.code, Some(1), "{}", diff.stderr);
    assert_eq!(
        diff.stdout,
        std::fs::read_to_string(out.join("diff.md")).unwrap()
    );
    assert_eq!(results(&out)["verdict"]["exit_code"], 1);
}

#[test]
fn a_declared_gate_that_applies_nowhere_has_not_passed() {
    let folder = tempfile::tempdir().unwrap();
    // Answers that are not streamed have no first token.
    let scenario = gate("20ms")
        .replace(
            "protocol: openai-chat",
            "protocol: openai-chat, params: { stream: false }",
        )
        .replace("e2e.p50", "ttft.p50");
    write(folder.path(), "a.yaml", &scenario);
    let ended = run(folder.path(), &["run", "a.yaml"]);
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    let diff = run(folder.path(), &["diff", "reports/gate"]);
    assert_eq!(diff.code, Some(3), "{}", diff.stdout);
    assert!(diff.stdout.contains("ttft.p50"), "{}", diff.stdout);
    // Who declares none is shown the difference.
    let ungated = scenario.replace("  gates: [{ metric: ttft.p50, tolerance: 20% }]\n", "");
    write(folder.path(), "b.yaml", &ungated);
    let ended = run(folder.path(), &["run", "b.yaml", "--out", "shown"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

#[test]
fn what_looks_like_an_option_of_git_is_no_revision() {
    let folder = tempfile::tempdir().unwrap();
    let ended = run(
        folder.path(),
        &["diff", "git:--output=taken:a.json", "git:HEAD:a.json"],
    );
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("does not begin with `-`"),
        "{}",
        ended.stderr
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_comparison_that_is_refused_is_not_told_as_void() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        "a.yaml",
        &gate("20ms").replace("repeats: 5", "repeats: 2"),
    );
    let ended = run(folder.path(), &["run", "a.yaml"]);
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    let results = results(&folder.path().join("reports/gate"));
    let reasons = results["verdict"]["reasons"].to_string();
    assert!(
        reasons.contains("1 of 1 gates of the comparison refused: 2 blocks have a value"),
        "{reasons}"
    );
}
