//! When bytes came is told by the system: who was late to read them, client or simulator, does not count as the other's
//! time.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::support::{Mock, Process, WIDE, plimsoll, results, wait_for_records_in, write};

/// How long one side is kept from its processor.
const STOPPED: Duration = Duration::from_millis(500);
/// What each answer takes.
const SERVICE: f64 = 0.1;

/// Keeps a process from its processor for a while.
fn stop_for_a_while(process: &Process) {
    process.signal(Signal::STOP);
    process.wait_until_stopped();
    std::thread::sleep(STOPPED);
    process.signal(Signal::CONT);
}

/// The one cell of a load against a simulator in another process, while `stop` is done to either.
fn cell(folder: &Path, stop: impl Fn(&Process, &Process)) -> Value {
    let profile = format!("service: {{ kind: constant, value: {SERVICE}s }}");
    let mock = Mock::start(folder, &profile, &[]);
    let scenario = format!(
        "version: 1
name: arrival
targets: {{ mock: {{ protocol: http, path: /hello, base_url: '{}' }} }}
load: {{ rate: 50, duration: 2s }}
{WIDE}",
        mock.base_url
    );
    write(folder, "a.yaml", &scenario);
    let child = plimsoll(folder)
        .args(["run", "a.yaml"])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut client = Process(child);
    wait_for_records_in(&folder.join("reports/arrival.part"), &mut client);
    stop(&client, &mock.process);
    client.wait();
    results(&folder.join("reports/arrival"))["cells"][0].clone()
}

fn longest(cell: &Value, metric: &str) -> f64 {
    cell["metrics"][metric]["max"].as_f64().unwrap()
}

#[test]
#[cfg(target_os = "linux")]
fn what_came_while_we_were_stopped_is_not_the_servers_time() {
    let folder = tempfile::tempdir().unwrap();
    let cell = cell(folder.path(), |client, _| stop_for_a_while(client));
    // Five were on their way, and took 0.4 s more by when we were let go on.
    let untold = longest(&cell, "overhead");
    assert!(untold < STOPPED.as_secs_f64() / 2.0, "{untold}");
    // That it was read late is told, and that what should have been sent meanwhile was not.
    let read_late = cell["self_check"]["read_late_max"].as_f64().unwrap();
    assert!(read_late > STOPPED.as_secs_f64() - SERVICE, "{read_late}");
    assert_eq!(cell["validity"]["status"], "INVALID");
}

#[test]
#[cfg(target_os = "linux")]
fn what_came_while_the_simulator_was_stopped_is_its_own_time() {
    let folder = tempfile::tempdir().unwrap();
    let cell = cell(folder.path(), |_, mock| stop_for_a_while(mock));
    let seen = longest(&cell, "service");
    assert!(seen > STOPPED.as_secs_f64(), "{seen}");
    // 25 came while it was stopped, and it knows since when they waited.
    let untold = longest(&cell, "overhead");
    assert!(untold < STOPPED.as_secs_f64() / 2.0, "{untold} of {seen}");
}
