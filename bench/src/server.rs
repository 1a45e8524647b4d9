//! A server that never sleeps: its thread turns over its sockets without waiting, so that no client spares itself the
//! server's wake-ups, and none waits for them.
//!
//! `POST /small` is answered with 210 bytes of JSON. Any other path is a stream of server-sent events in `OpenAI`'s form,
//! at the pace of [`Streaming`]; the last event tells, in llama.cpp's words, how long the server itself took to its first
//! one (`timings.prompt_ms`, to the nanosecond).

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

use crate::clock::now_ns;

/// How long it sleeps before it looks whether it may serve again.
const RESTS: Duration = Duration::from_millis(20);

const LISTENER: Token = Token(usize::MAX);

/// How long the body of the answer to a small request is.
const SMALL_BODY: usize = 210;

/// The answer to a small request.
const SMALL: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 210\r\n\r\n\
{\"id\":\"0123456789abcde\",\"object\":\"answer\",\"created\":1764028800,\"model\":\"bench\",\"choices\":[{\"index\":0,\
\"text\":\"the quick brown fox jumps over the lazy dog and again\",\"finish_reason\":\"stop\"}],\"usage\":{\"total\":64}}";

/// The body of the answer to a small request.
pub fn small_body() -> &'static [u8] {
    &SMALL[SMALL.len() - SMALL_BODY..]
}

const STREAM_HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

/// The pace of a stream.
#[derive(Debug, Clone, Copy)]
pub struct Streaming {
    /// Events with content.
    pub events: u32,
    /// From the request to the first of them.
    pub first: Duration,
    /// Between two of them.
    pub gap: Duration,
    /// Streams that begin together are spread over one gap: each waits its part of it longer for its first event.
    pub spread: u32,
}

/// What the server counts, and how it is told what to do.
pub struct Shared {
    /// Requests that came whole.
    pub requests: AtomicU64,
    /// Events that were written.
    pub events: AtomicU64,
    /// Streams whose last event is to come.
    pub in_flight: AtomicU64,
    /// Connections taken since the start.
    pub connections: AtomicU64,
    streaming: Mutex<Streaming>,
    /// When each request came, where that is asked for.
    arrivals: Mutex<Option<Vec<u64>>>,
    logs_arrivals: AtomicBool,
    rests: AtomicBool,
    over: AtomicBool,
}

impl Shared {
    /// Sets the pace of streams that begin from now on.
    pub fn pace(&self, streaming: Streaming) {
        *self
            .streaming
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = streaming;
    }

    /// Whether, from now on, it serves nobody and leaves its processor to another server.
    pub fn rest(&self, rests: bool) {
        self.rests.store(rests, Relaxed);
    }

    /// Takes note, from now on, of when each request comes.
    pub fn log_arrivals(&self) {
        *self.arrivals.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Vec::with_capacity(1 << 16));
        self.logs_arrivals.store(true, Relaxed);
    }

    /// When requests came since [`Shared::log_arrivals`], in nanoseconds of the monotonic clock.
    pub fn take_arrivals(&self) -> Vec<u64> {
        self.logs_arrivals.store(false, Relaxed);
        self.arrivals
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
            .unwrap_or_default()
    }
}

/// The server, on a thread of its own that is pinned to a processor.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// What it counts.
    pub shared: Arc<Shared>,
    thread: Option<std::thread::JoinHandle<io::Result<()>>>,
}

impl Server {
    /// Starts it.
    ///
    /// # Errors
    /// Where no port or thread can be had.
    pub fn start(processor: usize) -> io::Result<Self> {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            requests: AtomicU64::new(0),
            events: AtomicU64::new(0),
            in_flight: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            streaming: Mutex::new(Streaming {
                events: 100,
                first: Duration::from_millis(20),
                gap: Duration::from_millis(10),
                spread: 64,
            }),
            arrivals: Mutex::new(None),
            logs_arrivals: AtomicBool::new(false),
            rests: AtomicBool::new(false),
            over: AtomicBool::new(false),
        });
        let theirs = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("server".into())
            .spawn(move || {
                crate::child::pin(processor)?;
                Turning::new(listener, &theirs)?.run()
            })?;
        Ok(Self {
            address,
            shared,
            thread: Some(thread),
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.over.store(true, Relaxed);
        if let Some(Err(error)) = self.thread.take().and_then(|thread| thread.join().ok()) {
            eprintln!("the server failed: {error}");
        }
    }
}

/// A connection.
struct Connection {
    socket: TcpStream,
    /// Bytes of a request that has not come whole.
    read: Vec<u8>,
    /// Bytes that the socket did not take.
    unwritten: Vec<u8>,
    stream: Option<Running>,
    /// Tells a connection from an earlier one of the same number.
    generation: u64,
}

/// A stream that runs.
struct Running {
    streaming: Streaming,
    asked_ns: u64,
    /// When the first event was written; 0 before.
    first_ns: u64,
    sent: u32,
}

struct Turning<'a> {
    poll: Poll,
    listener: TcpListener,
    shared: &'a Shared,
    connections: Vec<Option<Connection>>,
    free: Vec<usize>,
    /// When which connection's next event is due.
    due: BinaryHeap<Reverse<(u64, usize, u64)>>,
    generations: u64,
    begun: u32,
    buffer: Vec<u8>,
    piece: Vec<u8>,
}

impl<'a> Turning<'a> {
    fn new(mut listener: TcpListener, shared: &'a Shared) -> io::Result<Self> {
        let poll = Poll::new()?;
        poll.registry()
            .register(&mut listener, LISTENER, Interest::READABLE)?;
        Ok(Self {
            poll,
            listener,
            shared,
            connections: Vec::new(),
            free: Vec::new(),
            due: BinaryHeap::new(),
            generations: 0,
            begun: 0,
            buffer: vec![0; 64 << 10],
            piece: Vec::new(),
        })
    }

    fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        while !self.shared.over.load(Relaxed) {
            if self.shared.rests.load(Relaxed) {
                std::thread::sleep(RESTS);
                continue;
            }
            self.poll.poll(&mut events, Some(Duration::ZERO))?;
            for event in &events {
                if event.token() == LISTENER {
                    self.accept()?;
                } else {
                    if event.is_writable() {
                        self.write(event.token().0, b"");
                    }
                    self.readable(event.token().0);
                }
            }
            self.emit_due();
        }
        Ok(())
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            let mut socket = match self.listener.accept() {
                Ok((socket, _)) => socket,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            socket.set_nodelay(true)?;
            let at = self.free.pop().unwrap_or_else(|| {
                self.connections.push(None);
                self.connections.len() - 1
            });
            self.poll.registry().register(
                &mut socket,
                Token(at),
                Interest::READABLE | Interest::WRITABLE,
            )?;
            self.generations += 1;
            self.shared.connections.fetch_add(1, Relaxed);
            self.connections[at] = Some(Connection {
                socket,
                read: Vec::new(),
                unwritten: Vec::new(),
                stream: None,
                generation: self.generations,
            });
        }
    }

    fn readable(&mut self, at: usize) {
        while let Some(connection) = &mut self.connections[at] {
            match connection.socket.read(&mut self.buffer) {
                Ok(0) => return self.close(at),
                Ok(read) => {
                    connection.read.extend_from_slice(&self.buffer[..read]);
                    self.requests(at);
                    // What is less than was asked for is all that there was.
                    if read < self.buffer.len() {
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => return self.close(at),
            }
        }
    }

    fn close(&mut self, at: usize) {
        if let Some(connection) = self.connections[at].take() {
            if connection.stream.is_some() {
                self.shared.in_flight.fetch_sub(1, Relaxed);
            }
            self.free.push(at);
        }
    }

    /// Answers the requests of a connection that came whole.
    fn requests(&mut self, at: usize) {
        loop {
            let Some(connection) = &mut self.connections[at] else {
                return;
            };
            let Some((used, small)) = whole_request(&connection.read) else {
                return;
            };
            connection.read.drain(..used);
            let now = now_ns();
            self.shared.requests.fetch_add(1, Relaxed);
            if self.shared.logs_arrivals.load(Relaxed)
                && let Some(arrivals) = &mut *self
                    .shared
                    .arrivals
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
            {
                arrivals.push(now);
            }
            if small {
                self.write(at, SMALL);
            } else {
                self.begin(at, now);
            }
        }
    }

    fn begin(&mut self, at: usize, now: u64) {
        let streaming = *self
            .shared
            .streaming
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let Some(connection) = &mut self.connections[at] else {
            return;
        };
        let part = self.begun % streaming.spread.max(1);
        self.begun += 1;
        let later = streaming.gap * part / streaming.spread.max(1);
        self.shared.in_flight.fetch_add(1, Relaxed);
        connection.stream = Some(Running {
            streaming,
            asked_ns: now,
            first_ns: 0,
            sent: 0,
        });
        let due = now + nanoseconds(streaming.first + later);
        self.due.push(Reverse((due, at, connection.generation)));
    }

    fn emit_due(&mut self) {
        while let Some(&Reverse((due, at, generation))) = self.due.peek() {
            if due > now_ns() {
                return;
            }
            self.due.pop();
            self.emit(due, at, generation);
        }
    }

    /// Writes the next event of a stream.
    fn emit(&mut self, due: u64, at: usize, generation: u64) {
        let Some(connection) = &mut self.connections[at] else {
            return;
        };
        let Some(stream) = connection
            .stream
            .as_mut()
            .filter(|_| connection.generation == generation)
        else {
            return;
        };
        let mut piece = std::mem::take(&mut self.piece);
        piece.clear();
        let now = now_ns();
        if stream.sent == 0 {
            stream.first_ns = now;
            piece.extend_from_slice(STREAM_HEAD.as_bytes());
        }
        stream.sent += 1;
        chunk(&mut piece, &content(now));
        let over = stream.sent >= stream.streaming.events;
        if over {
            #[expect(
                clippy::cast_precision_loss,
                reason = "a time of this run in nanoseconds"
            )]
            let first_ms = (stream.first_ns - stream.asked_ns) as f64 / 1e6;
            chunk(&mut piece, &last(first_ms, stream.sent));
            chunk(&mut piece, "data: [DONE]\n\n");
            piece.extend_from_slice(b"0\r\n\r\n");
            connection.stream = None;
        } else {
            self.due.push(Reverse((
                due + nanoseconds(stream.streaming.gap),
                at,
                generation,
            )));
        }
        self.write(at, &piece);
        self.shared.events.fetch_add(1, Relaxed);
        if over {
            self.shared.in_flight.fetch_sub(1, Relaxed);
        }
        self.piece = piece;
    }

    /// Writes as much as the socket takes, what it did not take before at first.
    fn write(&mut self, at: usize, bytes: &[u8]) {
        let Some(connection) = &mut self.connections[at] else {
            return;
        };
        let mut pending = std::mem::take(&mut connection.unwritten);
        let bytes = if pending.is_empty() {
            bytes
        } else {
            pending.extend_from_slice(bytes);
            &pending
        };
        if bytes.is_empty() {
            return;
        }
        match connection.socket.write(bytes) {
            Ok(written) => connection.unwritten.extend_from_slice(&bytes[written..]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                connection.unwritten.extend_from_slice(bytes);
            }
            Err(_) => self.close(at),
        }
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// The length of the first request where it has come whole, and whether it asks for the small answer.
fn whole_request(bytes: &[u8]) -> Option<(usize, bool)> {
    if bytes.is_empty() {
        return None;
    }
    let mut fields = [httparse::EMPTY_HEADER; 32];
    let mut request = httparse::Request::new(&mut fields);
    let httparse::Status::Complete(head) = request.parse(bytes).ok()? else {
        return None;
    };
    let length = request
        .headers
        .iter()
        .find(|field| field.name.eq_ignore_ascii_case("content-length"));
    let length: usize = length
        .and_then(|field| std::str::from_utf8(field.value).ok())
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(0);
    let whole = head + length;
    (bytes.len() >= whole).then(|| (whole, request.path == Some("/small")))
}

fn chunk(into: &mut Vec<u8>, event: &str) {
    // Writing to a vector does not fail.
    let _ = write!(into, "{:x}\r\n{event}\r\n", event.len());
}

fn content(now_ns: u64) -> String {
    format!(
        "data: {{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1764028800,\"model\":\"bench\",\
         \"choices\":[{{\"index\":0,\"delta\":{{\"content\":\" {now_ns}\"}},\"logprobs\":null,\"finish_reason\":null}}]}}\n\n"
    )
}

fn last(first_ms: f64, tokens: u32) -> String {
    format!(
        "data: {{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1764028800,\"model\":\"bench\",\
         \"choices\":[{{\"index\":0,\"delta\":{{}},\"logprobs\":null,\"finish_reason\":\"stop\"}}],\
         \"usage\":{{\"prompt_tokens\":7,\"completion_tokens\":{tokens},\"total_tokens\":{}}},\
         \"timings\":{{\"prompt_n\":7,\"prompt_ms\":{first_ms:.6}}}}}\n\n",
        tokens + 7
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_small_answer_is_as_long_as_it_says() {
        let head = SMALL
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .map(|at| at + 4);
        assert_eq!(head.map(|head| SMALL.len() - head), Some(SMALL_BODY));
    }

    #[test]
    fn a_request_counts_when_its_body_has_come() {
        let whole = b"POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}";
        assert_eq!(whole_request(whole), Some((whole.len(), true)));
        assert_eq!(whole_request(&whole[..whole.len() - 1]), None);
        assert_eq!(
            whole_request(b"GET /v1 HTTP/1.1\r\n\r\nGET"),
            Some((20, false))
        );
    }
}
