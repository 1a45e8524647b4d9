//! What a body says, as hyper and reqwest hand it over.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper::body::{Body, Frame};

/// The next data of a body. Trailers are passed over: they say nothing that an outcome needs.
pub(super) fn poll_data<B: Body + Unpin>(
    body: &mut B,
    cx: &mut Context<'_>,
) -> Poll<Option<Result<B::Data, B::Error>>> {
    while let Some(frame) = ready!(Pin::new(&mut *body).poll_frame(cx)) {
        match frame.map(Frame::into_data) {
            Ok(Ok(data)) => return Poll::Ready(Some(Ok(data))),
            Ok(Err(_trailers)) => {}
            Err(error) => return Poll::Ready(Some(Err(error))),
        }
    }
    Poll::Ready(None)
}
