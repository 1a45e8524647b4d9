use super::found::MOST_STAGES;
use super::*;
use crate::instruments::record::Outcome;
use crate::kinds::dataset::Task;
use crate::kinds::protocol::rehearsal::{Answer, Attempt, play, play_keeping, request};
use crate::kinds::protocol::{Kind, build};

macro_rules! wire {
    ($path:literal) => {
        include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/fixtures/wire/vllm-omni/",
            $path
        ))
    };
}

fn protocol(task: Task) -> Box<dyn Protocol> {
    let settings = Settings {
        model: Some("tiny".to_owned()),
        task: Some(task),
        ..Settings::default()
    };
    build(Kind::VllmOmni, settings).unwrap()
}

fn body(params: Value) -> Value {
    let prepared = protocol(Task::T2i)
        .prepare(request("A cat.", params))
        .unwrap();
    serde_json::from_slice(&prepared.exchange.body).unwrap()
}

fn answered(params: Value, answer: Answer) -> Attempt {
    let protocol = protocol(Task::T2i);
    let prepared = protocol.prepare(request("A cat.", params)).unwrap();
    play(&*protocol, &prepared, &[answer])
}

fn outcome(body: &str) -> Outcome {
    answered(json!({}), json(body)).judgement.outcome
}

fn json(body: &str) -> Answer {
    Answer::ok("application/json", body.to_owned())
}

/// seeds.md 4.3: what the seed's client sends.
#[test]
fn diffusion_parameters_go_into_extra_body() {
    assert_eq!(
        body(
            json!({"width": 512, "height": 256, "num_inference_steps": 20, "seed": 0, "fps": 0, "negative_prompt": "blur"})
        ),
        json!({"model": "tiny", "messages": [{"role": "user", "content": "A cat."}],
               "extra_body": {"width": 512, "height": 256, "num_inference_steps": 20, "seed": 0, "negative_prompt": "blur"}})
    );
    assert_eq!(body(json!({"width": 512}))["extra_body"], Value::Null);
    assert_eq!(
        body(json!({"seed": 1, "extra_body": {"seed": 2, "x": 3}}))["extra_body"],
        json!({"seed": 2, "x": 3})
    );
}

#[test]
fn a_row_with_a_picture_sends_it_as_a_part() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.gif"), b"GIF89a\x01\0\x01\0").unwrap();
    let mut asked = request("", json!({}));
    asked.row.images = vec![folder.path().join("a.gif")];
    let prepared = protocol(Task::I2i).prepare(asked).unwrap();
    let body: Value = serde_json::from_slice(&prepared.exchange.body).unwrap();
    let content = &body["messages"][0]["content"];
    assert_eq!(
        (content.as_array().unwrap().len(), &content[0]["type"]),
        (1, &json!("image_url"))
    );
    assert!(
        content[0]["image_url"]["url"]
            .as_str()
            .unwrap()
            .starts_with("data:image/gif;base64,")
    );
}

#[test]
fn a_picture_is_an_answer_with_its_size_and_the_servers_measures() {
    let Attempt {
        judgement, seen, ..
    } = answered(json!({}), json(wire!("picture.json")));
    assert_eq!(
        (judgement.error, seen.image_bytes),
        (None, Some(16 * 8 * 3))
    );
    assert_eq!(seen.server["stage_durations.stage_0_gen_s"], 0.0945);
    assert_eq!(seen.server["peak_memory_mb"], 512.5);
    assert_eq!((seen.tokens.output, seen.first_content), (None, None));
}

#[test]
fn the_servers_measures_are_found_in_all_their_places() {
    for (body, generation, peak) in [
        (wire!("measures-at-the-top.json"), 0.08, Some(256.0)),
        (wire!("measures-in-metrics.json"), 0.07, None),
    ] {
        let seen = answered(json!({}), json(body)).seen;
        assert_eq!(seen.server["stage_durations.stage_0_gen_s"], generation);
        assert_eq!(seen.server.get("peak_memory_mb").copied(), peak);
    }
}

#[test]
fn what_is_no_picture_is_invalid_whatever_the_status() {
    let outcome = |body: String| answered(json!({}), json(&body)).judgement;
    let none = outcome(wire!("no-picture.json").to_owned());
    assert_eq!(none.outcome, Outcome::Invalid);
    assert!(none.error.unwrap().contains("no images were produced"));
    let with_url = |url: &str| wire!("picture.json").replace("data:image/png;base64,iVBOR", url);
    for url in [
        "data:image/png;base64,AAAA",
        "data:image/png;base64,!",
        "http://elsewhere/",
    ] {
        assert_eq!(outcome(with_url(url)).outcome, Outcome::Invalid, "{url}");
    }
    for body in [
        "",
        "{}",
        r#"{"choices":[{"message":{"content":null}}]}"#,
        r#"{"choices":[{"message":{"content":[]}}]}"#,
    ] {
        assert_eq!(outcome(body.to_owned()).outcome, Outcome::Invalid, "{body}");
    }
    assert_eq!(outcome("{".to_owned()).outcome, Outcome::Protocol);
    assert_eq!(
        answered(
            json!({"num_outputs_per_prompt": 2}),
            json(wire!("picture.json"))
        )
        .judgement
        .outcome,
        Outcome::Invalid
    );
    let protocol = protocol(Task::T2v);
    let prepared = protocol.prepare(request("A cat.", json!({}))).unwrap();
    let attempt = play(&*protocol, &prepared, &[json(wire!("picture.json"))]);
    assert_eq!(
        attempt.judgement.error.as_deref(),
        Some("a picture came in place of a video")
    );
}

#[test]
fn an_error_has_the_servers_text() {
    let answer = Answer {
        status: 400,
        headers: vec![],
        pieces: vec![r#"{"message":"bad size","code":400}"#.into()],
    };
    let judgement = answered(json!({}), answer).judgement;
    assert_eq!(
        (judgement.outcome, judgement.error.as_deref()),
        (Outcome::Http(400), Some("HTTP 400: bad size"))
    );
}

#[test]
fn the_picture_is_kept_where_a_sample_is_wanted() {
    let protocol = protocol(Task::T2i);
    let prepared = protocol.prepare(request("A cat.", json!({}))).unwrap();
    let seen = play_keeping(&*protocol, &prepared, &[json(wire!("picture.json"))], true).seen;
    assert_eq!((seen.samples.len(), seen.samples[0].extension), (1, "png"));
}

/// A picture as recorded, as an item of a message's content.
const ITEM: &str = r#"{"image_url":{"url":"data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAABAAAAAICAIAAAB/FOjAAAAAE0lEQVR4nGOQi1pAEmIY1UALDQD2vowBvBQd5QAAAABJRU5ErkJggg=="},"peak_memory_mb":512.5}"#;

/// An answer with that picture, and what stands beside it at the top.
fn with_picture(beside: &str) -> String {
    format!(r#"{{"choices":[{{"message":{{"content":[{ITEM}]}}}}]{beside}}}"#)
}

#[test]
fn a_list_is_no_object() {
    assert_eq!(outcome(&with_picture("")), Outcome::Ok);
    let url = &ITEM[r#"{"image_url":{"url":"#.len()..ITEM.find('}').unwrap()];
    for body in [
        format!(r#"[[{{"message":{{"content":[{ITEM}]}}}}],null,null,null,null]"#),
        format!(r#"{{"choices":[[{{"content":[{ITEM}]}}]]}}"#),
        format!(r#"{{"choices":[{{"message":[[{ITEM}]]}}]}}"#),
        format!(
            r#"{{"choices":[{{"message":{{"content":[[{{"url":{url}}},null,null,null,null]]}}}}]}}"#
        ),
        format!(r#"{{"choices":[{{"message":{{"content":[{{"image_url":[{url}]}}]}}}}]}}"#),
        with_picture(r#","metrics":[null,3]"#),
        with_picture(r#","stage_durations":[3]"#),
    ] {
        assert_eq!(outcome(&body), Outcome::Protocol, "{body}");
    }
}

#[test]
fn what_is_no_utf_8_is_no_json_wherever_it_stands() {
    for beside in [r#","id":"~""#, r#","~":1"#, r#","id":["~"]"#] {
        let bytes = with_picture(beside).into_bytes().into_iter();
        let bytes = bytes.map(|byte| if byte == b'~' { 0xff } else { byte });
        let answer = Answer::ok("application/json", bytes.collect::<Vec<_>>());
        let judgement = answered(json!({}), answer).judgement;
        assert_eq!(judgement.outcome, Outcome::Protocol, "{beside}");
    }
}

#[test]
fn a_lone_surrogate_is_a_replacement_character_wherever_it_stands() {
    let item = format!(r#"{{"text":"\ud800",{}"#, &ITEM[1..]);
    let body = format!(
        r#"{{"\ud800":1,"stage_durations":{{"a\ud800_ms":5}},"choices":[{{"message":{{"content":[{item}]}}}}]}}"#
    );
    let attempt = answered(json!({}), json(&body));
    assert_eq!(attempt.judgement.error, None);
    assert_eq!(attempt.seen.server["stage_durations.a\u{FFFD}_s"], 0.005);
    let none =
        r#"{"choices":[{"message":{"content":[{"text":"no \ud800\n"},{"text":"picture"}]}}]}"#;
    let judgement = answered(json!({}), json(none)).judgement;
    assert_eq!(
        judgement.error.as_deref(),
        Some("the answer has 0 of 1 pictures: no \u{FFFD}\npicture")
    );
}

#[test]
fn a_url_that_is_escaped_is_read() {
    let escaped = with_picture("").replace("image/png", r"image\/png");
    assert_eq!(outcome(&escaped), Outcome::Ok);
}

/// An error says what it says however much stands beside it.
#[test]
fn an_error_in_a_good_status_is_invalid_with_its_text() {
    let pad = "x".repeat(70_000);
    for error in [r#"{"message":"OOM"}"#, r#""OOM""#] {
        let body = format!(r#"{{"pad":"{pad}","error":{error}}}"#);
        let judgement = answered(json!({}), json(&body)).judgement;
        assert_eq!(
            (judgement.outcome, judgement.error.as_deref()),
            (Outcome::Invalid, Some("OOM"))
        );
    }
}

/// The server's own measures alone stay of what is well-formed and has no picture, or a broken one.
#[test]
fn what_is_refused_leaves_nothing_in_the_record() {
    let protocol = protocol(Task::T2i);
    let prepared = protocol.prepare(request("A cat.", json!({}))).unwrap();
    let good = with_picture("");
    for (body, expected, pictures, measures) in [
        (good.clone(), Outcome::Ok, 1, 1),
        (
            good.replace("}}]}", r#"}},{"message":7}]}"#),
            Outcome::Protocol,
            0,
            0,
        ),
        (
            good.replace("]}}", r#",{"image_url":{"url":"!"}}]}}"#),
            Outcome::Invalid,
            0,
            1,
        ),
    ] {
        let attempt = play_keeping(&*protocol, &prepared, &[json(&body)], true);
        let seen = attempt.seen;
        assert_eq!(attempt.judgement.outcome, expected, "{body}");
        let noted = (seen.image_bytes.iter().count(), seen.samples.len());
        assert_eq!(noted, (pictures, pictures), "{body}");
        assert_eq!(seen.server.len(), measures, "{body}");
    }
}

#[test]
fn of_more_stages_than_a_server_has_not_all_are_noted() {
    let stages: Vec<_> = (0..3 * MOST_STAGES)
        .map(|n| format!(r#""{n}_s":1"#))
        .collect();
    let beside = format!(r#","stage_durations":{{{}}}"#, stages.join(","));
    let seen = answered(json!({}), json(&with_picture(&beside))).seen;
    assert_eq!(seen.server.len(), MOST_STAGES + 1);
}
