#![expect(clippy::disallowed_methods, reason = "a test prepares a file")]

use super::*;
use crate::foundation::units::Offset;
use crate::instruments::record::{Attempt, Clocks, Outcome, Phase, Tokens, TokensSource, Traffic};

fn attempt(index: u64) -> Attempt {
    let at = |ns| Some(Offset::from_nanos(ns));
    Attempt {
        phase: Phase::Measured,
        index,
        attempt: 1,
        dataset_row: Some(index % 7),
        clocks: Clocks {
            scheduled: Offset::from_nanos(index),
            sent: at(index + 1),
            connected: None,
            first_byte: at(index + 2),
            first_content: at(index + 3),
            first_answer: at(index + 3),
            last_content: at(index + 5),
            end: at(index + 6),
        },
        outcome: Outcome::Ok,
        http_status: Some(200),
        error: None,
        traffic: Traffic {
            bytes_sent: 10,
            bytes_received: 20,
            image_bytes: None,
            reused: true,
        },
        tokens: Tokens {
            output: Some(2),
            source: Some(TokensSource::Usage),
            ..Tokens::default()
        },
        chunks: 2,
        gaps_ns: vec![2; (index % 3) as usize],
        choices: 1,
        workload: None,
        row_slo_ms: None,
        params: r#"{"max_tokens":2}"#.to_owned(),
        server: [("cached_tokens".to_owned(), 3.0)].into(),
        notes: vec!["usage_zero".to_owned(), "content_type".to_owned()],
    }
}

fn unsent(index: u64) -> Attempt {
    Attempt {
        clocks: Clocks {
            scheduled: Offset::from_nanos(index),
            ..Clocks::default()
        },
        outcome: Outcome::Unsent,
        http_status: None,
        gaps_ns: Vec::new(),
        server: std::collections::BTreeMap::default(),
        notes: Vec::new(),
        ..attempt(index)
    }
}

fn write(path: &Path, rows: impl Iterator<Item = (&'static str, u32, Attempt)>) -> u64 {
    write_in_pieces(path, rows, &[usize::MAX])
}

/// Writes rows in pieces of so many; the last size goes on.
fn write_in_pieces(
    path: &Path,
    mut rows: impl Iterator<Item = (&'static str, u32, Attempt)>,
    sizes: &[usize],
) -> u64 {
    let mut writer = Writer::create(path).unwrap();
    let mut sizes = sizes.iter();
    let mut size = usize::MAX;
    loop {
        size = sizes.next().copied().unwrap_or(size);
        let mut piece = Piece::default();
        let mut taken = 0;
        for (cell, repeat, attempt) in rows.by_ref().take(size) {
            taken += 1;
            piece.push(&TableRow {
                attempt: &attempt,
                cell,
                repeat,
                target: "omni",
                slo_ms: Some(1.5),
                slo_met: None,
                skipped: false,
            });
        }
        writer.write(piece.done()).unwrap();
        if taken < size {
            return writer.finish().unwrap();
        }
    }
}

#[test]
fn the_columns_are_those_of_the_contract_with_their_types() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("requests.parquet");
    write(&path, std::iter::once(("a", 1, attempt(0))));
    let mut reader = ParquetReader::new(open(&path).unwrap());
    let schema = reader.schema().unwrap();
    let described: Vec<String> = schema
        .iter_values()
        .map(|field| format!("{} {:?}", field.name, field.dtype()))
        .collect();
    // cli.md, "A report folder": the names, and `*_ns` are integers.
    let contract = "cell repeat phase index attempt target dataset_row scheduled_ns sent_ns connected_ns \
        first_byte_ns first_content_ns first_answer_ns last_content_ns end_ns outcome http_status error bytes_sent \
        bytes_received input_tokens output_tokens tokens_source chunks workload slo_ms slo_met params server gaps_ns";
    for name in contract.split_whitespace() {
        let found = described
            .iter()
            .find(|column| column.starts_with(&format!("{name} ")));
        let found = found.unwrap_or_else(|| panic!("{name} is missing"));
        match name {
            "gaps_ns" => assert!(found.contains("List") && found.contains("Int64"), "{found}"),
            name if name.ends_with("_ns") => assert!(found.ends_with("Int64"), "{found}"),
            "slo_met" => assert!(found.ends_with("Boolean"), "{found}"),
            "slo_ms" | "workload" => assert!(found.ends_with("Float64"), "{found}"),
            "cell" | "phase" | "target" | "outcome" | "params" | "server" | "error" => {
                assert!(found.contains("Utf8"), "{found}");
            }
            _ => {}
        }
    }
}

#[test]
fn what_did_not_happen_is_null_and_what_did_reads_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("requests.parquet");
    write(
        &path,
        [("a", 1, attempt(5)), ("a", 1, unsent(6))].into_iter(),
    );
    let columns: Vec<&str> = COLUMNS.into_iter().chain(["gaps_ns"]).collect();
    let frame = Table::open(&path).unwrap().read(&columns, 0..2).unwrap();
    let row = |row: usize, columns: &[&str]| {
        let value = |column: &&str| frame.column(column).unwrap().get(row).unwrap().to_string();
        columns.iter().map(value).collect::<Vec<_>>()
    };
    let clocks = ["scheduled_ns", "sent_ns", "connected_ns", "end_ns"];
    assert_eq!(row(0, &clocks), ["5", "6", "null", "11"]);
    assert_eq!(row(1, &clocks), ["6", "null", "null", "null"]);
    let answer = [
        "outcome",
        "http_status",
        "error",
        "slo_ms",
        "slo_met",
        "notes",
    ];
    let ok = [
        "\"ok\"",
        "200",
        "null",
        "1.5",
        "null",
        "\"usage_zero,content_type\"",
    ];
    assert_eq!(row(0, &answer), ok);
    assert_eq!(
        row(1, &answer),
        ["\"unsent\"", "null", "null", "1.5", "null", "null"]
    );
    assert_eq!(row(0, &["server"]), ["\"{\"cached_tokens\":3.0}\""]);
    assert_eq!(row(1, &["server"]), ["null"]);
    let gaps = frame.column("gaps_ns").unwrap().list().unwrap().clone();
    assert_eq!(
        gaps.get_as_series(0).unwrap().i64().unwrap().to_vec(),
        [Some(2), Some(2)]
    );
    assert_eq!(gaps.get_as_series(1).unwrap().len(), 0);
}

#[test]
fn pieces_join_to_one_table_that_is_read_by_ranges() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("requests.parquet");
    let rows = (0..70_000).map(|index| match index {
        0..10 => ("a", 1, attempt(index)),
        10..69_990 => ("b", 1, attempt(index)),
        _ => ("a", 2, attempt(index)),
    });
    let sizes = [40_000, 100, 6_000, 3_000];
    assert_eq!(write_in_pieces(&path, rows, &sizes), 70_000);
    let table = Table::open(&path).unwrap();
    let run = |cell: &str, repeat, rows| Run {
        cell: cell.into(),
        repeat,
        rows,
    };
    let expected = [
        run("a", 1, 0..10),
        run("b", 1, 10..69_990),
        run("a", 2, 69_990..70_000),
    ];
    assert_eq!(table.runs(), expected);
    // No group is larger than what may be held at once and few are small: a piece's rest waits for further small ones,
    // until rows come that are a group by themselves.
    let lengths: Vec<usize> = table.groups().iter().map(Range::len).collect();
    assert_eq!(lengths, [16_384, 16_384, 7_232, 100, 6_000, 18_000, 5_900]);
    for range in [0..70_000, 39_995..46_105] {
        let frame = table
            .read(&["index", "connected_ns"], range.clone())
            .unwrap();
        let indices = frame.column("index").unwrap().i64().unwrap();
        let read: Vec<usize> = indices
            .into_no_null_iter()
            .map(|index| usize::try_from(index).unwrap())
            .collect();
        assert_eq!(read, range.clone().collect::<Vec<_>>());
        let never = frame.column("connected_ns").unwrap();
        assert_eq!(never.null_count(), range.len());
    }
}

/// Ten million rows are some six hundred row groups, and as many reads: one that looked at all of them would cost minutes.
#[test]
fn what_stands_outside_of_a_range_is_not_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("requests.parquet");
    write(&path, (0..40_000).map(|index| ("a", 1, attempt(index))));
    let table = Table::open(&path).unwrap();
    assert_eq!(table.groups().len(), 3);
    let mut bytes = std::fs::read(&path).unwrap();
    let quarter = bytes.len() / 4;
    bytes[4..quarter].fill(0xff);
    std::fs::write(&path, bytes).unwrap();
    assert!(table.read(&["cell", "index"], 0..10).is_err());
    let frame = table.read(&["cell", "index"], 39_000..39_002).unwrap();
    let read = frame.column("index").unwrap().i64().unwrap();
    assert_eq!(
        read.into_no_null_iter().collect::<Vec<_>>(),
        [39_000, 39_001]
    );
}

#[test]
fn rows_that_come_one_by_one_keep_what_is_null_and_what_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("requests.parquet");
    let mut writer = Writer::create(&path).unwrap();
    let kinds = [
        attempt, attempt, unsent, attempt, attempt, unsent, unsent, attempt,
    ];
    for (index, of) in (0..).zip(kinds) {
        writer
            .push(&TableRow {
                attempt: &of(index),
                cell: "a",
                repeat: 1,
                target: "omni",
                slo_ms: None,
                slo_met: (index > 2).then_some(index % 2 == 0),
                skipped: false,
            })
            .unwrap();
    }
    assert_eq!(writer.finish().unwrap(), 8);
    let table = Table::open(&path).unwrap();
    assert_eq!(table.groups().len(), 1);
    let columns = ["sent_ns", "http_status", "server", "slo_met", "slo_ms"];
    let frame = table.read(&columns, 0..8).unwrap();
    let all = |column: &str| {
        let value = |row| frame.column(column).unwrap().get(row).unwrap().to_string();
        (0..8).map(value).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(all("sent_ns"), "1 2 null 4 5 null null 8");
    assert_eq!(all("http_status"), "200 200 null 200 200 null null 200");
    let server = "\"{\"cached_tokens\":3.0}\"";
    let [said, none] = [server, "null"];
    assert_eq!(
        all("server"),
        [said, said, none, said, said, none, none, said].join(" ")
    );
    assert_eq!(all("slo_met"), "null null null false true false true false");
    assert_eq!(all("slo_ms"), ["null"; 8].join(" "));
}

#[test]
fn few_rows_of_long_texts_do_not_wait_for_more() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("requests.parquet");
    let mut writer = Writer::create(&path).unwrap();
    for index in 0..9 {
        let long = Attempt {
            params: index.to_string().repeat(1 << 20),
            ..attempt(index)
        };
        writer
            .push(&TableRow {
                attempt: &long,
                cell: "a",
                repeat: 1,
                target: "omni",
                slo_ms: None,
                slo_met: None,
                skipped: false,
            })
            .unwrap();
    }
    writer.finish().unwrap();
    assert_eq!(Table::open(&path).unwrap().groups(), [0..8, 8..9]);
}

/// Few texts are written once and named by number, many as they stand.
#[test]
fn texts_read_back_whether_few_or_each_rows_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("requests.parquet");
    for different in [1, 2, 150, 300] {
        let params = |index: u64| format!(r#"{{"seed":{}}}"#, index * 7 % different);
        let rows = (0..300).map(|index| Attempt {
            params: params(index),
            error: (index % 5 == 0).then(|| params(index)),
            ..attempt(index)
        });
        write(&path, rows.map(|attempt| ("a", 1, attempt)));
        let table = Table::open(&path).unwrap();
        let frame = table.read(&["params", "error"], 0..300).unwrap();
        let texts = |column: &str| frame.column(column).unwrap().str().unwrap().clone();
        for (index, (said, error)) in (0..).zip(texts("params").iter().zip(texts("error").iter())) {
            assert_eq!(said, Some(params(index).as_str()), "of {different}");
            assert_eq!(error, said.filter(|_| index % 5 == 0), "of {different}");
        }
    }
}

#[test]
fn a_table_without_rows_is_a_table() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("requests.parquet");
    assert_eq!(write(&path, std::iter::empty()), 0);
    let table = Table::open(&path).unwrap();
    assert_eq!(table.runs(), []);
}

#[test]
fn what_is_no_table_is_an_error_with_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("requests.parquet");
    assert!(matches!(Table::open(&path), Err(TableError::Open { .. })));
    std::fs::write(&path, "PAR1 or not").unwrap();
    let error = Table::open(&path).err().unwrap();
    assert!(error.to_string().contains("requests.parquet"), "{error}");
}
