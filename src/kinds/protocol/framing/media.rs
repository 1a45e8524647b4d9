//! Pictures and videos: told by their first bytes, sized by their heads; data URLs in and out. Nothing is decoded.

use std::path::Path;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Base64 with or without its padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What some bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Media {
    /// File name extension.
    pub extension: &'static str,
    /// Media type.
    pub mime: &'static str,
    /// Width and height in pixels, where it is a picture whose head tells them.
    pub size: Option<(u32, u32)>,
}

/// Reads a picture's size out of its head.
type Sizer = fn(&[u8]) -> Option<(u32, u32)>;

/// What begins so: extension, media type, the bytes at 0 and those at 8 where these tell, and where the size
/// stands.
type Magic = (
    &'static str,
    &'static str,
    &'static [u8],
    &'static [u8],
    Sizer,
);

/// The first that fits is it.
const MAGIC: [Magic; 9] = [
    ("png", "image/png", b"\x89PNG\r\n\x1a\n", b"", png),
    ("jpg", "image/jpeg", b"\xff\xd8\xff", b"", jpeg),
    ("gif", "image/gif", b"GIF87a", b"", gif),
    ("gif", "image/gif", b"GIF89a", b"", gif),
    ("webp", "image/webp", b"RIFF", b"WEBP", webp),
    ("avi", "video/x-msvideo", b"RIFF", b"AVI ", unsized_media),
    (
        "webm",
        "video/webm",
        b"\x1a\x45\xdf\xa3",
        b"",
        unsized_media,
    ),
    ("avif", "image/avif", b"", b"avif", unsized_media),
    ("mp4", "video/mp4", b"", b"", unsized_media),
];

impl Media {
    /// What the bytes are by their magic numbers; `None` for anything but a picture or video.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let at = |from: usize| bytes.get(from..).unwrap_or_default();
        // ISO media files have their length first, then `ftyp`.
        let fits = |(_, _, start, brand, _): &&Magic| {
            (!start.is_empty() || at(4).starts_with(b"ftyp"))
                && bytes.starts_with(start)
                && at(8).starts_with(brand)
        };
        let (extension, media_type, _, _, size) = MAGIC.iter().find(fits)?;
        Some(Self {
            extension,
            mime: media_type,
            size: size(bytes),
        })
    }

    /// Whether it is a picture, not a video.
    pub fn is_picture(&self) -> bool {
        self.mime.starts_with("image/")
    }

    /// The picture's size as plain RGB: width · height · 3.
    pub fn decoded_bytes(&self) -> Option<u64> {
        self.size
            .map(|(width, height)| u64::from(width) * u64::from(height) * 3)
    }
}

fn big32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn big16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn little16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn unsized_media(_: &[u8]) -> Option<(u32, u32)> {
    None
}

fn gif(bytes: &[u8]) -> Option<(u32, u32)> {
    Some((little16(bytes, 6)?.into(), little16(bytes, 8)?.into()))
}

fn png(bytes: &[u8]) -> Option<(u32, u32)> {
    (bytes.get(12..16)? == b"IHDR").then_some((big32(bytes, 16)?, big32(bytes, 20)?))
}

/// The size stands in the start-of-frame segment, behind any others.
fn jpeg(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut at = 2;
    loop {
        if *bytes.get(at)? != 0xff {
            return None;
        }
        match *bytes.get(at + 1)? {
            // Fill bytes, and markers without a segment.
            0xff => at += 1,
            0x01 | 0xd0..=0xd8 => at += 2,
            0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                return Some((big16(bytes, at + 7)?.into(), big16(bytes, at + 5)?.into()));
            }
            _ => at += 2 + usize::from(big16(bytes, at + 2)?),
        }
    }
}

fn webp(bytes: &[u8]) -> Option<(u32, u32)> {
    let little24 =
        |at| Some(u32::from(little16(bytes, at)?) | u32::from(*bytes.get(at + 2)?) << 16);
    match bytes.get(12..16)? {
        b"VP8 " => Some((
            u32::from(little16(bytes, 26)? & 0x3fff),
            u32::from(little16(bytes, 28)? & 0x3fff),
        )),
        b"VP8L" => {
            let bits = little24(21)? | u32::from(*bytes.get(24)?) << 24;
            Some(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1))
        }
        b"VP8X" => Some((little24(24)? + 1, little24(27)? + 1)),
        _ => None,
    }
}

/// The bytes of a data URL, or of bare base64; `None` where it is neither.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let base64 = match text.strip_prefix("data:") {
        Some(url) => url.split_once(";base64,")?.1,
        None => text,
    };
    if base64.contains(|c: char| c.is_ascii_whitespace()) {
        return BASE64
            .decode(base64.split_ascii_whitespace().collect::<String>())
            .ok();
    }
    BASE64.decode(base64).ok()
}

/// A file as a data URL; its media type by its first bytes, else by nothing.
///
/// # Errors
/// Where the file cannot be read.
pub fn data_url(path: &Path) -> std::io::Result<String> {
    let bytes = std::fs::read(path)?;
    let media_type = Media::of(&bytes).map_or("application/octet-stream", |media| media.mime);
    let mut url = format!("data:{media_type};base64,");
    BASE64.encode_string(&bytes, &mut url);
    Ok(url)
}

/// A file in bare base64.
///
/// # Errors
/// Where the file cannot be read.
pub fn base64(path: &Path) -> std::io::Result<String> {
    std::fs::read(path).map(|bytes| BASE64.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_picture_is_told_by_its_bytes_and_sized_by_its_head() {
        let size = |bytes: &[u8]| Media::of(bytes).and_then(|media| media.size);
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x02\0\0\0\x01\0\x08\x02";
        assert_eq!(size(png), Some((512, 256)));
        assert_eq!(Media::of(png).unwrap().decoded_bytes(), Some(512 * 256 * 3));
        let jpeg = b"\xff\xd8\xff\xe0\0\x04ab\xff\xff\xc0\0\x0b\x08\0\x10\0\x20\x01";
        assert_eq!(size(jpeg), Some((32, 16)));
        assert_eq!(size(b"GIF89a\x20\0\x10\0"), Some((32, 16)));
        assert_eq!(
            size(b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x1f\0\0\x0f\0\0"),
            Some((32, 16))
        );
        assert_eq!(
            size(b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f\x1f\xc0\x03\0"),
            Some((32, 16))
        );
        assert_eq!(
            size(b"RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9d\x01\x2a\x20\0\x10\0"),
            Some((32, 16))
        );
        assert!(!Media::of(b"\0\0\0\x18ftypisom").unwrap().is_picture());
        assert_eq!(Media::of(b"Image generation completed"), None);
        assert_eq!(Media::of(b""), None);
    }

    #[test]
    fn base64_is_read_bare_and_in_a_data_url() {
        assert_eq!(decode("data:image/png;base64,aGk="), Some(b"hi".to_vec()));
        assert_eq!(decode("aGk"), Some(b"hi".to_vec()));
        assert_eq!(decode("aG\nk="), Some(b"hi".to_vec()));
        assert_eq!(decode("data:text/plain,hi"), None);
        assert_eq!(decode("no base64!"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_media_or_not_without_a_panic(
            start in prop_oneof![
                Just(&b"\x89PNG\r\n\x1a\n"[..]), Just(&b"\xff\xd8\xff"[..]), Just(&b"RIFF\0\0\0\0WEBPVP8 "[..]), Just(&b""[..])
            ],
            rest in proptest::collection::vec(any::<u8>(), 0..64),
        ) {
            let _ = Media::of(&[start, &rest].concat());
        }
    }
}
