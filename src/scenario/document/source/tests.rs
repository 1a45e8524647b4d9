use std::path::Path;

use serde_json::json;

use super::{ReadOptions, Source, read, read_text};
use crate::foundation::diagnostic::Finding;

fn source(text: &str) -> Source {
    let options = ReadOptions {
        environment: &|name| (name == "TOKEN").then(|| "tok-0123456789".to_owned()),
        ..ReadOptions::default()
    };
    read_text(Path::new("dir/a.yaml"), text, &options)
}

/// Where a finding about `pointer` is shown: place and what stands there, then its labels.
fn shown(text: &str, pointer: &str, at_key: bool) -> String {
    let source = source(text);
    let mut finding = Finding::error("x", pointer, "m");
    finding.at_key = at_key;
    source.places.attach(&mut finding);
    let show = |place: &crate::foundation::diagnostic::Place| {
        let (line, column) = place.line_column();
        format!("{line}:{column} {}", &place.file.text[place.span.clone()])
    };
    let label = |label: &crate::foundation::diagnostic::Label| {
        format!("; {} {}", label.text, show(&label.place))
    };
    let labels: Vec<String> = finding.labels.iter().map(label).collect();
    show(finding.place.as_ref().unwrap()) + &labels.concat()
}

#[test]
fn a_finding_stands_at_its_value_or_key_and_what_is_missing_at_its_parents_key() {
    let text = "version: 1\nload:\n  requests: 5\n  think: {min: 1}\n  x:\nlist:\n  - a: 1\n    b: 2\n  - |\n   c\n   d\n";
    let cases = [
        ("/load/requests", false, "3:13 5"),
        ("/load/requests", true, "3:3 requests"),
        ("/load", false, "2:1 load"),
        ("/load/think", false, "4:10 {min: 1}"),
        ("/load/think/max", false, "4:3 think"),
        ("/load/gone/deeper", false, "2:1 load"),
        ("/load/x", false, "5:3 x"),
        ("/list/0", false, "7:5 a"),
        ("/list/0/b", false, "8:8 2"),
        ("/list/1", false, "10:4 c"),
        ("/list/7", false, "6:1 list"),
        ("", false, "1:1 version"),
        ("/name", false, "1:1 version"),
        ("/load/requests/deeper", false, "3:3 requests"),
    ];
    for (pointer, at_key, expected) in cases {
        assert_eq!(shown(text, pointer, at_key), expected, "{pointer}");
    }
}

#[test]
fn what_stands_through_an_alias_is_shown_at_its_anchor_with_its_use() {
    let text = "x-d: &d {timeout: 5 sec}\ntarget:\n  <<: *d\n  a: 1\nother: *d\n";
    assert_eq!(
        shown(text, "/target/timeout", false),
        "1:19 5 sec; used here 3:7 *d"
    );
    assert_eq!(
        shown(text, "/target/timeout", true),
        "1:10 timeout; used here 3:7 *d"
    );
    assert_eq!(
        shown(text, "/other/timeout", false),
        "1:19 5 sec; used here 5:8 *d"
    );
    assert_eq!(shown(text, "/other", true), "5:1 other");
    assert_eq!(shown(text, "/other/gone", false), "5:1 other");
    assert_eq!(shown(text, "/target/a", false), "4:6 1");
}

#[test]
fn byte_order_mark_crlf_and_non_ascii_do_not_move_columns() {
    assert_eq!(
        shown(
            "\u{feff}v: 1\r\na: {\u{e9}\u{1f600}: x, b: 2}\r\n",
            "/a/b",
            false
        ),
        "2:15 2"
    );
    assert_eq!(shown("\u{feff}v: 1\r\n", "/v", false), "1:4 1");
}

#[test]
fn escaped_pointers_find_their_keys() {
    assert_eq!(
        shown("\"a/b\": {\"c~d\": 1}", "/a~1b/c~0d", false),
        "1:16 1"
    );
}

#[test]
fn literals_in_credential_fields_are_masked_wherever_they_are_shown() {
    let text = "targets:
  a:
    auth: {bearer: sk-live-1234}
    headers: {X-Api-Key: \"abc123\", Accept: json, authorization: '${env:TOKEN}'}
    base_url: http://me:pass@h/?sig=zzz&a=1 # password: old1
  b:
    auth: {basic: {user: joe, password: 123456}}
    setup: [{body: {secret: s3cr3t}}]
  c:
    auth: {bearer: {env: TOKEN}, header: {name: X-K, value: {env: sk-9 8}}}
";
    let source = source(text);
    let shown = &source.places.files()[0].text;
    for secret in [
        "sk-live-1234",
        "abc123",
        "me:pass",
        "zzz",
        "old1",
        "123456",
        "s3cr3t",
        "sk-9 8",
    ] {
        assert!(!shown.contains(secret), "{secret}: {shown}");
    }
    for open in [
        "joe",
        "json",
        "X-K",
        "${env:TOKEN}",
        "env: TOKEN",
        "?sig=",
        "&a=1",
    ] {
        assert!(shown.contains(open), "{open}: {shown}");
    }
    assert_eq!(shown.len(), text.len());
    let expected = [
        "/targets/a/auth/bearer",
        "/targets/a/headers/X-Api-Key",
        "/targets/a/headers/authorization",
        "/targets/b/auth/basic/password",
        "/targets/b/setup/0/body/secret",
    ];
    assert_eq!(source.credentials, expected);
    let message = "`sk-live-1234` is no map; \"abc123\"; tok-0123456789; http://me:pass@h; `json`";
    let settled = source.settle(vec![
        Finding::error("x", "/targets/a/auth/bearer", message).help("not s3cr3t"),
    ]);
    assert_eq!(
        settled[0].message,
        "`***` is no map; \"***\"; ${env:TOKEN}; http://***@h; `json`"
    );
    assert_eq!(settled[0].help.as_deref(), Some("not ***"));
}

#[test]
fn a_credential_is_masked_in_a_setting_and_in_a_broken_file() {
    let settings = ["targets.a.auth.bearer=sk-live-1".to_owned()];
    let options = ReadOptions {
        set: &settings,
        ..ReadOptions::default()
    };
    let source = read_text(Path::new("a.yaml"), "targets: {a: {}}", &options);
    assert_eq!(
        source.places.files()[1].text,
        "targets.a.auth.bearer=*********"
    );
    let broken = read_text(
        Path::new("a.yaml"),
        "auth: { bearer: sk-live-1, x: [\nauthorization: sk-live-2\n",
        &ReadOptions::default(),
    );
    assert!(
        !broken.whole && !broken.places.files()[0].text.contains("sk-live"),
        "{}",
        broken.places.files()[0].text
    );
}

#[test]
fn what_was_refused_or_is_unset_is_not_said_again() {
    let source = source("a: 010\nb: ${env:GONE}\nc: {d: \"${X}\"}\ne: 5\n");
    assert_eq!(source.refused, ["/c/d", "/a"]);
    let about = |pointer: &str| Finding::error("wrong-type", pointer, "no number");
    let settled = source.settle(vec![
        about("/e"),
        about("/e"),
        about("/a"),
        about("/b"),
        about("/c/d"),
    ]);
    let shown: Vec<_> = settled
        .iter()
        .map(|finding| (finding.code, finding.pointer.as_str()))
        .collect();
    assert_eq!(
        shown,
        [
            ("leading-zero", "/a"),
            ("bad-reference", "/c/d"),
            ("wrong-type", "/e")
        ]
    );
    assert_eq!(source.written["b"], json!("${env:GONE}"));
}

#[test]
fn a_file_that_cannot_be_read_is_a_finding() {
    let folder = tempfile::tempdir().unwrap();
    let source = read(&folder.path().join("gone.yaml"), &ReadOptions::default());
    assert!(!source.whole);
    assert_eq!(source.findings[0].code, "unreadable-file");
    assert_eq!(
        source.findings[0].place.as_ref().unwrap().line_column(),
        (1, 1)
    );
    let path = folder.path().join("latin.yaml");
    std::io::Write::write_all(
        &mut std::fs::File::create(&path).unwrap(),
        b"a: 1\nb: \xe9\n",
    )
    .unwrap();
    let source = read(&path, &ReadOptions::default());
    assert_eq!((source.findings[0].code, source.whole), ("not-utf8", false));
    assert!(source.findings[0].message.ends_with("(line 2)"));
    let empty = read_text(Path::new("a.yaml"), "# nothing\n", &ReadOptions::default());
    assert_eq!((empty.findings[0].code, empty.whole), ("empty-file", false));
}
