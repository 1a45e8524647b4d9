//! A request's head, the same whichever client sends it.

use http::{HeaderMap, Method, Uri};

use super::{Lost, Origin};
use crate::instruments::exchange::{Destination, Exchange};
use crate::instruments::record::Outcome;

/// The target and the headers of an exchange, but for Content-Length.
pub(super) fn head(exchange: &Exchange, origin: &Origin) -> Result<(Uri, HeaderMap), Lost> {
    let path = match &exchange.destination {
        Destination::Target(path) => path.as_str(),
        Destination::Elsewhere(url) => {
            let text = format!("{url}: another host than the target's is not supported yet");
            return Err(Lost::new(Outcome::Connect, text));
        }
    };
    let Some(target) = origin.target(path) else {
        return Err(Lost::new(
            Outcome::Protocol,
            format!("`{path}` is no path of a request"),
        ));
    };
    let mut headers = HeaderMap::new();
    origin.dress(&exchange.headers, &mut headers);
    // How a body is framed is the transport's to say; a request that contradicts itself would be read as two.
    headers.remove(http::header::CONTENT_LENGTH);
    headers.remove(http::header::TRANSFER_ENCODING);
    Ok((target, headers))
}

/// The same with Content-Length, where a request has one.
pub(super) fn framed_head(exchange: &Exchange, origin: &Origin) -> Result<(Uri, HeaderMap), Lost> {
    let (target, mut headers) = head(exchange, origin)?;
    if let Some(length) = length(exchange) {
        headers.insert(http::header::CONTENT_LENGTH, length.into());
    }
    Ok((target, headers))
}

/// The value of Content-Length; `None` where a request neither has a body nor is of a method that expects one
/// (RFC 9110, section 8.6).
pub(super) fn length(exchange: &Exchange) -> Option<usize> {
    let expects = matches!(exchange.method, Method::POST | Method::PUT | Method::PATCH);
    (expects || !exchange.body.is_empty()).then_some(exchange.body.len())
}
