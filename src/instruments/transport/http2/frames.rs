//! Frames as they pass, in one direction of an HTTP/2 connection (RFC 9113, section 4.1): where each begins and what it
//! is. Looks into no payload.

use crate::foundation::units::Offset;

/// Bytes before a frame's payload.
const HEADER: usize = 9;
/// What a client says first, before any frame.
const PREFACE: usize = 24;

/// Bytes of an answer or of a request's body.
pub const DATA: u8 = 0;
/// The beginning of a head, or trailers.
pub const HEADERS: u8 = 1;

/// Follows the frames of one direction.
#[derive(Debug, Default)]
pub struct Frames {
    /// The present frame's header, as far as it was seen.
    header: [u8; HEADER],
    seen: usize,
    /// When the present frame's first byte passed.
    began: Offset,
    /// Bytes until the next frame begins.
    rest: usize,
}

impl Frames {
    /// What a client sends.
    pub fn of_a_client() -> Self {
        Self {
            rest: PREFACE,
            ..Self::default()
        }
    }

    /// Takes bytes that passed at `at`; tells the type of every frame whose header is whole, and when it began.
    pub fn take(&mut self, mut bytes: &[u8], at: Offset, mut tell: impl FnMut(u8, Offset)) {
        while !bytes.is_empty() {
            let skipped = self.rest.min(bytes.len());
            self.rest -= skipped;
            bytes = &bytes[skipped..];
            if bytes.is_empty() {
                return;
            }
            if self.seen == 0 {
                self.began = at;
            }
            let part = bytes.len().min(HEADER - self.seen);
            self.header[self.seen..self.seen + part].copy_from_slice(&bytes[..part]);
            self.seen += part;
            bytes = &bytes[part..];
            if self.seen == HEADER {
                let [high, middle, low, kind, ..] = self.header;
                self.seen = 0;
                self.rest = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
                tell(kind, self.began);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame(kind: u8, payload: usize) -> Vec<u8> {
        let length = u32::try_from(payload).unwrap().to_be_bytes();
        let mut bytes = length[1..].to_vec();
        bytes.extend([kind, 0, 0, 0, 0, 1]);
        bytes.resize(HEADER + payload, kind);
        bytes
    }

    proptest! {
        #[test]
        fn each_frame_is_told_with_the_moment_of_its_first_byte_in_any_split(
            payloads in prop::collection::vec((0_u8..10, 0_usize..70_000), 1..6),
            pieces in prop::collection::vec(1_usize..20_000, 1..40),
        ) {
            let mut stream = vec![b'P'; PREFACE];
            let mut begin = Vec::new();
            for (kind, payload) in &payloads {
                begin.push((*kind, stream.len()));
                stream.extend(frame(*kind, *payload));
            }
            // The moment at which a byte passes is the place where its piece began.
            let (mut frames, mut told, mut from) = (Frames::of_a_client(), Vec::new(), 0);
            let mut began = Vec::new();
            for piece in pieces.iter().cycle() {
                if from == stream.len() {
                    break;
                }
                let to = (from + piece).min(stream.len());
                began.push((from, to));
                let at = Offset::from_nanos(from as u64);
                frames.take(&stream[from..to], at, |kind, at| told.push((kind, at.as_nanos())));
                from = to;
            }
            let piece_of = |byte: usize| began.iter().find(|(from, to)| (*from..*to).contains(&byte)).unwrap().0 as u64;
            let expected: Vec<_> = begin.iter().map(|(kind, byte)| (*kind, piece_of(*byte))).collect();
            prop_assert_eq!(told, expected);
        }
    }
}
