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

/// A text as long as one wants: how it begins, what it repeats, how it ends.
#[derive(Debug, Clone, Copy)]
struct Text {
    begin: &'static str,
    unit: &'static str,
    end: &'static str,
    /// How long what it repeats is.
    bytes: usize,
}

/// A server that answers each request with a head and then with a text, or until the client has enough.
fn server(content_type: &'static str, form: Form, text: Text) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer(stream, content_type, form, text));
        }
    });
    format!("http://{address}")
}

fn answer(
    mut stream: TcpStream,
    content_type: &str,
    form: Form,
    text: Text,
) -> std::io::Result<()> {
    let block = text.unit.repeat((1 << 20) / text.unit.len());
    let mut seen = vec![0; 64 << 10];
    while stream.read(&mut seen)? > 0 {
        let length = text.begin.len() + text.bytes + text.end.len();
        let framing = match form {
            Form::Length => format!("Content-Length: {length}"),
            Form::Chunks => "Transfer-Encoding: chunked".to_owned(),
        };
        write!(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\n{framing}\r\n\r\n"
        )?;
        send(&mut stream, form, text.begin)?;
        let mut left = text.bytes;
        while left > 0 {
            let part = &block[..left.min(block.len())];
            left -= part.len();
            send(&mut stream, form, part)?;
        }
        send(&mut stream, form, text.end)?;
        if let Form::Chunks = form {
            stream.write_all(b"0\r\n\r\n")?;
        }
    }
    Ok(())
}

fn send(stream: &mut TcpStream, form: Form, part: &str) -> std::io::Result<()> {
    match form {
        _ if part.is_empty() => Ok(()),
        Form::Length => stream.write_all(part.as_bytes()),
        Form::Chunks => write!(stream, "{:x}\r\n{part}\r\n", part.len()),
    }
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
    (
        "http, expect: { json: { /0/a: 1 } }",
        "application/json",
        None,
    ),
    (
        "openai-completions, params: { stream: false }",
        "application/json",
        Some("completion"),
    ),
    ("vllm-omni", "application/json", Some("t2i")),
];

/// What so long a text adds to the most memory of a run, beside one unit of it, in MiB, and the outcome.
fn added(
    client: &str,
    form: Form,
    (protocol, content_type, task): (&str, &'static str, Option<&str>),
    text: Text,
) -> (u64, String) {
    let of = |bytes: usize| {
        let folder = tempfile::tempdir().unwrap();
        let url = server(content_type, form, Text { bytes, ..text });
        let target =
            format!("protocol: {protocol}, base_url: '{url}', http: {{ client: {client} }}");
        most_memory(folder.path(), &target, task)
    };
    let ((small, _), (large, outcome)) = (of(text.unit.len()), of(text.bytes));
    eprintln!(
        "{protocol} by {client}, {content_type}, {form:?}: {small} and {large} MiB, {outcome}"
    );
    (large.saturating_sub(small), outcome)
}

/// JSON may have 64 MiB, so that this much is kept before it is known that there is more; then it is given back, so that
/// what the report takes does not come on top of it.
#[test]
fn ten_gibibytes_add_less_than_sixty_four_mebibytes_and_are_too_large() {
    let flood = Text {
        begin: "",
        unit: "1",
        end: "",
        bytes: 10 << 30,
    };
    for client in ["hyper", "native"] {
        for target in ANSWERS {
            for form in [Form::Length, Form::Chunks] {
                let (added, outcome) = added(client, form, target, flood);
                assert!(added < 64, "{target:?}");
                assert_eq!(outcome, r#"{"too_large":1}"#, "{target:?}");
            }
        }
    }
}

/// A value in memory can be seventy times as long as its text: nothing is built of what nobody asked for.
#[test]
fn an_answer_of_very_many_values_or_a_long_text_takes_no_more_memory_than_its_bytes() {
    let [_, _, http, completion, pictures] = ANSWERS;
    let ollama = (
        "ollama, params: { stream: false }",
        "application/json",
        Some("chat"),
    );
    for (target, begin, unit, end) in [
        (http, "[1", ",1", "]"),
        (completion, r#"{"choices":[{}"#, ",{}", "]}"),
        (ollama, r#"{"message":{"tool_calls":[1"#, ",1", "]}}"),
        (pictures, r#"{"beside":[1"#, ",1", "]}"),
        (pictures, r#"{"choices":[{}"#, ",{}", "]}"),
        (
            pictures,
            r#"{"choices":[{"message":{"content":[{}"#,
            ",{}",
            "]}}]}",
        ),
        (
            pictures,
            r#"{"choices":[{"message":{"content":[{"text":""#,
            "no pictures!",
            r#""}]}}]}"#,
        ),
    ] {
        let text = Text {
            begin,
            unit,
            end,
            bytes: unit.len() * (4 << 20),
        };
        let (added, outcome) = added("native", Form::Length, target, text);
        assert!(added < 64, "{target:?} {begin}");
        assert_eq!(outcome, r#"{"invalid":1}"#, "{target:?} {begin}");
    }
}

/// `serde_json` keeps a byte for each bracket that is open in what it passes over, in a vector that doubles: 32 and 64 MiB
/// of it are there at once while it grows for the last time.
#[test]
fn an_answer_of_open_brackets_takes_96_mebibytes_more_than_its_bytes_at_most() {
    let [_, _, http, _, pictures] = ANSWERS;
    for target in [http, pictures] {
        let text = Text {
            begin: r#"{"beside":"#,
            unit: "[",
            end: "",
            bytes: 60 << 20,
        };
        let (added, outcome) = added("native", Form::Length, target, text);
        assert!(added < 60 + 96, "{target:?}");
        assert_eq!(outcome, r#"{"protocol":1}"#, "{target:?}");
    }
}
