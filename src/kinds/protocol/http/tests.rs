use serde_json::{Value, json};

use super::*;
use crate::foundation::secret::Secret;
use crate::instruments::exchange::Destination;
use crate::instruments::record::Outcome;
use crate::kinds::dataset::Folders;
use crate::kinds::protocol::rehearsal::{Answer, Attempt, play, play_keeping, request};

fn settings(options: Value) -> Settings {
    let options: Options = serde_json::from_value(options).unwrap();
    Settings {
        path: Some("/infer".to_owned()),
        http: Some(options),
        ..Settings::default()
    }
}

fn protocol(options: Value) -> Http {
    Http::new(settings(options)).unwrap()
}

fn run(options: Value, params: Value, answers: &[Answer]) -> Attempt {
    let protocol = protocol(options);
    let prepared = protocol
        .prepare(request("A \"cat\" & {{ dog }}", params))
        .unwrap();
    play(&protocol, &prepared, answers)
}

fn ok(body: &str) -> Answer {
    Answer::ok("application/json", body.to_owned())
}

fn target(attempt: &Attempt) -> String {
    match &attempt.sent[0].destination {
        Destination::Target(path) | Destination::Elsewhere(path) => path.clone(),
    }
}

#[test]
fn the_short_form_is_a_get_of_the_path_with_its_query() {
    let attempt = run(
        json!({"query": {"text": "{{ row.prompt }}", "n": 2, "none": null}}),
        json!({}),
        &[ok("x")],
    );
    assert!(attempt.judgement.outcome.is_ok());
    assert_eq!(attempt.sent[0].method, http::Method::GET);
    assert_eq!(
        target(&attempt),
        "/infer?text=A+%22cat%22+%26+%7B%7B+dog+%7D%7D&n=2"
    );
    let attempt = run(
        json!({"url": "http://127.0.0.1:1/a b/é?x=%20"}),
        json!({}),
        &[ok("x")],
    );
    assert_eq!(target(&attempt), "http://127.0.0.1:1/a%20b/%C3%A9?x=%20");
}

#[test]
fn a_body_is_made_from_the_row_and_the_request() {
    let body = json!({"prompt": "{{ row.prompt }}", "seed": "{{ row.seed }}", "id": "r{{ request.index }}", "own": "{{ request.seed }}"});
    let attempt = run(json!({ "json": body }), json!({"seed": 5}), &[ok("{}")]);
    let sent: Value = serde_json::from_slice(&attempt.sent[0].body).unwrap();
    assert_eq!(
        sent,
        json!({"prompt": "A \"cat\" & {{ dog }}", "seed": 5, "id": "r3", "own": 77})
    );
    assert_eq!(attempt.sent[0].method, http::Method::POST);
    let (name, value) = &attempt.sent[0].headers[0];
    assert_eq!(
        (name.as_str(), value.to_str().unwrap()),
        ("content-type", "application/json")
    );

    let attempt = run(
        json!({"form": {"p": "{{ row.prompt }}"}}),
        json!({}),
        &[ok("")],
    );
    assert_eq!(attempt.sent[0].body, "p=A+%22cat%22+%26+%7B%7B+dog+%7D%7D");
    let attempt = run(
        json!({"text": "say {{ row.n }}", "method": "PUT"}),
        json!({"n": 1}),
        &[ok("")],
    );
    assert_eq!(
        (attempt.sent[0].body.as_ref(), &attempt.sent[0].method),
        (&b"say 1"[..], &http::Method::PUT)
    );
}

#[test]
fn files_are_sent_whole_or_as_a_part_and_only_from_the_project() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.gif"), b"GIF89a\x01\0\x01\0").unwrap();
    let folders = Some(Folders {
        scenario: folder.path().to_owned(),
        root: folder.path().to_owned(),
    });
    let sent = |options: Value| {
        let protocol = Http::new(Settings {
            folders: folders.clone(),
            ..settings(options)
        })?;
        let prepared = protocol.prepare(request("x", json!({})))?;
        Ok::<_, PrepareError>(play(&protocol, &prepared, &[ok("")]).sent.remove(0))
    };
    let file = sent(json!({"file": "a.gif"})).unwrap();
    assert_eq!(
        (file.body.as_ref(), file.headers[0].1.to_str().unwrap()),
        (&b"GIF89a\x01\0\x01\0"[..], "image/gif")
    );
    let parts =
        sent(json!({"multipart": {"prompt": "{{ row.prompt }}", "image": {"upload": "a.gif"}}}))
            .unwrap();
    let body = String::from_utf8_lossy(&parts.body).into_owned();
    assert_eq!(
        body,
        "--plimsoll-part\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\nx\r\n--plimsoll-part\r\n\
         Content-Disposition: form-data; name=\"image\"; filename=\"a.gif\"\r\nContent-Type: image/gif\r\n\r\n\
         GIF89a\u{1}\0\u{1}\0\r\n--plimsoll-part--\r\n"
    );
    assert!(sent(json!({"file": "../a.gif"})).is_err());
    assert!(sent(json!({"multipart": {"image": {"upload": "/etc/hostname"}}})).is_err());
}

#[test]
fn a_secret_stands_in_the_body_alone() {
    let options = json!({"json": {"key": {"secret": {"env": "API_KEY"}}, "list": [{"secret": {"file": "k"}}]}});
    let parsed: Options = serde_json::from_value(options.clone()).unwrap();
    let names: Vec<_> = parsed.secrets().iter().map(ToString::to_string).collect();
    assert_eq!(names, ["{ env: API_KEY }", "{ file: k }"]);
    let secrets = parsed
        .secrets()
        .into_iter()
        .map(|reference| Secret::new(reference, "s3cret".to_owned()))
        .collect();
    let protocol = Http::new(Settings {
        secrets,
        ..settings(options.clone())
    })
    .unwrap();
    let prepared = protocol.prepare(request("x", json!({}))).unwrap();
    assert_eq!(
        prepared.exchange.body,
        r#"{"key":"s3cret","list":["s3cret"]}"#
    );
    assert!(!prepared.params_json.contains("s3cret"));
    let unread = Http::new(settings(options))
        .unwrap()
        .prepare(request("x", json!({})));
    assert!(unread.unwrap_err().message.contains("API_KEY"));
}

#[test]
fn expect_judges_status_and_content() {
    let outcome = |expect: Value, answer: Answer| {
        run(json!({ "expect": expect }), json!({}), &[answer])
            .judgement
            .outcome
    };
    let with = |status, body: &'static str| Answer {
        status,
        headers: vec![],
        pieces: vec![body.into()],
    };
    assert_eq!(outcome(json!({}), with(204, "")), Outcome::Ok);
    assert_eq!(outcome(json!({}), with(404, "")), Outcome::Http(404));
    assert_eq!(outcome(json!({}), with(429, "")), Outcome::Rejected);
    assert_eq!(
        outcome(json!({"status": [404]}), with(404, "")),
        Outcome::Ok
    );
    assert_eq!(
        outcome(json!({"status": 201}), with(200, "")),
        Outcome::Http(200)
    );
    assert_eq!(
        outcome(json!({"min_bytes": 3}), with(200, "ab")),
        Outcome::Invalid
    );
    assert_eq!(
        outcome(json!({"content_type": "application/json"}), with(200, "{}")),
        Outcome::Invalid
    );
    assert_eq!(
        outcome(json!({"content_type": "application/json"}), ok("{}")),
        Outcome::Ok
    );
    for (json, body, expected) in [
        (json!({"/a/0": "exists"}), r#"{"a":[null]}"#, Outcome::Ok),
        (json!({"/a/0": "exists"}), r#"{"a":[]}"#, Outcome::Invalid),
        (json!({"/a": "done"}), r#"{"a":"done"}"#, Outcome::Ok),
        (json!({"/a": "done"}), r#"{"a":"failed"}"#, Outcome::Invalid),
        (
            json!({"/a": {"equals": "exists"}}),
            r#"{"a":"x"}"#,
            Outcome::Invalid,
        ),
        (json!({"/a": 1}), r#"{"a":1.0}"#, Outcome::Ok),
        (json!({"/a": 1}), "<html>", Outcome::Protocol),
    ] {
        assert_eq!(
            outcome(json!({ "json": json }), ok(body)),
            expected,
            "{json} {body}"
        );
    }
}

#[test]
fn a_picture_is_looked_for_where_it_should_be() {
    let gif = "R0lGODlhIAAQAA";
    let attempt = run(
        json!({"expect": {"image": "/output/0"}}),
        json!({}),
        &[ok(&json!({"output": [gif]}).to_string())],
    );
    assert_eq!(
        (attempt.judgement.outcome, attempt.seen.image_bytes),
        (Outcome::Ok, Some(32 * 16 * 3))
    );
    let none = run(
        json!({"expect": {"image": "/output/0"}}),
        json!({}),
        &[ok(r#"{"output":["aGk="]}"#)],
    );
    assert_eq!(none.judgement.outcome, Outcome::Invalid);
    let body = Answer::ok("image/gif", &b"GIF89a\x20\0\x10\0"[..]);
    let attempt = run(
        json!({"expect": {"image": "body"}}),
        json!({}),
        &[body.cut(&[1, 5])],
    );
    assert_eq!(attempt.judgement.outcome, Outcome::Ok);
}

#[test]
fn numbers_in_an_answer_become_metrics() {
    let extract = json!({
        "server.inference_s": {"json": "/timings/inference"}, "output_tokens": {"header": "x-tokens"},
        "input_tokens": {"json": "/in"}, "server.text": {"json": "/text"}, "server.none": {"json": "/none"}
    });
    let answer = Answer {
        headers: vec![("content-type", "application/json"), ("x-tokens", "12")],
        ..ok(r#"{"timings":{"inference":0.5},"in":3,"text":"x"}"#)
    };
    let seen = run(json!({ "extract": extract }), json!({}), &[answer]).seen;
    assert_eq!(
        seen.server.into_iter().collect::<Vec<_>>(),
        [("inference_s".to_owned(), 0.5)]
    );
    assert_eq!((seen.tokens.input, seen.tokens.output), (Some(3), Some(12)));
}

#[test]
fn a_header_is_read_where_nothing_else_of_the_answer_is() {
    let extract = json!({"output_tokens": {"header": "x-tokens"}});
    let answer = Answer {
        headers: vec![("x-tokens", "12")],
        ..ok("no JSON")
    };
    let attempt = run(json!({ "extract": extract }), json!({}), &[answer]);
    assert_eq!(attempt.seen.tokens.output, Some(12));
    assert!(attempt.judgement.outcome.is_ok());
}

#[test]
fn later_steps_see_what_earlier_ones_extracted() {
    let steps = json!([
        {"name": "route", "method": "POST", "path": "/route/", "json": {"cost": "{{ workload }}"},
         "extract": {"url": {"json": "/url"}, "signature": {"json": "/signature"}}},
        {"name": "infer", "url": "{{ route.url }}/generate", "json": {"prompt": "{{ row.prompt }}", "auth": "{{ route.signature }}"},
         "timeout": "3s"}
    ]);
    let protocol = protocol(json!({ "steps": steps }));
    let mut asked = request("A cat.", json!({}));
    asked.workload = Some(2.5);
    let prepared = protocol.prepare(asked).unwrap();
    let routed = ok(r#"{"url":"http://127.0.0.1:9/w","signature":{"s":1}}"#);
    let attempt = play(&protocol, &prepared, &[routed.clone(), ok("{}")]);
    assert!(attempt.judgement.outcome.is_ok());
    assert_eq!(attempt.sent[0].body, r#"{"cost":2.5}"#);
    assert_eq!(
        attempt.sent[1].body,
        r#"{"prompt":"A cat.","auth":{"s":1}}"#
    );
    assert_eq!(
        attempt.sent[1].destination,
        Destination::Elsewhere("http://127.0.0.1:9/w/generate".to_owned())
    );
    assert_eq!(
        attempt.sent[1].timeout,
        Some(std::time::Duration::from_secs(3))
    );

    let failed = play(
        &protocol,
        &prepared,
        &[
            routed,
            Answer {
                status: 500,
                ..ok("broken")
            },
        ],
    )
    .judgement;
    assert_eq!(
        (failed.outcome, failed.error.as_deref()),
        (Outcome::Http(500), Some("step `infer`: HTTP 500: broken"))
    );
    let missing = play(&protocol, &prepared, &[ok("{}")]).judgement;
    assert_eq!(missing.outcome, Outcome::Invalid);
    assert!(missing.error.unwrap().starts_with("step `infer`: template"));
}

#[test]
fn what_cannot_work_is_refused_before_anything_is_sent() {
    for options in [
        json!({"json": {"a": "{{ row. }}"}}),
        json!({"json": {}, "text": "x"}),
        json!({"file": "a.bin"}),
        json!({"steps": [{"name": "a"}], "method": "GET"}),
        json!({"steps": [{"name": "a", "tls": {"ca": "x.pem"}}]}),
    ] {
        assert!(Http::new(settings(options.clone())).is_err(), "{options}");
    }
    let error = protocol(json!({"json": {"a": "{{ row.missing }}"}}))
        .prepare(request("x", json!({})))
        .unwrap_err();
    assert_eq!(error.at.as_deref(), Some("/json/a"));
    assert!(error.message.contains("/json/a"), "{}", error.message);
}

#[test]
fn the_body_is_kept_where_a_sample_is_wanted() {
    let protocol = protocol(json!({}));
    let prepared = protocol.prepare(request("x", json!({}))).unwrap();
    let samples = play_keeping(&protocol, &prepared, &[ok("{}")], true)
        .seen
        .samples;
    assert_eq!(
        (samples[0].extension, samples[0].bytes.as_slice()),
        ("json", &b"{}"[..])
    );
}
