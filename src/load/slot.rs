//! One place in the concurrency, with its connections. Belongs to one lane.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use super::Settings;
use super::pace::Ticket;
use crate::foundation::clock::{Deadline, Timer};
use crate::foundation::units::Offset;
use crate::instruments::record::Seen;
use crate::instruments::transport::Wire;

/// What the lane tells a slot.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    ticket: RefCell<Option<Ticket>>,
    waker: RefCell<Option<Waker>>,
    closed: Cell<bool>,
    abandoned: Cell<bool>,
}

impl Mailbox {
    /// Gives the slot a request.
    pub(super) fn put(&self, ticket: Ticket) {
        *self.ticket.borrow_mut() = Some(ticket);
        self.wake();
    }

    /// No more requests will come.
    pub(super) fn close(&self) {
        self.closed.set(true);
        self.wake();
    }

    /// What is in flight is to be given up now.
    pub(super) fn abandon(&self) {
        self.abandoned.set(true);
        self.wake();
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }

    fn listen(&self, cx: &Context<'_>) {
        let mut waker = self.waker.borrow_mut();
        if !waker
            .as_ref()
            .is_some_and(|waker| waker.will_wake(cx.waker()))
        {
            *waker = Some(cx.waker().clone());
        }
    }
}

/// Why a wait ended without what was waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expired {
    /// Its time had passed.
    Passed,
    /// The end of the drain.
    Abandoned,
}

/// One deadline, checked lazily, and the lane's word that it is over.
pub(super) struct Guard {
    deadline: Deadline,
    mailbox: Rc<Mailbox>,
    timer: Timer,
}

impl Guard {
    /// Waits for a future until the clock shows what `due` says; `due` may move while it is waited for.
    pub(super) fn within<F: Future>(
        &mut self,
        due: impl Fn() -> Offset,
        mut future: Pin<&mut F>,
    ) -> impl Future<Output = Result<F::Output, Expired>> {
        poll_fn(move |cx| {
            if let Poll::Ready(output) = future.as_mut().poll(cx) {
                return Poll::Ready(Ok(output));
            }
            if self.mailbox.abandoned.get() {
                return Poll::Ready(Err(Expired::Abandoned));
            }
            self.mailbox.listen(cx);
            loop {
                let at = due();
                if self.deadline.poll_passed(at, cx).is_pending() {
                    return Poll::Pending;
                }
                // Bytes may have moved the deadline while nobody looked.
                if self.timer.now() >= due() {
                    return Poll::Ready(Err(Expired::Passed));
                }
            }
        })
    }

    /// Whether what is in flight is to be given up.
    pub(super) fn is_abandoned(&self) -> bool {
        self.mailbox.abandoned.get()
    }
}

/// A slot: its connections, one an origin, and what it sees of the attempt that runs.
pub(super) struct Slot {
    pub(super) wires: Vec<Option<Wire>>,
    /// Whether it may open connections.
    pub(super) granted: bool,
    /// Whether the request that it serves has gone out, by whichever attempt.
    pub(super) sent: bool,
    pub(super) seen: Seen,
    pub(super) guard: Guard,
}

impl Slot {
    pub(super) fn new(settings: &Settings, timer: &Timer, mailbox: Rc<Mailbox>) -> Self {
        Self {
            wires: settings.origins.iter().map(|_| None).collect(),
            granted: settings.grants.take(),
            sent: false,
            seen: Seen::default(),
            guard: Guard {
                deadline: Deadline::new(timer.clone()),
                mailbox,
                timer: timer.clone(),
            },
        }
    }

    /// Whether it has a connection.
    pub(super) fn is_connected(&self) -> bool {
        self.wires.iter().any(Option::is_some)
    }

    /// Reads what is left of answers and lets go of connections that the other side closed.
    fn tend(&mut self, cx: &mut Context<'_>) {
        for wire in &mut self.wires {
            if wire
                .as_mut()
                .is_some_and(|wire| wire.poll_free(cx) == Poll::Ready(false))
            {
                *wire = None;
            }
        }
    }

    /// The next request that the lane gives; `None` when there will be none.
    pub(super) async fn next(&mut self) -> Option<Ticket> {
        poll_fn(|cx| {
            let mailbox = &self.guard.mailbox;
            if let Some(ticket) = mailbox.ticket.borrow_mut().take() {
                return Poll::Ready(Some(ticket));
            }
            if mailbox.closed.get() {
                return Poll::Ready(None);
            }
            mailbox.listen(cx);
            self.tend(cx);
            Poll::Pending
        })
        .await
    }
}
