//! The simulator as a client sees it: over a raw socket, and over a pipe in simulated time.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::model::{Fault, FaultKind, ImageTime, LoadTime, Service};
use super::*;
use crate::foundation::clock::{Clock, Timer, lane};
use crate::foundation::units::{HumanDuration, Offset, Ratio};

fn ms(value: u64) -> HumanDuration {
    HumanDuration(Duration::from_millis(value))
}

fn constant(value: u64) -> Option<Service> {
    serde_json::from_value(json!({ "kind": "constant", "value": format!("{value}ms") })).unwrap()
}

fn faulty(kind: FaultKind) -> Model {
    let fault = Fault {
        at: None,
        lasts: None,
        rate: None,
        kind,
    };
    Model {
        faults: vec![fault],
        ..Model::default()
    }
}

fn started(model: &Model) -> Running {
    start(model, "127.0.0.1:0".parse().unwrap()).unwrap()
}

/// What came back until the server ended the connection, and how the connection ended.
fn exchange(running: &Running, request: &[u8]) -> (Vec<u8>, std::io::Result<usize>) {
    let mut stream = TcpStream::connect(running.address()).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    stream.write_all(request).unwrap();
    let mut answer = Vec::new();
    let ended = stream.read_to_end(&mut answer);
    (answer, ended)
}

fn request(method: &str, path: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

fn post(path: &str, body: &Value) -> Vec<u8> {
    request("POST", path, &body.to_string())
}

/// Head and body of a whole answer, the body's chunks joined.
fn parts(answer: &[u8]) -> (String, Vec<u8>) {
    let at = answer
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .expect("a head")
        + 4;
    let head = String::from_utf8(answer[..at].to_vec()).unwrap();
    if !head.contains("transfer-encoding: chunked") {
        return (head, answer[at..].to_vec());
    }
    let (mut rest, mut body) = (&answer[at..], Vec::new());
    while let Some(line) = rest.windows(2).position(|two| two == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..line]).unwrap(), 16).unwrap();
        let data = &rest[line + 2..];
        body.extend_from_slice(&data[..size.min(data.len())]);
        rest = data.get(size + 2..).unwrap_or_default();
    }
    (head, body)
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

fn asked(running: &Running, raw: &[u8]) -> (String, Vec<u8>) {
    let (answer, ended) = exchange(running, raw);
    ended.expect("an orderly end");
    parts(&answer)
}

fn answered_json(running: &Running, raw: &[u8]) -> Value {
    let (head, body) = asked(running, raw);
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    serde_json::from_slice(&body).unwrap()
}

/// The `data:` lines of an event stream; each must stand alone, with a blank line after it.
fn events(body: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(body).unwrap();
    let events: Vec<_> = text.split_terminator("\n\n").collect();
    assert!(text.ends_with("\n\n"), "the last event is complete");
    events
        .into_iter()
        .map(|event| {
            event
                .strip_prefix("data: ")
                .expect("a data line")
                .to_owned()
        })
        .collect()
}

fn chat(extra: &Value) -> Value {
    let mut body = json!({ "model": "m", "messages": [{ "role": "user", "content": "Hello there, what is it?" }] });
    body.as_object_mut()
        .unwrap()
        .extend(extra.as_object().unwrap().clone());
    body
}

#[test]
fn a_streamed_chat_has_the_shape_of_the_recorded_ones() {
    let running = started(&Model::default());
    let body = chat(
        &json!({ "stream": true, "max_tokens": 8, "stream_options": { "include_usage": true } }),
    );
    let (head, body) = asked(&running, &post("/v1/chat/completions", &body));
    assert_eq!(header(&head, "content-type"), Some("text/event-stream"));
    let mut events = events(&body);
    assert_eq!(events.pop().as_deref(), Some("[DONE]"));
    let chunks: Vec<Value> = events
        .iter()
        .map(|event| serde_json::from_str(event).unwrap())
        .collect();
    assert_eq!(chunks.len(), 1 + 8 + 1 + 1, "role, tokens, reason, usage");
    for chunk in &chunks {
        assert_eq!(chunk["object"], "chat.completion.chunk");
        assert_eq!(chunk["id"], chunks[0]["id"]);
        assert_eq!(chunk["model"], "m");
    }
    assert_eq!(
        chunks[0]["choices"][0]["delta"],
        json!({ "role": "assistant", "content": "" })
    );
    for chunk in &chunks[1..9] {
        let content = chunk["choices"][0]["delta"]["content"].as_str().unwrap();
        assert!(!content.trim().is_empty());
        assert_eq!(chunk["choices"][0]["finish_reason"], Value::Null);
        assert!(chunk["simulator"]["emitted_ns"].is_u64());
    }
    assert_eq!(
        chunks[9]["choices"][0],
        json!({ "index": 0, "delta": {}, "finish_reason": "length" })
    );
    assert_eq!(chunks[10]["choices"], json!([]));
    // 24 characters make 6 tokens.
    assert_eq!(
        chunks[10]["usage"],
        json!({ "prompt_tokens": 6, "total_tokens": 14, "completion_tokens": 8 })
    );
}

#[test]
fn streamed_and_whole_chats_say_the_same() {
    let running = started(&Model::default());
    let whole = answered_json(
        &running,
        &post("/v1/chat/completions", &chat(&json!({ "n": 2 }))),
    );
    let stream = chat(&json!({ "stream": true, "n": 2, "max_completion_tokens": 16 }));
    let (_, body) = asked(&running, &post("/v1/chat/completions", &stream));
    let mut texts = [String::new(), String::new()];
    for event in events(&body).iter().filter(|event| *event != "[DONE]") {
        let chunk: Value = serde_json::from_str(event).unwrap();
        let choice = &chunk["choices"][0];
        let index = usize::try_from(choice["index"].as_u64().unwrap()).unwrap();
        texts[index].push_str(choice["delta"]["content"].as_str().unwrap_or_default());
    }
    assert_ne!(texts[0], texts[1]);
    for (index, text) in texts.iter().enumerate() {
        assert_eq!(whole["choices"][index]["message"]["content"], *text);
        assert_eq!(text.split(' ').count(), 16);
    }
    assert_eq!(whole["usage"]["completion_tokens"], 32);
}

#[test]
fn a_completion_ends_with_its_reason_in_the_last_token() {
    let running = started(&Model::default());
    let body = json!({ "prompt": "The licence", "max_tokens": 4, "stream": true });
    let (_, body) = asked(&running, &post("/v1/completions", &body));
    let mut events = events(&body);
    assert_eq!(events.pop().as_deref(), Some("[DONE]"));
    let reasons: Vec<Value> = events
        .iter()
        .map(|event| {
            serde_json::from_str::<Value>(event).unwrap()["choices"][0]["finish_reason"].clone()
        })
        .collect();
    assert_eq!(
        reasons,
        [Value::Null, Value::Null, Value::Null, json!("length")]
    );
    let whole = answered_json(
        &running,
        &post("/v1/completions", &json!({ "prompt": ["a", "b"], "n": 2 })),
    );
    assert_eq!(whole["choices"].as_array().unwrap().len(), 4);
    assert_eq!(
        whole["usage"],
        json!({ "prompt_tokens": 2, "total_tokens": 66, "completion_tokens": 64 })
    );
}

#[test]
fn a_chat_with_a_pictures_shape_returns_a_picture_of_that_size() {
    let image = ImageTime {
        base: ms(10),
        per_unit: HumanDuration(Duration::from_micros(1)),
    };
    let running = started(&Model {
        image: Some(image),
        ..Model::default()
    });
    let shape = json!({ "extra_body": { "width": 512, "height": 256, "num_inference_steps": 20, "seed": 0 } });
    let answer = answered_json(&running, &post("/v1/chat/completions", &chat(&shape)));
    let item = &answer["choices"][0]["message"]["content"][0];
    let url = item["image_url"]["url"].as_str().unwrap();
    let png = base64::Engine::decode(
        &base64::engine::general_purpose::STANDARD,
        url.strip_prefix("data:image/png;base64,").unwrap(),
    )
    .unwrap();
    assert_eq!(png[..8], *b"\x89PNG\r\n\x1a\n");
    assert_eq!(png[16..24], [0, 0, 2, 0, 0, 0, 1, 0], "512 by 256");
    // D = 512·256/256 · 1 frame · 20 steps = 10,240 units of a microsecond, over a base of 10 ms.
    assert_eq!(item["stage_durations"]["stage_0_gen_ms"], 20.24);
    assert!(item["peak_memory_mb"].is_f64());
    let flat = answered_json(
        &running,
        &post(
            "/v1/chat/completions",
            &chat(&json!({ "width": 16, "height": 16 })),
        ),
    );
    assert_eq!(
        flat["choices"][0]["message"]["content"][0]["type"],
        "image_url"
    );
}

#[test]
fn images_are_as_many_as_asked_and_equal_for_equal_seeds() {
    let running = started(&Model::default());
    let body = |seed: u64| json!({ "prompt": "the cat", "n": 2, "size": "64x48", "seed": seed });
    let made = |seed| {
        answered_json(&running, &post("/v1/images/generations", &body(seed)))["data"].clone()
    };
    let (one, again, other) = (made(1), made(1), made(2));
    assert_eq!(one.as_array().unwrap().len(), 2);
    assert_ne!(one[0], one[1]);
    assert_eq!(one, again);
    assert_ne!(one, other);
}

#[test]
fn the_tokenizer_counts_as_seed_002_does() {
    let running = started(&Model::default());
    let answer = answered_json(
        &running,
        &request("GET", "/tokenizer?output_tokens=30&input_text=abcdefgh", ""),
    );
    assert_eq!(answer["input_tokens"], 2);
    assert_eq!(answer["output_tokens"], 30);
    assert_eq!(answer["input_text"], "abcdefgh");
    assert_eq!(
        answer["ouput_text"].as_str().unwrap().split(' ').count(),
        30
    );
    let (head, body) = asked(
        &running,
        &request("GET", "/tokenizer?output_tokens=0&input_text=a", ""),
    );
    assert!(head.starts_with("HTTP/1.1 400 "));
    assert_eq!(body, b"Invalid input");
}

#[test]
fn plain_paths_answer_what_their_names_say() {
    let running = started(&Model::default());
    let (head, body) = asked(&running, &request("GET", "/status/503", ""));
    assert!(head.starts_with("HTTP/1.1 503 "));
    assert_eq!(
        serde_json::from_slice::<Value>(&body).unwrap()["status"],
        503
    );
    let (_, body) = asked(&running, &request("GET", "/bytes/1234", ""));
    assert_eq!(body.len(), 1234);
    let echo = answered_json(&running, &request("POST", "/echo/a?b=c%20d", r#"{"x":1}"#));
    assert_eq!(
        echo,
        json!({ "method": "POST", "path": "/echo/a", "query": { "b": "c d" }, "body": { "x": 1 } })
    );
    for path in ["/health", "/version", "/v1/models"] {
        answered_json(&running, &request("GET", path, ""));
    }
    let embedded = answered_json(
        &running,
        &post("/v1/embeddings", &json!({ "input": ["a", "b"] })),
    );
    assert_eq!(embedded["data"].as_array().unwrap().len(), 2);
}

#[test]
fn garbage_is_refused_and_the_server_goes_on() {
    let running = started(&Model::default());
    let refused = |raw: &[u8], status: &str| {
        let (answer, _) = exchange(&running, raw);
        let text = String::from_utf8_lossy(&answer).into_owned();
        assert!(text.starts_with(&format!("HTTP/1.1 {status}")), "{text}");
    };
    refused(b"\x16\x03\x01\x00\x05 hello\r\n\r\n", "400");
    refused(b"GET / HTTP/9.9\r\n\r\n", "400");
    for body in [
        "",
        "{",
        "[]",
        "null",
        r#"{"messages":[]}"#,
        r#"{"messages":"x"}"#,
        "\u{0}",
        "{\"messages\":[{\"content\":5}]}",
    ] {
        refused(&request("POST", "/v1/chat/completions", body), "400");
    }
    for extra in [
        json!({ "max_tokens": 0 }),
        json!({ "max_tokens": -1 }),
        json!({ "max_tokens": 10_000_000 }),
        json!({ "n": 0 }),
        json!({ "n": 5000 }),
        json!({ "size": "12" }),
        json!({ "width": 0 }),
        json!({ "width": 100_000 }),
    ] {
        refused(&post("/v1/chat/completions", &chat(&extra)), "400");
    }
    for path in [
        "/status/1",
        "/status/x",
        "/bytes/-1",
        "/bytes/99999999999999",
        "/sleeper",
        "/sleeper?sleep_length=NaN",
        "/tokenizer",
    ] {
        refused(&request("GET", path, ""), "400");
    }
    refused(&request("GET", "/nothing", ""), "404");
    refused(&request("GET", "/v1/chat/completions", ""), "405");
    refused(&request("DELETE", "/health", ""), "405");
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    refused(&request("POST", "/v1/chat/completions", &deep), "400");
    answered_json(&running, &request("GET", "/health", ""));
}

#[test]
fn a_body_beyond_the_cap_is_refused() {
    let running = started(&Model::default());
    let mut stream = TcpStream::connect(running.address()).unwrap();
    let length = 65 << 20;
    stream
        .write_all(
            format!("POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n")
                .as_bytes(),
        )
        .unwrap();
    let piece = vec![b'x'; 1 << 20];
    for _ in 0..65 {
        // The server may answer, and close, before it has read everything.
        if stream.write_all(&piece).is_err() {
            break;
        }
    }
    let mut start = [0; 12];
    stream.read_exact(&mut start).unwrap();
    assert_eq!(start, *b"HTTP/1.1 413");
}

#[test]
fn each_fault_is_what_its_name_says() {
    let stream = post("/v1/chat/completions", &chat(&json!({ "stream": true })));
    let whole = request("GET", "/echo", "");

    let (answer, ended) = exchange(&started(&faulty(FaultKind::Reset)), &stream);
    assert!(answer.is_empty());
    assert_eq!(
        ended.unwrap_err().kind(),
        std::io::ErrorKind::ConnectionReset
    );

    let (head, _) = asked(&started(&faulty(FaultKind::Http500)), &whole);
    assert!(head.starts_with("HTTP/1.1 500 "));
    let (head, _) = asked(&started(&faulty(FaultKind::Http429)), &whole);
    assert!(head.starts_with("HTTP/1.1 429 "));

    let empty = started(&faulty(FaultKind::EmptyStream));
    for raw in [&stream, &whole] {
        let (head, body) = asked(&empty, raw);
        assert!(head.starts_with("HTTP/1.1 200 "));
        assert!(body.is_empty());
    }

    let malformed = started(&faulty(FaultKind::Malformed));
    let (_, body) = asked(&malformed, &stream);
    let broken = events(&body)
        .iter()
        .filter(|event| serde_json::from_str::<Value>(event).is_err())
        .count();
    assert_eq!(broken, 2, "one event, and the end mark");
    let (_, body) = asked(&malformed, &whole);
    assert!(!body.is_empty() && serde_json::from_slice::<Value>(&body).is_err());

    let wrong = started(&faulty(FaultKind::WrongType));
    for raw in [&stream, &whole] {
        assert_eq!(
            header(&asked(&wrong, raw).0, "content-type"),
            Some("text/html; charset=utf-8")
        );
    }

    let (_, body) = asked(
        &started(&faulty(FaultKind::NoImage)),
        &post("/v1/images/generations", &json!({ "prompt": "a" })),
    );
    assert_eq!(
        serde_json::from_slice::<Value>(&body).unwrap()["data"],
        json!([])
    );
    let shape = chat(&json!({ "extra_body": { "width": 64, "height": 64 } }));
    let answer = answered_json(
        &started(&faulty(FaultKind::NoImage)),
        &post("/v1/chat/completions", &shape),
    );
    assert!(
        answer["choices"][0]["message"]["content"]
            .as_str()
            .unwrap()
            .contains("no images were produced")
    );
}

#[test]
fn a_cut_answer_ends_half_way_and_without_its_end() {
    let running = started(&faulty(FaultKind::CutStream));
    let (answer, _) = exchange(
        &running,
        &post("/v1/chat/completions", &chat(&json!({ "stream": true }))),
    );
    let text = String::from_utf8(answer).unwrap();
    assert!(!text.ends_with("0\r\n\r\n"), "no last chunk");
    let (_, body) = parts(text.as_bytes());
    assert_eq!(
        events(&body).len(),
        1 + 8,
        "the role, and half of 16 tokens"
    );
    let (answer, _) = exchange(&running, &request("GET", "/bytes/1000", ""));
    let (head, body) = parts(&answer);
    assert_eq!(header(&head, "content-length"), Some("1000"));
    assert_eq!(body.len(), 500);
}

#[test]
fn a_slow_drip_sends_a_byte_at_a_time() {
    let running = started(&faulty(FaultKind::SlowDrip));
    let mut stream = TcpStream::connect(running.address()).unwrap();
    stream.write_all(&request("GET", "/bytes/3", "")).unwrap();
    let clock = Clock::real();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert!(clock.now().since(Offset::ZERO) >= Duration::from_millis(200));
    assert_eq!(parts(&answer).1, b"xxx");
}

#[test]
fn a_full_queue_refuses_with_429() {
    let model = Model {
        servers: Some(1),
        queue: Some(1),
        service: constant(300),
        ..Model::default()
    };
    let running = started(&model);
    let mut streams: Vec<_> = (0..3)
        .map(|_| TcpStream::connect(running.address()).unwrap())
        .collect();
    for stream in &mut streams {
        stream.write_all(&request("GET", "/echo", "")).unwrap();
    }
    let mut statuses: Vec<_> = streams
        .iter_mut()
        .map(|stream| {
            let mut start = [0; 12];
            stream.read_exact(&mut start).unwrap();
            String::from_utf8(start[9..].to_vec()).unwrap()
        })
        .collect();
    statuses.sort();
    assert_eq!(statuses, ["200", "200", "429"]);
}

#[test]
fn the_stamps_of_an_answer_tell_its_times() {
    let running = started(&Model {
        service: constant(20),
        ..Model::default()
    });
    let (head, _) = asked(&running, &request("GET", "/echo", ""));
    let stamp = |name: &str| header(&head, name).unwrap().parse::<u64>().unwrap();
    let (arrival, first) = (
        stamp("x-simulator-arrival-ns"),
        stamp("x-simulator-first-ns"),
    );
    assert_eq!(stamp("x-simulator-start-ns"), arrival);
    assert!(first >= arrival + 20_000_000, "never early");
    let timing = header(&head, "server-timing").unwrap();
    assert!(
        timing.starts_with("queue;dur=0.000, total;dur=2"),
        "{timing}"
    );
}

#[test]
fn a_model_that_contradicts_itself_is_refused_with_its_place() {
    let service = serde_json::from_value(json!({ "kind": "lognormal", "median": "80ms" })).unwrap();
    let fault = Fault {
        at: None,
        lasts: Some(ms(0)),
        rate: Some(Ratio(2.0)),
        kind: FaultKind::Reset,
    };
    let model = Model {
        servers: Some(0),
        service: Some(service),
        faults: vec![fault],
        ..Model::default()
    };
    let pointers: Vec<_> = model
        .check("/t")
        .into_iter()
        .map(|finding| finding.pointer)
        .collect();
    assert_eq!(
        pointers,
        [
            "/t/servers",
            "/t/service/sigma",
            "/t/faults/0/rate",
            "/t/faults/0/for"
        ]
    );
    assert!(matches!(
        start(&model, "127.0.0.1:0".parse().unwrap()),
        Err(SimulatorError::Model { .. })
    ));
    let taken = started(&Model::default());
    let refused = start(&Model::default(), taken.address());
    assert!(
        matches!(refused, Err(SimulatorError::Bind { .. })),
        "{refused:?}"
    );
}

#[test]
fn a_stopped_simulator_gives_its_port_back() {
    let running = started(&Model::default());
    let address = running.address();
    let mut idle = TcpStream::connect(address).unwrap();
    drop(running);
    assert!(TcpStream::connect(address).is_err());
    assert_eq!(
        idle.read(&mut [0; 1]).unwrap_or_default(),
        0,
        "open connections end"
    );
}

#[test]
fn http_2_is_understood_where_the_client_speaks_it_from_the_start() {
    let running = started(&Model::default());
    let lane = lane(false).unwrap();
    let (status, body) = lane.block_on(async {
        let stream = tokio::net::TcpStream::connect(running.address())
            .await
            .unwrap();
        let executor = LocalExecutor;
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(executor, hyper_util::rt::TokioIo::new(stream))
                .await
                .unwrap();
        tokio::task::spawn_local(connection);
        let uri = format!("{}/echo", running.base_url());
        let request = http::Request::get(uri)
            .body(http_body_util::Empty::<bytes::Bytes>::new())
            .unwrap();
        let answer = sender.send_request(request).await.unwrap();
        (
            answer.status(),
            http_body_util::BodyExt::collect(answer.into_body())
                .await
                .unwrap()
                .to_bytes(),
        )
    });
    assert_eq!(status, 200);
    assert_eq!(
        serde_json::from_slice::<Value>(&body).unwrap()["path"],
        "/echo"
    );
}

#[derive(Clone)]
struct LocalExecutor;

impl<F: Future + 'static> hyper::rt::Executor<F> for LocalExecutor {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}

/// Each request on a connection of its own, all sent at the given milliseconds of simulated time; the answers, each
/// with the microsecond of its end.
fn simulated(model: &Model, sends: &[(u64, Vec<u8>)]) -> Vec<(u64, Vec<u8>)> {
    let lane = lane(true).unwrap();
    lane.block_on(async {
        let clock = Clock::simulated();
        let simulator = Simulator::new(model, Timer::new(&clock).unwrap()).unwrap();
        let mut tasks = Vec::new();
        for (at, raw) in sends.iter().cloned() {
            let (mut ours, theirs) = tokio::io::duplex(1 << 20);
            tokio::task::spawn_local(serve(theirs, simulator.clone()));
            let timer = Timer::new(&clock).unwrap();
            tasks.push(tokio::task::spawn_local(async move {
                timer.until(Offset::from_nanos(at * 1_000_000)).await;
                ours.write_all(&raw).await.unwrap();
                let mut answer = Vec::new();
                ours.read_to_end(&mut answer).await.unwrap();
                (timer.now().as_nanos() / 1000, answer)
            }));
        }
        let mut answers = Vec::new();
        for task in tasks {
            answers.push(task.await.unwrap());
        }
        answers
    })
}

fn ends(answers: &[(u64, Vec<u8>)]) -> Vec<u64> {
    answers.iter().map(|(end, _)| *end).collect()
}

#[test]
fn one_server_answers_three_at_once_after_one_two_and_three_services() {
    // G20: service 1 s, three at t = 0: responses after 1, 2 and 3 s.
    let model = Model {
        servers: Some(1),
        service: constant(1000),
        ..Model::default()
    };
    let sends = vec![(0, request("GET", "/echo", "")); 3];
    assert_eq!(
        ends(&simulated(&model, &sends)),
        [1_000_000, 2_000_000, 3_000_000]
    );
}

#[test]
fn in_simulated_time_the_same_seed_gives_the_same_bytes() {
    let service = json!({ "kind": "lognormal", "median": "80ms", "sigma": 0.4 });
    let model = |seed| Model {
        seed,
        servers: Some(2),
        service: serde_json::from_value(service.clone()).unwrap(),
        ttft: Some(ms(20)),
        ..faulty_share(FaultKind::Http500, 0.2)
    };
    let sends: Vec<_> = (0..60)
        .map(|number| {
            (
                number * 10,
                post(
                    "/v1/chat/completions",
                    &chat(&json!({ "stream": number % 2 == 0 })),
                ),
            )
        })
        .collect();
    let (one, again, other) = (
        simulated(&model(7), &sends),
        simulated(&model(7), &sends),
        simulated(&model(8), &sends),
    );
    assert_eq!(one, again);
    assert_ne!(one, other);
}

fn faulty_share(kind: FaultKind, share: f64) -> Model {
    let fault = Fault {
        at: None,
        lasts: None,
        rate: Some(Ratio(share)),
        kind,
    };
    Model {
        faults: vec![fault],
        ..Model::default()
    }
}

#[test]
fn tokens_come_on_an_absolute_schedule() {
    let model = Model {
        ttft: Some(ms(20)),
        itl: Some(HumanDuration(Duration::from_micros(5500))),
        ..Model::default()
    };
    let stream = chat(&json!({ "stream": true, "max_tokens": 40 }));
    let answers = simulated(&model, &[(100, post("/v1/chat/completions", &stream))]);
    let (_, body) = parts(&answers[0].1);
    let stamps: Vec<u64> = events(&body)
        .iter()
        .filter_map(|event| {
            serde_json::from_str::<Value>(event).ok()?["simulator"]["emitted_ns"].as_u64()
        })
        .collect();
    assert_eq!(stamps[0], 100_000_000, "the role comes at once");
    for (number, stamp) in (0_u64..).zip(&stamps[1..41]) {
        // The simulated clock ticks in microseconds.
        assert!(
            stamp.abs_diff(120_000_000 + number * 5_500_000) < 1000,
            "token {number} at {stamp}"
        );
    }
}

#[test]
fn a_stall_lets_out_at_its_end_what_was_due_within() {
    let fault = Fault {
        at: Some(ms(1000)),
        lasts: Some(ms(500)),
        rate: None,
        kind: FaultKind::Stall,
    };
    let model = Model {
        service: constant(100),
        faults: vec![fault],
        ..Model::default()
    };
    let sends: Vec<_> = [800, 950, 1200, 1450]
        .map(|at| (at, request("GET", "/echo", "")))
        .to_vec();
    // 1450 is due at 1550, after the stall.
    assert_eq!(
        ends(&simulated(&model, &sends)),
        [900_000, 1_500_000, 1_500_000, 1_550_000]
    );
    let health = simulated(&model, &[(1100, request("GET", "/health", ""))]);
    assert_eq!(ends(&health), [1_500_000]);
}

#[test]
fn the_stall_oracle_holds_in_simulated_time() {
    // 100/s for 20 s, frozen from 10 s to 12 s: e2e p95 1.00 s, p99 1.80 s (linear interpolation).
    let fault = Fault {
        at: Some(ms(10_000)),
        lasts: Some(ms(2000)),
        rate: None,
        kind: FaultKind::Stall,
    };
    let model = Model {
        service: constant(1),
        faults: vec![fault],
        ..Model::default()
    };
    let sends: Vec<_> = (0..2000)
        .map(|number| (number * 10, request("GET", "/hello", "")))
        .collect();
    let mut e2e: Vec<_> = simulated(&model, &sends)
        .iter()
        .zip(&sends)
        .map(|((end, _), (at, _))| end - at * 1000)
        .collect();
    e2e.sort_unstable();
    for (rank, truth) in [(1899, 1_000_000), (1979, 1_800_000)] {
        assert!(
            e2e[rank].abs_diff(truth) <= 10_000,
            "rank {rank}: {}",
            e2e[rank]
        );
    }
}

#[test]
fn what_is_specific_to_a_request_goes_before_service() {
    let image = ImageTime {
        base: ms(300),
        per_unit: HumanDuration(Duration::from_micros(50)),
    };
    let model = Model {
        service: constant(80),
        ttft: Some(ms(20)),
        itl: Some(ms(5)),
        image: Some(image),
        ..Model::default()
    };
    let send = |path: &str, body: &Value| (0, post(path, body));
    let sends = [
        send("/echo", &json!({})),
        send("/v1/chat/completions", &chat(&json!({}))),
        send("/v1/chat/completions", &chat(&json!({ "stream": true }))),
        send(
            "/v1/images/generations",
            &json!({ "prompt": "a", "size": "16x16", "num_inference_steps": 10 }),
        ),
    ];
    // 80 ms of service twice; 20 + 15·5 ms; 300 + 10·0.05 ms.
    assert_eq!(
        ends(&simulated(&model, &sends)),
        [80_000, 80_000, 95_000, 300_500]
    );
    let only = |ttft: Option<u64>, itl: Option<u64>| {
        let model = Model {
            service: constant(160),
            ttft: ttft.map(ms),
            itl: itl.map(ms),
            ..Model::default()
        };
        ends(&simulated(&model, &sends[2..3]))[0]
    };
    assert_eq!(
        [only(None, None), only(Some(20), None), only(None, Some(5))],
        [160_000; 3]
    );
}

#[test]
fn a_streamed_message_has_the_events_of_the_recorded_one() {
    let running = started(&Model::default());
    let body = chat(&json!({ "stream": true, "max_tokens": 4 }));
    let (_, body) = asked(&running, &post("/v1/messages", &body));
    let text = String::from_utf8(body).unwrap();
    let names: Vec<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("event: "))
        .collect();
    let delta = "content_block_delta";
    assert_eq!(
        names,
        [
            "message_start",
            "content_block_start",
            "ping",
            delta,
            delta,
            delta,
            delta,
            "content_block_stop",
            "message_delta",
            "message_stop"
        ]
    );
    let data: Vec<Value> = text
        .lines()
        .filter_map(|line| {
            serde_json::from_str(line.strip_prefix("data: ")?).expect("an event is JSON")
        })
        .collect();
    assert!(
        names
            .iter()
            .zip(&data)
            .all(|(name, data)| data["type"] == *name)
    );
    assert_eq!(
        data[8]["usage"],
        json!({ "input_tokens": 6, "output_tokens": 4 })
    );
    let whole = answered_json(
        &running,
        &post("/v1/messages", &chat(&json!({ "max_tokens": 4 }))),
    );
    let streamed: String = data[3..7]
        .iter()
        .filter_map(|data| data["delta"]["text"].as_str())
        .collect();
    assert_eq!(whole["content"][0]["text"], streamed);
    let (head, body) = asked(&running, &post("/v1/messages", &chat(&json!({}))));
    assert!(head.starts_with("HTTP/1.1 400 "), "max_tokens is required");
    assert_eq!(
        serde_json::from_slice::<Value>(&body).unwrap()["type"],
        "error"
    );
}

#[test]
fn generate_stream_ends_with_the_whole_text_and_no_mark() {
    let running = started(&Model::default());
    let body = json!({ "inputs": "Hello", "parameters": { "max_new_tokens": 3, "details": true } });
    let (_, stream) = asked(&running, &post("/generate_stream", &body));
    let text = String::from_utf8(stream).unwrap();
    let events: Vec<Value> = text
        .split_terminator("\n\n")
        .map(|event| serde_json::from_str(event.strip_prefix("data:").unwrap()).unwrap())
        .collect();
    let joined: String = events
        .iter()
        .filter_map(|event| event["token"]["text"].as_str())
        .collect();
    assert_eq!(events.len(), 3);
    assert_eq!(events[0]["index"], 1, "the real server counts from 1");
    assert_eq!(events[2]["generated_text"], joined);
    let (head, whole) = asked(&running, &post("/generate", &body));
    let whole: Value = serde_json::from_slice(&whole).unwrap();
    assert_eq!(whole["generated_text"], joined);
    assert_eq!(whole["details"]["generated_tokens"], 3);
    assert_eq!(header(&head, "x-generated-tokens"), Some("3"));
}

#[test]
fn ollama_answers_in_lines_and_loads_by_an_empty_prompt() {
    let load = LoadTime {
        cold: ms(200),
        cached: ms(30),
    };
    let model = Model {
        ttft: Some(ms(10)),
        itl: Some(ms(5)),
        load: Some(load),
        ..Model::default()
    };
    let running = started(&model);
    let body = json!({ "model": "t", "prompt": "hi", "options": { "num_predict": 3 } });
    let (_, lines) = asked(&running, &post("/api/generate", &body));
    let lines: Vec<Value> = String::from_utf8(lines)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 4);
    assert!(
        lines[..3]
            .iter()
            .all(|line| line["done"] == false && line["response"].is_string())
    );
    assert_eq!(lines[3]["done"], true);
    assert_eq!(lines[3]["eval_count"], 3);
    assert_eq!(lines[3]["total_duration"], 20_000_000);
    let whole = chat(&json!({ "stream": false }));
    assert!(answered_json(&running, &post("/api/chat", &whole))["message"]["content"].is_string());
    let loads = [
        (0, post("/api/generate", &json!({ "model": "a" }))),
        (1000, post("/api/generate", &json!({ "model": "a" }))),
        (
            2000,
            post("/api/generate", &json!({ "model": "a", "keep_alive": 0 })),
        ),
        (3000, post("/api/generate", &json!({ "model": "b" }))),
    ];
    assert_eq!(
        ends(&simulated(&model, &loads)),
        [200_000, 1_030_000, 2_000_000, 3_200_000]
    );
}
