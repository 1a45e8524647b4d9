//! The body of an answer, kept until it ends. Knows nothing of what its bytes mean.

use http::header::CONTENT_LENGTH;
use memmap2::MmapMut;

use super::head::without_mark;
use crate::instruments::exchange::{Head, Judgement};
use crate::instruments::record::Outcome;

/// A body that is kept whole may be so long.
const LONGEST_BODY: usize = 64 << 20;
/// A body that outgrows one of these moves to a place of the next, and one that outgrows both to a mapping. Pictures have
/// room in them: the system takes most of a millisecond to fill a mebibyte of a mapping, the allocator a tenth of that.
const PLACES: [usize; 2] = [1 << 20, 8 << 20];

/// A body that is collected until it ends: all of it, or its beginning where nobody looks further.
#[derive(Debug, Default)]
pub struct Body {
    place: Place,
    length: u64,
    /// The length that the head told; 0 where it told none.
    announced: u64,
    /// How much is kept at most; `None` for all of it.
    most: Option<usize>,
}

/// Where the bytes are.
#[derive(Debug)]
enum Place {
    /// In the allocator's memory, which holds on to what was freed for a second: the next answer has it at once.
    Allocated(Vec<u8>),
    /// In a mapping as long as a body may be: what is not filled yet is not in memory, and all of it is given back when
    /// the body is dropped, before anything else of the run needs memory.
    Mapped { room: MmapMut, filled: usize },
}

impl Default for Place {
    fn default() -> Self {
        Self::Allocated(Vec::new())
    }
}

impl Place {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Allocated(bytes) => bytes,
            Self::Mapped { room, filled } => &room[..*filled],
        }
    }

    /// Adds to the bytes, which together are [`LONGEST_BODY`] at most.
    fn push(&mut self, bytes: &[u8]) {
        if let Self::Allocated(before) = self {
            let length = before.len() + bytes.len();
            if length > before.capacity().max(PLACES[0]) {
                self.make_room(length);
            }
        }
        match self {
            Self::Allocated(before) => before.extend_from_slice(bytes),
            Self::Mapped { room, filled } => {
                room[*filled..][..bytes.len()].copy_from_slice(bytes);
                *filled += bytes.len();
            }
        }
    }

    /// Moves what outgrows its place to the next that has room for `length` bytes.
    fn make_room(&mut self, length: usize) {
        let Self::Allocated(before) = self else {
            return;
        };
        let next = PLACES.into_iter().find(|place| *place >= length);
        if let Some(next) = next {
            before.reserve_exact(next - before.len());
        } else if let Ok(mut room) = MmapMut::map_anon(LONGEST_BODY) {
            let filled = before.len();
            room[..filled].copy_from_slice(before);
            *self = Self::Mapped { room, filled };
        }
    }
}

impl Body {
    /// A body that is kept whole. One whose head announces more than may be kept is too large at its first byte.
    pub fn whole(head: &Head) -> Self {
        let length = head.headers.get(CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
        Self {
            announced: length.unwrap_or(0),
            ..Self::default()
        }
    }

    /// A body of which so many bytes are kept at most, and the rest dropped as it passes.
    pub fn beginning(most: usize) -> Self {
        Self {
            most: Some(most),
            ..Self::default()
        }
    }

    /// Takes the next bytes; the judgement where it is too large to be kept whole.
    pub fn take(&mut self, bytes: &[u8]) -> Option<Judgement> {
        self.length += bytes.len() as u64;
        let kept = match self.most {
            Some(most) => {
                let room = most.saturating_sub(self.bytes().len());
                &bytes[..bytes.len().min(room)]
            }
            None if self.length.max(self.announced) > LONGEST_BODY as u64 => {
                let error = format!("the answer is larger than {} MiB", LONGEST_BODY >> 20);
                return Some(Judgement::failed(Outcome::TooLarge, error));
            }
            None => bytes,
        };
        self.place.push(kept);
        None
    }

    /// How many bytes came, whether they were kept or not.
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// What was kept of it.
    pub fn bytes(&self) -> &[u8] {
        self.place.bytes()
    }

    /// The same, to be read as JSON.
    pub fn json(&self) -> &[u8] {
        without_mark(self.bytes())
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::*;

    #[test]
    fn a_body_that_is_kept_whole_has_a_limit_and_one_that_passes_has_none() {
        let piece = vec![b'x'; LONGEST_BODY / 2];
        let (mut whole, mut passing) = (Body::default(), Body::beginning(3));
        for _ in 0..2 {
            assert_eq!(whole.take(&piece), None);
            assert_eq!(passing.take(&piece), None);
        }
        let outcome = whole.take(b"x").map(|judgement| judgement.outcome);
        assert_eq!(outcome, Some(Outcome::TooLarge));
        assert_eq!(passing.take(b"x"), None);
        assert_eq!(passing.length(), LONGEST_BODY as u64 + 1);
        assert_eq!(passing.bytes(), b"xxx");
    }

    #[test]
    fn a_body_that_is_announced_as_too_large_is_not_waited_for() {
        let announced = |length: usize| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
            let at = crate::foundation::units::Offset::ZERO;
            let mut body = Body::whole(&Head {
                status: 200,
                headers: headers.into(),
                at,
            });
            body.take(b"x").map(|judgement| judgement.outcome)
        };
        assert_eq!(announced(LONGEST_BODY), None);
        assert_eq!(announced(LONGEST_BODY + 1), Some(Outcome::TooLarge));
    }

    /// Pieces that meet the end of no place, and one that outgrows all of them at once.
    #[test]
    fn a_body_is_kept_as_it_came_and_moves_little_while_it_grows() {
        let came: Vec<u8> = (0..=u8::MAX).cycle().take(20 << 20).collect();
        for piece in [1000, (64 << 10) + 1, 9 << 20] {
            let mut body = Body::default();
            let (mut moved, mut place) = (0, std::ptr::null());
            for bytes in came.chunks(piece) {
                let before = body.bytes().len();
                assert_eq!(body.take(bytes), None);
                if body.bytes().as_ptr() != place {
                    place = body.bytes().as_ptr();
                    moved += before;
                }
            }
            assert!(body.bytes() == came, "in pieces of {piece}");
            assert!(
                moved < 12 << 20,
                "{moved} bytes moved, in pieces of {piece}"
            );
        }
    }
}
