//! Answers, drawn from a seed: mostly HTTP, bent in the ways in which servers, proxies and attackers bend it.

/// What the connection does behind the last byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Stays,
    Closes,
    /// Ends with an error, as a reset does.
    Breaks,
}

/// An answer as it comes over a connection.
#[derive(Clone, PartialEq, Eq)]
pub struct Case {
    pub to_head: bool,
    pub bytes: Vec<u8>,
    /// Where reads end, in rising order.
    pub cuts: Vec<usize>,
    pub ending: Ending,
}

impl Case {
    /// The bytes as they are read.
    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        let ends = self.cuts.iter().copied().chain([self.bytes.len()]);
        let begins = std::iter::once(0).chain(self.cuts.iter().copied());
        begins
            .zip(ends)
            .map(|(from, to)| &self.bytes[from..to])
            .filter(|piece| !piece.is_empty())
    }

    /// The same bytes, read at once.
    pub fn unsplit(&self) -> Self {
        Self {
            cuts: Vec::new(),
            ..self.clone()
        }
    }
}

impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = &self.bytes[..self.bytes.len().min(2000)];
        write!(f, "{:?}, to_head: {}, cuts: ", self.ending, self.to_head)?;
        write!(
            f,
            "{:?}, {} bytes: \"{}\"",
            self.cuts,
            self.bytes.len(),
            shown.escape_ascii()
        )
    }
}

/// A generator of numbers (splitmix64): the same cases on every machine.
pub struct Draw(u64);

impl Draw {
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit.max(1)).unwrap()).unwrap()
    }

    /// True once in `times`.
    fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    fn of<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.below(choices.len())]
    }
}

/// The case of a seed.
pub fn case(seed: u64) -> Case {
    let mut draw = Draw::new(seed);
    let mut bytes = Vec::new();
    let to_head = draw.once_in(12);
    let stray_lines = if draw.once_in(40) { draw.below(3) } else { 0 };
    for _ in 0..stray_lines {
        bytes.extend_from_slice(draw.of(&["\r\n", "\n", "\r"]).as_bytes());
    }
    let interim = if draw.once_in(6) {
        1 + draw.below(3)
    } else {
        0
    };
    for _ in 0..interim {
        interim_head(&mut draw, &mut bytes);
    }
    answer(&mut draw, &mut bytes);
    if draw.once_in(15) {
        // Bytes that nobody asked for.
        bytes.extend_from_slice(
            draw.of(&[
                "\r\n",
                "x",
                "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
                "\0\0\0\0",
            ])
            .as_bytes(),
        );
    }
    if draw.once_in(7) {
        damage(&mut draw, &mut bytes);
    }
    if draw.once_in(6) {
        let keep = draw.below(bytes.len() + 1);
        bytes.truncate(keep);
    }
    let cuts = cuts(&mut draw, bytes.len());
    let ending = [
        Ending::Stays,
        Ending::Stays,
        Ending::Closes,
        Ending::Closes,
        Ending::Breaks,
    ][draw.below(5)];
    Case {
        to_head,
        bytes,
        cuts,
        ending,
    }
}

fn end_of_line(draw: &mut Draw) -> &'static str {
    if draw.once_in(150) {
        draw.of(&["\n", "\n", "\r", "\r\r\n", ""])
    } else {
        "\r\n"
    }
}

fn interim_head(draw: &mut Draw, bytes: &mut Vec<u8>) {
    let line = draw.of(&[
        "HTTP/1.1 100 Continue",
        "HTTP/1.1 102 Processing",
        "HTTP/1.1 103 Early Hints",
        "HTTP/1.0 100 Continue",
        "HTTP/1.1 199 x",
    ]);
    bytes.extend_from_slice(line.as_bytes());
    bytes.extend_from_slice(end_of_line(draw).as_bytes());
    if draw.once_in(3) {
        let field = draw.of(&[
            "Link: </a>",
            "Connection: close",
            "Content-Length: 5",
            "Transfer-Encoding: chunked",
        ]);
        bytes.extend_from_slice(field.as_bytes());
        bytes.extend_from_slice(end_of_line(draw).as_bytes());
    }
    bytes.extend_from_slice(end_of_line(draw).as_bytes());
}

#[derive(Clone, Copy)]
enum Body {
    None,
    Sized,
    Chunked,
    Rest,
}

fn answer(draw: &mut Draw, bytes: &mut Vec<u8>) {
    let version = if draw.once_in(10) {
        draw.of(&[
            "HTTP/1.0", "HTTP/1.0", "HTTP/1.0", "HTTP/2", "HTTP/1.2", "http/1.1", "ICY",
        ])
    } else {
        "HTTP/1.1"
    };
    let status = if draw.once_in(6) {
        draw.of(&[
            "204", "304", "404", "500", "503", "429", "101", "099", "999", "20", "2000", "2x0",
            "100", "205",
        ])
    } else {
        "200"
    };
    let reason = if draw.once_in(40) {
        "\t"
    } else {
        draw.of(&[" OK", "", " ", " Not  Found", " \u{e9}t\u{e9}"])
    };
    bytes.extend_from_slice(format!("{version} {status}{reason}").as_bytes());
    bytes.extend_from_slice(end_of_line(draw).as_bytes());
    let body = [
        Body::None,
        Body::Sized,
        Body::Sized,
        Body::Chunked,
        Body::Chunked,
        Body::Rest,
    ][draw.below(6)];
    let length = if draw.once_in(40) {
        draw.below(40_000)
    } else {
        draw.below(60)
    };
    let mut fields = Vec::new();
    match body {
        Body::None => fields.push("Content-Length: 0".to_owned()),
        Body::Sized => sized_fields(draw, length, &mut fields),
        Body::Chunked => chunked_fields(draw, &mut fields),
        Body::Rest => {}
    }
    other_fields(draw, &mut fields);
    for field in &fields {
        bytes.extend_from_slice(field.as_bytes());
        bytes.extend_from_slice(end_of_line(draw).as_bytes());
    }
    if draw.once_in(300) {
        pad_to_the_cap(draw, bytes);
    }
    bytes.extend_from_slice(end_of_line(draw).as_bytes());
    match body {
        Body::None => {}
        Body::Sized | Body::Rest => text(draw, length, bytes),
        Body::Chunked => chunks(draw, length, bytes),
    }
}

fn sized_fields(draw: &mut Draw, length: usize, fields: &mut Vec<String>) {
    let name = draw.of(&["Content-Length", "content-length", "CONTENT-LENGTH"]);
    if draw.once_in(8) {
        let other = length + 1;
        let odd = [
            format!("{name}: {length}, {length}"),
            format!("{name}: {length}, {other}"),
            format!("{name}: +{length}"),
            format!("{name}: -1"),
            format!("{name}: {length}x"),
            format!("{name}:"),
            format!("{name}: 0{length}"),
            format!("{name}:  {length}  "),
            format!("{name}:{length}\t"),
            format!("{name}: 18446744073709551613"),
            format!("{name}: 18446744073709551614"),
            format!("{name}: 18446744073709551616"),
            format!("{name}: {length},"),
            format!("{name}: \u{e9}"),
        ];
        fields.push(odd[draw.below(odd.len())].clone());
    } else {
        fields.push(format!("{name}: {length}"));
    }
    if draw.once_in(8) {
        let again = if draw.once_in(2) { length } else { length + 1 };
        fields.push(format!("{name}: {again}"));
    }
    if draw.once_in(20) {
        fields.push("Transfer-Encoding: identity".to_owned());
    }
}

fn chunked_fields(draw: &mut Draw, fields: &mut Vec<String>) {
    let coding = if draw.once_in(5) {
        draw.of(&[
            "gzip, chunked",
            "Chunked",
            "chunked, gzip",
            "chunked,",
            "x\u{e9}",
            "chunked ,chunked",
            "chunked;q=1",
            " chunked ",
        ])
    } else {
        "chunked"
    };
    fields.push(format!("Transfer-Encoding: {coding}"));
    if draw.once_in(10) {
        fields.push("Content-Length: 5".to_owned());
    }
    if draw.once_in(15) {
        fields.push(
            draw.of(&["Transfer-Encoding: chunked", "Transfer-Encoding: gzip"])
                .to_owned(),
        );
    }
}

fn other_fields(draw: &mut Draw, fields: &mut Vec<String>) {
    for _ in 0..draw.below(4) {
        let field = draw.of(&[
            "Content-Type: text/event-stream",
            "Server: x",
            "Date: Tue, 03 Nov 2026 10:00:00 GMT",
            "X-Empty:",
            "Set-Cookie: a=b",
            "Set-Cookie: c=d",
        ]);
        fields.push(field.to_owned());
    }
    if draw.once_in(5) {
        let field = draw.of(&[
            "Connection: close",
            "Connection: keep-alive",
            "Connection: Keep-Alive, x",
            "connection: x, CLOSE",
            "Connection: \u{e9}, close",
            "Connection: closed",
            "Connection: upgrade",
        ]);
        fields.push(field.to_owned());
        if draw.once_in(3) {
            fields.push(
                draw.of(&["Connection: close", "Connection: keep-alive"])
                    .to_owned(),
            );
        }
    }
    if draw.once_in(16) {
        let odd = draw.of(&[
            " folded: x",
            "\tfolded",
            "X-Folded: a\r\n b",
            "X-Folded: a\r\n\tb",
            "No colon",
            "Space : x",
            ": nameless",
            "Na(me: x",
            "X: \u{0}",
            "X: \u{7f}",
            "X: caf\u{e9}",
            "X: a\rb",
            "X: a\nY: b",
            "X:  padded  ",
        ]);
        fields.push(odd.to_owned());
    }
    if draw.once_in(60) {
        let many = 90 + draw.below(20);
        fields.extend((0..many).map(|number| format!("X-{number}: {number}")));
    }
    // The order of fields must not matter.
    for at in (1..fields.len()).rev() {
        fields.swap(at, draw.below(at + 1));
    }
}

/// Fills a head up to some bytes around the cap.
fn pad_to_the_cap(draw: &mut Draw, bytes: &mut Vec<u8>) {
    let goal = (super::CAP + 4).saturating_sub(draw.below(12));
    let line = b"X-Padding: ".len() + 2;
    if let Some(padding) = goal.checked_sub(bytes.len() + line) {
        bytes.extend_from_slice(b"X-Padding: ");
        bytes.resize(bytes.len() + padding, b'x');
        bytes.extend_from_slice(b"\r\n");
    }
}

fn text(draw: &mut Draw, length: usize, bytes: &mut Vec<u8>) {
    let mut word = draw.next();
    for _ in 0..length {
        word = word.rotate_left(9).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        // Line ends and digits are more frequent than in text, for they are what framing is about.
        bytes.push(b"abc 0123\r\n;:fF\0\xe9"[usize::try_from(word >> 60).unwrap()]);
    }
}

fn chunks(draw: &mut Draw, length: usize, bytes: &mut Vec<u8>) {
    let mut left = length;
    while left > 0 {
        let size = 1 + draw.below(left);
        left -= size;
        chunk_line(draw, size, bytes);
        text(draw, size, bytes);
        bytes.extend_from_slice(end_of_line(draw).as_bytes());
    }
    if draw.once_in(25) {
        // The last chunk is forgotten.
        return;
    }
    chunk_line(draw, 0, bytes);
    trailers(draw, bytes);
    bytes.extend_from_slice(end_of_line(draw).as_bytes());
}

fn chunk_line(draw: &mut Draw, size: usize, bytes: &mut Vec<u8>) {
    let line = if draw.once_in(40) {
        let odd = [
            format!("0x{size:x}"),
            format!("-{size:x}"),
            format!(" {size:x}"),
            String::new(),
            format!("{size:x}g"),
            "ffffffffffffffff".to_owned(),
            "10000000000000000".to_owned(),
            format!("{size:x} 1"),
            format!("{size:x};a\nb"),
            format!("{size:x};{}", "e".repeat(16_383 + draw.below(3))),
        ];
        odd[draw.below(odd.len())].clone()
    } else if draw.once_in(6) {
        let odd = [
            format!("{size:X}"),
            format!("000{size:x}"),
            format!("{size:x};name=value"),
            format!("{size:x} ; name=\"a;b\""),
            format!("{size:x} \t"),
            format!("{size:x};\u{e9}"),
        ];
        odd[draw.below(odd.len())].clone()
    } else {
        format!("{size:x}")
    };
    bytes.extend_from_slice(line.as_bytes());
    bytes.extend_from_slice(end_of_line(draw).as_bytes());
}

fn trailers(draw: &mut Draw, bytes: &mut Vec<u8>) {
    if !draw.once_in(5) {
        return;
    }
    let many = if draw.once_in(30) {
        98 + draw.below(5)
    } else {
        1 + draw.below(3)
    };
    for _ in 0..many {
        let line = if draw.once_in(20) {
            draw.of(&[
                " folded",
                "no colon",
                "X: a\nY: b",
                "X: \u{0}",
                "Na me: x",
                "X: a\n\nY",
                ":",
                "\n",
                "X: caf\u{e9}",
            ])
        } else {
            draw.of(&["X-Checksum: 123", "Server-Timing: a;dur=1", "X:"])
        };
        bytes.extend_from_slice(line.as_bytes());
        bytes.extend_from_slice(end_of_line(draw).as_bytes());
    }
    if draw.once_in(60) {
        bytes.extend_from_slice(b"X: ");
        bytes.resize(bytes.len() + super::CAP - 24 + draw.below(24), b'x');
        bytes.extend_from_slice(b"\r\n");
    }
}

/// Changes, drops or adds a few bytes.
fn damage(draw: &mut Draw, bytes: &mut Vec<u8>) {
    for _ in 0..=draw.below(2) {
        if bytes.is_empty() {
            return;
        }
        // Most of them near the beginning, where the head is.
        let reach = if draw.once_in(3) {
            bytes.len()
        } else {
            bytes.len().min(80)
        };
        let at = draw.below(reach);
        let byte = b"\r\n:; \t0f\0\x7f\xe9H1,"[draw.below(14)];
        match draw.below(3) {
            0 => bytes[at] = byte,
            1 => bytes.insert(at, byte),
            _ => {
                bytes.remove(at);
            }
        }
    }
}

fn cuts(draw: &mut Draw, length: usize) -> Vec<usize> {
    if length == 0 {
        return Vec::new();
    }
    let mut cuts: Vec<usize> = match draw.below(4) {
        0 => Vec::new(),
        1 if length < 3000 => (1..length).collect(),
        2 => {
            let reach = length.min(400);
            (0..draw.below(12)).map(|_| draw.below(reach)).collect()
        }
        _ => (0..draw.below(6)).map(|_| draw.below(length)).collect(),
    };
    cuts.sort_unstable();
    cuts.dedup();
    cuts.retain(|&cut| cut > 0);
    cuts
}
