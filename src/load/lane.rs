//! A lane: one thread's share of the slots, and the loop that gives them requests.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::Sender;
use std::time::Duration;

use tokio::sync::Notify;

use super::attempt::{End, attempt};
use super::live::Live;
use super::pace::{Claim, Cursor, Ticket};
use super::recorder::Recorder;
use super::row::unsent;
use super::slot::{Mailbox, Slot};
use super::slots::{Share, Slots};
use super::{PaceKind, Settings, Stop};
use crate::foundation::clock::Timer;
use crate::foundation::units::Offset;
use crate::instruments::record::Attempt;

/// How old a block of records becomes before it is handed over.
const HAND_OVER: Duration = Duration::from_millis(100);
/// How long what is in flight may go on after a signal.
const SIGNAL_DRAIN: Duration = Duration::from_secs(5);
/// A stall of our own from which on a backlog is replayed instead of sent at once.
const STALL: Duration = Duration::from_millis(10);
/// How long what was due before the end may still go, if nothing but our own lateness was in its way.
const LAST_MOMENT: Duration = Duration::from_millis(10);
/// After so many requests that went without a wait, what came meanwhile is read.
const BREATH: u32 = 16;
/// The canary's tick.
const TICK: Duration = Duration::from_millis(1);

/// What all lanes of a phase share.
#[derive(Clone)]
pub(super) struct Common {
    pub(super) settings: Arc<Settings>,
    pub(super) cursor: Arc<Cursor>,
    pub(super) live: Arc<Live>,
    /// The run's stop, and this phase's own (a full disk, records that overflow).
    pub(super) stops: [Stop; 2],
}

pub(super) struct Lane {
    pub(super) settings: Arc<Settings>,
    pub(super) timer: Timer,
    pub(super) live: Arc<Live>,
    pub(super) cursor: Arc<Cursor>,
    stops: [Stop; 2],
    recorder: RefCell<Recorder>,
    pub(super) slots: Slots,
    /// When sending was over, by its time or by a stop.
    over_at: Cell<Option<Offset>>,
    became_over: Notify,
}

impl Lane {
    pub(super) fn new(
        common: &Common,
        share: Share,
        timer: Timer,
        blocks: Sender<Vec<u8>>,
    ) -> Rc<Self> {
        Rc::new(Self {
            settings: Arc::clone(&common.settings),
            timer,
            live: Arc::clone(&common.live),
            cursor: Arc::clone(&common.cursor),
            stops: common.stops.clone(),
            recorder: RefCell::new(Recorder::new(blocks, Arc::clone(&common.live))),
            slots: Slots::new(share),
            over_at: Cell::new(None),
            became_over: Notify::new(),
        })
    }

    /// Runs the lane until its last request has ended; leaves no task and no connection behind. Gives the moment at which
    /// sending had ended.
    pub(super) async fn run(self: Rc<Self>) -> Offset {
        let mut helpers = vec![
            tokio::task::spawn_local(Rc::clone(&self).supervise()),
            tokio::task::spawn_local(Rc::clone(&self).hand_over_regularly()),
        ];
        if !self.timer.clock().is_simulated() {
            helpers.push(tokio::task::spawn_local(Rc::clone(&self).canary()));
        }
        if self.settings.pace == PaceKind::Closed {
            self.start_clients();
        } else {
            self.give_out().await;
            while self.slots.busy.get() > 0 {
                self.slots.freed.notified().await;
            }
            for mailbox in self.slots.mailboxes.borrow().iter() {
                mailbox.close();
            }
        }
        let sent_until = self.over_at.get().unwrap_or_else(|| self.timer.now());
        let tasks = std::mem::take(&mut *self.slots.tasks.borrow_mut());
        for task in tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "a slot failed");
            }
        }
        for helper in helpers {
            helper.abort();
            // Aborted: it ends with an error by design.
            let _ = helper.await;
        }
        self.hand_over();
        sent_until
    }

    fn hand_over(&self) {
        let now = self.timer.now();
        self.recorder
            .borrow_mut()
            .hand_over(now, self.cursor.intended(now));
    }

    async fn hand_over_regularly(self: Rc<Self>) {
        loop {
            self.timer.after(HAND_OVER).await;
            self.hand_over();
            if self.live.overflowed.load(Relaxed) {
                self.stops[1].stop();
            }
        }
    }

    /// Ticks each millisecond: how late a tick is, is how long this lane was busy or off its processor. A stall makes all
    /// ticks late that came due meanwhile, each by its own time.
    async fn canary(self: Rc<Self>) {
        let mut due = self.timer.now() + TICK;
        loop {
            self.timer.until(due).await;
            let now = self.timer.now();
            let ticks = &mut self.recorder.borrow_mut().gathered.canary_ns;
            while due <= now {
                ticks.push(ns(now.since(due)));
                due = due + TICK;
            }
        }
    }

    /// Ends sending at its time or by a stop, and what is in flight when the time to drain has passed.
    async fn supervise(self: Rc<Self>) {
        let until = self.cursor.bounds().until;
        let stopped = self
            .stopped_before(until.map(|until| until + LAST_MOMENT))
            .await;
        self.over_at.set(Some(self.timer.now()));
        self.became_over.notify_waiters();
        let mut deadline = self.timer.now() + SIGNAL_DRAIN;
        if !stopped {
            let drained = until.unwrap_or_default() + self.settings.timing.drain;
            if self.stopped_before(Some(drained)).await {
                deadline = drained.min(self.timer.now() + SIGNAL_DRAIN);
            } else {
                deadline = drained;
            }
        }
        self.timer.until(deadline).await;
        for mailbox in self.slots.mailboxes.borrow().iter() {
            mailbox.abandon();
        }
    }

    /// Waits for a stop, at most until that moment; whether it came.
    async fn stopped_before(&self, until: Option<Offset>) -> bool {
        let time = async {
            match until {
                Some(until) => self.timer.until(until).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.stops[0].stopped() => true,
            () = self.stops[1].stopped() => true,
            () = time => false,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.over_at.get().is_some()
    }

    /// Waits for a future, or until sending is over; whether the future was first.
    pub(super) async fn unless_over(&self, future: impl Future<Output = ()>) -> bool {
        let over = self.became_over.notified();
        tokio::pin!(over);
        over.as_mut().enable();
        if self.is_over() {
            return false;
        }
        tokio::select! {
            // What is due at the very end still goes; and the same seed gives the same run.
            biased;
            () = future => true,
            () = over => false,
        }
    }

    /// Claims, waits, gives to a slot: the loop of an open loop and of batches.
    async fn give_out(self: &Rc<Self>) {
        let mut in_a_row = 0_u32;
        while self.slot_is_free().await {
            let changed = self.cursor.changed().notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let now = self.timer.now();
            match self.cursor.claim(now, self.slots.free_since.get()) {
                Claim::Send(ticket) => {
                    in_a_row = if ticket.due > now { 0 } else { in_a_row + 1 };
                    if ticket.due > now && !self.unless_over(self.until(ticket.due)).await {
                        self.not_sent(&ticket);
                        return;
                    }
                    // A rate that cannot be had must not keep answers from being read, nor the lane from ending.
                    if in_a_row == BREATH {
                        in_a_row = 0;
                        tokio::task::yield_now().await;
                    }
                    let replayed = self.after_a_stall(&ticket);
                    if replayed > self.timer.now() && !self.unless_over(self.until(replayed)).await
                    {
                        self.not_sent(&ticket);
                        return;
                    }
                    self.give(ticket);
                }
                Claim::Barrier => {
                    if !self.unless_over(changed).await {
                        return;
                    }
                }
                Claim::Starved => {
                    if !self.unless_over(self.cursor.supply().refilled()).await {
                        return;
                    }
                }
                Claim::End => return,
            }
        }
    }

    pub(super) async fn until(&self, at: Offset) {
        if self.settings.timing.precise {
            let spun = self.timer.until_precisely(at).await;
            self.recorder.borrow_mut().gathered.spun_ns += ns(spun);
        } else {
            self.timer.until(at).await;
        }
    }

    /// Whether a slot is free, waiting for one; false once sending is over.
    async fn slot_is_free(&self) -> bool {
        loop {
            if self.slots.any_free() {
                return !self.is_over();
            }
            if !self.unless_over(self.slots.freed.notified()).await {
                return false;
            }
        }
    }

    /// When to send what is due: at once, but for what a stall of our own has made late.
    fn after_a_stall(&self, ticket: &Ticket) -> Offset {
        let now = self.timer.now();
        let could_go = ticket.due.max(self.slots.free_since.get());
        if now.since(could_go) > STALL && !self.settings.timing.catch_up_burst {
            self.cursor.stalled(ticket.scheduled, now, STALL)
        } else {
            now
        }
    }

    /// Takes note of a request that was claimed and, if it was due, is not sent any more.
    fn not_sent(&self, ticket: &Ticket) {
        let now = self.timer.now();
        if ticket.scheduled <= now {
            self.live.unsent.fetch_add(1, Relaxed);
            self.note(&unsent(self.settings.phase, ticket, now));
        }
    }

    fn give(self: &Rc<Self>, ticket: Ticket) {
        let free = self.slots.free.borrow_mut().pop_back();
        let mailbox = free.unwrap_or_else(|| self.start_slot());
        if self.settings.pace == PaceKind::Open && self.slots.free_since.get() > ticket.scheduled {
            self.live.waited_for_slot.fetch_add(1, Relaxed);
        }
        self.slots.busy.set(self.slots.busy.get() + 1);
        mailbox.put(ticket);
    }

    fn start_slot(self: &Rc<Self>) -> Rc<Mailbox> {
        let mailbox = Rc::new(Mailbox::default());
        self.slots.mailboxes.borrow_mut().push(Rc::clone(&mailbox));
        let slot = Slot::new(&self.settings, &self.timer, Rc::clone(&mailbox));
        let task = tokio::task::spawn_local(Rc::clone(self).serve(slot, Rc::clone(&mailbox)));
        self.slots.tasks.borrow_mut().push(task);
        mailbox
    }

    async fn serve(self: Rc<Self>, mut slot: Slot, mailbox: Rc<Mailbox>) {
        while let Some(ticket) = slot.next().await {
            pin!(self.perform(&mut slot, &ticket)).await;
            let (mailbox, now) = (Rc::clone(&mailbox), self.timer.now());
            self.slots.release(mailbox, slot.is_connected(), now);
        }
    }

    /// Sends a request, again where it failed and retries are left; gives how the last attempt ended.
    pub(super) async fn perform(&self, slot: &mut Slot, ticket: &Ticket) -> End {
        self.live.tried.fetch_add(1, Relaxed);
        slot.sent = false;
        self.live.in_flight.fetch_add(1, Relaxed);
        let mut number = 1;
        let last = loop {
            let ended = pin!(attempt(self, slot, ticket, number)).await;
            let again = !ended.ok
                && number <= self.settings.timing.retries
                && !self.is_over()
                && !slot.guard.is_abandoned();
            if !again {
                break ended;
            }
            number += 1;
        };
        self.live.in_flight.fetch_sub(1, Relaxed);
        if last.ok {
            self.live.ok.fetch_add(1, Relaxed);
            self.recorder
                .borrow_mut()
                .gathered
                .e2e_ns
                .push(ns(last.at.since(ticket.scheduled)));
            self.settings
                .samples
                .keep(ticket.index, &mut slot.seen.samples);
        } else {
            self.live.failed.fetch_add(1, Relaxed);
        }
        self.cursor.finished(last.at);
        last
    }

    /// Takes the record of an attempt.
    pub(super) fn note(&self, attempt: &Attempt) {
        self.recorder.borrow_mut().push(attempt);
    }

    /// Whether an attempt that begins now may keep what it gets.
    pub(super) fn keeps_samples(&self) -> bool {
        self.settings.samples.wanted()
    }

    /// Takes note of how long bytes of an answer waited to be read.
    pub(super) fn note_reading(&self, waited: Option<Duration>) {
        let gathered = &mut self.recorder.borrow_mut().gathered;
        gathered.read_late_ns.extend(waited.map(ns));
    }

    /// Takes note of how late a request was sent, if nothing but ourselves was in its way: a slot was free when it was due.
    /// The time that its connection took to make is not ours.
    pub(super) fn note_lateness(
        &self,
        ticket: &Ticket,
        sent: Option<Offset>,
        connecting: Duration,
    ) {
        let waited = self.settings.pace != PaceKind::Closed
            && self.slots.free_since.get() > ticket.scheduled;
        let Some(sent) = sent else { return };
        let gathered = &mut self.recorder.borrow_mut().gathered;
        gathered.went_out += 1;
        gathered.last_sent = gathered.last_sent.max(Some(sent));
        if !waited {
            let late = sent.since(ticket.scheduled).saturating_sub(connecting);
            gathered.lateness_ns.push(ns(late));
        }
    }
}

fn ns(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
