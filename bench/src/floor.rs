//! The floor: what the same work costs by raw sockets, with nothing but a parser of heads above them. It checks no
//! answer, keeps no record and stamps nothing but where it is asked for its own error.
//!
//! A single-threaded tokio runtime over `TcpStream`s, for that is what any client in Rust stands on.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::LocalSet;

use crate::clients::BODY;
use crate::clock::now_ns;

/// What the floor is to do.
#[derive(Debug, Clone, Copy)]
pub struct Work {
    /// Where the server listens.
    pub server: SocketAddr,
    /// Connections that are kept.
    pub connections: usize,
    /// How long.
    pub lasts: Duration,
    /// Requests a second; `None` for as fast as answers come.
    pub rate: Option<u32>,
    /// Streams instead of small requests.
    pub streams: bool,
}

/// Does it, and prints the error of each time to the first token in nanoseconds, where there are streams.
///
/// # Errors
/// Where the server is lost.
pub fn run(work: Work) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    let local = LocalSet::new();
    local.block_on(&runtime, async move {
        if work.streams {
            streams(work).await
        } else if let Some(rate) = work.rate {
            offered(work, rate).await
        } else {
            saturating(work).await
        }
    })
}

fn request(path: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

async fn connect(server: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(server).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// The length of the answer that begins here, once its head has come whole.
fn answer_length(bytes: &[u8]) -> io::Result<Option<usize>> {
    let mut fields = [httparse::EMPTY_HEADER; 32];
    let mut response = httparse::Response::new(&mut fields);
    let httparse::Status::Complete(head) = response.parse(bytes).map_err(io::Error::other)? else {
        return Ok(None);
    };
    let length = response
        .headers
        .iter()
        .find(|field| field.name.eq_ignore_ascii_case("content-length"));
    let length = length
        .and_then(|field| std::str::from_utf8(field.value).ok())
        .and_then(|text| text.parse::<usize>().ok());
    Ok(length.map(|length| head + length))
}

/// Reads one small answer.
async fn answer(
    stream: &mut (impl tokio::io::AsyncRead + Unpin),
    buffer: &mut [u8],
) -> io::Result<()> {
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..]).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        filled += read;
        if answer_length(&buffer[..filled])?.is_some_and(|whole| filled >= whole) {
            return Ok(());
        }
    }
}

async fn saturating(work: Work) -> io::Result<()> {
    let until = until(work);
    let request: Rc<[u8]> = request("/small", BODY).into();
    let mut tasks = Vec::new();
    for _ in 0..work.connections {
        let request = Rc::clone(&request);
        tasks.push(tokio::task::spawn_local(async move {
            let mut stream = connect(work.server).await?;
            let mut buffer = vec![0; 16 << 10];
            while now_ns() < until {
                stream.write_all(&request).await?;
                answer(&mut stream, &mut buffer).await?;
            }
            io::Result::Ok(())
        }));
    }
    all(tasks).await
}

fn until(work: Work) -> u64 {
    now_ns() + u64::try_from(work.lasts.as_nanos()).unwrap_or(u64::MAX)
}

async fn all(tasks: Vec<tokio::task::JoinHandle<io::Result<()>>>) -> io::Result<()> {
    for task in tasks {
        task.await.map_err(io::Error::other)??;
    }
    Ok(())
}

/// Requests at a rate, by a timer of the kernel's that repeats by itself; each takes a connection that is free.
async fn offered(work: Work, rate: u32) -> io::Result<()> {
    let request = request("/small", BODY);
    let free = Rc::new(RefCell::new(Vec::new()));
    let over = Rc::new(Cell::new(false));
    let mut writers = Vec::new();
    for number in 0..work.connections {
        let (mut reader, writer) = connect(work.server).await?.into_split();
        writers.push(writer);
        free.borrow_mut().push(number);
        let (free, over) = (Rc::clone(&free), Rc::clone(&over));
        tokio::task::spawn_local(async move {
            let mut buffer = vec![0; 16 << 10];
            while !over.get() && answer(&mut reader, &mut buffer).await.is_ok() {
                free.borrow_mut().push(number);
            }
        });
    }
    let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_NONBLOCK)?;
    let every = TimeSpec::from_duration(Duration::from_secs(1) / rate);
    timer.set(Expiration::Interval(every), TimerSetTimeFlags::empty())?;
    #[expect(
        deprecated,
        reason = "its successor is unsafe for the sake of types that lie about their descriptor"
    )]
    let timer = AsyncFd::new(Timer(timer))?;
    let until = until(work);
    let mut owed = 0_u64;
    while now_ns() < until {
        let mut ready = timer.readable().await?;
        owed += expirations(timer.get_ref())?;
        ready.clear_ready();
        while owed > 0 {
            let Some(number) = free.borrow_mut().pop() else {
                break;
            };
            // A small request always fits into the buffer of a connection that waits for nothing.
            writers[number].try_write(&request)?;
            owed -= 1;
        }
    }
    over.set(true);
    Ok(())
}

struct Timer(TimerFd);

impl std::os::fd::AsRawFd for Timer {
    fn as_raw_fd(&self) -> std::os::fd::RawFd {
        use std::os::fd::AsFd as _;
        self.0.as_fd().as_raw_fd()
    }
}

/// How often a timer has expired since it was last asked.
fn expirations(timer: &Timer) -> io::Result<u64> {
    let mut count = [0; 8];
    match nix::unistd::read(&timer.0, &mut count) {
        Ok(8) => Ok(u64::from_ne_bytes(count)),
        Ok(_) | Err(nix::errno::Errno::EAGAIN) => Ok(0),
        Err(error) => Err(error.into()),
    }
}

/// Streams, each begun again when it has ended; prints how late each first token was seen.
async fn streams(work: Work) -> io::Result<()> {
    let until = until(work);
    let request: Rc<[u8]> = request("/v1/chat/completions", BODY).into();
    let errors: Rc<RefCell<Vec<(u64, i64)>>> = Rc::default();
    let began = now_ns();
    let mut tasks = Vec::new();
    for _ in 0..work.connections {
        let (request, errors) = (Rc::clone(&request), Rc::clone(&errors));
        tasks.push(tokio::task::spawn_local(async move {
            let mut stream = connect(work.server).await?;
            let mut buffer = vec![0; 16 << 10];
            while now_ns() < until {
                let sent = now_ns();
                stream.write_all(&request).await?;
                let error = events(&mut stream, &mut buffer, sent).await?;
                errors.borrow_mut().push((sent - began, error));
            }
            io::Result::Ok(())
        }));
    }
    all(tasks).await?;
    for (sent, error) in errors.borrow().iter() {
        println!("{sent} {error}");
    }
    Ok(())
}

/// Reads one stream to its end; how much later than the server says its first event was seen, in nanoseconds.
async fn events(stream: &mut TcpStream, buffer: &mut [u8], sent: u64) -> io::Result<i64> {
    let mut first = 0;
    let mut events = 0_usize;
    loop {
        let read = stream.read(buffer).await?;
        let at = now_ns();
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if first == 0 {
            first = at;
        }
        let bytes = &buffer[..read];
        events += memchr::memmem::find_iter(bytes, b"data: ").count();
        if bytes.ends_with(b"\n0\r\n\r\n") {
            let server = servers_first_ns(bytes)
                .ok_or_else(|| io::Error::other("the last event tells no time"))?;
            let ours = i64::try_from(first - sent).map_err(io::Error::other)?;
            std::hint::black_box(events);
            return Ok(ours - server);
        }
    }
}

fn servers_first_ns(bytes: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (_, rest) = text.rsplit_once("\"prompt_ms\":")?;
    let number = &rest[..rest.find('}')?];
    let (whole, part) = number.split_once('.')?;
    // Six digits behind the point: nanoseconds.
    Some(whole.parse::<i64>().ok()? * 1_000_000 + part.parse::<i64>().ok()?)
}
