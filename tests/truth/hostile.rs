//! What a server that floods costs in memory.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use super::support::{Process, WIDE, plimsoll, results, write};

/// How a flood says how long it is.
#[derive(Debug, Clone, Copy)]
enum Form {
    Length,
    Chunks,
}

/// A server that answers each request with a head and then with `body` bytes, or until the client has enough.
fn server(content_type: &'static str, form: Form, body: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer(stream, content_type, form, body));
        }
    });
    format!("http://{address}")
}

fn answer(
    mut stream: TcpStream,
    content_type: &str,
    form: Form,
    body: usize,
) -> std::io::Result<()> {
    let block = vec![b'1'; 1 << 20];
    let mut seen = vec![0; 64 << 10];
    while stream.read(&mut seen)? > 0 {
        let framing = match form {
            Form::Length => format!("Content-Length: {body}"),
            Form::Chunks => "Transfer-Encoding: chunked".to_owned(),
        };
        write!(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\n{framing}\r\n\r\n"
        )?;
        let mut left = body;
        while left > 0 {
            let part = &block[..left.min(block.len())];
            left -= part.len();
            match form {
                Form::Length => stream.write_all(part)?,
                Form::Chunks => {
                    write!(stream, "{:x}\r\n", part.len())?;
                    stream.write_all(part)?;
                    stream.write_all(b"\r\n")?;
                }
            }
        }
        if let Form::Chunks = form {
            stream.write_all(b"0\r\n\r\n")?;
        }
    }
    Ok(())
}

/// Runs a scenario, and gives the most memory that it had resident, in MiB, and its outcomes.
fn most_memory(folder: &Path, target: &str, task: Option<&str>) -> (u64, String) {
    let dataset = task.map_or_else(String::new, |task| {
        format!("datasets: {{ d: {{ kind: prompts, task: {task}, rows: [{{ prompt: one }}] }} }}\n")
    });
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

/// An answer that passes, one that streams, and those that are read whole, since their JSON is looked into.
const ANSWERS: [(&str, &str, Option<&str>); 5] = [
    ("http", "application/octet-stream", None),
    ("openai-chat", "text/event-stream", Some("chat")),
    ("http, expect: { json: { a: 1 } }", "application/json", None),
    (
        "openai-completions, params: { stream: false }",
        "application/json",
        Some("completion"),
    ),
    ("vllm-omni", "application/json", Some("t2i")),
];

/// What ten gibibytes add to the most memory of a run, beside two bytes, in MiB; each is too large.
fn added(
    client: &str,
    form: Form,
    (protocol, content_type, task): (&str, &'static str, Option<&str>),
) -> u64 {
    let of = |body: usize| {
        let folder = tempfile::tempdir().unwrap();
        let url = server(content_type, form, body);
        let target =
            format!("protocol: {protocol}, base_url: '{url}', http: {{ client: {client} }}");
        most_memory(folder.path(), &target, task)
    };
    let (small, _) = of(2);
    let (large, outcomes) = of(10 << 30);
    let what = format!("{protocol} by {client}, {content_type}, {form:?}: {small} and {large} MiB");
    eprintln!("{what}, {outcomes}");
    assert_eq!(outcomes, r#"{"too_large":1}"#, "{what}");
    large.saturating_sub(small)
}

/// JSON may have 64 MiB, so that this much is kept before it is known that there is more; then it is given back, so that
/// what the report takes does not come on top of it.
#[test]
fn ten_gibibytes_add_less_than_sixty_four_mebibytes_and_are_too_large() {
    for client in ["hyper", "native"] {
        for answer in ANSWERS {
            for form in [Form::Length, Form::Chunks] {
                assert!(added(client, form, answer) < 64, "{answer:?}");
            }
        }
    }
}
