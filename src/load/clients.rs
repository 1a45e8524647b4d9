//! The clients of a closed loop: each sends its next request when its last one has ended and it has thought.

use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use rand_distr::{Distribution as _, Uniform};

use super::Settings;
use super::lane::Lane;
use super::pace::Claim;
use super::slot::{Mailbox, Slot};
use crate::foundation::seed::Generator;
use crate::foundation::units::Offset;

impl Lane {
    /// Starts the clients of a closed loop that are this lane's.
    pub(super) fn start_clients(self: &Rc<Self>) {
        let clients = self.slots.share.slots.unwrap_or(1);
        for client in (self.slots.share.lane..clients).step_by(self.slots.share.lanes as usize) {
            let mailbox = Rc::new(Mailbox::default());
            self.slots.mailboxes.borrow_mut().push(Rc::clone(&mailbox));
            let slot = Slot::new(&self.settings, &self.timer, mailbox);
            let start = Offset::ZERO + self.settings.timing.ramp * client / clients.max(1);
            let task = tokio::task::spawn_local(Rc::clone(self).client(slot, client, start));
            self.slots.tasks.borrow_mut().push(task);
        }
    }

    /// One client: its next request is due when its last one has ended and it has thought.
    async fn client(self: Rc<Self>, mut slot: Slot, number: u32, start: Offset) {
        let mut thoughts = Thoughts::new(&self.settings, number);
        let mut due = start;
        loop {
            if due > self.timer.now() && !self.unless_over(self.until(due)).await {
                return;
            }
            if self.is_over() {
                return;
            }
            match self.cursor.claim(due, Offset::ZERO) {
                Claim::Send(ticket) => {
                    let end = pin!(self.perform(&mut slot, &ticket)).await;
                    due = end.at + thoughts.next();
                    // What fails at once (no port, no descriptor) has waited for nothing: others have their turn.
                    if !end.ok {
                        tokio::task::yield_now().await;
                    }
                }
                Claim::Starved => {
                    if !self.unless_over(self.cursor.supply().refilled()).await {
                        return;
                    }
                }
                Claim::Barrier | Claim::End => return,
            }
        }
    }
}

/// A client's think times.
struct Thoughts {
    least: Duration,
    spread: Option<(Uniform<f64>, Generator)>,
}

impl Thoughts {
    fn new(settings: &Settings, client: u32) -> Self {
        let (least, most) = settings.timing.think;
        let spread = Uniform::new_inclusive(0.0, most.saturating_sub(least).as_secs_f64()).ok();
        let seed = settings.seed.derive("think").index(u64::from(client));
        Self {
            least,
            spread: spread
                .filter(|_| most > least)
                .map(|spread| (spread, seed.generator())),
        }
    }

    fn next(&mut self) -> Duration {
        match &mut self.spread {
            Some((spread, generator)) => {
                self.least + Duration::from_secs_f64(spread.sample(generator))
            }
            None => self.least,
        }
    }
}
