//! What `cargo bench` measures of the private rooms: the readers, the schedule, the journal and the aggregation, each as
//! a closure that does so many units of work. Only there with the feature `bench`; reads no clock.

use std::error::Error;
use std::hint::black_box;
use std::path::Path;
use std::rc::Rc;

use http::{HeaderMap, HeaderValue};

use crate::foundation::seed::Seed;
use crate::foundation::units::Offset;
use crate::instruments::exchange::{Head, Issue, Received};
use crate::instruments::record::{
    Attempt, Clocks, Outcome, Phase, Seen, Tokens, TokensSource, Traffic, journal,
};
use crate::instruments::table::{Piece, Table, TableRow, Writer};
use crate::instruments::transport::codec::{Answer, Event, Heads};
use crate::kinds::arrival;
use crate::kinds::dataset::{Prompt, Request, Row, Task};
use crate::kinds::metric::{CellContext, aggregate};
use crate::kinds::protocol::framing::Framing;
use crate::kinds::protocol::{self, Kind};

/// One thing that is measured.
pub struct Subject {
    /// What it is.
    pub name: &'static str,
    /// Of what it does several each time.
    pub unit: &'static str,
    /// How many.
    pub units: u64,
    /// Does it once.
    pub run: Box<dyn FnMut() -> Result<(), Box<dyn Error>>>,
}

/// Content of one token, as servers write it.
const EVENT: &[u8] = b"data: {\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1764028800,\
\"model\":\"bench\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" token\"},\"logprobs\":null,\"finish_reason\":null}]}\n\n";

/// A small answer of a server in Python.
const SMALL: &[u8] =
    b"HTTP/1.1 200 OK\r\ndate: Tue, 03 Nov 2026 10:00:00 GMT\r\nserver: uvicorn\r\n\
content-length: 20\r\ncontent-type: application/json\r\n\r\n{\"text\":\"an answer\"}";

/// The same as Ollama writes it.
const LINE: &[u8] = b"{\"model\":\"bench\",\"created_at\":\"2026-11-23T03:41:26.716174424Z\",\
\"message\":{\"role\":\"assistant\",\"content\":\" token\"},\"done\":false}\n";

const EVENTS: u64 = 1000;
const RECORDS: u64 = 1000;
const ROWS: u64 = 100_000;

/// All of them; `folder` is for the table that is aggregated.
///
/// # Errors
/// Where the table cannot be written, or a protocol cannot be built.
pub fn subjects(folder: &Path) -> Result<Vec<Subject>, Box<dyn Error>> {
    let mut subjects = Vec::new();
    for stream in [
        Stream {
            framed: "server-sent events: framing alone",
            read: "server-sent events: openai-chat, whole",
            unit: "event",
            kind: Kind::OpenaiChat,
            media_type: "text/event-stream",
            token: EVENT,
        },
        Stream {
            framed: "JSON Lines: framing alone",
            read: "JSON Lines: ollama, whole",
            unit: "line",
            kind: Kind::Ollama,
            media_type: "application/x-ndjson",
            token: LINE,
        },
    ] {
        subjects.push(stream.framing_alone()?);
        subjects.push(stream.whole()?);
    }
    subjects.extend([small_answers(), chunks()]);
    for (name, kind) in [
        ("schedule: constant", arrival::Kind::Constant),
        ("schedule: poisson", arrival::Kind::Poisson),
        ("schedule: gamma", arrival::Kind::Gamma),
    ] {
        subjects.push(schedule(name, kind)?);
    }
    subjects.push(journal_written());
    subjects.push(aggregation(folder)?);
    Ok(subjects)
}

/// A stream of tokens, each in a read of its own.
struct Stream {
    framed: &'static str,
    read: &'static str,
    unit: &'static str,
    kind: Kind,
    media_type: &'static str,
    /// What a token is on the wire.
    token: &'static [u8],
}

impl Stream {
    /// Its events, without a look into them.
    fn framing_alone(&self) -> Result<Subject, Box<dyn Error>> {
        let framing = Framing::of(self.media_type).ok_or("no media type of a stream")?;
        let token = self.token;
        let run = move || {
            let mut reader = framing.reader();
            for _ in 0..EVENTS {
                reader
                    .feed(black_box(token), &mut |event| {
                        !black_box(event.data).is_empty()
                    })
                    .map_err(|_| "too large")?;
            }
            Ok(())
        };
        Ok(Subject {
            name: self.framed,
            unit: self.unit,
            units: EVENTS,
            run: Box::new(run),
        })
    }

    /// The same as answers to a chat: framing, the visitor that builds nothing, and the marks.
    fn whole(&self) -> Result<Subject, Box<dyn Error>> {
        let settings = protocol::Settings {
            model: Some("bench".into()),
            task: Some(Task::Chat),
            ..Default::default()
        };
        let chat = protocol::build(self.kind, settings)?;
        let row = Row {
            prompt: Prompt::Text("what does a token cost".into()),
            ..Row::default()
        };
        let prepared = chat.prepare(Request {
            row,
            ..Request::default()
        })?;
        let mut headers = HeaderMap::new();
        let media_type = HeaderValue::from_static(self.media_type);
        headers.insert(http::header::CONTENT_TYPE, media_type);
        let head = Head {
            status: 200,
            headers: Rc::new(headers),
            at: Offset::ZERO,
        };
        let issue = Issue {
            index: 0,
            attempt: 1,
            seed: 0,
        };
        let (token, mut seen) = (self.token, Seen::default());
        let run = move || {
            seen.clear();
            let mut steps = chat.begin(&prepared, issue);
            let _ = steps.next(&mut seen);
            steps.receive(Received::Head(&head), &mut seen);
            for number in 0..EVENTS {
                let bytes = black_box(token);
                let at = Offset::from_nanos(number * 1_000_000);
                steps.receive(Received::Chunk { bytes, at }, &mut seen);
            }
            if black_box(seen.chunks) == EVENTS {
                Ok(())
            } else {
                Err("events were lost".into())
            }
        };
        Ok(Subject {
            name: self.read,
            unit: self.unit,
            units: EVENTS,
            run: Box::new(run),
        })
    }
}

/// Whole small answers by our HTTP/1.1 codec.
fn small_answers() -> Subject {
    let run = move || {
        for _ in 0..EVENTS {
            read_whole(black_box(SMALL))?;
        }
        Ok(())
    };
    Subject {
        name: "HTTP/1.1 codec: small answers",
        unit: "answer",
        units: EVENTS,
        run: Box::new(run),
    }
}

/// Chunks of one event each, in one answer.
fn chunks() -> Subject {
    let mut answer = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..EVENTS {
        answer.extend_from_slice(format!("{:x}\r\n", EVENT.len()).as_bytes());
        answer.extend_from_slice(EVENT);
        answer.extend_from_slice(b"\r\n");
    }
    answer.extend_from_slice(b"0\r\n\r\n");
    let run = move || read_whole(black_box(&answer));
    Subject {
        name: "HTTP/1.1 codec: chunks of an event each",
        unit: "chunk",
        units: EVENTS,
        run: Box::new(run),
    }
}

fn read_whole(bytes: &[u8]) -> Result<(), Box<dyn Error>> {
    let (mut answer, mut heads) = (Answer::new(false, 64 << 10), Heads::default());
    let mut used = 0;
    loop {
        let taken = answer.take(&bytes[used..], &mut heads)?;
        used += taken.used;
        match taken.event {
            Some(Event::End(_)) => return Ok(()),
            Some(event) => {
                black_box(event);
            }
            None => return Err("the answer has no end".into()),
        }
    }
}

fn schedule(name: &'static str, kind: arrival::Kind) -> Result<Subject, Box<dyn Error>> {
    let parameters = arrival::Parameters {
        per_second: Some(1000.0),
        burstiness: 0.5,
        timestamps_s: Vec::new().into(),
        speed: 1.0,
    };
    let mut arrival = kind.open(parameters)?.ok_or("it has no times of its own")?;
    let mut generator = Seed::root(7).generator();
    let run = move || {
        for _ in 0..EVENTS {
            black_box(arrival.next(&mut generator));
        }
        Ok(())
    };
    Ok(Subject {
        name,
        unit: "arrival",
        units: EVENTS,
        run: Box::new(run),
    })
}

/// Records as a lane writes them into a block; what the disk costs is not in it.
fn journal_written() -> Subject {
    let attempt = attempt(7);
    let mut block = Vec::with_capacity(1 << 20);
    let run = move || {
        block.clear();
        for _ in 0..RECORDS {
            block = journal::encode(black_box(&attempt), std::mem::take(&mut block))?;
        }
        black_box(&block);
        Ok(())
    };
    Subject {
        name: "journal: records into a block",
        unit: "record",
        units: RECORDS,
        run: Box::new(run),
    }
}

/// Every metric of a cell of that many rows, from its Parquet file.
fn aggregation(folder: &Path) -> Result<Subject, Box<dyn Error>> {
    let path = folder.join("requests.parquet");
    let mut writer = Writer::create(&path)?;
    let mut piece = Piece::default();
    for index in 0..ROWS {
        let row = TableRow {
            attempt: &attempt(index),
            cell: "c",
            repeat: 1,
            target: "t",
            slo_ms: None,
            slo_met: None,
            skipped: false,
        };
        piece.push(&row);
    }
    writer.write(piece.done())?;
    writer.finish()?;
    let table = Table::open(&path)?;
    let cells = [CellContext {
        id: "c".into(),
        ..CellContext::default()
    }];
    let run = move || {
        black_box(aggregate(&table, &cells)?);
        Ok(())
    };
    Ok(Subject {
        name: "aggregation: every metric of a cell",
        unit: "row",
        units: ROWS,
        run: Box::new(run),
    })
}

/// A record of a small request.
fn attempt(index: u64) -> Attempt {
    let at = |us: u64| {
        Some(Offset::from_nanos(
            index * 1_000_000 + us * 1000 + index * 7919 % 50_000,
        ))
    };
    let clocks = Clocks {
        scheduled: Offset::from_nanos(index * 1_000_000),
        sent: at(20),
        first_byte: at(400),
        end: at(450),
        ..Clocks::default()
    };
    Attempt {
        dataset_row: Some(index % 100),
        outcome: Outcome::Ok,
        http_status: Some(200),
        traffic: Traffic {
            bytes_sent: 100,
            bytes_received: 210,
            image_bytes: None,
            reused: true,
        },
        tokens: Tokens {
            input: Some(7),
            output: Some(64),
            reasoning: None,
            source: Some(TokensSource::Usage),
        },
        params: r#"{"max_tokens":64}"#.to_owned(),
        ..Attempt::unsent(Phase::Measured, index, clocks)
    }
}
