//! Real pictures at next to no cost: two-coloured PNGs of any size, whose pixels are compressed once a size.
//!
//! A pixel is one bit into a palette of two colours, so that pictures of one size differ in six bytes and a checksum.
//! The deflate stream is written by hand: a band of equal rows is one row of literals and a long copy of it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// Sizes whose pixels are kept.
const SIZES: usize = 64;

/// Bands of a picture.
const BANDS: u32 = 8;

/// Compressed pixels by size.
#[derive(Debug, Default)]
pub(super) struct Pictures {
    pixels: RefCell<HashMap<Size, Pixels>>,
}

/// Width and height.
type Size = (u32, u32);

/// A compressed stream of pixels.
type Pixels = Rc<[u8]>;

impl Pictures {
    /// A PNG of that size (1 to 8,192 each way) in two colours that the lower 48 bits of `colours` choose.
    pub fn png(&self, width: u32, height: u32, colours: u64) -> Vec<u8> {
        let pixels = self.pixels(width, height);
        let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
        let mut header = Vec::with_capacity(13);
        header.extend_from_slice(&width.to_be_bytes());
        header.extend_from_slice(&height.to_be_bytes());
        // One bit a pixel, a palette, and the only compression, filter and order that are common.
        header.extend_from_slice(&[1, 3, 0, 0, 0]);
        chunk(&mut png, *b"IHDR", &header);
        chunk(&mut png, *b"PLTE", &colours.to_be_bytes()[2..]);
        chunk(&mut png, *b"IDAT", &pixels);
        chunk(&mut png, *b"IEND", &[]);
        png
    }

    fn pixels(&self, width: u32, height: u32) -> Pixels {
        let mut kept = self.pixels.borrow_mut();
        if let Some(pixels) = kept.get(&(width, height)) {
            return Rc::clone(pixels);
        }
        if kept.len() >= SIZES {
            kept.clear();
        }
        let pixels: Pixels = compress(width, height).into();
        kept.insert((width, height), Rc::clone(&pixels));
        pixels
    }
}

/// Adds a chunk: length, name, content, CRC-32.
fn chunk(png: &mut Vec<u8>, name: [u8; 4], content: &[u8]) {
    png.extend_from_slice(
        &u32::try_from(content.len())
            .unwrap_or(u32::MAX)
            .to_be_bytes(),
    );
    png.extend_from_slice(&name);
    png.extend_from_slice(content);
    let crc = name.iter().chain(content).fold(u32::MAX, |crc, byte| {
        CRC[usize::from(crc.to_le_bytes()[0] ^ byte)] ^ (crc >> 8)
    });
    png.extend_from_slice(&(!crc).to_be_bytes());
}

/// CRC-32's table, for the polynomial that PNG names.
const CRC: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0_u32;
    while byte < 256 {
        let mut crc = byte;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 {
                0xedb8_8320 ^ (crc >> 1)
            } else {
                crc >> 1
            };
            bit += 1;
        }
        table[byte as usize] = crc;
        byte += 1;
    }
    table
};

/// The pixels of a picture of bands, as a zlib stream.
fn compress(width: u32, height: u32) -> Vec<u8> {
    // A row is its filter's number, none, and eight pixels a byte: 1,025 bytes at most.
    let stride = 1 + width.div_ceil(8) as usize;
    let mut stream = Bits {
        bytes: vec![0x78, 0x01],
        pending: 0,
        count: 0,
    };
    let mut sum = Adler { a: 1, b: 0 };
    // One block, the last, with the codes that deflate fixes.
    stream.put(0b011, 3);
    let band = height.div_ceil(BANDS);
    for (number, top) in (0..height).step_by(band.max(1) as usize).enumerate() {
        let mut row = vec![if number % 2 == 0 { 0x0f } else { 0xf0 }; stride];
        row[0] = 0;
        for byte in &row {
            stream.literal(*byte);
        }
        let rows = band.min(height - top) as usize;
        stream.repeat(&row, rows - 1);
        for _ in 0..rows {
            sum.add(&row);
        }
    }
    // The end of the block.
    stream.put(0, 7);
    let mut bytes = stream.finish();
    bytes.extend_from_slice(&(sum.b << 16 | sum.a).to_be_bytes());
    bytes
}

/// Adler-32, zlib's checksum.
struct Adler {
    a: u32,
    b: u32,
}

impl Adler {
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.a = (self.a + u32::from(*byte)) % 65_521;
            self.b = (self.b + self.a) % 65_521;
        }
    }
}

/// Deflate's bits, the lowest of each byte first.
struct Bits {
    bytes: Vec<u8>,
    pending: u64,
    count: u32,
}

impl Bits {
    /// Adds the lower `count` bits of `bits`.
    fn put(&mut self, bits: u64, count: u32) {
        self.pending |= bits << self.count;
        self.count += count;
        while self.count >= 8 {
            self.bytes.push(self.pending.to_le_bytes()[0]);
            self.pending >>= 8;
            self.count -= 8;
        }
    }

    /// Adds a Huffman code: these go in highest bit first.
    fn code(&mut self, code: u64, count: u32) {
        self.put(code.reverse_bits() >> (64 - count), count);
    }

    /// A byte as such (RFC 1951, 3.2.6).
    fn literal(&mut self, byte: u8) {
        match byte {
            0..=143 => self.code(0x30 + u64::from(byte), 8),
            144.. => self.code(0x190 + u64::from(byte) - 144, 9),
        }
    }

    /// `times` rows more like the one that stands before.
    fn repeat(&mut self, row: &[u8], times: usize) {
        let mut left = row.len() * times;
        if left < 3 {
            // A copy has 3 bytes at least.
            for byte in row.iter().cycle().take(left) {
                self.literal(*byte);
            }
            return;
        }
        while left > 0 {
            // No copy may leave one or two bytes over.
            let length = if matches!(left, 259 | 260) {
                255
            } else {
                left.min(258)
            };
            self.copy(length as u64, row.len() as u64);
            left -= length;
        }
    }

    /// A copy of `length` bytes (3 to 258), each the one that stands `distance` before it (RFC 1951, 3.2.5).
    fn copy(&mut self, length: u64, distance: u64) {
        let rest = length - 3;
        let (symbol, extra) = match rest {
            0..8 => (257 + rest, 0),
            255.. => (285, 0),
            _ => {
                let extra = rest.ilog2() - 2;
                (257 + u64::from(extra) * 4 + (rest >> extra), extra)
            }
        };
        match symbol {
            ..280 => self.code(symbol - 256, 7),
            280.. => self.code(0xc0 + symbol - 280, 8),
        }
        self.put(rest & ((1 << extra) - 1), extra);
        let back = distance - 1;
        let (symbol, extra) = if back < 4 {
            (back, 0)
        } else {
            let extra = back.ilog2() - 1;
            (u64::from(extra) * 2 + (back >> extra), extra)
        };
        self.code(symbol, 5);
        self.put(back & ((1 << extra) - 1), extra);
    }

    /// The bytes, the last filled up with zeros.
    fn finish(mut self) -> Vec<u8> {
        if self.count > 0 {
            self.bytes.push(self.pending.to_le_bytes()[0]);
        }
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Base and extra bits of each length and distance (RFC 1951, 3.2.5).
    #[rustfmt::skip]
    const LENGTHS: [(usize, usize); 29] = [
        (3, 0), (4, 0), (5, 0), (6, 0), (7, 0), (8, 0), (9, 0), (10, 0), (11, 1), (13, 1), (15, 1), (17, 1), (19, 2),
        (23, 2), (27, 2), (31, 2), (35, 3), (43, 3), (51, 3), (59, 3), (67, 4), (83, 4), (99, 4), (115, 4), (131, 5),
        (163, 5), (195, 5), (227, 5), (258, 0),
    ];
    #[rustfmt::skip]
    const DISTANCES: [(usize, usize); 24] = [
        (1, 0), (2, 0), (3, 0), (4, 0), (5, 1), (7, 1), (9, 2), (13, 2), (17, 3), (25, 3), (33, 4), (49, 4), (65, 5),
        (97, 5), (129, 6), (193, 6), (257, 7), (385, 7), (513, 8), (769, 8), (1025, 9), (1537, 9), (2049, 10),
        (3073, 10),
    ];

    /// A reader of the one kind of deflate block that is written here, after RFC 1951's own tables.
    fn inflate(bytes: &[u8]) -> Vec<u8> {
        let mut at = 0;
        let mut bit = || {
            let bit = usize::from(bytes[at / 8] >> (at % 8) & 1);
            at += 1;
            bit
        };
        assert_eq!(
            [bit(), bit(), bit()],
            [1, 1, 0],
            "the last block, fixed codes"
        );
        let mut out = Vec::new();
        loop {
            let mut code = 0;
            for _ in 0..7 {
                code = code << 1 | bit();
            }
            let symbol = if code <= 0b001_0111 {
                256 + code
            } else {
                code = code << 1 | bit();
                match code {
                    0x30..=0xbf => code - 0x30,
                    0xc0..=0xc7 => 280 + code - 0xc0,
                    _ => {
                        code = code << 1 | bit();
                        144 + code - 0x190
                    }
                }
            };
            let mut more = |count: usize| (0..count).map(|place| bit() << place).sum::<usize>();
            match symbol {
                0..256 => out.push(u8::try_from(symbol).unwrap()),
                256 => return out,
                _ => {
                    let (base, extra) = LENGTHS[symbol - 257];
                    let length = base + more(extra);
                    let code = (0..5).fold(0, |code, _| code << 1 | more(1));
                    let (base, extra) = DISTANCES[code];
                    let distance = base + more(extra);
                    for _ in 0..length {
                        out.push(out[out.len() - distance]);
                    }
                }
            }
        }
    }

    /// The chunks of a PNG, their checksums checked bit by bit.
    fn chunks(png: &[u8]) -> Vec<(&[u8], &[u8])> {
        let (signature, mut rest) = png.split_at(8);
        assert_eq!(signature, [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
        let mut chunks = Vec::new();
        while !rest.is_empty() {
            let length = u32::from_be_bytes(rest[..4].try_into().unwrap()) as usize;
            let covered = &rest[4..8 + length];
            let mut crc = u32::MAX;
            for byte in covered {
                crc ^= u32::from(*byte);
                for _ in 0..8 {
                    crc = crc >> 1 ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 };
                }
            }
            assert_eq!((!crc).to_be_bytes(), rest[8 + length..12 + length]);
            chunks.push((&covered[..4], &covered[4..]));
            rest = &rest[12 + length..];
        }
        chunks
    }

    #[test]
    fn a_picture_is_a_png_of_its_size() {
        let pictures = Pictures::default();
        for (width, height) in [
            (1, 1),
            (1, 2),
            (1, 9),
            (2, 16),
            (7, 13),
            (64, 64),
            (512, 512),
            (1024, 768),
            (8192, 33),
        ] {
            let png = pictures.png(width, height, 0x0102_0304_0506);
            let chunks = chunks(&png);
            let names: Vec<_> = chunks.iter().map(|(name, _)| *name).collect();
            assert_eq!(names, [b"IHDR", b"PLTE", b"IDAT", b"IEND"]);
            assert_eq!(chunks[0].1[..4], width.to_be_bytes());
            assert_eq!(chunks[0].1[4..8], height.to_be_bytes());
            assert_eq!(chunks[1].1, [1, 2, 3, 4, 5, 6]);
            let (stream, sum) = chunks[2].1.split_at(chunks[2].1.len() - 4);
            assert_eq!(stream[..2], [0x78, 0x01]);
            let pixels = inflate(&stream[2..]);
            let stride = 1 + width.div_ceil(8) as usize;
            assert_eq!(pixels.len(), stride * height as usize, "{width}×{height}");
            assert!(
                pixels.chunks(stride).all(|row| row[0] == 0),
                "every row names the filter `none`"
            );
            let (mut a, mut b) = (1_u64, 0_u64);
            for byte in &pixels {
                a += u64::from(*byte);
                b += a;
            }
            let expected = u32::try_from(((b % 65_521) << 16) | (a % 65_521)).unwrap();
            assert_eq!(sum, expected.to_be_bytes(), "{width}×{height}");
        }
    }

    #[test]
    fn a_large_picture_is_small() {
        assert!(Pictures::default().png(1024, 1024, 0).len() < 4096);
    }
}
