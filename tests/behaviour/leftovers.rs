//! What repeats that are cut short leave behind in the process: no thread of theirs, no connection.

use std::net::TcpListener;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use super::support::{Process, WIDE, chat, plimsoll, write};

/// The threads of a process, by name.
fn threads(pid: u32) -> Vec<String> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let mut names: Vec<String> = tasks
        .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok())
        .map(|name| name.trim().to_owned())
        .collect();
    names.sort();
    names
}

/// A target that takes connections and answers nothing, so that each repeat's two requests are cut. It looks at the
/// process whenever one comes; had each repeat left one thread, the last would see five more than the first.
#[test]
fn repeats_that_are_cut_leave_no_thread_and_no_connection_to_those_that_follow() {
    const REPEATS: usize = 6;
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("base_url: 'http://{}'", listener.local_addr().unwrap());
    let load = format!(
        "load: {{ concurrency: 2, duration: 100ms, drain: 50ms, repeats: {REPEATS} }}\n{WIDE}"
    );
    write(folder.path(), "a.yaml", &chat(&url, &load));
    let child = plimsoll(folder.path())
        .args(["run", "a.yaml"])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let pid = child.id();
    let mut process = Process(child);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let saw = Arc::clone(&seen);
    std::thread::spawn(move || {
        // Those of the repeat before have been closed by the other side when one of the next comes.
        let mut open: Vec<std::net::TcpStream> = Vec::new();
        for stream in listener.incoming().flatten() {
            open.retain(|stream| {
                stream.set_nonblocking(true).unwrap();
                is_open(stream)
            });
            open.push(stream);
            saw.lock().unwrap().push((threads(pid), open.len()));
        }
    });
    assert_eq!(process.wait().code(), Some(5), "nothing was answered");
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 2 * REPEATS, "{seen:?}");
    let (first, last) = (&seen[1].0, &seen[2 * REPEATS - 1].0);
    assert!(
        first.iter().any(|name| name.starts_with("lane-")),
        "{first:?}"
    );
    assert!(last.len() <= first.len() + 1, "{first:?}, then {last:?}");
    assert!(seen.iter().all(|(_, open)| *open <= 2), "{seen:?}");
}

/// Whether the other side has not closed a connection; what came over it is thrown away.
fn is_open(mut stream: &std::net::TcpStream) -> bool {
    use std::io::Read as _;
    let mut bytes = [0; 4096];
    loop {
        match stream.read(&mut bytes) {
            Ok(0) => return false,
            Ok(_) => {}
            Err(error) => return error.kind() == std::io::ErrorKind::WouldBlock,
        }
    }
}
