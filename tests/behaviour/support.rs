//! Starts the binary, and simulators of it, for the tests of this folder and of `tests/truth`.

use std::cell::Cell;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// The binary, with an environment that does not depend on who runs the tests.
pub fn plimsoll(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    command.current_dir(folder).env_clear().stdin(Stdio::null());
    // Where the linker of the system needs it.
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
}

/// How a command ended and what it said.
#[derive(Debug)]
pub struct Ended {
    /// The exit code; `None` where a signal ended it.
    pub code: Option<i32>,
    /// Data.
    pub stdout: String,
    /// Words.
    pub stderr: String,
}

/// Held by who runs a command beside others, and alone by who may not be disturbed.
static MACHINE: RwLock<()> = RwLock::new(());

thread_local! {
    static HOLDS_IT_ALONE: Cell<bool> = const { Cell::new(false) };
}

/// While it is held, no other test's command runs.
pub struct Alone {
    _machine: RwLockWriteGuard<'static, ()>,
}

/// Waits for the other tests' commands and keeps further ones off: for a run whose own limits are so tight that tests
/// beside it would void it.
pub fn alone() -> Alone {
    let machine = MACHINE.write().unwrap_or_else(PoisonError::into_inner);
    HOLDS_IT_ALONE.set(true);
    Alone { _machine: machine }
}

impl Drop for Alone {
    fn drop(&mut self) {
        HOLDS_IT_ALONE.set(false);
    }
}

fn beside_others() -> Option<RwLockReadGuard<'static, ()>> {
    let shares = !HOLDS_IT_ALONE.get();
    shares.then(|| MACHINE.read().unwrap_or_else(PoisonError::into_inner))
}

/// Runs a command to its end.
pub fn run(folder: &Path, arguments: &[&str]) -> Ended {
    let _beside = beside_others();
    let output = plimsoll(folder)
        .args(arguments)
        .output()
        .expect("the binary starts");
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("stdout is UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("stderr is UTF-8"),
    }
}

/// A child that does not outlive its test.
#[derive(Debug)]
pub struct Process(pub Child);

impl Process {
    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.0.id()).expect("a pid")).expect("a pid above 0");
        kill_process(pid, signal).expect("the process is there");
    }

    /// Waits until the system says that it has been stopped.
    pub fn wait_until_stopped(&self) {
        let stat = format!("/proc/{}/stat", self.0.id());
        let state = || {
            std::fs::read_to_string(&stat)
                .ok()?
                .rsplit_once(')')?
                .1
                .trim()
                .chars()
                .next()
        };
        while state() != Some('T') {
            assert!(!matches!(state(), None | Some('Z')), "it has ended");
            std::thread::yield_now();
        }
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> ExitStatus {
        self.0.wait().expect("the process ends")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Limits so wide that no lateness of a busy test machine voids a cell.
pub const WIDE: &str = "slo: { request: { e2e: 60s } }\n";

/// Writes a file.
pub fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).unwrap();
}

/// A report's `results.json`.
pub fn results(folder: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(folder.join("results.json")).unwrap()).unwrap()
}

/// A scenario of one chat server with tiny requests; `rest` follows the targets and datasets.
pub fn chat(target: &str, rest: &str) -> String {
    format!(
        "version: 1
name: chat
targets:
  server: {{ protocol: openai-chat, model: m, {target} }}
datasets:
  short: {{ kind: random, task: chat, prompt_tokens: 8, output_tokens: 4 }}
{rest}"
    )
}

/// Waits until the run of [`chat`] has records of requests in its journal.
pub fn wait_for_records(folder: &Path, run: &mut Process) {
    wait_for_records_in(&folder.join("reports/chat.part"), run);
}

/// Waits until a run has records of requests in the journal of its report in the making.
pub fn wait_for_records_in(part: &Path, run: &mut Process) {
    let journal = part.join("journal/repeats.log");
    while std::fs::metadata(&journal).map_or(0, |file| file.len()) < 100 {
        assert!(
            run.0.try_wait().unwrap().is_none(),
            "the run ended by itself"
        );
        std::thread::yield_now();
    }
}

/// A simulator: `plimsoll mock`.
#[derive(Debug)]
pub struct Mock {
    /// The process.
    pub process: Process,
    /// Where it answers.
    pub base_url: String,
}

impl Mock {
    /// Starts a simulator with a profile (YAML) and further arguments.
    pub fn start(folder: &Path, profile: &str, arguments: &[&str]) -> Self {
        let file = folder.join("profile.yaml");
        std::fs::write(&file, profile).expect("the profile is written");
        let child = plimsoll(folder)
            .args(["mock", "--profile", "profile.yaml"])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut process = Process(child);
        let stdout = process.0.stdout.take().expect("stdout is piped");
        let mut base_url = String::new();
        BufReader::new(stdout)
            .read_line(&mut base_url)
            .expect("the address comes");
        let base_url = base_url.trim().to_owned();
        assert!(
            base_url.starts_with("http://127.0.0.1:"),
            "{base_url:?} is no address"
        );
        Self { process, base_url }
    }

    /// The answer to a request, head and body as they came, without the library that is under test.
    pub fn ask(&self, method: &str, path: &str, body: &str) -> String {
        let address = self.base_url.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).expect("it listens");
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .expect("a time-out");
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .expect("the request is sent");
        let mut answer = String::new();
        stream
            .read_to_string(&mut answer)
            .expect("the answer is text");
        answer
    }
}
