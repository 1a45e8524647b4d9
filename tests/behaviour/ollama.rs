//! Ollama's protocol over HTTP: against the simulator, and against answers in the shape of a real server's.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use serde_json::{Value, json};

use super::support::{WIDE, results, run, write};

/// A server that gives each connection the next of these answers, every line of it a chunk of its own, and closes.
fn server(answers: Vec<(&'static str, &'static str, &'static str)>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for (status, media_type, body) in answers {
            let (stream, _) = listener.accept().unwrap();
            answer(
                stream,
                &format!("{status}\r\ncontent-type: {media_type}"),
                body,
            );
        }
    });
    format!("http://{address}")
}

fn answer(mut stream: TcpStream, head: &str, body: &str) {
    let mut request = BufReader::new(stream.try_clone().unwrap());
    let (mut line, mut length) = (String::new(), 0);
    while request.read_line(&mut line).is_ok() && !line.trim().is_empty() {
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        line.clear();
    }
    request.read_exact(&mut vec![0; length]).unwrap();
    let head =
        format!("HTTP/1.1 {head}\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    for line in body.split_inclusive('\n') {
        // How much the client wants is its own to say.
        let _ = write!(stream, "{:x}\r\n{line}\r\n", line.len());
    }
    let _ = stream.write_all(b"0\r\n\r\n");
}

macro_rules! wire {
    ($path:literal) => {
        include_str!(concat!("../fixtures/wire/ollama/", $path))
    };
}

#[test]
fn answers_like_a_real_servers_are_counted_for_what_they_are() {
    let ndjson = "application/x-ndjson";
    let chat = wire!("chat.stream.txt");
    let (cut, _) = chat.trim_end().rsplit_once('\n').unwrap();
    let base_url = server(vec![
        ("200 OK", ndjson, chat),
        ("200 OK", ndjson, wire!("failed-midway.stream.txt")),
        ("200 OK", ndjson, cut),
        (
            "200 OK",
            "application/json; charset=utf-8",
            wire!("load.json"),
        ),
        (
            "404 Not Found",
            "application/json",
            wire!("not-found.404.json"),
        ),
        ("200 OK", ndjson, chat),
    ]);
    let folder = tempfile::tempdir().unwrap();
    let scenario = format!(
        "version: 1
name: ollama
targets:
  server: {{ protocol: ollama, base_url: '{base_url}', model: small-model, params: {{ max_tokens: 8 }} }}
datasets:
  d: {{ kind: prompts, task: chat, rows: [{{ prompt: Hello }}] }}
load: {{ requests: 6, concurrency: 1 }}
{WIDE}"
    );
    write(folder.path(), "a.yaml", &scenario);
    let ended = run(folder.path(), &["run", "a.yaml"]);
    let results = results(&folder.path().join("reports/ollama"));
    let cell = &results["cells"][0];
    assert_eq!(
        cell["outcomes"],
        json!({ "ok": 2, "invalid": 3, "http_404": 1 }),
        "{}",
        ended.stderr
    );
    let mean = |metric: &str| cell["metrics"][metric]["mean"].as_f64();
    for (metric, told) in [
        ("input_tokens", 26.0),
        ("output_tokens", 8.0),
        ("server.total_duration", 0.524),
        ("server.load_duration", 0.515),
        ("server.prompt_eval_duration", 0.0017),
        ("server.eval_duration", 0.0034),
    ] {
        assert_eq!(mean(metric), Some(told), "{metric}");
    }
    assert_eq!(cell["metrics"]["ttft"]["n"], 2);
    assert_eq!(cell["metrics"]["chunks_per_token"], 1.0);
}

#[test]
fn chats_and_completions_run_against_the_simulator_streamed_and_whole() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = format!(
        "version: 1
name: ollama
targets:
  server: {{ protocol: ollama, model: m, embedded: {{ ttft: 20ms, itl: 2ms }} }}
datasets:
  talk: {{ kind: random, task: chat, prompt_tokens: 8, output_tokens: 6 }}
  text: {{ kind: random, task: completion, prompt_tokens: 8, output_tokens: 6 }}
matrix: {{ params.stream: [true, false] }}
load: {{ requests: 8, concurrency: 2 }}
{WIDE}"
    );
    write(folder.path(), "a.yaml", &scenario);
    let ended = run(folder.path(), &["run", "a.yaml"]);
    assert!(matches!(ended.code, Some(0 | 3)), "{}", ended.stderr);
    let results = results(&folder.path().join("reports/ollama"));
    let cells = results["cells"].as_array().unwrap();
    assert_eq!(cells.len(), 4);
    for cell in cells {
        let id = cell["id"].as_str().unwrap();
        assert_eq!(cell["outcomes"], json!({ "ok": 8 }), "{id}");
        let figure = |metric: &str, name: &str| cell["metrics"][metric][name].as_f64();
        assert_eq!(figure("output_tokens", "mean"), Some(6.0), "{id}");
        // The model's own: the first token after 20 ms, five more after 2 ms each.
        assert_eq!(figure("server.total_duration", "max"), Some(0.03), "{id}");
        assert!(figure("overhead", "min") >= Some(0.0), "{id}");
        let streams = id.contains("params.stream=true");
        if streams {
            assert!(figure("ttft", "min") >= Some(0.02), "{id}");
            assert!(figure("e2e", "min") >= Some(0.03), "{id}");
            assert_eq!(cell["metrics"]["chunks_per_token"], 1.0, "{id}");
        } else {
            assert_eq!(cell["metrics"]["ttft"], Value::Null, "{id}");
        }
    }
}
