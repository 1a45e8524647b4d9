//! A deadline that moves with every byte and costs next to nothing: it is checked lazily.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::{Timer, Until};
use crate::foundation::units::Offset;

/// One waiter whose due time is told anew at each poll.
///
/// While the due time only moves later, the timer is not touched: a wake-up that comes too early sets it again.
#[derive(Debug)]
pub struct Deadline {
    timer: Timer,
    until: Option<Until>,
}

impl Deadline {
    /// A deadline on this timer.
    pub const fn new(timer: Timer) -> Self {
        Self { timer, until: None }
    }

    /// Ready when the clock shows `due` or later.
    pub fn poll_passed(&mut self, due: Offset, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            match &mut self.until {
                Some(until) if until.at() <= due => {
                    if Pin::new(until).poll(cx).is_pending() {
                        return Poll::Pending;
                    }
                    self.until = None;
                    if self.timer.now() >= due {
                        return Poll::Ready(());
                    }
                }
                _ => self.until = Some(self.timer.until(due)),
            }
        }
    }
}
