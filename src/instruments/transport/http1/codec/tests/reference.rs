//! What hyper makes of the same reads: its client over a connection that hands out prepared pieces, polled by hand.

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Empty;
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1;
use hyper::rt::{Read, ReadBufCursor, Write};

use super::generate::{Case, Ending};
use super::{CAP, Ended, FIELDS, Said, listed};

/// Gives nothing before the request was written, then piece for piece.
struct Pieces {
    all: Vec<Vec<u8>>,
    at: usize,
    given: usize,
    asked: bool,
    ending: Ending,
}

impl Read for Pieces {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut into: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if !this.asked {
            return Poll::Pending;
        }
        let Some(piece) = this.all.get(this.at) else {
            return match this.ending {
                Ending::Stays => Poll::Pending,
                Ending::Closes => Poll::Ready(Ok(())),
                Ending::Breaks => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
            };
        };
        let rest = &piece[this.given..];
        let given = rest.len().min(into.remaining());
        into.put_slice(&rest[..given]);
        this.given += given;
        if this.given == piece.len() {
            this.at += 1;
            this.given = 0;
        }
        Poll::Ready(Ok(()))
    }
}

impl Write for Pieces {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.asked = true;
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Polls after which nothing more can come: hyper looks at a connection 16 times a turn.
const TURNS: usize = 4;

struct Client {
    send: http1::SendRequest<Empty<Bytes>>,
    /// `None` once it has ended.
    drive: Option<http1::Connection<Pieces, Empty<Bytes>>>,
}

impl Client {
    fn turn(&mut self, cx: &mut Context<'_>) {
        if let Some(drive) = &mut self.drive
            && Pin::new(drive).poll(cx).is_ready()
        {
            self.drive = None;
        }
    }

    /// Polls a part and the connection behind it until the part is ready; `None` where it waits for ever.
    fn until<T>(
        &mut self,
        cx: &mut Context<'_>,
        mut part: impl FnMut(&mut Context<'_>) -> Poll<T>,
        pieces: usize,
    ) -> Option<T> {
        for _ in 0..TURNS + pieces / 8 {
            if let Poll::Ready(ready) = part(cx) {
                return Some(ready);
            }
            self.turn(cx);
        }
        None
    }
}

/// Reads a case with hyper.
pub fn read(case: &Case) -> Said {
    let mut cx = Context::from_waker(Waker::noop());
    let all: Vec<Vec<u8>> = case.pieces().map(<[u8]>::to_vec).collect();
    let count = all.len();
    let pieces = Pieces {
        all,
        at: 0,
        given: 0,
        asked: false,
        ending: case.ending,
    };
    let mut handshake = pin!(
        http1::Builder::new()
            .max_header_size(CAP)
            .max_headers(FIELDS)
            .handshake(pieces)
    );
    let Poll::Ready(Ok((send, drive))) = handshake.as_mut().poll(&mut cx) else {
        panic!("no handshake")
    };
    let mut client = Client {
        send,
        drive: Some(drive),
    };
    let mut request = Request::new(Empty::new());
    *request.method_mut() = if case.to_head {
        Method::HEAD
    } else {
        Method::GET
    };
    let mut response = pin!(client.send.send_request(request));
    let mut said = Said {
        head: None,
        body: Vec::new(),
        ended: Ended::Waiting,
    };
    let response = match client.until(&mut cx, |cx| response.as_mut().poll(cx), count) {
        None => return said,
        Some(Err(error)) => {
            said.ended = refused(&error);
            return said;
        }
        Some(Ok(response)) => response,
    };
    // hyper would hand the connection over; nobody here has asked for that.
    if response.status().as_u16() == 101 {
        said.ended = Ended::Refused;
        return said;
    }
    said.head = Some((response.status().as_u16(), listed(response.headers())));
    said.ended = body(
        &mut client,
        &mut cx,
        response.into_body(),
        &mut said.body,
        count,
    );
    said
}

fn body(
    client: &mut Client,
    cx: &mut Context<'_>,
    mut body: Incoming,
    into: &mut Vec<u8>,
    pieces: usize,
) -> Ended {
    loop {
        match client.until(cx, |cx| Pin::new(&mut body).poll_frame(cx), pieces) {
            None => return Ended::Waiting,
            Some(Some(Ok(frame))) => {
                if let Ok(bytes) = frame.into_data() {
                    into.extend_from_slice(&bytes);
                }
            }
            Some(Some(Err(error))) => return refused(&error),
            Some(None) => break,
        }
    }
    for _ in 0..TURNS + pieces / 8 {
        client.turn(cx);
    }
    Ended::Whole {
        reusable: client.drive.is_some() && client.send.is_ready(),
    }
}

fn refused(error: &hyper::Error) -> Ended {
    use std::error::Error as _;
    if error.is_parse_too_large() {
        return Ended::TooLarge;
    }
    if error.is_parse() {
        return Ended::Refused;
    }
    let mut source = error.source();
    while let Some(inner) = source {
        if let Some(io) = inner.downcast_ref::<io::Error>() {
            let text = io.to_string();
            return match io.kind() {
                _ if text.ends_with("over limit") || text.ends_with("count overflow") => {
                    Ended::TooLarge
                }
                io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => Ended::Refused,
                _ => Ended::Cut,
            };
        }
        source = inner.source();
    }
    Ended::Cut
}
