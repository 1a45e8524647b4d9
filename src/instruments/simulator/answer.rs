//! Lets an answer out on time, and spoils it where a fault says so.
//!
//! A streamed answer's parts leave on an absolute schedule: what was late does not delay what follows.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Response};
use hyper::body::{Body, Frame, SizeHint};

use super::model::FaultKind;
pub(super) use super::reply::{Connection, Content, Dropped, Reply, Script};
use super::state::{Place, Simulator};
use crate::foundation::clock::Until;
use crate::foundation::units::Offset;

/// Time between two bytes of a slow drip.
const DRIP: Duration = Duration::from_millis(100);

/// Most bytes that leave in one piece.
const PIECE: usize = 32 * 1024;

/// What a fault of the wrong type says that an answer is.
const WRONG_TYPE: &str = "text/html; charset=utf-8";

/// Sends what counts as no request (a health check, a refusal of nonsense): at once, unless everything stalls.
pub(super) async fn aside(simulator: &Simulator, reply: Reply) -> Response<Answer> {
    simulator.wait(None, simulator.now()).await;
    let body = match reply.content {
        Content::Whole(ref bytes) => Kind::Whole(Some(bytes.clone())),
        Content::Stream(_) => Kind::Whole(None),
    };
    head(&reply, None, reply.content_type).body_or_empty(body)
}

/// Sends a request's answer when it is due, with what goes wrong.
pub(super) async fn respond(
    simulator: &Simulator,
    place: Place,
    reply: Reply,
    connection: &Connection,
) -> Result<Response<Answer>, Dropped> {
    let ordinal = Some(place.ordinal);
    if place.fault == Some(FaultKind::Reset) {
        simulator
            .wait(ordinal, place.start + place.timing.first)
            .await;
        connection.reset();
        return Err(Dropped);
    }
    let streamed = matches!(reply.content, Content::Stream(_));
    let due = if streamed {
        place.start
    } else {
        place.start + place.timing.last
    };
    simulator.wait(ordinal, due).await;
    let now = simulator.now();
    let first = if streamed {
        place.start + place.timing.first
    } else {
        now
    };
    let stamps = Stamps::new(simulator, &place, first, now);
    let content_type = if place.fault == Some(FaultKind::WrongType) {
        WRONG_TYPE
    } else {
        reply.content_type
    };
    let head = head(&reply, Some(stamps), content_type);
    let body = match reply.content {
        Content::Whole(bytes) => spoil(bytes, place.fault, simulator),
        Content::Stream(script) => play(script, place, simulator),
    };
    Ok(head.body_or_empty(body))
}

/// The simulator's own times of one answer.
struct Stamps {
    arrival: Offset,
    start: Offset,
    first: Offset,
    end: Offset,
}

impl Stamps {
    /// `first` and `end` of a stream are planned; those of a whole answer are `now`.
    fn new(simulator: &Simulator, place: &Place, first: Offset, now: Offset) -> Self {
        let planned = |due: Offset| simulator.release(Some(place.ordinal), due).unwrap_or(due);
        let end = planned(place.start + place.timing.last).max(now);
        Self {
            arrival: place.arrival,
            start: place.start,
            first: planned(first),
            end,
        }
    }
}

/// A response's head.
struct Head(http::response::Builder);

impl Head {
    fn body_or_empty(self, body: Kind) -> Response<Answer> {
        self.0
            .body(Answer(body))
            .unwrap_or_else(|_| Response::new(Answer(Kind::Whole(None))))
    }
}

fn head(reply: &Reply, stamps: Option<Stamps>, content_type: &'static str) -> Head {
    let mut builder = Response::builder()
        .status(reply.status)
        .header("server", "plimsoll-simulator");
    if !content_type.is_empty() {
        builder = builder.header("content-type", HeaderValue::from_static(content_type));
    }
    for (name, value) in &reply.headers {
        builder = builder.header(name, value);
    }
    if let Some(stamps) = stamps {
        let ms = |from: Offset, to: Offset| to.since(from).as_secs_f64() * 1e3;
        builder = builder
            .header("x-simulator-arrival-ns", stamps.arrival.as_nanos())
            .header("x-simulator-start-ns", stamps.start.as_nanos())
            .header("x-simulator-first-ns", stamps.first.as_nanos())
            .header(
                "server-timing",
                format!(
                    "queue;dur={:.3}, total;dur={:.3}",
                    ms(stamps.arrival, stamps.start),
                    ms(stamps.arrival, stamps.end)
                ),
            );
    }
    Head(builder)
}

/// A whole body with what goes wrong.
fn spoil(bytes: Bytes, fault: Option<FaultKind>, simulator: &Simulator) -> Kind {
    match fault {
        Some(FaultKind::EmptyStream) => Kind::Whole(None),
        Some(FaultKind::Malformed) => Kind::Whole(Some(bytes.slice(..bytes.len() * 2 / 3))),
        Some(FaultKind::CutStream) => Kind::Cut(Cut {
            declared: bytes.len() as u64,
            rest: Some(bytes.slice(..bytes.len() / 2)),
            flushed: false,
        }),
        Some(FaultKind::SlowDrip) => Kind::Drip(Drip::new(bytes, true, simulator)),
        _ => Kind::Whole(Some(bytes)),
    }
}

/// A stream with what goes wrong.
fn play(mut script: Box<dyn Script>, place: Place, simulator: &Simulator) -> Kind {
    match place.fault {
        Some(FaultKind::EmptyStream) => Kind::Whole(None),
        Some(FaultKind::SlowDrip) => {
            let (now, mut out) = (simulator.now(), BytesMut::new());
            script.opening(now, &mut out);
            for number in 0..place.timing.count {
                // A drip of more than this never ends within anyone's patience.
                if out.len() > PIECE {
                    break;
                }
                script.token(number, now, &mut out);
            }
            script.closing(now, &mut out);
            Kind::Drip(Drip::new(out.freeze(), false, simulator))
        }
        fault => Kind::Play(Box::new(Play {
            simulator: simulator.clone(),
            cut: fault == Some(FaultKind::CutStream),
            garble: fault == Some(FaultKind::Malformed),
            place,
            script,
            stage: Stage::Opening,
            out: BytesMut::with_capacity(1024),
            until: None,
        })),
    }
}

/// The body of an answer.
pub(super) struct Answer(Kind);

enum Kind {
    Whole(Option<Bytes>),
    Cut(Cut),
    Drip(Drip),
    Play(Box<Play>),
}

/// A body that ends before its declared length.
struct Cut {
    declared: u64,
    rest: Option<Bytes>,
    flushed: bool,
}

impl Cut {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Dropped>>> {
        if let Some(bytes) = self.rest.take() {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        ready!(poll_flushed(&mut self.flushed, cx));
        Poll::Ready(Some(Err(Dropped)))
    }
}

/// Ready at the second asking: in between, hyper writes out what it was given before.
fn poll_flushed(flushed: &mut bool, cx: &mut Context<'_>) -> Poll<()> {
    if std::mem::replace(flushed, true) {
        return Poll::Ready(());
    }
    cx.waker().wake_by_ref();
    Poll::Pending
}

/// A body that comes a byte at a time.
struct Drip {
    bytes: Bytes,
    /// Whether the length is told beforehand.
    sized: bool,
    simulator: Simulator,
    due: Offset,
    until: Option<Until>,
}

impl Drip {
    fn new(bytes: Bytes, sized: bool, simulator: &Simulator) -> Self {
        Self {
            bytes,
            sized,
            due: simulator.now(),
            simulator: simulator.clone(),
            until: None,
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Dropped>>> {
        if self.bytes.is_empty() {
            return Poll::Ready(None);
        }
        ready!(poll_until(&mut self.until, self.due, &self.simulator, cx));
        self.due = self.due + DRIP;
        Poll::Ready(Some(Ok(Frame::data(self.bytes.split_to(1)))))
    }
}

/// Ready at `due`; keeps the wait in `until` between two askings.
fn poll_until(
    until: &mut Option<Until>,
    due: Offset,
    simulator: &Simulator,
    cx: &mut Context<'_>,
) -> Poll<()> {
    let wait = until.get_or_insert_with(|| simulator.until(due));
    ready!(Pin::new(wait).poll(cx));
    *until = None;
    Poll::Ready(())
}

/// A streamed answer on its way.
struct Play {
    simulator: Simulator,
    place: Place,
    script: Box<dyn Script>,
    stage: Stage,
    /// Whether it ends half-way, without an end.
    cut: bool,
    /// Whether its middle event is broken.
    garble: bool,
    out: BytesMut,
    until: Option<Until>,
}

/// What a stream says next.
#[derive(Debug, Clone, Copy)]
enum Stage {
    Opening,
    Token(u64),
    Closing,
    Cut { flushed: bool },
    Done,
}

impl Play {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Dropped>>> {
        loop {
            let due = match &mut self.stage {
                Stage::Opening => self.place.start,
                Stage::Token(number) => self.place.start + self.place.timing.part(*number),
                Stage::Closing => self.place.start + self.place.timing.last,
                Stage::Cut { .. } | Stage::Done if !self.out.is_empty() => {
                    return Poll::Ready(Some(Ok(Frame::data(self.out.split().freeze()))));
                }
                Stage::Cut { flushed } => {
                    ready!(poll_flushed(flushed, cx));
                    return Poll::Ready(Some(Err(Dropped)));
                }
                Stage::Done => return Poll::Ready(None),
            };
            let now = self.simulator.now();
            // Nobody wakes what a stall without an end holds: it waits until the client gives up.
            let due = self.simulator.release(Some(self.place.ordinal), due);
            if due.is_none_or(|due| due > now) || self.out.len() >= PIECE {
                if !self.out.is_empty() {
                    return Poll::Ready(Some(Ok(Frame::data(self.out.split().freeze()))));
                }
                let Some(due) = due else { return Poll::Pending };
                ready!(poll_until(&mut self.until, due, &self.simulator, cx));
                continue;
            }
            self.say(now);
        }
    }

    /// Says what is due now, and moves on.
    fn say(&mut self, now: Offset) {
        let count = self.place.timing.count;
        self.stage = match self.stage {
            Stage::Opening => {
                self.script.opening(now, &mut self.out);
                if count == 0 {
                    Stage::Closing
                } else {
                    Stage::Token(0)
                }
            }
            Stage::Token(number) => {
                let begin = self.out.len();
                self.script.token(number, now, &mut self.out);
                if self.garble && number == count / 2 {
                    let event = self.out.len() - begin;
                    self.out.truncate(begin + event / 2);
                    self.out.extend_from_slice(b"\n\n");
                }
                if self.cut && number + 1 >= count.div_ceil(2) {
                    Stage::Cut { flushed: false }
                } else if number + 1 < count {
                    Stage::Token(number + 1)
                } else {
                    Stage::Closing
                }
            }
            Stage::Closing => {
                self.script.closing(now, &mut self.out);
                Stage::Done
            }
            stage => stage,
        };
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Dropped;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Dropped>>> {
        match &mut self.0 {
            Kind::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Kind::Cut(cut) => cut.poll(cx),
            Kind::Drip(drip) => drip.poll(cx),
            Kind::Play(play) => play.poll(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.0, Kind::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Kind::Cut(cut) => SizeHint::with_exact(cut.declared),
            Kind::Drip(drip) if drip.sized => SizeHint::with_exact(drip.bytes.len() as u64),
            Kind::Drip(_) | Kind::Play(_) => SizeHint::default(),
        }
    }
}
