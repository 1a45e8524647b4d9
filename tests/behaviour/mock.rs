//! `plimsoll mock`: the simulator as a process.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use rustix::process::Signal;

use crate::support::{Mock, Process, plimsoll, run};

#[test]
fn it_answers_once_its_address_is_printed_and_ends_well_when_told_to() {
    let folder = tempfile::tempdir().unwrap();
    for signal in [Signal::INT, Signal::TERM] {
        let mut mock = Mock::start(folder.path(), "servers: 2", &[]);
        assert!(mock.ask("GET", "/health", "").starts_with("HTTP/1.1 200 "));
        mock.process.signal(signal);
        assert_eq!(mock.process.wait().code(), Some(0));
    }
}

#[test]
fn it_ends_with_its_standard_input_where_it_was_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let child = plimsoll(folder.path())
        .args(["mock", "--until-eof"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut mock = Process(child);
    let mut address = String::new();
    let stdout = mock.0.stdout.take().unwrap();
    BufReader::new(stdout).read_line(&mut address).unwrap();
    assert!(address.starts_with("http://127.0.0.1:"), "{address}");
    assert!(mock.0.try_wait().unwrap().is_none());
    drop(mock.0.stdin.take());
    assert_eq!(mock.wait().code(), Some(0));
}

#[test]
fn the_seed_of_the_command_line_wins_and_decides_every_answer() {
    let folder = tempfile::tempdir().unwrap();
    let body = r#"{"messages":[{"role":"user","content":"hi"}]}"#;
    let text = |arguments: &[&str]| {
        let answer = Mock::start(folder.path(), "seed: 3", arguments).ask(
            "POST",
            "/v1/chat/completions",
            body,
        );
        answer.split_once("\"content\":").unwrap().1.to_owned()
    };
    let of_profile = text(&[]);
    assert_eq!(of_profile, text(&["--seed", "3"]));
    assert_ne!(of_profile, text(&["--seed", "4"]));
}

#[test]
fn a_profile_with_an_unknown_key_is_bad_usage() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("profile.yaml"), "sevrers: 2\n").unwrap();
    let ended = run(folder.path(), &["mock", "--profile", "profile.yaml"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("sevrers"), "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
}

#[test]
fn a_profile_that_contradicts_itself_is_bad_usage() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("profile.yaml"),
        "service: { kind: lognormal, median: 80ms }\n",
    )
    .unwrap();
    let ended = run(folder.path(), &["mock", "--profile", "profile.yaml"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("sigma"), "{}", ended.stderr);
}

#[test]
fn connections_that_hang_for_want_of_descriptors_are_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let child = Command::new("sh")
        .args(["-c", "ulimit -n 20; exec \"$0\" mock"])
        .arg(env!("CARGO_BIN_EXE_plimsoll"))
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut process = Process(child);
    let mut address = String::new();
    let stdout = process.0.stdout.take().unwrap();
    BufReader::new(stdout).read_line(&mut address).unwrap();
    let base_url = address.trim().to_owned();
    let connect = |_| TcpStream::connect(base_url.trim_start_matches("http://")).unwrap();
    let streams: Vec<TcpStream> = (0..40).map(connect).collect();
    let mut stderr = BufReader::new(process.0.stderr.take().unwrap());
    let mut said = String::new();
    stderr.read_line(&mut said).unwrap();
    assert!(
        said.contains("descriptor") && said.contains("ulimit -n"),
        "{said}"
    );
    drop(streams);
    let mut mock = Mock { process, base_url };
    assert!(mock.ask("GET", "/health", "").starts_with("HTTP/1.1 200 "));
    mock.process.signal(Signal::TERM);
    assert_eq!(mock.process.wait().code(), Some(0));
    let mut more = String::new();
    stderr.read_to_string(&mut more).unwrap();
    assert_eq!(more, "");
}

#[test]
fn a_port_that_is_taken_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let ended = run(folder.path(), &["mock", "--port", &port]);
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.stderr.contains(&port) && ended.stderr.contains("help:"),
        "{}",
        ended.stderr
    );
}
