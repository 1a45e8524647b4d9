//! llama.cpp's server with a model of known weights: one prompt has one answer, whichever engine gives it
//! (tests/fixtures/models; four engines agree on the text and on the counts).

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use polars::prelude::*;
use polars_io::SerReader as _;
use polars_io::parquet::read::ParquetReader;

const PROMPT: &str = "Hello there, what is a licence?";
const ANSWER: &str = "F You fileear ad include include include";

struct Server {
    process: Child,
    base_url: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// Starts the unpacked server with its own dynamic loader and waits until it listens and is healthy.
fn start() -> Server {
    let folder = std::env::var_os("PLIMSOLL_LLAMA_SERVER")
        .map(PathBuf::from)
        .expect("set PLIMSOLL_LLAMA_SERVER to the folder that tests/servers/llama-server/setup.sh filled");
    let unpacked = folder.join("unpacked/usr");
    let libraries = unpacked.join("lib/x86_64-linux-gnu");
    let backends = libraries.join("ggml/backends0");
    let path = [
        &libraries,
        &libraries.join("llama"),
        &libraries.join("ggml"),
        &backends,
    ]
    .map(|folder| folder.display().to_string())
    .join(":");
    let port = free_port();
    let process = Command::new(libraries.join("ld-linux-x86-64.so.2"))
        .current_dir(&backends)
        .args(["--library-path", &path])
        .arg(unpacked.join("bin/llama-server"))
        .arg("-m")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/models/tiny-llama.gguf"))
        .args([
            "--alias",
            "tiny-llama",
            "--host",
            "127.0.0.1",
            "--port",
            &port.to_string(),
        ])
        .args([
            "-np",
            "4",
            "-c",
            "8192",
            "-t",
            "1",
            "--seed",
            "1",
            "--no-warmup",
        ])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let server = Server {
        process,
        base_url: format!("http://127.0.0.1:{port}"),
    };
    let begun = Instant::now();
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "llama-server does not listen"
        );
        std::thread::yield_now();
    }
    server
}

fn column<'a>(rows: &'a DataFrame, name: &str) -> &'a Column {
    rows.column(name)
        .unwrap_or_else(|_| panic!("no column {name}"))
}

/// How often the prompt is sent.
const REQUESTS: usize = 10;

/// The scenario: one prompt, `REQUESTS` times.
fn scenario(base_url: &str) -> String {
    format!(
        "version: 1
name: llama
targets:
  llama:
    protocol: openai-chat
    base_url: {base_url}
    model: tiny-llama
    # It sometimes closes a kept connection right after an answer, without saying so.
    http: {{ connections: per_request }}
    ready: {{ path: /health, within: 30s, every: 200ms }}
    params: {{ temperature: 0, max_tokens: 8 }}
datasets:
  licence: {{ kind: prompts, task: chat, rows: [{{ prompt: '{PROMPT}' }}] }}
load: {{ requests: {REQUESTS} }}
# A limit this wide lets a busy machine be late: what is tested is what is read.
slo: {{ request: {{ e2e: 60s }}, objectives: [error_rate <= 0] }}
"
    )
}

/// Holds a row against what four engines agree on; says how long its tokens came, in ns.
fn assert_row(rows: &DataFrame, row: usize) -> i64 {
    let number = |name| {
        let values = column(rows, name).cast(&DataType::Int64).unwrap();
        values.i64().unwrap().get(row)
    };
    let text = |name| {
        column(rows, name)
            .str()
            .unwrap()
            .get(row)
            .map(str::to_owned)
    };
    assert_eq!(text("outcome").as_deref(), Some("ok"));
    assert_eq!(text("tokens_source").as_deref(), Some("usage"));
    assert_eq!(number("input_tokens"), Some(26));
    assert_eq!(number("output_tokens"), Some(8));
    assert_eq!(number("chunks"), Some(8));
    let clocks = [
        "scheduled_ns",
        "sent_ns",
        "first_byte_ns",
        "first_content_ns",
        "last_content_ns",
        "end_ns",
    ]
    .map(|name| number(name).unwrap_or_else(|| panic!("{name} is null")));
    assert!(clocks.is_sorted(), "clocks out of order: {clocks:?}");
    clocks[4] - clocks[3]
}

#[test]
#[ignore = "needs llama-server: tests/servers/llama-server/setup.sh, then PLIMSOLL_LLAMA_SERVER=<its folder>"]
fn a_real_engine_gives_the_answer_that_the_recorded_rows_say() {
    let server = start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("llama.yaml");
    std::fs::write(&file, scenario(&server.base_url)).unwrap();
    let out = folder.path().join("report");
    let run = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(["run", "--out"])
        .arg(&out)
        .arg(&file)
        .output()
        .unwrap();
    assert!(
        run.status.success(),
        "{}",
        String::from_utf8_lossy(&run.stderr)
    );

    let parquet = std::fs::File::open(out.join("requests.parquet")).unwrap();
    let rows = ParquetReader::new(parquet).finish().unwrap();
    assert_eq!(rows.height(), REQUESTS);
    let streamed: Vec<i64> = (0..REQUESTS).map(|row| assert_row(&rows, row)).collect();
    // Eight tokens take this model some 2 ms, so a busy machine now and then reads an answer whole; never every one.
    assert!(
        streamed.iter().any(|&took| took > 0),
        "the tokens of every answer came at one moment"
    );
    // An equal request is answered from the prompt's cache, and the record says so.
    let server_json = column(&rows, "server")
        .str()
        .unwrap()
        .get(REQUESTS - 1)
        .unwrap()
        .to_owned();
    assert!(server_json.contains("cached_tokens"), "{server_json}");

    let samples: Vec<String> = std::fs::read_dir(out.join("samples"))
        .unwrap()
        .filter_map(|entry| std::fs::read_to_string(entry.unwrap().path()).ok())
        .collect();
    assert_eq!(samples, [ANSWER]);
}
