//! What a server that floods costs in memory.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use super::support::{Process, WIDE, plimsoll, results, write};

/// A server that answers each request with a head and then with `body` bytes, or until the client has enough.
fn server(content_type: &'static str, body: u64) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer(stream, content_type, body));
        }
    });
    format!("http://{address}")
}

fn answer(mut stream: TcpStream, content_type: &str, body: u64) {
    let block = vec![b'1'; 1 << 20];
    let mut seen = vec![0; 64 << 10];
    while stream.read(&mut seen).is_ok_and(|read| read > 0) {
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {body}\r\n\r\n"
        );
        if stream.write_all(head.as_bytes()).is_err() {
            return;
        }
        let mut left = body;
        while left > 0 {
            let part = left.min(block.len() as u64);
            let Ok(()) = stream.write_all(&block[..usize::try_from(part).unwrap()]) else {
                return;
            };
            left -= part;
        }
    }
}

/// Runs a scenario, and gives the most memory that it had resident, in MiB, and its outcomes.
fn most_memory(folder: &Path, target: &str) -> (u64, String) {
    let dataset = if target.contains("chat") {
        "datasets: { d: { kind: prompts, task: chat, rows: [{ prompt: one }] } }\n"
    } else {
        ""
    };
    let scenario = format!(
        "version: 1\nname: flood\ntargets: {{ server: {{ {target} }} }}\n{dataset}load: {{ requests: 1 }}\n{WIDE}"
    );
    write(folder, "a.yaml", &scenario);
    let child = plimsoll(folder)
        .args(["run", "a.yaml", "--restart"])
        .stderr(Stdio::null())
        .spawn();
    let mut process = Process(child.unwrap());
    let status = format!("/proc/{}/status", process.0.id());
    let mut most = 0;
    while process.0.try_wait().unwrap().is_none() {
        let now = std::fs::read_to_string(&status).unwrap_or_default();
        let peak = now.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|kib| kib.trim().strip_suffix(" kB")?.trim().parse().ok());
        most = most.max(peak.unwrap_or(0_u64));
        std::thread::sleep(Duration::from_millis(2));
    }
    let results = results(&folder.join("reports/flood"));
    (most >> 10, results["cells"][0]["outcomes"].to_string())
}

#[test]
fn ten_gibibytes_add_less_than_sixty_four_mebibytes_and_are_too_large() {
    for client in ["hyper", "native"] {
        for (protocol, content_type) in [
            ("http", "application/octet-stream"),
            ("openai-chat", "text/event-stream"),
        ] {
            let of = |body: u64| {
                let folder = tempfile::tempdir().unwrap();
                let url = server(content_type, body);
                let target = format!(
                    "protocol: {protocol}, base_url: '{url}', http: {{ client: {client} }}"
                );
                most_memory(folder.path(), &target)
            };
            let (small, _) = of(2);
            let (large, outcomes) = of(10 << 30);
            let what = format!("{protocol} by {client}, {content_type}: {small} and {large} MiB");
            eprintln!("{what}, {outcomes}");
            assert_eq!(outcomes, r#"{"too_large":1}"#, "{what}");
            assert!(large < small + 64, "{what}");
        }
    }
}
