//! What takes the generator's processors away, forced for certain, is found, and makes the cell void: a hog beside it, a
//! quota, a load beyond what it has.
//!
//! No figure is held against a clock here. Where the machine does not allow a test to force a thing, it says so and ends.
//! What no test can do to a machine (a hypervisor that takes time, memory that is swapped) is done to what the system says of
//! itself: for the run alone, a file of ours stands in the place of its.

use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use serde_json::Value;

use super::ALONE;
use super::support::{Process, WIDE, chat, results, wait_for_records, write};

/// A run of `a.yaml` that a program in front of it (`taskset`, `nice`) sets up.
fn by(folder: &Path, front: &[&str]) -> Command {
    let mut command = Command::new(front[0]);
    command
        .args(&front[1..])
        .args([env!("CARGO_BIN_EXE_plimsoll"), "run", "a.yaml"])
        .current_dir(folder)
        .stdin(Stdio::null());
    command
}

/// Whether a command can be had on this machine; says so where not.
fn allows(command: &mut Command) -> bool {
    match command.output() {
        Ok(output) if output.status.success() => true,
        other => {
            eprintln!("skipped: {command:?} is not to be had here: {other:?}");
            false
        }
    }
}

/// The one cell of the report, and its reasons as one text.
fn only_cell(folder: &Path) -> (Value, String) {
    let cell = results(&folder.join("reports/chat"))["cells"][0].clone();
    let reasons = cell["validity"]["reasons"].to_string();
    eprintln!("{}: {reasons}", cell["validity"]["status"]);
    (cell, reasons)
}

/// Something that never rests, on the first processor.
fn hog() -> Process {
    let spin = ["-c", "0", "sh", "-c", "while :; do :; done"];
    Process(Command::new("taskset").args(spin).spawn().unwrap())
}

#[test]
fn a_hog_on_the_same_processor_voids_what_was_measured_beside_it() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let front = ["nice", "-n", "19", "taskset", "-c", "0"];
    if !allows(Command::new(front[0]).args(&front[1..]).arg("true")) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let load = "load: { rate: 200, duration: 3s }\n";
    write(folder.path(), "a.yaml", &chat("embedded: {}", load));
    let child = by(folder.path(), &front).stderr(Stdio::null()).spawn();
    let mut process = Process(child.unwrap());
    wait_for_records(folder.path(), &mut process);
    // By its weight it gets one part in a hundred and forty beside two of these.
    let hogs = [hog(), hog()];
    std::thread::sleep(Duration::from_secs(2));
    drop(hogs);
    assert_eq!(process.wait().code(), Some(3));
    let (cell, reasons) = only_cell(folder.path());
    assert_eq!(cell["validity"]["status"], "INVALID");
    assert!(reasons.contains("did not get to run"), "{reasons}");
    assert!(reasons.contains("stop what else runs"), "{reasons}");
}

#[test]
fn a_generator_that_uses_its_one_processor_up_is_void() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    // Ahead of others, where we may be.
    let front = ["nice", "-n", "-15", "taskset", "-c", "0"];
    if !allows(Command::new(front[0]).args(&front[1..]).arg("true")) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let load = format!("load: {{ concurrency: 8, duration: 7s }}\n{WIDE}");
    write(folder.path(), "a.yaml", &chat("embedded: {}", &load));
    let output = by(folder.path(), &front).output().unwrap();
    let (cell, reasons) = only_cell(folder.path());
    assert_eq!(cell["self_check"]["processors"], 1.0);
    let seconds = cell["self_check"]["seconds"].as_array().unwrap();
    let shares: Vec<f64> = seconds
        .iter()
        .filter_map(|second| second["cpu_share"].as_f64())
        .collect();
    let full = |window: &[f64]| window.iter().all(|&share| share > 0.8);
    if !shares.windows(5).any(full) {
        eprintln!("skipped: others had the processor: {shares:?}");
        return;
    }
    assert_eq!(output.status.code(), Some(3));
    assert!(
        reasons.contains("of the one processor that it has for 5 s, 80 % are allowed"),
        "{reasons}"
    );
}

#[test]
fn a_rate_that_the_machine_cannot_offer_is_void_and_told_with_the_one_that_it_could() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let front = ["taskset", "-c", "0"];
    if !allows(Command::new(front[0]).args(&front[1..]).arg("true")) {
        return;
    }
    for cap in ["inf", "64"] {
        let folder = tempfile::tempdir().unwrap();
        // Five microseconds a request, both ends of it, on one processor.
        let load = format!("load: {{ rate: 200000, concurrency: {cap}, duration: 300ms }}\n");
        write(folder.path(), "a.yaml", &chat("embedded: {}", &load));
        let output = by(folder.path(), &front).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(3), "{cap}: {said}");
        let (cell, reasons) = only_cell(folder.path());
        assert_eq!(cell["validity"]["status"], "INVALID", "{cap}");
        let rate = cell["self_check"]["sent_rate"].as_f64().unwrap();
        assert!(rate < 190_000.0, "{cap}: {rate}");
        let told = "/s of the 200,000/s that were asked for";
        assert!(reasons.contains(told), "{cap}: {reasons}");
        assert!(folder.path().join("reports/chat/report.md").exists());
    }
}

/// A control group that is removed when the test is over.
struct Group(PathBuf);

impl Group {
    /// One that may use half a processor; `None`, with the reason on standard error, where the system lets us have none.
    fn of_half_a_processor() -> Option<Self> {
        let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        for mount in mounts.lines() {
            let fields: Vec<&str> = mount.split(' ').collect();
            let [_, point, kind, options, ..] = fields[..] else {
                continue;
            };
            let (file, quota) = match kind {
                "cgroup2" => ("cpu.max", "50000 100000"),
                "cgroup" if options.split(',').any(|option| option == "cpu") => {
                    ("cpu.cfs_quota_us", "50000")
                }
                _ => continue,
            };
            let group = Path::new(point).join(format!("plimsoll-test-{}", std::process::id()));
            if std::fs::create_dir(&group).is_err() {
                continue;
            }
            let group = Self(group);
            if group.0.join(file).exists() && std::fs::write(group.0.join(file), quota).is_ok() {
                return Some(group);
            }
        }
        eprintln!("skipped: no control group with a quota can be made here");
        None
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir(&self.0);
    }
}

#[test]
fn a_quota_below_one_processor_is_what_the_generator_has() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(group) = Group::of_half_a_processor() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        "a.yaml",
        &chat("embedded: {}", "load: { concurrency: 8, duration: 7s }\n"),
    );
    let enter = format!(
        "echo $$ > '{}/cgroup.procs' && exec \"$@\"",
        group.0.display()
    );
    if !allows(Command::new("sh").args(["-c", &enter, "sh", "true"])) {
        return;
    }
    let output = by(folder.path(), &["sh", "-c", &enter, "sh"])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{said}");
    let (cell, reasons) = only_cell(folder.path());
    assert_eq!(cell["validity"]["status"], "INVALID");
    assert_eq!(cell["self_check"]["processors"], 0.5);
    assert!(
        cell["self_check"]["throttled_max"].as_f64().unwrap() > 0.0,
        "{}",
        cell["self_check"]
    );
    assert!(
        reasons.contains("the quota of its container or service kept it from running"),
        "{reasons}"
    );
}

/// A file of the system and what it says at a step of time, always of one length.
type Told = (&'static str, fn(u64) -> String);

/// Runs `a.yaml` in a mount namespace where files of ours, which go on by a step each 10 ms, stand for the system's; its
/// exit code. `None`, with the reason on standard error, where the system does not let us.
fn told_by_the_system(folder: &Path, told: &[Told]) -> Option<i32> {
    let write = |step: u64| {
        for (number, (_, says)) in told.iter().enumerate() {
            let path = folder.join(format!("told-{number}"));
            let file = std::fs::File::options()
                .write(true)
                .create(true)
                .truncate(false)
                .open(path);
            // In one write in its place: never is it seen empty.
            file.unwrap()
                .write_all_at(says(step).as_bytes(), 0)
                .unwrap();
        }
    };
    write(0);
    let mounts = told.iter().enumerate();
    let mut enter: Vec<String> = mounts
        .map(|(number, (system, _))| format!("mount --bind told-{number} {system}"))
        .collect();
    enter.push("exec \"$@\"".to_owned());
    let enter = enter.join(" && ");
    let front = [
        "unshare",
        "--map-root-user",
        "--mount",
        "sh",
        "-c",
        &enter,
        "sh",
    ];
    let mut attempt = Command::new(front[0]);
    if !allows(attempt.args(&front[1..]).arg("true").current_dir(folder)) {
        return None;
    }
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for step in 1.. {
                if over.load(Relaxed) {
                    return;
                }
                write(step);
                // As the system's own counters, they go on with time.
                std::thread::sleep(Duration::from_millis(10));
            }
        });
        let output = by(folder, &front).output().unwrap();
        over.store(true, Relaxed);
        output.status.code()
    })
}

/// Of each step, seven parts in a hundred.
#[test]
fn time_that_a_hypervisor_took_for_five_seconds_voids_the_cell() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let load = format!("load: {{ rate: 20, duration: 6s }}\n{WIDE}");
    write(folder.path(), "a.yaml", &chat("embedded: {}", &load));
    let stat: fn(u64) -> String =
        |step| format!("cpu  {:012} 0 0 0 0 0 0 {:012} 0 0\n", 93 * step, 7 * step);
    let Some(code) = told_by_the_system(folder.path(), &[("/proc/stat", stat)]) else {
        return;
    };
    assert_eq!(code, 3);
    let (cell, reasons) = only_cell(folder.path());
    assert_eq!(cell["validity"]["status"], "INVALID");
    assert!(reasons.contains("stole 7.0 %"), "{reasons}");
    assert_eq!(cell["self_check"]["steal_max"], 0.07);
}

#[test]
fn memory_that_was_swapped_and_waited_for_voids_the_cell() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let load = format!("load: {{ rate: 20, duration: 2s }}\n{WIDE}");
    write(folder.path(), "a.yaml", &chat("embedded: {}", &load));
    let swapped: fn(u64) -> String = |step| format!("pswpin {step:012}\n");
    let faults: fn(u64) -> String =
        |step| format!("1 (plimsoll) S 1 1 1 1 1 1 1 1 {step:012} 0 0 0\n");
    // The shell becomes the run, and keeps its number.
    let told = [("/proc/vmstat", swapped), ("/proc/$$/stat", faults)];
    let Some(code) = told_by_the_system(folder.path(), &told) else {
        return;
    };
    assert_eq!(code, 3);
    let (cell, reasons) = only_cell(folder.path());
    assert_eq!(cell["validity"]["status"], "INVALID");
    assert!(reasons.contains("the machine swapped"), "{reasons}");
    assert!(cell["self_check"]["swapped_in"].as_u64() > Some(0));
}
