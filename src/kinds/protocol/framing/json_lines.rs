//! JSON Lines, read as their bytes arrive: one value a line.
//!
//! Lines end in LF or CRLF, the stream may begin with a BOM, and any of this may be cut anywhere. A line that is whole in
//! what arrived is given from there; the reader's one buffer is for the others and is used again, so that a line costs no
//! allocation. Whether a line is JSON is for its protocol to say.

use super::{LONGEST_EVENT, TooLarge};

/// Reads one stream.
#[derive(Debug)]
pub struct Reader {
    /// The bytes of the line that is not ended yet.
    line: Vec<u8>,
    /// No line has ended yet: a BOM may begin it.
    first_line: bool,
    longest: usize,
}

impl Default for Reader {
    fn default() -> Self {
        Self::new(LONGEST_EVENT)
    }
}

impl Reader {
    /// A reader whose lines may be `longest` bytes.
    pub fn new(longest: usize) -> Self {
        Self {
            line: Vec::new(),
            first_line: true,
            longest,
        }
    }

    /// Takes the next bytes; `on_line` is given each line that they end, without its end, and says whether to go on. A
    /// line of nothing but white space is noise.
    ///
    /// # Errors
    /// Where a line is too long; nothing more can be read then.
    pub fn feed(
        &mut self,
        bytes: &[u8],
        on_line: &mut impl FnMut(&[u8]) -> bool,
    ) -> Result<(), TooLarge> {
        let mut rest = bytes;
        while let Some(at) = memchr::memchr(b'\n', rest) {
            let goes_on = if self.line.is_empty() {
                self.end_line(&rest[..at], on_line)?
            } else {
                self.keep(&rest[..at])?;
                let line = std::mem::take(&mut self.line);
                let goes_on = self.end_line(&line, on_line);
                self.line = line;
                self.line.clear();
                goes_on?
            };
            rest = &rest[at + 1..];
            if !goes_on {
                return Ok(());
            }
        }
        self.keep(rest)
    }

    /// The stream has ended: a last line that lacks its end is read.
    ///
    /// # Errors
    /// Where that line is too long.
    pub fn finish(&mut self, on_line: &mut impl FnMut(&[u8]) -> bool) -> Result<(), TooLarge> {
        let line = std::mem::take(&mut self.line);
        self.end_line(&line, on_line).map(drop)
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), TooLarge> {
        if self.line.len() + bytes.len() > self.longest {
            return Err(TooLarge);
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn end_line(
        &mut self,
        line: &[u8],
        on_line: &mut impl FnMut(&[u8]) -> bool,
    ) -> Result<bool, TooLarge> {
        if line.len() > self.longest {
            return Err(TooLarge);
        }
        let line = if std::mem::take(&mut self.first_line) {
            line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line)
        } else {
            line
        };
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        Ok(line.trim_ascii_start().is_empty() || on_line(line))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::pieces;
    use super::*;
    use proptest::prelude::*;

    fn read(pieces: &[&[u8]]) -> Vec<String> {
        let mut reader = Reader::default();
        let mut lines = Vec::new();
        let mut keep = |line: &[u8]| {
            lines.push(String::from_utf8_lossy(line).into_owned());
            true
        };
        for piece in pieces {
            reader.feed(piece, &mut keep).unwrap();
        }
        reader.finish(&mut keep).unwrap();
        lines
    }

    #[test]
    fn lines_end_in_lf_or_crlf_and_the_last_in_nothing() {
        for end in ["\n", "\r\n"] {
            let stream = format!("{{\"a\":1}}{end}[2]{end}\"three\"");
            assert_eq!(
                read(&[stream.as_bytes()]),
                ["{\"a\":1}", "[2]", "\"three\""],
                "{end:?}"
            );
        }
        assert_eq!(read(&[b"1\r"]), ["1"]);
        assert_eq!(read(&[]), [""; 0]);
    }

    #[test]
    fn a_mark_at_the_beginning_and_lines_of_nothing_are_noise() {
        let stream = "\u{feff}\n1\n\r\n \t\r\n2\n\n";
        assert_eq!(read(&[stream.as_bytes()]), ["1", "2"]);
        assert_eq!(read(&["\u{feff}1\n".as_bytes()]), ["1"]);
        // Only the stream's beginning is the mark's place.
        assert_eq!(read(&["1\n\u{feff}2\n".as_bytes()]), ["1", "\u{feff}2"]);
    }

    #[test]
    fn a_carriage_return_within_a_line_does_not_end_it() {
        assert_eq!(read(&[b"[1,\r 2]\r\r\n"]), ["[1,\r 2]\r"]);
    }

    #[test]
    fn nothing_is_given_after_the_caller_has_enough() {
        for pieces in [&[&b"1\n2\n"[..]][..], &[b"1", b"\n2\n"]] {
            let mut count = 0;
            let mut reader = Reader::default();
            for piece in pieces {
                let mut enough = |_: &[u8]| {
                    count += 1;
                    false
                };
                reader.feed(piece, &mut enough).unwrap();
            }
            assert_eq!(count, 1, "{pieces:?}");
        }
    }

    #[test]
    fn a_line_beyond_its_cap_is_too_large_however_it_arrives() {
        let never = &mut |_: &[u8]| true;
        let long = [&[b'x'; 101][..], b"\n"].concat();
        assert_eq!(Reader::new(100).feed(&long, never), Err(TooLarge));
        assert_eq!(Reader::new(100).feed(&long[..101], never), Err(TooLarge));
        let mut reader = Reader::new(100);
        let fed = long
            .chunks(7)
            .try_for_each(|piece| reader.feed(piece, never));
        assert_eq!(fed, Err(TooLarge));
        let mut reader = Reader::new(100);
        let fed = (0..30).try_for_each(|_| reader.feed(&long[1..], never));
        assert_eq!(fed, Ok(()), "many lines, none too long");
    }

    #[test]
    fn a_line_that_is_whole_in_what_arrived_is_given_from_there() {
        let bytes = b"{\"response\":\" a\"}\n";
        let mut reader = Reader::default();
        reader
            .feed(bytes, &mut |line| {
                assert!(bytes.as_ptr_range().contains(&line.as_ptr()));
                true
            })
            .unwrap();
        assert_eq!(reader.line.capacity(), 0);
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_lines(
            stream in "(\u{feff})?([{}\": aé🎈\r\u{feff}]{0,6}(\n|\r\n)){0,12}[{}a\r]{0,6}",
            cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..12),
        ) {
            let bytes = stream.as_bytes();
            prop_assert_eq!(read(&pieces(bytes, &cuts)), read(&[bytes]));
        }
    }
}
