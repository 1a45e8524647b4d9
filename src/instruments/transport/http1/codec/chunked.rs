//! Bodies in chunks (RFC 9112, section 7.1). Extensions and trailers are checked and skipped.

use http::{HeaderName, HeaderValue};

use super::Refusal;
use super::head::FIELDS;

/// Most bytes of extensions in a whole body.
const EXTENSION_BYTES: usize = 16 << 10;

/// Reads chunks.
#[derive(Debug)]
pub(super) struct Chunked {
    place: Place,
    /// Of the size as far as it was read, then what is left of the chunk.
    left: u64,
    extension_bytes: usize,
    /// The trailers so far; nothing is allocated where there are none.
    trailers: Vec<u8>,
    trailer_lines: usize,
    trailer_cap: usize,
}

/// Where in the grammar the next byte stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    FirstDigit,
    Digit,
    /// White space behind a size.
    Space,
    Extension,
    SizeFeed,
    Data,
    DataReturn,
    DataFeed,
    /// The first byte of a trailer's line, or of the last, empty one.
    Line,
    Trailer,
    TrailerFeed,
    EndFeed,
    Over,
}

impl Chunked {
    /// A body to come, whose trailers are at most so many bytes.
    pub(super) const fn new(trailer_cap: usize) -> Self {
        Self {
            place: Place::FirstDigit,
            left: 0,
            extension_bytes: 0,
            trailers: Vec::new(),
            trailer_lines: 0,
            trailer_cap,
        }
    }

    /// Whether the last byte of the body has been taken.
    pub(super) fn is_over(&self) -> bool {
        self.place == Place::Over
    }

    /// Takes bytes up to the end of the next piece of data, if there is one; how many were used, and that piece.
    pub(super) fn take<'a>(
        &mut self,
        bytes: &'a [u8],
    ) -> Result<(usize, Option<&'a [u8]>), Refusal> {
        let mut used = 0;
        while used < bytes.len() && self.place != Place::Over {
            if self.place == Place::Data {
                let most = usize::try_from(self.left).unwrap_or(usize::MAX);
                let data = &bytes[used..used + most.min(bytes.len() - used)];
                self.left -= data.len() as u64;
                if self.left == 0 {
                    self.place = Place::DataReturn;
                }
                return Ok((used + data.len(), Some(data)));
            }
            self.place = self.byte(bytes[used])?;
            used += 1;
        }
        if self.place == Place::Over {
            self.check_trailers()?;
        }
        Ok((used, None))
    }

    fn byte(&mut self, byte: u8) -> Result<Place, Refusal> {
        match self.place {
            Place::FirstDigit => self.digit(byte)?.ok_or(Refusal::Chunk("a size is missing")),
            Place::Digit => match self.digit(byte)? {
                Some(place) => Ok(place),
                None => behind_size(byte),
            },
            Place::Space => behind_size(byte),
            Place::Extension => self.extension(byte),
            Place::SizeFeed if byte == b'\n' => Ok(if self.left == 0 {
                Place::Line
            } else {
                Place::Data
            }),
            Place::SizeFeed => Err(Refusal::Chunk("a size's line ends in CR without LF")),
            Place::DataReturn if byte == b'\r' => Ok(Place::DataFeed),
            Place::DataFeed if byte == b'\n' => Ok(Place::FirstDigit),
            Place::DataReturn | Place::DataFeed => {
                Err(Refusal::Chunk("a chunk is longer than its size"))
            }
            Place::Line => {
                if byte == b'\r' && self.trailers.is_empty() {
                    return Ok(Place::EndFeed);
                }
                self.trailer(
                    byte,
                    if byte == b'\r' {
                        Place::EndFeed
                    } else {
                        Place::Trailer
                    },
                )
            }
            Place::Trailer => self.trailer(
                byte,
                if byte == b'\r' {
                    Place::TrailerFeed
                } else {
                    Place::Trailer
                },
            ),
            Place::TrailerFeed if byte == b'\n' => {
                self.trailer_lines += 1;
                if self.trailer_lines > FIELDS {
                    return Err(Refusal::ChunkTooLarge("too many trailers"));
                }
                self.trailer(byte, Place::Line)
            }
            Place::TrailerFeed => Err(Refusal::Chunk("a trailer ends in CR without LF")),
            Place::EndFeed if byte != b'\n' => {
                Err(Refusal::Chunk("the last line ends in CR without LF"))
            }
            Place::EndFeed if self.trailers.is_empty() => Ok(Place::Over),
            Place::EndFeed => self.trailer(byte, Place::Over),
            Place::Data | Place::Over => Ok(self.place),
        }
    }

    /// Adds a hexadecimal digit to the size; `None` where the byte is none.
    fn digit(&mut self, byte: u8) -> Result<Option<Place>, Refusal> {
        let Some(digit) = char::from(byte).to_digit(16) else {
            return Ok(None);
        };
        let size = self
            .left
            .checked_mul(16)
            .and_then(|size| size.checked_add(u64::from(digit)));
        self.left = size.ok_or(Refusal::Chunk("a size is beyond any body"))?;
        Ok(Some(Place::Digit))
    }

    fn extension(&mut self, byte: u8) -> Result<Place, Refusal> {
        match byte {
            b'\r' => return Ok(Place::SizeFeed),
            b'\n' => return Err(Refusal::Chunk("an extension holds a line feed")),
            _ => self.extension_bytes += 1,
        }
        if self.extension_bytes >= EXTENSION_BYTES {
            return Err(Refusal::ChunkTooLarge("the extensions are too long"));
        }
        Ok(Place::Extension)
    }

    fn trailer(&mut self, byte: u8, next: Place) -> Result<Place, Refusal> {
        self.trailers.push(byte);
        // hyper looks at the cap from the second byte on.
        if self.trailers.len() >= self.trailer_cap.max(2) {
            return Err(Refusal::ChunkTooLarge("the trailers are too long"));
        }
        Ok(next)
    }

    fn check_trailers(&self) -> Result<(), Refusal> {
        if self.trailers.is_empty() {
            return Ok(());
        }
        let mut fields = vec![httparse::EMPTY_HEADER; self.trailer_lines];
        let legal = |field: &httparse::Header<'_>| {
            HeaderName::from_bytes(field.name.as_bytes()).is_ok()
                && HeaderValue::from_bytes(field.value).is_ok()
        };
        match httparse::parse_headers(&self.trailers, &mut fields) {
            Ok(httparse::Status::Complete((_, fields))) if fields.iter().all(legal) => Ok(()),
            _ => Err(Refusal::Chunk("the trailers are no fields")),
        }
    }
}

fn behind_size(byte: u8) -> Result<Place, Refusal> {
    match byte {
        b' ' | b'\t' => Ok(Place::Space),
        b';' => Ok(Place::Extension),
        b'\r' => Ok(Place::SizeFeed),
        _ => Err(Refusal::Chunk("a size is no hexadecimal number")),
    }
}
