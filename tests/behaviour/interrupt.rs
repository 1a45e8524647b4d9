//! Runs that end before their time, by a signal or by their target.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::support::{Mock, Process, WIDE, chat, plimsoll, results, run, wait_for_records, write};

/// A run of the scenario that has records on disk.
fn recording(folder: &Path, scenario: &str, stderr: Stdio) -> Process {
    write(folder, "a.yaml", scenario);
    let child = plimsoll(folder)
        .args(["run", "a.yaml"])
        .stderr(stderr)
        .spawn()
        .unwrap();
    let mut process = Process(child);
    wait_for_records(folder, &mut process);
    process
}

#[test]
fn an_interrupted_run_says_so_and_the_second_one_is_refused_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = chat(
        "embedded: { ttft: 5ms }",
        &format!("load: {{ duration: 60s }}\n{WIDE}"),
    );
    let mut first = recording(folder.path(), &scenario, Stdio::piped());
    let second = run(folder.path(), &["run", "a.yaml"]);
    assert_eq!(second.code, Some(2), "{}", second.stderr);
    assert!(
        second.stderr.contains(&first.0.id().to_string()),
        "the pid is not named: {}",
        second.stderr
    );

    first.signal(Signal::INT);
    let stderr = BufReader::new(first.0.stderr.take().unwrap());
    let said: Vec<String> = stderr.lines().map(Result::unwrap).collect();
    assert_eq!(first.wait().code(), Some(130), "{said:?}");
    let results = results(&folder.path().join("reports/chat"));
    assert_eq!(results["incomplete"], true);
    let report = std::fs::read_to_string(folder.path().join("reports/chat/report.md")).unwrap();
    assert!(report.contains("INCOMPLETE"), "{report}");
}

/// What a question before the load may take by itself is ten seconds; what is in flight at a stop has five.
#[test]
fn a_stop_while_a_target_is_asked_before_its_load_ends_the_run_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("base_url: 'http://{}'", listener.local_addr().unwrap());
    for (asked, answer) in [
        ("ready: { path: /ready }", ""),
        (
            "ready: { path: /ready }",
            "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{",
        ),
        ("metadata: /version", ""),
    ] {
        let scenario = chat(&format!("{url}, {asked}"), "load: { requests: 1 }\n");
        write(folder.path(), "a.yaml", &scenario);
        let child = plimsoll(folder.path())
            .args(["run", "a.yaml"])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut process = Process(child);
        // The question has come, and gets no more of an answer than this.
        let (mut stream, _) = listener.accept().unwrap();
        assert!(stream.read(&mut [0; 4096]).unwrap() > 0, "{asked}");
        stream.write_all(answer.as_bytes()).unwrap();
        let began = Instant::now();
        process.signal(Signal::INT);
        let code = process.wait().code();
        let took = began.elapsed();
        let mut said = String::new();
        let mut stderr = process.0.stderr.take().unwrap();
        stderr.read_to_string(&mut said).unwrap();
        assert_eq!(code, Some(130), "{asked}: {said}");
        assert!(took < Duration::from_secs(5), "{asked}: {took:?}: {said}");
        assert!(said.contains("nothing was sent"), "{asked}: {said}");
        assert!(!folder.path().join("reports/chat").exists(), "{asked}");
    }
}

#[test]
fn an_interrupted_run_is_not_replaced_unless_that_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = chat(
        "embedded: { ttft: 5ms }",
        &format!("load: {{ duration: 60s }}\n{WIDE}"),
    );
    let mut first = recording(folder.path(), &scenario, Stdio::null());
    first.signal(Signal::INT);
    assert_eq!(first.wait().code(), Some(130));
    write(
        folder.path(),
        "b.yaml",
        &chat("embedded: {}", &format!("load: {{ requests: 2 }}\n{WIDE}")),
    );
    let refused = run(folder.path(), &["run", "b.yaml"]);
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("--restart"), "{}", refused.stderr);
    let restarted = run(folder.path(), &["run", "b.yaml", "--restart"]);
    assert_eq!(restarted.code, Some(0), "{}", restarted.stderr);
}

/// The limit of a shell or a service on the size of files: by itself its signal ends a process without a word.
#[test]
fn a_file_over_its_limit_ends_a_run_as_a_full_disk_does() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = chat(
        "embedded: {}",
        &format!("load: {{ requests: 3000, concurrency: 4 }}\n{WIDE}"),
    );
    write(folder.path(), "a.yaml", &scenario);
    let output = Command::new("sh")
        .args(["-c", "ulimit -f 40 && exec \"$0\" run a.yaml"])
        .arg(env!("CARGO_BIN_EXE_plimsoll"))
        .current_dir(folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(6), "{:?}: {said}", output.status);
    for part in ["File too large", ".part until `--restart`"] {
        assert!(said.contains(part), "{part} is missing: {said}");
    }
    let again = run(folder.path(), &["run", "a.yaml", "--restart"]);
    assert_eq!(again.code, Some(0), "{}", again.stderr);
}

#[test]
fn nothing_promises_to_resume_a_run_that_the_command_line_cannot_resume() {
    let folder = tempfile::tempdir().unwrap();
    let can = run(folder.path(), &["run", "--help"]).stdout;
    let help = run(folder.path(), &["--help"]).stdout;
    for says in [include_str!("../../README.md"), &help, &can] {
        assert!(
            can.contains("--resume") || !says.contains("resum"),
            "{says}"
        );
    }
}

#[test]
fn a_target_that_dies_halfway_leaves_a_whole_report() {
    let folder = tempfile::tempdir().unwrap();
    let mut mock = Mock::start(folder.path(), "ttft: 1ms\n", &[]);
    let scenario = chat(
        &format!("base_url: '{}'", mock.base_url),
        &format!("load: {{ duration: 3s, concurrency: 2, think_time: 5ms }}\n{WIDE}"),
    );
    let mut process = recording(folder.path(), &scenario, Stdio::piped());
    mock.process.0.kill().unwrap();
    mock.process.wait();
    let code = process.wait().code();
    let results = results(&folder.path().join("reports/chat"));
    assert_eq!(results["incomplete"], false);
    let outcomes = results["cells"][0]["outcomes"].as_object().unwrap();
    let failed = results["cells"][0]["requests"]["failed"].as_u64().unwrap();
    assert!(failed > 0, "{outcomes:?}");
    assert!(
        outcomes
            .keys()
            .any(|outcome| outcome == "connect" || outcome == "reset"),
        "{outcomes:?}"
    );
    assert!(matches!(code, Some(0 | 3 | 5)), "{code:?}");
}

#[test]
fn what_was_due_by_the_time_of_a_stop_is_a_row_and_counts() {
    let folder = tempfile::tempdir().unwrap();
    // One request at a time of 100 ms, 100 due a second: most of what is due waits.
    let scenario = chat(
        "embedded: { servers: 1, service: { kind: constant, median: 100ms } }",
        &format!("load: {{ rate: 100, concurrency: 1, duration: 60s }}\n{WIDE}"),
    );
    let mut process = recording(folder.path(), &scenario, Stdio::null());
    process.signal(Signal::INT);
    // As timeout and systemd do, whether the process is stopped or not.
    process.signal(Signal::CONT);
    assert_eq!(process.wait().code(), Some(130));
    let results = results(&folder.path().join("reports/chat"));
    let cell = &results["cells"][0];
    assert_eq!(
        cell["validity"]["reasons"],
        serde_json::json!(["a signal ended it before its time"])
    );
    let count = |name: &str| cell["requests"][name].as_u64().unwrap();
    assert!(count("unsent") > count("sent"), "{}", cell["requests"]);
    assert_eq!(count("intended"), count("sent") + count("unsent"));
    assert_eq!(cell["outcomes"]["unsent"], count("unsent"));
    assert_eq!(
        cell["slo"]["defined"],
        count("intended"),
        "unsent requests miss their limits"
    );
}

#[test]
fn a_stop_and_continue_voids_the_repeat_however_short_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = chat(
        "embedded: { ttft: 5ms }",
        &format!("load: {{ duration: 1s }}\n{WIDE}"),
    );
    let mut process = recording(folder.path(), &scenario, Stdio::null());
    // Not SIGTSTP: the system ignores it where no shell could continue the process, as under a test's.
    process.signal(Signal::STOP);
    process.wait_until_stopped();
    process.signal(Signal::CONT);
    assert_eq!(process.wait().code(), Some(3));
    let results = results(&folder.path().join("reports/chat"));
    let validity = &results["cells"][0]["validity"];
    assert_eq!(validity["status"], "INVALID");
    assert!(
        validity["reasons"].to_string().contains("SIGTSTP"),
        "{validity}"
    );
}

#[test]
fn what_was_in_flight_when_the_drain_ended_is_written_as_it_was_and_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = chat(
        "embedded: { ttft: 30s }",
        &format!("load: {{ rate: 20, duration: 300ms, drain: 100ms }}\n{WIDE}"),
    );
    write(folder.path(), "a.yaml", &scenario);
    let ended = run(folder.path(), &["run", "a.yaml"]);
    assert_eq!(ended.code, Some(5), "{}", ended.stderr);
    let results = results(&folder.path().join("reports/chat"));
    let cell = &results["cells"][0];
    assert_eq!(
        cell["outcomes"],
        serde_json::json!({ "timeout_total": 6 }),
        "{}",
        cell["outcomes"]
    );
    let took = cell["metrics_failed"]["e2e"]["max"].as_f64().unwrap();
    assert!(took < 5.0, "{took} s: it did not end with the drain");
    assert!(
        cell["warnings"].to_string().contains("time to drain"),
        "{}",
        cell["warnings"]
    );
}

#[test]
fn a_second_signal_ends_at_once_and_the_next_run_says_what_was_left() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = chat(
        "embedded: { ttft: 30s }",
        &format!("load: {{ duration: 60s, concurrency: 2 }}\n{WIDE}"),
    );
    write(folder.path(), "a.yaml", &scenario);
    let child = plimsoll(folder.path())
        .args(["run", "a.yaml"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut process = Process(child);
    let journal = folder.path().join("reports/chat.part/journal/repeats.log");
    while !journal.exists() {
        std::thread::yield_now();
    }
    process.signal(Signal::INT);
    let stderr = BufReader::new(process.0.stderr.take().unwrap());
    let mut said = stderr.lines().map(Result::unwrap);
    assert!(said.any(|line| line.contains("once more ends at once")));
    process.signal(Signal::INT);
    assert_eq!(process.wait().code(), Some(130));
    assert!(!folder.path().join("reports/chat").exists());
    let next = run(folder.path(), &["run", "a.yaml"]);
    assert_eq!(next.code, Some(2), "{}", next.stderr);
    assert!(
        next.stderr.contains("chat.part") && next.stderr.contains("--restart"),
        "{}",
        next.stderr
    );
}

#[test]
fn a_dataset_that_changes_during_a_run_ends_it_and_what_was_measured_stays() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "prompts.txt", "one\ntwo\n");
    let scenario = "version: 1
name: chat
targets: { server: { protocol: openai-chat, embedded: { ttft: 5ms } } }
datasets: { d: { kind: prompts, task: chat, path: prompts.txt } }
load: { duration: 1s, repeats: 2 }
";
    let mut process = recording(folder.path(), scenario, Stdio::piped());
    write(folder.path(), "prompts.txt", "one\nthree\n");
    let stderr = BufReader::new(process.0.stderr.take().unwrap());
    let said: Vec<String> = stderr.lines().map(Result::unwrap).collect();
    assert_eq!(process.wait().code(), Some(6), "{said:?}");
    let told = |words: &str| said.iter().any(|line| line.contains(words));
    assert!(told("dataset `d` changed"), "{said:?}");
    let journal = folder.path().join("reports/chat.part/journal");
    let kept = std::fs::read_dir(journal).unwrap().count();
    assert!(kept > 0, "the first repeat is lost");
}
