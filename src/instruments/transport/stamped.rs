//! A stream that stamps: the first byte of a request, each read, the first byte of an answer's final head.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::http2::{DATA, Frames, HEADERS};
use super::stream::Stream;
use crate::foundation::clock::Clock;
use crate::foundation::socket::Socket;
use crate::foundation::units::Offset;

/// What was stamped of the exchange that runs; shared between the stream and its wire.
#[derive(Debug, Default)]
pub(super) struct Stamps {
    pub(super) sent: Cell<Option<Offset>>,
    /// When the head began that is known to be final.
    pub(super) first_byte: Cell<Option<Offset>>,
    /// When bytes last came, or the stream's end was read.
    pub(super) last_read: Cell<Offset>,
    /// When bytes were last read.
    pub(super) last_seen: Cell<Offset>,
    /// How long bytes waited to be read at most; `None` where the system does not tell.
    pub(super) waited: Cell<Option<Duration>>,
    /// Whether any byte of an answer, interim heads included, has come.
    pub(super) answered: Cell<bool>,
    head: Cell<HeadScan>,
    /// When the last head of an HTTP/2 answer began, which may be an interim one.
    began: Cell<Option<Offset>>,
}

impl Stamps {
    /// Makes ready for the next exchange.
    pub(super) fn clear(&self) {
        self.sent.set(None);
        self.first_byte.set(None);
        self.waited.set(None);
        self.answered.set(false);
        self.head.set(HeadScan::default());
        self.began.set(None);
    }

    /// When the answer's final head began. An HTTP/1.1 head whose status has not come counts until that says 1xx.
    pub(super) fn first_byte(&self) -> Option<Offset> {
        let beginning = self.head.get();
        let may_be_final = beginning.began.filter(|_| !beginning.interim);
        self.first_byte.get().or(may_be_final)
    }

    /// An HTTP/2 answer's final head has been read: it is the last that began.
    pub(super) fn head_came(&self) {
        if self.first_byte.get().is_none() {
            self.first_byte.set(self.began.get());
        }
    }

    /// A frame of an HTTP/2 answer, if it is of one: the connection's own come at any time.
    fn frame(&self, kind: u8, began: Offset) {
        match kind {
            HEADERS if self.sent.get().is_some() => {
                self.answered.set(true);
                self.began.set(Some(began));
            }
            // What follows is trailers.
            DATA => self.head_came(),
            _ => {}
        }
    }

    fn read(&self, bytes: &[u8], at: Offset) {
        if self.sent.get().is_none() {
            return;
        }
        self.answered.set(true);
        if self.first_byte.get().is_none() {
            let mut scan = self.head.get();
            self.first_byte.set(scan.take(bytes, at));
            self.head.set(scan);
        }
    }
}

/// Tells the final head of an answer from interim (1xx) ones before it, by the status line's first digit.
#[derive(Debug, Clone, Copy, Default)]
struct HeadScan {
    /// Bytes of the present head seen so far, at most up to the digit.
    seen: u8,
    /// When the present head's first byte came.
    began: Option<Offset>,
    interim: bool,
    /// Line feeds in a row, carriage returns left out: two end a head.
    feeds: u8,
}

/// Where the status's first digit stands in `HTTP/1.1 200 OK`.
const DIGIT: u8 = 9;

impl HeadScan {
    /// Takes bytes that were read at `at`; gives the stamp of the final head's first byte once it is known to be final.
    fn take(&mut self, bytes: &[u8], at: Offset) -> Option<Offset> {
        for &byte in bytes {
            // Empty lines before a head are no part of it.
            if self.began.is_none() && matches!(byte, b'\r' | b'\n') {
                continue;
            }
            if self.interim {
                match byte {
                    b'\n' => self.feeds += 1,
                    b'\r' => {}
                    _ => self.feeds = 0,
                }
                if self.feeds == 2 {
                    *self = Self::default();
                }
                continue;
            }
            let began = *self.began.get_or_insert(at);
            if self.seen == DIGIT {
                if byte != b'1' {
                    return Some(began);
                }
                self.interim = true;
            }
            self.seen = self.seen.saturating_add(1);
        }
        None
    }
}

/// A stream whose bytes are stamped as they pass.
pub(super) struct Stamped {
    stream: Stream,
    clock: Clock,
    stamps: Rc<Stamps>,
    /// What passes where HTTP/2 is spoken, on the way out and on the way in.
    frames: Option<(Frames, Frames)>,
}

impl Stamped {
    /// Stamps HTTP/1.1.
    pub(super) const fn new(stream: Stream, clock: Clock, stamps: Rc<Stamps>) -> Self {
        Self {
            stream,
            clock,
            stamps,
            frames: None,
        }
    }

    /// Stamps HTTP/2, from a client's first byte on.
    pub(super) fn of_frames(self) -> Self {
        Self {
            frames: Some((Frames::of_a_client(), Frames::default())),
            ..self
        }
    }

    /// Stamps the request's first byte among those that the stream took; `before` was read just ahead of the write.
    fn wrote<'b>(
        &mut self,
        taken: usize,
        pieces: impl Iterator<Item = &'b [u8]>,
        before: Option<Offset>,
    ) {
        let Some((out, _)) = &mut self.frames else {
            if let (1.., Some(before)) = (taken, before) {
                self.stamps.sent.set(Some(before));
            }
            return;
        };
        let (mut left, stamps) = (taken, &self.stamps);
        for piece in pieces {
            let piece = &piece[..piece.len().min(left)];
            left -= piece.len();
            out.take(piece, before.unwrap_or_default(), |kind, began| {
                if kind == HEADERS && stamps.sent.get().is_none() {
                    stamps.sent.set(Some(began));
                }
            });
        }
    }

    fn before_write(&self) -> Option<Offset> {
        self.stamps.sent.get().is_none().then(|| self.clock.now())
    }

    fn read(&mut self, bytes: &[u8]) {
        let socket = self.stream.socket();
        let at = socket.map_or_else(|| self.clock.now(), Socket::arrived);
        // Nothing answers what was not sent: somebody has set the clock by which the system stamps.
        let at = at.max(self.stamps.sent.get().unwrap_or_default());
        self.stamps.last_read.set(at);
        let waited = socket.and_then(Socket::waited);
        self.stamps.last_seen.set(at + waited.unwrap_or_default());
        self.stamps.waited.set(self.stamps.waited.get().max(waited));
        if bytes.is_empty() {
            return;
        }
        match &mut self.frames {
            None => self.stamps.read(bytes, at),
            Some((_, incoming)) => {
                incoming.take(bytes, at, |kind, began| self.stamps.frame(kind, began));
            }
        }
    }
}

impl AsyncRead for Stamped {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let (filled, room) = (buf.filled().len(), buf.remaining());
        let result = Pin::new(&mut self.stream).poll_read(cx, buf);
        // Nothing, where there was room, is the stream's end; it may be what ends an answer.
        if let Poll::Ready(Ok(())) = result
            && room > 0
        {
            self.read(&buf.filled()[filled..]);
        }
        result
    }
}

impl AsyncWrite for Stamped {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let before = self.before_write();
        let result = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if let Poll::Ready(Ok(taken)) = result {
            self.wrote(taken, std::iter::once(bytes), before);
        }
        result
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let before = self.before_write();
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, pieces);
        if let Poll::Ready(Ok(taken)) = result {
            self.wrote(taken, pieces.iter().map(|piece| &**piece), before);
        }
        result
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Feeds an answer in the given pieces, each a microsecond after the other.
    fn first_byte(answer: &[u8], cuts: &[usize]) -> Option<u64> {
        let mut scan = HeadScan::default();
        let (mut from, mut at) = (0, 0);
        for &to in cuts.iter().chain([&answer.len()]) {
            if let Some(found) = scan.take(&answer[from..to], Offset::from_nanos(at)) {
                return Some(found.as_nanos());
            }
            (from, at) = (to, at + 1);
        }
        None
    }

    #[test]
    fn interim_heads_do_not_count_as_the_first_byte() {
        let answer = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n";
        let hints = answer
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .unwrap()
            + 4;
        assert_eq!(first_byte(answer, &[hints]), Some(1));
        assert_eq!(first_byte(&answer[hints..], &[]), Some(0));
    }

    #[test]
    fn empty_lines_before_a_head_are_no_part_of_it() {
        let answer = b"\r\n\r\nHTTP/1.1 200 OK\r\n\r\n";
        assert_eq!(first_byte(answer, &[4]), Some(1));
        assert_eq!(first_byte(answer, &[2, 5]), Some(1));
    }

    proptest! {
        #[test]
        fn the_final_heads_first_byte_is_found_in_any_split(mut cuts in prop::collection::vec(0_usize..57, 0..8)) {
            let answer = b"HTTP/1.1 100 Continue\n\nHTTP/1.1 102 X\r\n\r\nHTTP/1.1 200 OK\r\n";
            let begins = answer.len() - 17;
            cuts.sort_unstable();
            cuts.dedup();
            let piece = cuts.iter().filter(|&&cut| cut <= begins && cut > 0).count()
                + usize::from(cuts.first() == Some(&0));
            prop_assert_eq!(first_byte(answer, &cuts), Some(piece as u64));
        }
    }
}
