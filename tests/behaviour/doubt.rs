//! A search is not to blame the target for what the generator itself did not see in time.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::support::{Ended, results, write};

/// A full house is there by then; what is not is none.
const GATHERED: Duration = Duration::from_secs(1);
/// The limit is 3 s, and each answer of a full house is there before it.
const ANSWERED: Duration = Duration::from_millis(2940);
/// By so much the server itself may be late without missing the limit.
const SPARE: Duration = Duration::from_millis(50);
/// For so long the client does not get to run when the answers come: it sees them 50 ms after the limit.
const STOPPED: Duration = Duration::from_millis(110);
/// The last answer comes so late that the stall is within the hundredth of the probe's time that makes no probe void.
const LAST: Duration = Duration::from_secs(8);
/// Requests of a repeat, and of a full house: more than show that half of them keep a limit.
const REQUESTS: usize = 9;

fn answer(mut stream: &TcpStream) {
    let _ =
        stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}");
}

/// Requests as they come, each when its head has been read.
fn requests() -> (String, Receiver<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (tell, requests) = mpsc::channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let (mut head, mut byte) = (Vec::new(), [0]);
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1)
            {
                head.push(byte[0]);
            }
            if tell.send(stream).is_err() {
                return;
            }
        }
    });
    (url, requests)
}

/// Answers what is no full house as soon as that is known. Else it stops the client while it answers all but the first; tells
/// by how much it was late itself.
fn serve(requests: &Receiver<TcpStream>, client: Pid, late: &Sender<Duration>) {
    while let Ok(first) = requests.recv() {
        let begun = Instant::now();
        let until = |moment: Duration| moment.saturating_sub(begun.elapsed());
        let more = std::iter::from_fn(|| requests.recv_timeout(until(GATHERED)).ok());
        let others: Vec<TcpStream> = more.take(REQUESTS - 1).collect();
        if others.len() < REQUESTS - 1 {
            others.iter().for_each(answer);
        } else {
            std::thread::sleep(until(ANSWERED));
            kill_process(client, Signal::STOP).unwrap();
            late.send(begun.elapsed().saturating_sub(ANSWERED)).unwrap();
            // Its other threads stop a moment after the one that took the signal.
            std::thread::sleep(STOPPED / 9);
            others.iter().for_each(answer);
            std::thread::sleep(STOPPED / 9 * 8);
            kill_process(client, Signal::CONT).unwrap();
            std::thread::sleep(until(LAST));
        }
        answer(&first);
    }
}

/// What blocks the signal that lets a stopped process go on: it does, and never sees it.
const FRONT: [&str; 2] = ["env", "--block-signal=CONT"];

/// A search over a server that stops its client; and the most by which the server was late itself.
fn searched(folder: &Path) -> (Ended, Duration) {
    let (url, requests) = requests();
    let scenario = format!(
        "version: 1
name: chat
targets: {{ server: {{ protocol: http, path: /, base_url: '{url}', http: {{ client: reqwest }} }} }}
matrix: {{ concurrency: {{ search: {{ min: 5, max: {REQUESTS}, precision: 85% }} }} }}
load: {{ requests: {REQUESTS} }}
slo: {{ request: {{ e2e: 4s }}, objectives: [service.p50 <= 3s] }}
"
    );
    write(folder, "a.yaml", &scenario);
    let child = Command::new(FRONT[0])
        .args(&FRONT[1..])
        .arg(env!("CARGO_BIN_EXE_plimsoll"))
        .args(["run", "a.yaml", "--print", "capacity"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = Pid::from_raw(child.id().try_into().unwrap()).unwrap();
    let (tell, late) = mpsc::channel();
    std::thread::spawn(move || serve(&requests, pid, &tell));
    let output = child.wait_with_output().unwrap();
    let ended = Ended {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    };
    (ended, late.try_iter().max().unwrap_or_default())
}

/// The client is held up as a hypervisor or a busy neighbour would hold it up: it is stopped and cannot know. By reqwest,
/// whose stamps are those of its reading: ours are the system's.
#[test]
fn a_probe_that_misses_by_the_generators_own_stall_is_doubtful_and_the_answer_at_least() {
    let allowed = Command::new(FRONT[0]).args([FRONT[1], "true"]).status();
    if !allowed.is_ok_and(|status| status.success()) {
        eprintln!("skipped: {FRONT:?} is not to be had here");
        return;
    }
    for _ in 0..3 {
        let folder = tempfile::tempdir().unwrap();
        let (ended, late) = searched(folder.path());
        let out = folder.path().join("reports/chat");
        let search = &results(&out)["searches"][0];
        let probes = search["probes"].as_array().unwrap();
        // Where this machine was taken away from the server, or from the client for longer than is allowed.
        let invalid = probes.iter().any(|probe| probe["verdict"] == "invalid");
        if invalid || late > SPARE {
            eprintln!("again: {search:#}");
            continue;
        }
        let probe = probes.last().unwrap();
        assert_eq!(probe["verdict"], "doubtful", "{search:#}");
        let reason = "service.p50 <= 3s is missed by no more than the generator itself did not get to run meanwhile";
        assert_eq!(probe["reason"], reason);
        let capacity = &search["capacity"];
        assert_eq!(capacity["value"], 5.0, "{capacity}");
        assert_eq!(capacity["at_least"], true, "{capacity}");
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert_eq!(ended.stdout, "5\n");
        let report = std::fs::read_to_string(out.join("report.md")).unwrap();
        let told = "at least 5 requests in flight";
        assert!(ended.stderr.contains(told), "{}", ended.stderr);
        for told in [told, "doubtful", reason] {
            assert!(report.contains(told), "{told}: {report}");
        }
        return;
    }
    eprintln!(
        "skipped: this machine is taken away too often to stall a client for so short a time"
    );
}
