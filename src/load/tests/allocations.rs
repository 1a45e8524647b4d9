//! A token event costs no allocation where nothing of its answer is kept: read off the connection, its chunk and its event
//! found, understood, stamped and recorded, by our own codec. (hyper, which shares its buffer with who reads, allocates twice
//! a read.) Counted on the simulated clock, where all of this is one thread's.

use std::path::Path;
use std::sync::Arc;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::bench::*;
use super::faults::one;
use super::simulated::Hello;
use crate::foundation::clock::lane;
use crate::instruments::record::{Attempt, journal};
use crate::instruments::transport::{Options, Origin, memory};
use crate::kinds::protocol::{Kind, Settings, build};
use crate::load::simulate_repeat;

/// Token events of a stream.
const EVENTS: usize = 500;
/// What twice as many may allocate more: lists and buffers that double when they are full, of which the gaps between
/// tokens and the block that their record is written to are two.
const DOUBLINGS: usize = 16;

/// The answer of a recorded stream whose event of that number comes so often: its head, and each event in a chunk.
fn repeated(text: &str, number: usize, times: usize) -> Vec<String> {
    let (end, media_type) = match text.as_bytes().first() {
        Some(b'{') => ("\n", "application/x-ndjson"),
        _ => ("\n\n", "text/event-stream"),
    };
    let mut pieces = vec![format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {media_type}\r\ntransfer-encoding: chunked\r\n\r\n"
    )];
    for (at, event) in text.split_inclusive(end).enumerate() {
        let chunk = format!("{:x}\r\n{event}\r\n", event.len());
        let times = if at == number { times } else { 1 };
        pieces.extend(std::iter::repeat_n(chunk, times));
    }
    pieces.push("0\r\n\r\n".to_owned());
    pieces
}

/// What reading such an answer allocates, from connecting to the record in its block, and the record.
fn read(kind: Kind, answer: Vec<String>) -> (usize, Attempt) {
    let cell = one();
    let mut kept = Kept::default();
    let lane = lane(true).unwrap();
    let ((allocated, grown, _), ()) = alloc_counter::count_alloc(|| {
        lane.block_on(async {
            let (dialer, mut listener) = memory::listen();
            tokio::task::spawn_local(async move {
                let mut stream = listener.accept().await.unwrap();
                let mut request = [0; 4096];
                let mut came = 0;
                while !request[..came].ends_with(b"}") {
                    came += stream.read(&mut request[came..]).await.unwrap();
                }
                for piece in answer {
                    // A stream that failed midway is given up by its reader.
                    let _ = stream.write_all(piece.as_bytes()).await;
                    // Each is read before the next comes.
                    tokio::task::yield_now().await;
                }
                let _ = stream.read(&mut request).await;
            });
            let origin = Origin::in_memory(dialer, &Options::default());
            let mut work = work(&cell, origin);
            work.requests.rows = Some(Arc::new(Hello));
            work.requests.protocol = build(kind, Settings::default()).unwrap().into();
            work.requests
                .layers
                .target
                .insert("stream".into(), json!(true));
            simulate_repeat(&work, &mut kept).await.unwrap();
        });
    });
    let mut attempts = journal::decode(&kept.0).unwrap();
    (allocated + grown, attempts.remove(0))
}

#[test]
fn a_token_event_of_each_recorded_stream_costs_no_allocation() {
    let wire = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/wire");
    let mut streams = 0;
    for protocol in ["openai-chat", "openai-completions", "ollama"] {
        let kind: Kind = serde_json::from_value(json!(protocol)).unwrap();
        let files = std::fs::read_dir(wire.join(protocol)).unwrap();
        for stream in files.map(|entry| entry.unwrap().path()) {
            if !stream.to_string_lossy().ends_with(".stream.txt") {
                continue;
            }
            // One is recorded with CRLF.
            let text = std::fs::read_to_string(&stream).unwrap();
            let text = text.replace("\r\n", "\n");
            let of_tokens = |number, events| {
                let (allocations, attempt) = read(kind, repeated(&text, number, events));
                (attempt.chunks >= events as u64).then_some(allocations)
            };
            let token = (0..text.lines().count())
                .find(|&number| of_tokens(number, 9).is_some())
                .unwrap_or_else(|| panic!("{stream:?} has no token"));
            let [few, many] = [EVENTS, 2 * EVENTS].map(|events| of_tokens(token, events).unwrap());
            assert!(
                many <= few + DOUBLINGS,
                "{stream:?}: {few} allocations for {EVENTS} events, {many} for twice as many"
            );
            streams += 1;
        }
    }
    assert!(streams >= 12, "the fixtures are there");
}
