//! One attempt: a protocol's steps carried out over a slot's connection. Steps decide what an answer is worth; what
//! becomes of a connection or a deadline is said here.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::time::Duration;

use super::lane::Lane;
use super::live::Live;
use super::pace::Ticket;
use super::row::{Facts, record};
use super::slot::{Expired, Guard, Slot};
use crate::foundation::units::Offset;
use crate::instruments::exchange::{Exchange, Flow, Head, Issue, Judgement, Received, Step};
use crate::instruments::record::{Outcome, Seen};
use crate::instruments::transport::{Decoder, Lost, OwnLimit, Wire, connect};

/// How long the rest of an answer is waited for after its end mark, before its connection is replaced. It counts as
/// waiting of the next request, which is what it is.
const REST: Duration = Duration::from_micros(500);
/// Bytes of one answer that are read in a row before others of the lane have their turn: a flood must not delay them.
const TURN_BYTES: usize = 64 << 10;
/// What a piece of an answer takes besides, as bytes: a flood may come a byte a piece.
const PIECE_BYTES: usize = 1 << 10;
/// How long the first byte of a streamed answer is waited for, unless told.
const STREAM_FIRST_BYTE: Duration = Duration::from_mins(1);
/// Why a slot without a grant has no connection.
const NOT_GRANTED: &str = "no descriptors are left for both ends of another connection (EMFILE)";

/// An attempt that a connection or a deadline ended.
struct Broken {
    outcome: Outcome,
    text: String,
}

impl Broken {
    fn new(outcome: Outcome, text: impl Into<String>) -> Self {
        Self {
            outcome,
            text: text.into(),
        }
    }
}

/// How an attempt ended, for who sees to what comes next.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    /// Whether its answer counts.
    pub(super) ok: bool,
    /// When.
    pub(super) at: Offset,
}

/// Makes one attempt, and records what came of it.
///
/// Futures on this way are pinned where they are made: one that is awaited by value is moved twice, and each holds all that
/// it waits for, so that a fifth of a request's instructions were copies.
pub(super) async fn attempt(lane: &Lane, slot: &mut Slot, ticket: &Ticket, number: u32) -> End {
    let Slot {
        wires,
        granted,
        sent,
        seen,
        guard,
    } = slot;
    seen.clear();
    seen.keep_samples = lane.keeps_samples();
    let mut run = Run {
        lane,
        wires,
        granted: *granted,
        sent,
        guard,
        ticket,
        facts: Facts::default(),
        began: lane.timer.now(),
    };
    let conversed = pin!(run.converse(number, seen)).await;
    let (judged, end) = match conversed {
        // The protocol's end mark where there is one, else the answer's end.
        Ok(judgement) => (judgement, seen.end.or(run.facts.answered)),
        Err(broken) => {
            // Nothing that a broken exchange left on the connection can be trusted.
            run.drop_wire();
            (
                Judgement {
                    outcome: broken.outcome,
                    error: Some(broken.text),
                },
                None,
            )
        }
    };
    // A failure ends when it is known: until then its client waited for the target, and nobody else is to be charged.
    let end = end.unwrap_or_else(|| lane.timer.now());
    let facts = &run.facts;
    if number == 1 {
        lane.note_lateness(ticket, facts.sent, facts.connecting);
    }
    let ended = End {
        ok: judged.outcome.is_ok(),
        at: end,
    };
    lane.note(&record(lane, seen, ticket, number, (facts, judged, end)));
    ended
}

/// Counts a request as sent as soon as its first byte is handed to a socket, and not as one where it turns out that it
/// never was (`client: reqwest` tells only then); once, however many exchanges and attempts it takes.
fn counted<F: Future>(
    mut sending: Pin<&mut F>,
    is_sent: impl Fn() -> bool,
    sent: &mut bool,
    live: &Live,
) -> impl Future<Output = F::Output> {
    let earlier = *sent;
    poll_fn(move |cx| {
        let polled = sending.as_mut().poll(cx);
        let now = earlier || is_sent();
        if now != std::mem::replace(sent, now) {
            live.count_sent(now);
        }
        polled
    })
}

struct Run<'a> {
    lane: &'a Lane,
    wires: &'a mut [Option<Wire>],
    granted: bool,
    /// Whether its request has gone out, by this attempt or an earlier one.
    sent: &'a mut bool,
    guard: &'a mut Guard,
    ticket: &'a Ticket,
    facts: Facts,
    began: Offset,
}

impl Run<'_> {
    fn origin(&self) -> usize {
        usize::try_from(self.ticket.index).unwrap_or_default() % self.lane.settings.origins.len()
    }

    fn drop_wire(&mut self) {
        let origin = self.origin();
        self.wires[origin] = None;
    }

    async fn converse(&mut self, number: u32, seen: &mut Seen) -> Result<Judgement, Broken> {
        let settings = &self.lane.settings;
        let issue = Issue {
            index: self.ticket.index,
            attempt: number,
            seed: self.ticket.ready.seed,
        };
        let mut steps = settings
            .requests
            .protocol
            .begin(&self.ticket.ready.prepared, issue);
        let total = self.began + settings.timing.timeouts.total;
        loop {
            match steps.next(seen) {
                Step::Finish(judgement) => return Ok(judgement),
                Step::Await { at_most } => {
                    let at = self.wait(at_most, total).await?;
                    steps.receive(Received::Elapsed { at }, seen);
                }
                Step::Send(exchange) => {
                    let total = exchange
                        .timeout
                        .map_or(total, |own| total.min(self.lane.timer.now() + own));
                    let (wire, head) = pin!(self.send(exchange, total)).await?;
                    seen.sent = wire.activity().sent();
                    let mut receive = |event: Received<'_>| steps.receive(event, seen);
                    pin!(self.read(wire, &head, total, &mut receive)).await?;
                }
            }
        }
    }

    async fn wait(&mut self, at_most: Duration, total: Offset) -> Result<Offset, Broken> {
        let elapsed = pin!(self.lane.timer.after(at_most));
        match self.guard.within(|| total, elapsed).await {
            Ok(()) => Ok(self.lane.timer.now()),
            Err(expired) => Err(self.expired(expired, Outcome::TimeoutTotal, total)),
        }
    }

    /// A time-out of that kind, or of the whole attempt where that had come.
    fn expired(&self, expired: Expired, kind: Outcome, total: Offset) -> Broken {
        if expired == Expired::Abandoned {
            return Broken::new(
                Outcome::TimeoutTotal,
                "given up when the time to drain had passed",
            );
        }
        let outcome = if self.lane.timer.now() >= total {
            Outcome::TimeoutTotal
        } else {
            kind
        };
        let what = match outcome {
            Outcome::TimeoutConnect => "no connection",
            Outcome::TimeoutFirstByte => "no final head of an answer",
            Outcome::TimeoutIdle => "the answer fell silent",
            _ => "the whole attempt took too long",
        };
        let after = self.lane.timer.now().since(self.began);
        Broken::new(
            outcome,
            format!("{what} ({:.1} s after it began)", after.as_secs_f64()),
        )
    }

    fn lost(&self, lost: Lost) -> Broken {
        if let Some(own) = lost.own {
            self.lane.live.hit(own);
        }
        Broken::new(lost.outcome, lost.text)
    }

    /// A connection that can take an exchange, and when it was had: the slot's, if the other side kept it and its last
    /// answer has ended; else a new one.
    async fn checkout(&mut self, total: Offset, now: Offset) -> Result<(Wire, Offset), Broken> {
        let lane = self.lane;
        let settings = &lane.settings;
        let origin = self.origin();
        if let Some(mut wire) = self.wires[origin].take() {
            if wire.is_ready() {
                return Ok((wire, now));
            }
            let rest = total.min(now + REST);
            let free = pin!(poll_fn(|cx| wire.poll_free(cx)));
            if self.guard.within(|| rest, free).await == Ok(true) {
                return Ok((wire, lane.timer.now()));
            }
        }
        if !self.granted {
            lane.live.hit(OwnLimit::Descriptors);
            return Err(Broken::new(Outcome::Connect, NOT_GRANTED));
        }
        let due = total.min(lane.timer.now() + settings.timing.timeouts.connect);
        let within = settings.timing.timeouts.connect;
        // A handshake is large and soon over; not boxed, every stream would hold its room to its end.
        let mut connecting = Box::pin(connect(
            &settings.origins[origin],
            lane.timer.clock(),
            within,
        ));
        match self.guard.within(|| due, connecting.as_mut()).await {
            Ok(Ok(wire)) => Ok((wire, lane.timer.now())),
            Ok(Err(lost)) => Err(self.lost(lost)),
            Err(expired) => Err(self.expired(expired, Outcome::TimeoutConnect, total)),
        }
    }

    /// Sends an exchange and waits for the head of its answer.
    async fn send(&mut self, exchange: &Exchange, total: Offset) -> Result<(Wire, Head), Broken> {
        let lane = self.lane;
        let settings = &lane.settings;
        let origin = &settings.origins[self.origin()];
        let patience = match settings.timing.timeouts.first_byte {
            Some(first_byte) => first_byte,
            None if exchange.streamed => STREAM_FIRST_BYTE,
            None => settings.timing.timeouts.total,
        };
        loop {
            let before = lane.timer.now();
            let (mut wire, handed) = pin!(self.checkout(total, before)).await?;
            if self.facts.sent.is_none() {
                self.facts.connecting += handed.since(before);
            }
            let activity = wire.activity();
            let due = || match activity.first_byte() {
                // A head that has begun is bytes that go on, or do not.
                Some(_) => total.min(activity.last_seen() + settings.timing.timeouts.idle),
                None => total.min(activity.sent().unwrap_or(handed) + patience),
            };
            let answer = {
                let sending = pin!(wire.send(exchange, origin));
                let is_sent = || activity.sent().is_some();
                let counted = pin!(counted(sending, is_sent, self.sent, &lane.live));
                self.guard.within(due, counted).await
            };
            self.note_sending(&wire, exchange);
            match answer {
                Ok(Ok(Some(head))) => {
                    self.facts.status = Some(head.status);
                    return Ok((wire, head));
                }
                // Closed while idle, before a byte was written: another connection takes it.
                Ok(Ok(None)) if wire.reused() => {}
                Ok(Ok(None)) => {
                    return Err(Broken::new(
                        Outcome::Reset,
                        "a new connection was closed before it took the request",
                    ));
                }
                Ok(Err(lost)) => return Err(self.lost(lost)),
                Err(expired) => {
                    let began = wire.activity().first_byte().is_some();
                    let kind = if began {
                        Outcome::TimeoutIdle
                    } else {
                        Outcome::TimeoutFirstByte
                    };
                    return Err(self.expired(expired, kind, total));
                }
            }
        }
    }

    fn note_sending(&mut self, wire: &Wire, exchange: &Exchange) {
        let activity = wire.activity();
        if self.facts.sent.is_none() {
            self.facts.sent = activity.sent();
            self.facts.first_byte = activity.first_byte();
            self.facts.traffic.reused = wire.reused();
            if !wire.reused() {
                self.facts.connected = wire.connected();
            }
        }
        if activity.sent().is_some() {
            self.facts.traffic.bytes_sent += exchange.body.len() as u64;
        }
    }

    /// Takes an answer's body in, and keeps its connection where it can serve again.
    async fn read(
        &mut self,
        mut wire: Wire,
        head: &Head,
        total: Offset,
        receive: &mut dyn FnMut(Received<'_>) -> Flow,
    ) -> Result<(), Broken> {
        let ended = pin!(self.body(&mut wire, head, total, receive)).await;
        self.lane.note_reading(wire.activity().waited());
        self.facts.traffic.bytes_received += wire.body_bytes();
        self.facts.answered = Some(ended?);
        let origin = self.origin();
        if !self.lane.settings.origins[origin].per_request() {
            self.wires[origin] = Some(wire);
        }
        Ok(())
    }

    /// Reads an answer's body until it ends or is enough, and says when; its content coding is undone on the way.
    async fn body(
        &mut self,
        wire: &mut Wire,
        head: &Head,
        total: Offset,
        receive: &mut dyn FnMut(Received<'_>) -> Flow,
    ) -> Result<Offset, Broken> {
        let idle = self.lane.settings.timing.timeouts.idle;
        let caps = self.lane.settings.origins[self.origin()].caps();
        let mut decoder = Decoder::of(head, caps).map_err(|lost| self.lost(lost))?;
        let activity = wire.activity();
        let mut flow = receive(Received::Head(head));
        let mut in_a_row = 0;
        while flow == Flow::More {
            // From when it was read: a server that our own standing still kept from sending has not fallen silent.
            let due = || total.min(activity.last_seen() + idle);
            let next = match self.guard.within(due, pin!(wire.next())).await {
                Ok(next) => next.map_err(|lost| self.lost(lost))?,
                Err(expired) => return Err(self.expired(expired, Outcome::TimeoutIdle, total)),
            };
            let Some(chunk) = next else {
                if let Some(decoder) = &decoder {
                    decoder.finish().map_err(|lost| self.lost(lost))?;
                }
                let at = activity.last_read();
                receive(Received::End { at });
                return Ok(at);
            };
            let mut pass = |bytes: &[u8]| {
                receive(Received::Chunk {
                    bytes,
                    at: chunk.at,
                })
            };
            in_a_row += chunk.bytes.len() + PIECE_BYTES;
            flow = match &mut decoder {
                None => pass(chunk.bytes),
                Some(decoder) => decoder
                    .feed(chunk.bytes, &mut pass)
                    .map_err(|lost| self.lost(lost))?,
            };
            if in_a_row >= TURN_BYTES {
                in_a_row = 0;
                tokio::task::yield_now().await;
            }
        }
        Ok(activity.last_read())
    }
}
