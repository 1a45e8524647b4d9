//! Targets that are not there, or not yet: what was tried, who is blamed, and where it is told.

use super::support::{Mock, WIDE, chat, results, run, write};

#[test]
fn a_dead_target_is_reported_with_what_was_tried() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        "a.yaml",
        &chat(
            "base_url: 'http://127.0.0.1:9', ready: { path: /health, within: 300ms, every: 50ms }",
            "load: { requests: 1 }\n",
        ),
    );
    let ended = run(folder.path(), &["run", "a.yaml"]);
    assert_eq!(ended.code, Some(5), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("http://127.0.0.1:9/health"),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.contains("tried"), "{}", ended.stderr);
    assert!(ended.stderr.contains("help:"), "{}", ended.stderr);
}

#[test]
fn readiness_is_asked_for_once_more_when_its_budget_ends() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        "a.yaml",
        &chat(
            "base_url: 'http://127.0.0.1:9', ready: { path: /health, within: 600ms, every: 60s }",
            "load: { requests: 1 }\n",
        ),
    );
    let began = std::time::Instant::now();
    let ended = run(folder.path(), &["run", "a.yaml"]);
    assert_eq!(ended.code, Some(5), "{}", ended.stderr);
    assert!(ended.stderr.contains("2 times"), "{}", ended.stderr);
    assert!(
        began.elapsed().as_millis() >= 600,
        "given up before its time: {}",
        ended.stderr
    );
}

/// A name may have several addresses; the server listens at one of them.
#[test]
fn the_addresses_of_a_name_are_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let mock = Mock::start(folder.path(), "{ ttft: 1ms }", &[]);
    let port = mock.base_url.rsplit(':').next().unwrap();
    let target = format!("base_url: 'http://localhost:{port}'");
    let load = format!("load: {{ requests: 3 }}\n{WIDE}");
    write(folder.path(), "a.yaml", &chat(&target, &load));
    let ended = run(folder.path(), &["run", "a.yaml"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let results = results(&folder.path().join("reports/chat"));
    assert_eq!(results["cells"][0]["requests"]["ok"], 3);
    let addresses = results["environment"]["addresses"]["server"].to_string();
    assert!(
        addresses.contains(&format!("\"127.0.0.1:{port}\"")),
        "{addresses}"
    );
}

#[test]
fn a_dead_target_is_blamed_by_its_address_and_the_generator_is_not() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        "a.yaml",
        &chat(
            "base_url: 'http://127.0.0.1:9'",
            &format!("load: {{ requests: 3, warmup: {{ requests: 2 }} }}\n{WIDE}"),
        ),
    );
    let ended = run(folder.path(), &["run", "a.yaml"]);
    assert_eq!(ended.code, Some(5), "{}", ended.stderr);
    assert!(!ended.stderr.contains("generator"), "{}", ended.stderr);
    let report = std::fs::read_to_string(folder.path().join("reports/chat/report.md")).unwrap();
    assert!(!report.contains("generator"), "{report}");
    for said in [&ended.stderr, &report] {
        assert!(said.contains("the target answered no warm-up"), "{said}");
        assert!(said.contains("127.0.0.1:9"), "{said}");
    }
    // Without warm-ups the requests themselves are refused.
    write(
        folder.path(),
        "b.yaml",
        &chat(
            "base_url: 'http://127.0.0.1:9'",
            &format!("load: {{ requests: 3 }}\n{WIDE}"),
        ),
    );
    let ended = run(folder.path(), &["run", "b.yaml", "--out", "b"]);
    assert_eq!(ended.code, Some(5), "{}", ended.stderr);
    assert!(ended.stderr.contains("127.0.0.1:9"), "{}", ended.stderr);
    // They were tried, so that the generator kept up; nothing of them ever reached a socket.
    let cell = &results(&folder.path().join("b"))["cells"][0];
    assert_eq!(
        cell["requests"],
        serde_json::json!({
            "intended": 3, "tried": 3, "sent": 0, "ok": 0, "failed": 3, "unsent": 0, "attempts": 3
        })
    );
    assert_eq!(cell["metrics"]["achieved_ratio"], 0.0);
    let check = &cell["self_check"];
    assert_eq!(check["tried_ratio"], 1.0, "{check}");
    let last = check["seconds"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["tried"], &last["sent"]), (&3.into(), &0.into()));
    let csv = std::fs::read_to_string(folder.path().join("b/results.csv")).unwrap();
    assert!(csv.contains("requests.tried,requests.sent,"), "{csv}");
}

#[test]
fn why_requests_failed_stands_in_the_results() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        "a.yaml",
        &chat("base_url: 'http://127.0.0.1:9'", "load: { requests: 2 }\n"),
    );
    let ended = run(folder.path(), &["run", "a.yaml"]);
    assert_eq!(ended.code, Some(5), "{}", ended.stderr);
    let results = results(&folder.path().join("reports/chat"));
    let warnings = results["cells"][0]["warnings"].to_string();
    assert!(
        warnings.contains("connect, 2 times") && warnings.contains("refused"),
        "{warnings}"
    );
}
