//! What a body says, as hyper and reqwest hand it over.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
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

/// Lends out what came of a body, held in `piece`; a body that has ended, or broken, is let go.
pub(super) fn lend<'p, B, E>(
    came: Option<Result<Bytes, E>>,
    body: &mut Option<B>,
    piece: &'p mut Bytes,
) -> Result<Option<&'p [u8]>, E> {
    let Some(Ok(bytes)) = came else {
        *body = None;
        return came.transpose().map(|_| None);
    };
    *piece = bytes;
    Ok(Some(piece))
}
