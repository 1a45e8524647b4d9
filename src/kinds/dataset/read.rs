//! Reads a file's records, one after the other: memory is that of what the caller keeps.
//!
//! Knows the container formats (lines, JSON Lines, a JSON array, CSV), not what a record means.

use std::cell::Cell;
use std::fs;
use std::io::{self, BufRead, BufReader, Read};

use serde::de::{DeserializeSeed, Deserializer as _, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::DatasetError;
use super::fields::{self, Refusal};
use super::find::{DataFile, unreadable};

/// A line may be so long; what is longer is no record.
const LONGEST_LINE: u64 = 32 << 20;

/// One record, by its container.
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    /// A line of a text file, trimmed, not empty.
    Line(String),
    /// A value of a JSON file, or a record of a CSV file as an object.
    Value(Value),
}

/// What a caller says to a record: whether it wants more.
pub type Wanted = bool;

/// Reads a file's records; `take` is given each with the line (from 1) where it begins, or why it is none.
pub fn records(
    file: &DataFile,
    take: &mut dyn FnMut(u64, Result<Record, Refusal>) -> Wanted,
) -> Result<(), DatasetError> {
    let opened = fs::File::open(&file.path).map_err(|source| unreadable(&file.path, source))?;
    let mut reader = BufReader::with_capacity(1 << 16, opened);
    let begins = reader
        .fill_buf()
        .map_err(|source| unreadable(&file.path, source))?;
    if begins.starts_with(b"\xef\xbb\xbf") {
        reader.consume(3);
    }
    let extension = file
        .path
        .extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or_default();
    let done = match extension.to_ascii_lowercase().as_str() {
        "csv" => csv_records(reader, take),
        "jsonl" | "ndjson" => lines(reader, true, take),
        "json" => {
            let begins = reader
                .fill_buf()
                .map_err(|source| unreadable(&file.path, source))?;
            if begins.trim_ascii_start().starts_with(b"[") {
                array(reader, take);
                Ok(())
            } else {
                lines(reader, true, take)
            }
        }
        "parquet" => {
            return Err(DatasetError::NotSupported {
                what: format!("the Parquet file `{}`", file.named),
                help: "convert it to JSON Lines or CSV".to_owned(),
            });
        }
        _ => lines(reader, false, take),
    };
    done.map_err(|source| unreadable(&file.path, source))
}

fn lines(
    mut reader: impl BufRead,
    json: bool,
    take: &mut dyn FnMut(u64, Result<Record, Refusal>) -> Wanted,
) -> io::Result<()> {
    let mut buffer = Vec::new();
    for number in 1.. {
        buffer.clear();
        if reader
            .by_ref()
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut buffer)?
            == 0
        {
            break;
        }
        if buffer.len() as u64 == LONGEST_LINE && !buffer.ends_with(b"\n") {
            take(
                number,
                Err((None, format!("is longer than {} MiB", LONGEST_LINE >> 20))),
            );
            break;
        }
        let record = match std::str::from_utf8(&buffer) {
            Err(_) => Err((None, "is not UTF-8".to_owned())),
            Ok(line) if line.trim().is_empty() => continue,
            Ok(line) if json => value(line.trim()),
            Ok(line) => Ok(Record::Line(line.trim().to_owned())),
        };
        if !take(number, record) {
            break;
        }
    }
    Ok(())
}

/// Reads one JSON value that is the whole text.
pub fn value(text: &str) -> Result<Record, Refusal> {
    match serde_json::from_str(text) {
        Ok(value) => Ok(Record::Value(value)),
        Err(error) => Err((None, format!("is no JSON: {}", without_place(&error)))),
    }
}

/// serde_json ends its messages with a place within the text; ours has the file's.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ")
        .next()
        .unwrap_or_default()
        .to_owned()
}

/// Counts the lines of what is read through it.
struct Counting<'a, R> {
    inner: R,
    line: &'a Cell<u64>,
}

impl<R: Read> Read for Counting<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.inner.read(buffer)?;
        self.line
            .set(self.line.get() + memchr::memchr_iter(b'\n', &buffer[..len]).count() as u64);
        Ok(len)
    }
}

/// Reads the items of a JSON array without holding more than one of them.
fn array(reader: impl BufRead, take: &mut dyn FnMut(u64, Result<Record, Refusal>) -> Wanted) {
    let line = Cell::new(1);
    let mut deserializer = serde_json::Deserializer::from_reader(Counting {
        inner: reader,
        line: &line,
    });
    let mut wanted = true;
    let visitor = Items {
        line: &line,
        take,
        wanted: &mut wanted,
    };
    if let Err(error) = deserializer.deserialize_seq(visitor)
        && wanted
    {
        take(
            line.get(),
            Err((None, format!("is no JSON: {}", without_place(&error)))),
        );
    }
}

struct Items<'a> {
    line: &'a Cell<u64>,
    take: &'a mut dyn FnMut(u64, Result<Record, Refusal>) -> Wanted,
    wanted: &'a mut bool,
}

impl<'de> Visitor<'de> for Items<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list of rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some((line, value)) = items.next_element_seed(Placed(self.line))? {
            if !(self.take)(line, Ok(Record::Value(value))) {
                *self.wanted = false;
                // The rest of the file is not read.
                return Err(serde::de::Error::custom("no more rows are wanted"));
            }
        }
        Ok(())
    }
}

/// A value with the line on which it begins.
struct Placed<'a>(&'a Cell<u64>);

impl<'de> DeserializeSeed<'de> for Placed<'_> {
    type Value = (u64, Value);

    fn deserialize<D: serde::Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<(u64, Value), D::Error> {
        let line = self.0.get();
        serde::Deserialize::deserialize(deserializer).map(|value| (line, value))
    }
}

/// Reads lines that all end in LF alone, the last one too, and knows whether a quote is open.
struct UnixLines<R> {
    inner: R,
    last: u8,
    in_quotes: bool,
    /// Bytes that were given away.
    given: u64,
}

impl<R: BufRead> Read for UnixLines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut len = 0;
        while len < buffer.len() {
            let Some(&byte) = self.inner.fill_buf()?.first() else {
                if self.last != b'\n' {
                    buffer[len] = b'\n';
                    self.last = b'\n';
                    len += 1;
                }
                break;
            };
            self.inner.consume(1);
            if byte == b'\r' && self.inner.fill_buf()?.first() == Some(&b'\n') {
                continue;
            }
            buffer[len] = byte;
            self.last = byte;
            self.in_quotes ^= byte == b'"';
            len += 1;
        }
        self.given += len as u64;
        Ok(len)
    }
}

fn csv_records(
    reader: impl BufRead,
    take: &mut dyn FnMut(u64, Result<Record, Refusal>) -> Wanted,
) -> io::Result<()> {
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .from_reader(UnixLines {
            inner: reader,
            last: b'\n',
            in_quotes: false,
            given: 0,
        });
    let headers = match reader.headers() {
        Ok(headers) => headers.clone(),
        Err(error) => return refused(error, 1, take).map(drop),
    };
    let mut record = csv::StringRecord::new();
    loop {
        let before = reader.position().line();
        match reader.read_record(&mut record) {
            Ok(false) => return Ok(()),
            Ok(true) => {}
            Err(error) => {
                if refused(error, before, take)? {
                    continue;
                }
                return Ok(());
            }
        }
        // The reader's own place of a record is that of the blank lines before it.
        let within: usize = record.iter().map(|text| text.matches('\n').count()).sum();
        // A quote that is never closed swallows the rest of the file, the end of its last line too.
        let swallowed = reader.get_ref().in_quotes
            && reader.position().byte() == reader.get_ref().given
            && record
                .iter()
                .next_back()
                .is_some_and(|text| text.ends_with('\n'));
        let end = u64::from(!swallowed) + within as u64;
        let line = reader.position().line().saturating_sub(end);
        let read = if swallowed {
            Err((None, "opens a quote that is never closed".to_owned()))
        } else if record.len() == headers.len() {
            let cells = headers.iter().zip(&record);
            let fields: Map<String, Value> = cells
                .map(|(name, text)| (name.trim().to_owned(), fields::cell(name.trim(), text)))
                .collect();
            Ok(Record::Value(Value::Object(fields)))
        } else {
            Err((
                None,
                format!(
                    "has {} cells, the header has {}",
                    record.len(),
                    headers.len()
                ),
            ))
        };
        if !take(line, read) {
            return Ok(());
        }
    }
}

/// Reports a record that is no CSV; an error of reading is passed on. Whether to go on.
fn refused(
    error: csv::Error,
    line: u64,
    take: &mut dyn FnMut(u64, Result<Record, Refusal>) -> Wanted,
) -> io::Result<bool> {
    let line = error.position().map_or(line, csv::Position::line);
    match error.into_kind() {
        csv::ErrorKind::Io(source) => Err(source),
        csv::ErrorKind::Utf8 { .. } => Ok(take(line, Err((None, "is not UTF-8".to_owned())))),
        _ => {
            take(line, Err((None, "is no CSV".to_owned())));
            Ok(false)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(name: &str, content: impl AsRef<[u8]>) -> Vec<(u64, Result<Record, Refusal>)> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(name), content).unwrap();
        let file = DataFile {
            path: folder.path().join(name),
            named: name.to_owned(),
        };
        let mut found = Vec::new();
        records(&file, &mut |line, record| {
            found.push((line, record));
            true
        })
        .unwrap();
        found
    }

    fn values(name: &str, content: &str) -> Vec<(u64, Value)> {
        let value = |record| match record {
            Ok(Record::Value(value)) => value,
            Ok(Record::Line(line)) => Value::String(line),
            Err((_, reason)) => Value::String(format!("!{reason}")),
        };
        read(name, content)
            .into_iter()
            .map(|(line, record)| (line, value(record)))
            .collect()
    }

    #[test]
    fn neither_a_bom_nor_crlf_reaches_a_record_or_its_line() {
        assert_eq!(
            values("a.txt", "\u{feff}one\r\n\r\n  two \r\n"),
            [(1, json!("one")), (3, json!("two"))]
        );
        assert_eq!(
            values("a.jsonl", "\u{feff}{\"a\":1}\r\n\n[2]\n"),
            [(1, json!({"a": 1})), (3, json!([2]))]
        );
        let rows = [
            (2, json!({"prompt": "x, \"y\"", "width": 5})),
            (3, json!({"prompt": "z\nz", "width": null})),
        ];
        assert_eq!(
            values(
                "a.csv",
                "\u{feff}prompt,width\r\n\"x, \"\"y\"\"\",5\r\n\"z\r\nz\",\r\n"
            ),
            rows
        );
    }

    #[test]
    fn a_csv_record_is_placed_where_it_begins() {
        let found = values("a.csv", "prompt,width\n\"a\nb\",1\nshort\n\n\nc,2");
        assert_eq!(found[0].0, 2);
        assert_eq!(found[1], (4, json!("!has 1 cells, the header has 2")));
        assert_eq!(found[2], (7, json!({"prompt": "c", "width": 2})));
    }

    #[test]
    fn a_quote_that_is_never_closed_is_told_on_the_line_that_opens_it() {
        let reason = json!("!opens a quote that is never closed");
        let found = values("a.csv", "prompt,width\na,1\n\"c,3\nd,4\n");
        assert_eq!(found[1..], [(3, reason.clone())]);
        let found = values("a.csv", "prompt,width\na,1\nb,\"3");
        assert_eq!(found[1..], [(3, reason)]);
        let closed = values("a.csv", "prompt\n\"c\n\"\n");
        assert_eq!(closed, [(2, json!({"prompt": "c\n"}))]);
    }

    #[test]
    fn a_json_array_is_read_item_by_item_with_its_lines() {
        let found = values("a.json", "[\n {\"a\": 1},\n\n {\"a\":\n 2}, 3\n]");
        assert_eq!(
            found,
            [(2, json!({"a": 1})), (4, json!({"a": 2})), (5, json!(3))]
        );
        assert!(
            matches!(values("a.json", "[1, oops]").last(), Some((1, Value::String(text))) if text.starts_with("!is no JSON"))
        );
    }

    #[test]
    fn a_line_that_is_no_utf8_is_told_and_the_next_is_read() {
        let found = read("a.txt", b"caf\xe9\nnext\n");
        assert_eq!(found[0], (1, Err((None, "is not UTF-8".to_owned()))));
        assert_eq!(found[1], (2, Ok(Record::Line("next".to_owned()))));
    }
}
