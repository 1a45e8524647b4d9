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
