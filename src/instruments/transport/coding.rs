//! Content codings (gzip, deflate), undone as the bytes pass. Time stamps and counts of the wire are not its concern:
//! it is given bytes that were stamped and counted before.

use flate2::{Decompress, FlushDecompress, Status};

use super::{Caps, Lost};
use crate::instruments::exchange::{Flow, Head};
use crate::instruments::record::Outcome;

/// A body may grow to so many times what came over the wire.
const MOST_EXPANSION: u64 = 100;
/// A body may grow so far whatever its ratio: short texts repeat themselves, and harm nobody.
const HARMLESS_BYTES: u64 = 64 << 10;
/// Bytes that are decoded before they are handed on.
const PIECE: usize = 32 << 10;
/// zlib's greatest window, which every sender fits into.
const WINDOW_BITS: u8 = 15;

/// The wrapping around a deflated body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// With gzip's head and checksum, several of them in a row where the sender likes.
    Gzip,
    /// By the letter with zlib's head; some servers leave that away.
    Deflate,
    /// Not read here, around a failure: its status says enough.
    Unread,
}

/// The coding of one answer's body, undone.
pub struct Decoder {
    form: Form,
    /// `None` before the first byte, and between two members of gzip.
    state: Option<Decompress>,
    /// Whether the last member has ended.
    ended: bool,
    piece: Box<[u8]>,
    taken: u64,
    given: u64,
    longest: u64,
}

impl Decoder {
    /// A decoder for the body that follows this head; `None` where it is not coded.
    ///
    /// # Errors
    /// Where its coding is not read here (`protocol`); of a failure only the text is lost then, its status counts.
    pub fn of(head: &Head, caps: Caps) -> Result<Option<Self>, Lost> {
        let Some(coding) = head.coding() else {
            return Ok(None);
        };
        let form = match coding.to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => Form::Gzip,
            "deflate" => Form::Deflate,
            _ if head.refusal().is_some() => Form::Unread,
            _ => {
                let text =
                    format!("the answer's content coding is `{coding}`; gzip and deflate are read");
                return Err(Lost::new(Outcome::Protocol, text));
            }
        };
        Ok(Some(Self {
            form,
            state: None,
            ended: false,
            piece: vec![0; PIECE].into(),
            taken: 0,
            given: 0,
            longest: caps.body_bytes,
        }))
    }

    /// Decodes the next bytes of the wire and hands on what they become, until `take` has enough.
    ///
    /// # Errors
    /// Where the coding is malformed (`protocol`), or the body grows beyond its caps (`too_large`).
    pub fn feed(
        &mut self,
        bytes: &[u8],
        take: &mut dyn FnMut(&[u8]) -> Flow,
    ) -> Result<Flow, Lost> {
        self.taken += bytes.len() as u64;
        let mut rest = bytes;
        while let Some(&first) = rest.first() {
            if self.state.is_none() && !self.begin(first) {
                break;
            }
            let Some(state) = &mut self.state else { break };
            let (before_in, before_out) = (state.total_in(), state.total_out());
            let status = state
                .decompress(rest, &mut self.piece, FlushDecompress::None)
                .map_err(|error| {
                    Lost::new(
                        Outcome::Protocol,
                        format!("the answer's content coding is malformed: {error}"),
                    )
                })?;
            // Both are below the length of a slice.
            let read = usize::try_from(state.total_in() - before_in).unwrap_or(rest.len());
            let wrote = usize::try_from(state.total_out() - before_out).unwrap_or(PIECE);
            rest = rest.get(read..).unwrap_or_default();
            self.given += wrote as u64;
            self.check()?;
            if wrote > 0 && take(&self.piece[..wrote]) == Flow::Enough {
                return Ok(Flow::Enough);
            }
            if status == Status::StreamEnd {
                (self.state, self.ended) = (None, true);
            } else if read == 0 && wrote == 0 {
                let text = "the answer's content coding is malformed: it does not go on";
                return Err(Lost::new(Outcome::Protocol, text));
            }
        }
        Ok(Flow::More)
    }

    /// The body has ended as HTTP says it should: whether its coding has too.
    ///
    /// # Errors
    /// Where it has not (`invalid`): the answer was cut before it was sent.
    pub fn finish(&self) -> Result<(), Lost> {
        if self.taken == 0 || self.form == Form::Unread || (self.ended && self.state.is_none()) {
            return Ok(());
        }
        Err(Lost::new(
            Outcome::Invalid,
            "the answer was cut: its content coding has no end",
        ))
    }

    /// Begins a member at its first byte; false where what follows is none, but padding.
    fn begin(&mut self, first: u8) -> bool {
        self.state = match self.form {
            Form::Gzip if self.ended && first != 0x1f => None,
            Form::Gzip => Some(Decompress::new_gzip(WINDOW_BITS)),
            Form::Deflate if self.ended => None,
            Form::Unread => None,
            // zlib's head names its method, 8, in four bits that no sender of bare blocks sets so.
            Form::Deflate => Some(Decompress::new(first & 0x0f == 8)),
        };
        self.state.is_some()
    }

    fn check(&self) -> Result<(), Lost> {
        let most = self
            .taken
            .saturating_mul(MOST_EXPANSION)
            .max(HARMLESS_BYTES);
        let too_large = |text: String| Err(Lost::new(Outcome::TooLarge, text));
        if self.given > most {
            return too_large(format!(
                "the body grew to more than {MOST_EXPANSION} times what was sent"
            ));
        }
        if self.given > self.longest {
            return too_large(format!("the decoded body passed {} bytes", self.longest));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use proptest::prelude::*;

    use super::*;
    use crate::foundation::units::Offset;

    fn head(coding: &'static str, status: u16) -> Head {
        let coding = (
            http::header::CONTENT_ENCODING,
            http::HeaderValue::from_static(coding),
        );
        Head {
            status,
            headers: http::HeaderMap::from_iter([coding]).into(),
            at: Offset::ZERO,
        }
    }

    fn decoder(coding: &'static str) -> Decoder {
        Decoder::of(&head(coding, 200), Caps::default())
            .unwrap()
            .unwrap()
    }

    /// What comes out of pieces, or the outcome.
    fn decoded(coding: &'static str, pieces: &[&[u8]]) -> Result<Vec<u8>, Outcome> {
        let (mut decoder, mut out) = (decoder(coding), Vec::new());
        for piece in pieces {
            let mut take = |bytes: &[u8]| {
                out.extend_from_slice(bytes);
                Flow::More
            };
            decoder
                .feed(piece, &mut take)
                .map_err(|lost| lost.outcome)?;
        }
        decoder.finish().map_err(|lost| lost.outcome)?;
        Ok(out)
    }

    macro_rules! coded {
        ($encoder:ident, $text:expr) => {{
            let mut encoder = $encoder::new(Vec::new(), Compression::default());
            encoder.write_all($text).unwrap();
            encoder.finish().unwrap()
        }};
    }

    const TEXT: &[u8] = b"data: {\"choices\":[]}\n\ndata: [DONE]\n\n";

    #[test]
    fn gzip_and_deflate_are_undone_in_each_of_their_forms() {
        let gzip = coded!(GzEncoder, TEXT);
        assert_eq!(decoded("gzip", &[&gzip]).as_deref(), Ok(TEXT));
        assert_eq!(decoded("X-GZIP", &[&gzip]).as_deref(), Ok(TEXT));
        assert_eq!(
            decoded("deflate", &[&coded!(ZlibEncoder, TEXT)]).as_deref(),
            Ok(TEXT)
        );
        assert_eq!(
            decoded("deflate", &[&coded!(DeflateEncoder, TEXT)]).as_deref(),
            Ok(TEXT)
        );
        let twice = [gzip.as_slice(), &gzip, &[0; 4]].concat();
        assert_eq!(
            decoded("gzip", &[&twice]),
            Ok(TEXT.repeat(2)),
            "members in a row, then padding"
        );
        assert_eq!(
            decoded("gzip", &[]),
            Ok(Vec::new()),
            "an answer without a body"
        );
    }

    #[test]
    fn what_is_cut_is_invalid_and_what_is_damaged_is_the_protocols() {
        let gzip = coded!(GzEncoder, TEXT);
        for length in 1..gzip.len() {
            assert_eq!(
                decoded("gzip", &[&gzip[..length]]),
                Err(Outcome::Invalid),
                "{length}"
            );
        }
        let zlib = coded!(ZlibEncoder, TEXT);
        assert_eq!(
            decoded("deflate", &[&zlib[..zlib.len() - 1]]),
            Err(Outcome::Invalid)
        );
        assert_eq!(
            decoded("gzip", &[TEXT]),
            Err(Outcome::Protocol),
            "not coded at all"
        );
        let mut damaged = gzip;
        let checksum = damaged.len() - 8;
        damaged[checksum] ^= 1;
        assert_eq!(decoded("gzip", &[&damaged]), Err(Outcome::Protocol));
    }

    #[test]
    fn a_coding_that_is_not_read_is_said_unless_the_status_says_enough() {
        let lost = Decoder::of(&head("br", 200), Caps::default())
            .err()
            .unwrap();
        assert_eq!(lost.outcome, Outcome::Protocol);
        assert!(lost.text.contains("`br`"), "{}", lost.text);
        let mut refused = Decoder::of(&head("br", 429), Caps::default())
            .unwrap()
            .unwrap();
        let mut take = |_: &[u8]| panic!("it cannot be read");
        assert_eq!(refused.feed(TEXT, &mut take), Ok(Flow::More));
        assert_eq!(refused.finish(), Ok(()));
    }

    #[test]
    fn a_bomb_ends_at_a_hundred_times_what_was_sent() {
        let bomb = coded!(GzEncoder, &vec![0; 8 << 20]);
        let (mut decoder, mut given) = (decoder("gzip"), 0);
        let mut take = |bytes: &[u8]| {
            given += bytes.len();
            Flow::More
        };
        let lost = decoder.feed(&bomb, &mut take).unwrap_err();
        assert_eq!(lost.outcome, Outcome::TooLarge);
        assert!(given <= bomb.len() * 100, "{given} bytes of {}", bomb.len());
        // Short bodies may repeat themselves.
        let short = coded!(GzEncoder, &vec![b' '; 60 << 10]);
        assert!(short.len() * 100 < 60 << 10);
        assert_eq!(
            decoded("gzip", &[&short]).map(|text| text.len()),
            Ok(60 << 10)
        );
    }

    #[test]
    fn nothing_is_handed_on_after_the_reader_has_enough() {
        let text: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
        let mut calls = 0;
        let mut take = |_: &[u8]| {
            calls += 1;
            Flow::Enough
        };
        let flow = decoder("gzip")
            .feed(&coded!(GzEncoder, &text), &mut take)
            .unwrap();
        assert_eq!((flow, calls), (Flow::Enough, 1));
    }

    proptest! {
        #[test]
        fn any_split_of_the_wire_gives_the_same_bytes(
            text in proptest::collection::vec(any::<u8>(), 0..2000),
            cut in any::<proptest::sample::Index>(),
        ) {
            for (coding, wire) in [
                ("gzip", coded!(GzEncoder, &text)),
                ("deflate", coded!(ZlibEncoder, &text)),
                ("deflate", coded!(DeflateEncoder, &text)),
            ] {
                let (first, second) = wire.split_at(cut.index(wire.len() + 1));
                prop_assert_eq!(decoded(coding, &[first, second]), Ok(text.clone()));
            }
        }
    }
}
