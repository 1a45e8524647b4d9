//! The head of an answer: status, headers, and what they say about the body and the connection.

use std::mem::MaybeUninit;
use std::rc::Rc;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::{Final, Refusal};

/// Most fields of a head, and of trailers.
pub const FIELDS: usize = 1024;

/// So many fields are read without allocating: more than servers send.
const USUAL_FIELDS: usize = 100;

/// Largest length that a body can have; hyper keeps the two above it for other uses.
const LONGEST: u64 = u64::MAX - 2;

/// Largest head that is kept to be known again.
const LONGEST_KNOWN: usize = 4 << 10;

/// A head that came whole.
#[derive(Debug, Clone)]
pub(super) struct Parsed {
    /// Its bytes, empty lines before it among them.
    pub(super) bytes: Bytes,
    pub(super) head: Final,
    /// Whether the connection may stay open.
    pub(super) keep: bool,
    /// How the body is framed, where the answer has one.
    pub(super) framing: Result<Framing, Refusal>,
}

/// How a body's end is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    Length(u64),
    Chunked,
    UntilClose,
}

/// Whether bytes of which the first were looked at in vain may hold the end of a head: a cheap scan for an empty line,
/// so that a head that trickles in is not parsed anew with each byte.
pub(super) fn may_end(bytes: &[u8], looked_at: usize) -> bool {
    let from = looked_at.saturating_sub(3);
    bytes[from..].iter().enumerate().any(|(at, &byte)| {
        let behind = &bytes[from + at + 1..];
        byte == b'\n' && (behind.starts_with(b"\n") || behind.starts_with(b"\r\n"))
    })
}

/// The heads of a connection. Servers answer most requests with the same head; one that begins with the very bytes of the
/// last is that head again, and is not parsed anew.
#[derive(Debug, Default)]
pub struct Heads {
    last: Option<Parsed>,
}

impl Heads {
    /// Parses a head; `None` where it has not ended.
    pub(super) fn parse(&mut self, bytes: &[u8]) -> Result<Option<Parsed>, Refusal> {
        if let Some(last) = self.last.as_ref()
            && bytes.starts_with(&last.bytes)
        {
            return Ok(Some(last.clone()));
        }
        let parsed = parse(bytes)?;
        self.last = parsed
            .clone()
            .filter(|head| head.bytes.len() <= LONGEST_KNOWN);
        Ok(parsed)
    }
}

/// Parses a head; `None` where it has not ended.
pub(super) fn parse(bytes: &[u8]) -> Result<Option<Parsed>, Refusal> {
    let mut fields = [const { MaybeUninit::uninit() }; USUAL_FIELDS];
    match parse_into(bytes, &mut fields) {
        Err(Refusal::TooManyFields { .. }) => {
            parse_into(bytes, &mut vec![MaybeUninit::uninit(); FIELDS])
        }
        parsed => parsed,
    }
}

fn parse_into<'b>(
    bytes: &'b [u8],
    fields: &mut [MaybeUninit<httparse::Header<'b>>],
) -> Result<Option<Parsed>, Refusal> {
    let mut response = httparse::Response::new(&mut []);
    let status = httparse::ParserConfig::default().parse_response_with_uninit_headers(
        &mut response,
        bytes,
        fields,
    );
    let used = match status {
        Ok(httparse::Status::Complete(used)) => used,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(Refusal::TooManyFields { cap: FIELDS }),
        Err(error) => return Err(Refusal::Head(error)),
    };
    let status =
        StatusCode::from_u16(response.code.unwrap_or_default()).map_err(|_| Refusal::Status)?;
    let version_11 = response.version == Some(1);
    let shared = Bytes::copy_from_slice(&bytes[..used]);
    let headers = headers(bytes, &shared, response.headers)?;
    let keep = keeps_alive(&headers, version_11);
    let framing = framing(&headers, version_11);
    Ok(Some(Parsed {
        bytes: shared,
        head: Final {
            status,
            headers: Rc::new(headers),
        },
        keep,
        framing,
    }))
}

/// The fields as headers, whose values share one copy of the bytes that they stand in.
fn headers(
    bytes: &[u8],
    shared: &Bytes,
    fields: &[httparse::Header<'_>],
) -> Result<HeaderMap, Refusal> {
    let start = bytes.as_ptr().addr();
    let mut headers = HeaderMap::with_capacity(fields.len());
    for field in fields {
        let name = HeaderName::from_bytes(field.name.as_bytes())
            .map_err(|_| Refusal::Head(httparse::Error::HeaderName))?;
        let from = field.value.as_ptr().addr() - start;
        let value = shared.slice(from..from + field.value.len());
        let value = HeaderValue::from_maybe_shared(value)
            .map_err(|_| Refusal::Head(httparse::Error::HeaderValue))?;
        headers.append(name, value);
    }
    Ok(headers)
}

/// HTTP/1.1 keeps a connection unless told otherwise, 1.0 only where told; a `close` on any line is not undone.
fn keeps_alive(headers: &HeaderMap, version_11: bool) -> bool {
    let mut keep = version_11;
    for value in headers.get_all(CONNECTION) {
        if has_token(value, "close") {
            return false;
        }
        keep |= has_token(value, "keep-alive");
    }
    keep
}

/// Whether a list of tokens has that one.
pub fn has_token(value: &HeaderValue, token: &str) -> bool {
    let mut listed = value.to_str().unwrap_or_default().split(',');
    listed.any(|one| one.trim().eq_ignore_ascii_case(token))
}

/// RFC 9112, section 6.3, from rule 4 on.
fn framing(headers: &HeaderMap, version_11: bool) -> Result<Framing, Refusal> {
    if let Some(last) = headers.get_all(TRANSFER_ENCODING).iter().next_back() {
        if !version_11 {
            return Err(Refusal::Encoding);
        }
        let last = last
            .to_str()
            .unwrap_or_default()
            .rsplit(',')
            .next()
            .unwrap_or_default();
        let chunked = last.trim().eq_ignore_ascii_case("chunked");
        return Ok(if chunked {
            Framing::Chunked
        } else {
            Framing::UntilClose
        });
    }
    let mut length = None;
    for value in headers.get_all(CONTENT_LENGTH) {
        for one in value.to_str().map_err(|_| Refusal::Length)?.split(',') {
            let one = digits(one.trim().as_bytes()).ok_or(Refusal::Length)?;
            if length.is_some_and(|length| length != one) {
                return Err(Refusal::Length);
            }
            length = Some(one);
        }
    }
    match length {
        None => Ok(Framing::UntilClose),
        Some(length) if length > LONGEST => Err(Refusal::LengthTooLarge),
        Some(length) => Ok(Framing::Length(length)),
    }
}

/// A number of digits alone: a sign, which Rust's own parser takes, is none.
fn digits(bytes: &[u8]) -> Option<u64> {
    let digit = |byte: u8| byte.is_ascii_digit().then(|| u64::from(byte - b'0'));
    let number = bytes.iter().try_fold(0_u64, |number, &byte| {
        number.checked_mul(10)?.checked_add(digit(byte)?)
    });
    number.filter(|_| !bytes.is_empty())
}
