//! Connections without a task behind them: whoever waits for a part of an exchange drives the connection meanwhile.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

/// Lets a connection go on; false once it has ended. It is dropped as soon as it completes: polled beyond that, it would
/// leave the next exchange waiting for ever.
pub(super) fn turn<C: Future + Unpin>(drive: &mut Option<C>, cx: &mut Context<'_>) -> bool {
    if let Some(connection) = drive
        && Pin::new(connection).poll(cx).is_ready()
    {
        *drive = None;
    }
    drive.is_some()
}

/// Waits for a part of an exchange while the connection behind it goes on.
pub(super) async fn driven<C: Future + Unpin, F: Future>(
    drive: &mut Option<C>,
    part: F,
) -> F::Output {
    let mut part = pin!(part);
    poll_fn(|cx| {
        if let Poll::Ready(output) = part.as_mut().poll(cx) {
            return Poll::Ready(output);
        }
        turn(drive, cx);
        part.as_mut().poll(cx)
    })
    .await
}
