//! Server-sent events, read as their bytes arrive.
//!
//! Lines may end in LF, CRLF or CR, the stream may begin with a BOM, an event may have several data lines, and any of
//! this may be cut anywhere. The reader's two buffers are used again for every event, so that an event costs no
//! allocation.

use super::{LONGEST_EVENT, TooLarge};

/// One event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event<'a> {
    /// Its name; empty where it has none.
    pub name: &'a [u8],
    /// Its data lines, joined by LF.
    pub data: &'a [u8],
}

/// Reads one stream.
#[derive(Debug)]
pub struct Reader {
    /// The bytes of the line that is not ended yet.
    line: Vec<u8>,
    /// The data of the event that is not ended yet, each line followed by LF.
    data: Vec<u8>,
    name: Vec<u8>,
    /// The last byte was a CR: an LF after it belongs to it.
    after_cr: bool,
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
    /// A reader whose events may be `longest` bytes.
    pub fn new(longest: usize) -> Self {
        Self {
            line: Vec::new(),
            data: Vec::new(),
            name: Vec::new(),
            after_cr: false,
            first_line: true,
            longest,
        }
    }

    /// Takes the next bytes; `on_event` is given each event that they end and says whether to go on.
    ///
    /// # Errors
    /// Where an event is too long; nothing more can be read then.
    pub fn feed(
        &mut self,
        bytes: &[u8],
        on_event: &mut impl FnMut(Event<'_>) -> bool,
    ) -> Result<(), TooLarge> {
        let mut rest = bytes;
        if self.after_cr && !rest.is_empty() {
            self.after_cr = false;
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        }
        while let Some(at) = memchr::memchr2(b'\n', b'\r', rest) {
            let goes_on = if self.line.is_empty() {
                self.end_line(&rest[..at], on_event)?
            } else {
                self.keep(&rest[..at])?;
                let line = std::mem::take(&mut self.line);
                let goes_on = self.end_line(&line, on_event);
                self.line = line;
                self.line.clear();
                goes_on?
            };
            let ended_by_cr = rest[at] == b'\r';
            rest = &rest[at + 1..];
            if ended_by_cr {
                match rest.strip_prefix(b"\n") {
                    Some(after) => rest = after,
                    None => self.after_cr = rest.is_empty(),
                }
            }
            if !goes_on {
                return Ok(());
            }
        }
        self.keep(rest)
    }

    /// The stream has ended: a last event that lacks its blank line, or even its line's end, is read.
    ///
    /// # Errors
    /// Where that event is too long.
    pub fn finish(&mut self, on_event: &mut impl FnMut(Event<'_>) -> bool) -> Result<(), TooLarge> {
        let line = std::mem::take(&mut self.line);
        if (line.is_empty() || self.end_line(&line, on_event)?) && !self.data.is_empty() {
            self.end_line(b"", on_event)?;
        }
        Ok(())
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), TooLarge> {
        if self.line.len() + bytes.len() + self.data.len() > self.longest {
            return Err(TooLarge);
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn end_line(
        &mut self,
        line: &[u8],
        on_event: &mut impl FnMut(Event<'_>) -> bool,
    ) -> Result<bool, TooLarge> {
        let line = if std::mem::take(&mut self.first_line) {
            line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line)
        } else {
            line
        };
        if line.is_empty() {
            return Ok(self.end_event(on_event));
        }
        let (field, value) = match memchr::memchr(b':', line) {
            Some(colon) => {
                let value = &line[colon + 1..];
                (&line[..colon], value.strip_prefix(b" ").unwrap_or(value))
            }
            None => (line, &b""[..]),
        };
        match field {
            b"data" => {
                if self.data.len() + value.len() >= self.longest {
                    return Err(TooLarge);
                }
                self.data.extend_from_slice(value);
                self.data.push(b'\n');
            }
            b"event" => {
                self.name.clear();
                self.name.extend_from_slice(value);
            }
            // A comment, `id`, `retry`, or what nobody knows.
            _ => {}
        }
        Ok(true)
    }

    fn end_event(&mut self, on_event: &mut impl FnMut(Event<'_>) -> bool) -> bool {
        let goes_on = match self.data.strip_suffix(b"\n") {
            Some(data) => on_event(Event {
                name: &self.name,
                data,
            }),
            None => true,
        };
        self.data.clear();
        self.name.clear();
        goes_on
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::pieces;
    use super::*;
    use proptest::prelude::*;

    fn read(pieces: &[&[u8]]) -> Vec<(String, String)> {
        let mut reader = Reader::default();
        let mut events = Vec::new();
        let mut keep = |event: Event<'_>| {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            events.push((text(event.name), text(event.data)));
            true
        };
        for piece in pieces {
            reader.feed(piece, &mut keep).unwrap();
        }
        reader.finish(&mut keep).unwrap();
        events
    }

    fn data(stream: &str) -> Vec<String> {
        read(&[stream.as_bytes()])
            .into_iter()
            .map(|(_, data)| data)
            .collect()
    }

    #[test]
    fn lines_end_in_lf_crlf_or_cr() {
        for end in ["\n", "\r\n", "\r"] {
            assert_eq!(
                data(&format!("data: a{end}data: b{end}{end}data: c{end}{end}")),
                ["a\nb", "c"],
                "{end:?}"
            );
        }
    }

    #[test]
    fn what_is_no_data_is_noise() {
        let stream =
            "\u{feff}: a comment\nid: 7\nretry: 5\nunknown\n\nevent: x\n\ndata: a\n\n:\n\n";
        assert_eq!(
            read(&[stream.as_bytes()]),
            [(String::new(), "a".to_owned())]
        );
        assert_eq!(data("data\n\n"), [""]);
        assert_eq!(data("data:a\n\ndata:  b\n\n"), ["a", " b"]);
    }

    #[test]
    fn an_event_has_its_name_for_itself_alone() {
        let events = read(&[b"event: message_start\ndata: 1\n\ndata: 2\n\n"]);
        assert_eq!(
            events,
            [
                ("message_start".to_owned(), "1".to_owned()),
                (String::new(), "2".to_owned())
            ]
        );
    }

    #[test]
    fn a_last_event_without_its_blank_line_is_read() {
        assert_eq!(data("data: a\n\ndata: b\n"), ["a", "b"]);
        assert_eq!(data("data: a\n\ndata: b"), ["a", "b"]);
        assert_eq!(data("data: a\r"), ["a"]);
    }

    #[test]
    fn nothing_is_given_after_the_caller_has_enough() {
        let mut count = 0;
        let mut reader = Reader::default();
        reader
            .feed(b"data: a\n\ndata: b\n\n", &mut |_| {
                count += 1;
                false
            })
            .unwrap();
        assert_eq!(count, 1);
    }

    #[test]
    fn an_event_beyond_its_cap_is_too_large_whatever_its_shape() {
        let never = &mut |_: Event<'_>| true;
        assert_eq!(Reader::new(100).feed(&[b'x'; 101], never), Err(TooLarge));
        assert_eq!(
            Reader::new(100).feed(&b"data: 12345678\n".repeat(20), never),
            Err(TooLarge)
        );
        let mut reader = Reader::new(100);
        let outcome = (0..30).try_for_each(|_| reader.feed(b"data: 1234", never));
        assert_eq!(outcome, Err(TooLarge));
        let mut reader = Reader::new(100);
        assert_eq!(
            (0..30).try_for_each(|_| reader.feed(b"data: 12345678\n\n", never)),
            Ok(())
        );
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_events(
            stream in "(\u{feff})?((data|event|id)?(: ?)?[aé🎈]{0,3}(\n|\r\n|\r)){0,12}[dat: x]{0,6}",
            cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..12),
        ) {
            let bytes = stream.as_bytes();
            prop_assert_eq!(read(&pieces(bytes, &cuts)), read(&[bytes]));
        }
    }
}
