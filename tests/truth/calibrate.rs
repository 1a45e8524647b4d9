//! What disturbs a calibration does not end its search for the highest rate.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::sync::PoisonError;
use std::time::Duration;

use rustix::process::Signal;

use super::ALONE;
use super::support::{Process, plimsoll, wait_for_records_in};

/// Each probe of a whole calibration is told on a line of its own once it has ended.
#[test]
fn a_rate_whose_probe_was_stalled_is_measured_again_before_another_is_tried() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let child = plimsoll(folder.path())
        .args(["calibrate", "--out", "c.json"])
        .stderr(Stdio::piped())
        .spawn();
    let mut process = Process(child.unwrap());
    wait_for_records_in(&folder.path().join("c.json.part/rates.part"), &mut process);
    process.signal(Signal::STOP);
    process.wait_until_stopped();
    // The stall itself: far beyond the 5 ms that lateness may have, and a small part of a probe.
    std::thread::sleep(Duration::from_millis(500));
    process.signal(Signal::CONT);
    let lines = BufReader::new(process.0.stderr.take().unwrap()).lines();
    let probes = lines
        .map_while(Result::ok)
        .filter(|line| line.contains("rate="));
    let probes: Vec<String> = probes.take(2).collect();
    process.signal(Signal::INT);
    assert_eq!(process.wait().code(), Some(130));
    assert!(
        probes.len() == 2 && probes.iter().all(|line| line.contains("rate=250:")),
        "{probes:?}"
    );
}
