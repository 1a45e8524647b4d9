#![expect(clippy::disallowed_methods, reason = "files that are torn on purpose")]

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::foundation::units::Offset;
use crate::instruments::record::{
    Attempt, Clocks, Commit, Counts, Ended, Outcome, OwnFigures, Phase, Tokens, TokensSource,
    Traffic,
};

fn attempt(index: u64) -> Attempt {
    Attempt {
        phase: Phase::Measured,
        index,
        attempt: 1,
        dataset_row: Some(index),
        clocks: Clocks {
            scheduled: Offset::from_nanos(index),
            sent: Some(Offset::from_nanos(u64::MAX)),
            ..Clocks::default()
        },
        outcome: Outcome::Http(503),
        http_status: Some(503),
        error: Some("over\nloaded".into()),
        traffic: Traffic {
            bytes_received: 7,
            ..Traffic::default()
        },
        tokens: Tokens {
            output: Some(3),
            source: Some(TokensSource::Usage),
            ..Tokens::default()
        },
        chunks: 2,
        gaps_ns: vec![1, 1 << 40],
        choices: 1,
        workload: Some(0.1),
        row_slo_ms: None,
        params: r#"{"max_tokens":8}"#.into(),
        server: BTreeMap::from([("queue_s".into(), 0.25)]),
        notes: vec!["warmup_reused".into()],
    }
}

fn block(indices: std::ops::Range<u64>) -> Vec<u8> {
    indices.fold(Vec::new(), |block, index| {
        encode(&attempt(index), block).unwrap()
    })
}

fn commit(repeat: u32) -> Commit {
    Commit {
        cell_key: "k".into(),
        cell_id: "target=t".into(),
        repeat,
        position: 0,
        counts: Counts::default(),
        ended: Ended::Complete,
        own: OwnFigures::default(),
        suspensions: 1,
        addresses: Vec::new(),
        connections: Vec::new(),
        samples: Vec::new(),
        notes: Vec::new(),
    }
}

fn read_all(path: &Path) -> Vec<(u32, Vec<Attempt>)> {
    let contents = Contents::read(path).unwrap();
    contents
        .repeats
        .iter()
        .map(|one| {
            let attempts = contents
                .attempts(one)
                .unwrap()
                .collect::<Result<_, _>>()
                .unwrap();
            (one.commit.repeat, attempts)
        })
        .collect()
}

#[test]
fn what_is_forgotten_of_a_cell_counts_no_more_and_what_is_measured_after_that_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("repeats.log");
    let mut journal = Journal::create(&path).unwrap();
    let other = Commit {
        cell_id: "target=u".into(),
        ..commit(3)
    };
    for one in [commit(1), commit(2), other] {
        journal.block(&block(0..2)).unwrap();
        journal.commit(&one).unwrap();
    }
    journal.forget("target=t").unwrap();
    assert_eq!(read_all(&path), [(3, vec![attempt(0), attempt(1)])]);
    journal.block(&block(5..6)).unwrap();
    journal.commit(&commit(1)).unwrap();
    assert_eq!(
        read_all(&path),
        [(3, vec![attempt(0), attempt(1)]), (1, vec![attempt(5)])]
    );
}

fn two_repeats(path: &Path) {
    let mut journal = Journal::create(path).unwrap();
    journal
        .observe(&Observation {
            name: "dataset/d".into(),
            value: serde_json::json!({"rows": 3}),
        })
        .unwrap();
    journal.block(&block(0..3)).unwrap();
    journal.block(&block(3..5)).unwrap();
    journal.commit(&commit(1)).unwrap();
    journal.block(&block(5..6)).unwrap();
    journal.commit(&commit(2)).unwrap();
}

#[test]
fn committed_repeats_read_back_exactly() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("j");
    two_repeats(&path);
    let expected = vec![(1, (0..5).map(attempt).collect()), (2, vec![attempt(5)])];
    assert_eq!(read_all(&path), expected);
    let contents = Contents::read(&path).unwrap();
    assert_eq!(contents.observations[0].value["rows"], 3);
    assert_eq!(contents.repeats[0].commit, commit(1));
}

#[test]
fn blocks_without_a_commit_do_not_leak_into_the_next_repeat() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("j");
    let mut journal = Journal::create(&path).unwrap();
    journal.block(&block(0..3)).unwrap();
    drop(journal);
    let (mut journal, contents) = Journal::open(&path).unwrap();
    assert!(contents.repeats.is_empty());
    journal.block(&block(7..8)).unwrap();
    journal.commit(&commit(1)).unwrap();
    assert_eq!(read_all(&path), vec![(1, vec![attempt(7)])]);
}

#[test]
fn a_journal_cut_anywhere_keeps_every_repeat_whose_commit_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    two_repeats(&whole);
    let bytes = std::fs::read(&whole).unwrap();
    let path = folder.path().join("cut");
    let mut kept = 0;
    for length in MAGIC.len()..=bytes.len() {
        std::fs::write(&path, &bytes[..length]).unwrap();
        let (mut journal, contents) = Journal::open(&path).unwrap();
        assert!(
            contents.repeats.len() >= kept,
            "a longer file never holds less"
        );
        kept = contents.repeats.len();
        // What follows must be found again, whatever was torn before it.
        journal.block(&block(9..10)).unwrap();
        journal.commit(&commit(9)).unwrap();
        assert_eq!(read_all(&path).last().unwrap(), &(9, vec![attempt(9)]));
    }
    assert_eq!(kept, 2);
}

#[test]
fn a_flipped_bit_ends_the_journal_before_the_frame_that_it_hit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("j");
    two_repeats(&path);
    let mut bytes = std::fs::read(&path).unwrap();
    let last = bytes.len() - 3;
    bytes[last] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    assert_eq!(read_all(&path).len(), 1);
}

#[test]
fn what_is_no_journal_is_refused_and_an_existing_one_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("j");
    std::fs::write(&path, "hello, this is no journal").unwrap();
    assert!(matches!(
        Contents::read(&path),
        Err(JournalError::Foreign { .. })
    ));
    assert!(matches!(
        Journal::create(&path),
        Err(JournalError::Io { .. })
    ));
}

proptest! {
    #[test]
    fn any_bytes_behind_the_magic_are_read_without_a_panic(tail in prop::collection::vec(any::<u8>(), 0..200)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("j");
        std::fs::write(&path, [MAGIC, &tail].concat()).unwrap();
        let _ = Contents::read(&path);
    }
}
