//! A lane's slots: which are free, which work, and how many there may be.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::slot::Mailbox;
use crate::foundation::units::Offset;

/// Which part of the slots a lane has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Share {
    /// The lane's number, from 0.
    pub(super) lane: u32,
    /// How many lanes there are.
    pub(super) lanes: u32,
    /// Slots of all lanes; `None` where there is no bound.
    pub(super) slots: Option<u32>,
}

impl Share {
    /// The lane's own slots: the numbers that leave its own when divided by the number of lanes.
    fn own(self) -> Option<u32> {
        self.slots
            .map(|slots| slots / self.lanes + u32::from(self.lane < slots % self.lanes))
    }
}

/// A lane's slots.
pub(super) struct Slots {
    pub(super) share: Share,
    /// Those that have nothing to do, the one that was used last at the end: its connection is warm. Those that have no
    /// connection stand at the beginning: one that could not have one is not to fail the next request too, while
    /// connections lie idle.
    pub(super) free: RefCell<VecDeque<Rc<Mailbox>>>,
    pub(super) mailboxes: RefCell<Vec<Rc<Mailbox>>>,
    pub(super) tasks: RefCell<Vec<JoinHandle<()>>>,
    /// Since when one has been free without a break.
    pub(super) free_since: Cell<Offset>,
    pub(super) busy: Cell<u32>,
    pub(super) freed: Notify,
}

impl Slots {
    pub(super) fn new(share: Share) -> Self {
        Self {
            share,
            free: RefCell::default(),
            mailboxes: RefCell::default(),
            tasks: RefCell::default(),
            free_since: Cell::new(Offset::ZERO),
            busy: Cell::new(0),
            freed: Notify::new(),
        }
    }

    /// Whether one is free, or may be made.
    pub(super) fn any_free(&self) -> bool {
        let made = u32::try_from(self.mailboxes.borrow().len()).unwrap_or(u32::MAX);
        !self.free.borrow().is_empty() || self.share.own().is_none_or(|own| made < own)
    }

    /// Takes one back; `connected` where it has a connection.
    pub(super) fn release(&self, mailbox: Rc<Mailbox>, connected: bool, now: Offset) {
        if !self.any_free() {
            self.free_since.set(now);
        }
        self.busy.set(self.busy.get() - 1);
        let mut free = self.free.borrow_mut();
        if connected {
            free.push_back(mailbox);
        } else {
            free.push_front(mailbox);
        }
        self.freed.notify_one();
    }
}
