//! Against recorded shapes of real servers (tests/fixtures/wire); what must come out of the oracle's stream is
//! real-servers.md §2: 8 content chunks, 26 prompt tokens, 8 completion tokens.

use serde_json::{Value, json};

use crate::foundation::units::Offset;
use crate::instruments::record::{Outcome, TokensSource};
use crate::kinds::protocol::Kind;
use crate::kinds::protocol::rehearsal::{Answer, Attempt, play, play_keeping, protocol, request};

macro_rules! wire {
    ($path:literal) => {
        include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/fixtures/wire/",
            $path
        ))
    };
}

const LLAMA: &str = wire!("openai-chat/llama-server.stream.txt");
const VLLM: &str = wire!("openai-chat/vllm.stream.txt");
const CONTINUOUS: &str = wire!("openai-chat/vllm-continuous-usage.stream.txt");
const LITELLM: &str = wire!("openai-chat/litellm.stream.txt");
const TRANSFORMERS: &str = wire!("openai-chat/transformers.stream.txt");
const OLLAMA: &str = wire!("openai-chat/ollama.stream.txt");
const TOOLS: &str = wire!("openai-chat/reasoning-and-tool-call.stream.txt");
const TWO: &str = wire!("openai-chat/two-choices.stream.txt");
const DIED: &str = wire!("openai-chat/engine-died.stream.txt");
const WHOLE: &str = wire!("openai-chat/whole.json");
const COMPLETION: &str = wire!("openai-completions/llama-server.stream.txt");
const COMPLETION_VLLM: &str = wire!("openai-completions/vllm.stream.txt");

fn chat(params: Value, answer: &Answer) -> Attempt {
    let protocol = protocol(Kind::OpenaiChat);
    let prepared = protocol.prepare(request("Hello", params)).unwrap();
    play(&*protocol, &prepared, std::slice::from_ref(answer))
}

fn streamed(body: &str) -> Attempt {
    chat(json!({"max_tokens": 8}), &Answer::stream(body))
}

fn completion(body: &str) -> Attempt {
    let protocol = protocol(Kind::OpenaiCompletions);
    let prepared = protocol
        .prepare(request("Hello", json!({"stream": true, "max_tokens": 4})))
        .unwrap();
    play(&*protocol, &prepared, &[Answer::stream(body)])
}

fn ms(offset: Option<Offset>) -> Option<u64> {
    offset.map(|offset| offset.as_nanos() / 1_000_000)
}

#[test]
fn the_oracles_stream_has_its_chunks_and_tokens() {
    assert_eq!(
        LLAMA
            .lines()
            .filter(|line| line.starts_with("data:"))
            .count(),
        12
    );
    let Attempt {
        judgement, seen, ..
    } = streamed(LLAMA);
    assert!(judgement.outcome.is_ok());
    assert_eq!(
        (seen.chunks, seen.tokens.input, seen.tokens.output),
        (8, Some(26), Some(8))
    );
    assert_eq!(seen.tokens.source, Some(TokensSource::Usage));
    assert_eq!(seen.server["cached_tokens"], 25.0);
    assert_eq!(
        (seen.server["timings.prompt_s"], seen.server["total_s"]),
        (0.0025, 0.0065)
    );
    // The head at 1 ms, the role at 2, content from 3 to 10, the finish at 11, the usage at 12, the mark at 13.
    assert_eq!(
        (ms(seen.first_content), ms(seen.last_content), ms(seen.end)),
        (Some(3), Some(10), Some(13))
    );
    assert_eq!(seen.gaps_ns, [1_000_000; 7]);
    assert!(seen.notes.is_empty());
}

#[test]
fn usage_is_read_from_each_of_its_places() {
    for (stream, chunks, input, output) in [
        (LLAMA, 8, 26, 8),
        (VLLM, 8, 26, 8),
        (CONTINUOUS, 8, 26, 8),
        (TRANSFORMERS, 8, 26, 8),
        (LITELLM, 23, 15, 17),
        (OLLAMA, 3, 16, 3),
    ] {
        let Attempt {
            judgement, seen, ..
        } = streamed(stream);
        assert_eq!(judgement.error, None, "{stream}");
        assert_eq!(
            (seen.chunks, seen.tokens.input, seen.tokens.output),
            (chunks, Some(input), Some(output)),
            "{stream}"
        );
    }
    for stream in [COMPLETION, COMPLETION_VLLM] {
        let Attempt {
            judgement, seen, ..
        } = completion(stream);
        assert_eq!(
            (judgement.error, seen.chunks, seen.tokens.output),
            (None, 4, Some(4))
        );
    }
}

#[test]
fn more_tokens_than_asked_are_counted_as_told() {
    let seen = streamed(LITELLM).seen;
    assert_eq!(
        (seen.tokens.output, seen.notes.as_slice()),
        (Some(17), &["more_tokens_than_asked"][..])
    );
}

/// A chunk is not a token: what stands in for a count says nothing of what the server generated.
#[test]
fn more_chunks_than_tokens_asked_are_no_more_tokens_than_asked() {
    let without_usage = LITELLM.replace("\"usage\"", "\"other\"");
    assert_ne!(without_usage, LITELLM);
    let seen = streamed(&without_usage).seen;
    assert_eq!(
        (seen.tokens.output, seen.tokens.source),
        (Some(23), Some(TokensSource::Chunks))
    );
    assert_eq!(seen.notes, [""; 0]);
}

#[test]
fn an_end_without_a_mark_is_the_responses_and_is_complete() {
    let Attempt {
        judgement, seen, ..
    } = streamed(TRANSFORMERS);
    assert_eq!((judgement.outcome, seen.end), (Outcome::Ok, None));
    let cut = TRANSFORMERS.trim_end();
    assert!(
        streamed(cut).judgement.outcome.is_ok(),
        "the last event lacks its blank line"
    );
}

#[test]
fn reasoning_and_tool_calls_are_content_and_told_apart() {
    let answer = Answer::stream(&TOOLS.replace("\r\n", "\n"));
    for answer in [answer.clone(), Answer::ok("text/event-stream", TOOLS)] {
        let Attempt {
            judgement, seen, ..
        } = chat(json!({}), &answer);
        assert_eq!(
            (judgement.error, seen.chunks, seen.tokens.reasoning),
            (None, 6, Some(3))
        );
        assert!(seen.first_content <= seen.first_answer);
    }
    let seen = chat(json!({}), &answer).seen;
    assert_eq!(
        (ms(seen.first_content), ms(seen.first_answer)),
        (Some(3), Some(6))
    );
}

#[test]
fn an_answer_of_reasoning_alone_is_ok_without_a_first_answer() {
    let stream = "data: {\"choices\":[{\"delta\":{\"reasoning\":\"hm\"},\"finish_reason\":\"length\"}]}\n\ndata: [DONE]\n\n";
    let Attempt {
        judgement, seen, ..
    } = streamed(stream);
    assert!(
        judgement.outcome.is_ok() && seen.first_content.is_some() && seen.first_answer.is_none()
    );
}

#[test]
fn every_choice_must_finish_and_gaps_are_within_a_choice() {
    let two = chat(json!({"n": 2}), &Answer::stream(TWO));
    assert!(two.judgement.outcome.is_ok());
    assert_eq!(two.seen.gaps_ns, [2_000_000; 4]);
    let cut = TWO.replace(
        r#""index":1,"delta":{},"finish_reason":"stop""#,
        r#""index":1,"delta":{},"finish_reason":"""#,
    );
    assert_ne!(cut, TWO);
    let judgement = chat(json!({"n": 2}), &Answer::stream(&cut)).judgement;
    assert_eq!(judgement.outcome, Outcome::Invalid);
    assert!(judgement.error.unwrap().contains("1 of 2 choices"));
}

#[test]
fn a_choice_that_has_content_must_finish_whatever_was_asked_for() {
    let event = |choice: &str| format!("data: {{\"choices\":[{choice}]}}\n\n");
    let text = event(r#"{"index":0,"delta":{"content":"a"}}"#);
    let finish = |index: u32, reason: &str| {
        event(&format!(
            r#"{{"index":{index},"delta":{{}},"finish_reason":"{reason}"}}"#
        ))
    };
    let judged = |events: &[&str]| {
        let judgement = streamed(&format!("{}data: [DONE]\n\n", events.concat())).judgement;
        (judgement.outcome, judgement.error.unwrap_or_default())
    };
    assert_eq!(judged(&[&text, &finish(0, "stop")]).0, Outcome::Ok);
    // The finish of another choice does not finish this one.
    let (outcome, error) = judged(&[&text, &finish(1, "stop")]);
    assert_eq!(outcome, Outcome::Invalid);
    assert!(error.contains("1 of 2 choices"), "{error}");
    assert_eq!(judged(&[&text]).0, Outcome::Invalid);
    // Engines that are stopped end their streams so, with status 200 and an end mark.
    for reason in ["abort", "error"] {
        let (outcome, error) = judged(&[&text, &finish(0, reason), &finish(0, "stop")]);
        assert_eq!(outcome, Outcome::Invalid);
        assert!(error.contains(&format!("`{reason}`")), "{error}");
    }
    let whole = WHOLE.replace(r#""finish_reason":"stop""#, r#""finish_reason":"abort""#);
    assert_ne!(whole, WHOLE);
    let answer = Answer::ok("application/json", whole);
    let judgement = chat(json!({"stream": false}), &answer).judgement;
    assert_eq!(judgement.outcome, Outcome::Invalid);
}

#[test]
fn a_good_status_whose_content_fails_is_invalid() {
    let died = streamed(DIED).judgement;
    assert_eq!(died.outcome, Outcome::Invalid);
    assert_eq!(
        died.error.as_deref(),
        Some("The engine has stopped; see the log for its root cause.")
    );
    let (without_finish, _) = LLAMA
        .split_once("data: {\"choices\":[{\"finish_reason\":\"length\"")
        .unwrap();
    for stream in [
        "",
        "data: [DONE]\n\n",
        ": ping\n\n",
        without_finish,
        &format!("{without_finish}data: [DONE]\n\n"),
    ] {
        assert_eq!(
            streamed(stream).judgement.outcome,
            Outcome::Invalid,
            "{stream}"
        );
    }
    let named = "event: error\ndata: {\"message\":\"gone\"}\n\n";
    assert_eq!(streamed(named).judgement.error.as_deref(), Some("gone"));
    for body in [
        "",
        "{}",
        r#"{"choices":[]}"#,
        r#"{"error":{"message":"no"}}"#,
    ] {
        let attempt = chat(
            json!({"stream": false}),
            &Answer::ok("application/json", body),
        );
        assert_eq!(attempt.judgement.outcome, Outcome::Invalid, "{body}");
    }
}

#[test]
fn malformed_events_are_a_failure_of_the_protocol() {
    for stream in [
        "data: {\"choices\":[{\n\n",
        "data: hello\n\n",
        "data: {\"choices\":7}\n\n",
        "data: {\"usage\":[26,8,null,null]}\n\n",
        "data: {\"timings\":[null,26,2.5,8,4.0]}\n\n",
    ] {
        assert_eq!(
            streamed(stream).judgement.outcome,
            Outcome::Protocol,
            "{stream}"
        );
    }
    let attempt = chat(
        json!({"stream": false}),
        &Answer::ok("application/json", "<html>"),
    );
    assert_eq!(attempt.judgement.outcome, Outcome::Protocol);
}

/// JSON is UTF-8 (RFC 8259, 8.1); an event stream is decoded with U+FFFD in place of what is none (WHATWG HTML,
/// "Interpreting an event stream").
#[test]
fn what_is_no_utf_8_is_malformed_in_a_whole_answer_and_not_in_a_stream() {
    let broken = |text: &str| -> Vec<u8> {
        let bytes = text.replace("chatcmpl", "~").into_bytes().into_iter();
        bytes
            .map(|byte| if byte == b'~' { 0xff } else { byte })
            .collect()
    };
    let mut answer = Answer::ok("application/json", broken(WHOLE));
    let whole = chat(json!({"stream": false}), &answer);
    assert_eq!(whole.judgement.outcome, Outcome::Protocol);
    answer = Answer::stream("");
    answer.pieces = vec![broken(VLLM).into()];
    assert_eq!(chat(json!({}), &answer).judgement.outcome, Outcome::Ok);
}

#[test]
fn an_event_beyond_the_cap_is_too_large() {
    let pieces = std::iter::repeat_n("x".repeat(1 << 20).into(), 11).collect();
    let answer = Answer {
        pieces,
        ..Answer::stream("")
    };
    assert_eq!(
        chat(json!({}), &answer).judgement.outcome,
        Outcome::TooLarge
    );
}

#[test]
fn a_refusal_has_its_class_and_the_servers_text() {
    let refused = |status, body: &'static str, headers| {
        let answer = Answer {
            status,
            headers,
            pieces: vec![body.into()],
        };
        let judgement = chat(json!({}), &answer).judgement;
        (judgement.outcome, judgement.error.unwrap())
    };
    let (outcome, error) = refused(429, wire!("openai-chat/too-many.429.json"), vec![]);
    assert_eq!(
        (outcome, error.as_str()),
        (
            Outcome::Rejected,
            "HTTP 429: slow down: the group had too many requests"
        )
    );
    let (outcome, error) = refused(400, wire!("openai-chat/too-long.400.json"), vec![]);
    assert_eq!(outcome, Outcome::Http(400));
    assert!(error.contains("exceeds the available context size"));
    assert_eq!(
        refused(503, "busy", vec![("retry-after", "1")]).0,
        Outcome::Rejected
    );
    assert_eq!(
        refused(503, "", vec![]),
        (Outcome::Http(503), "HTTP 503".to_owned())
    );
}

#[test]
fn an_answer_that_was_not_streamed_has_no_marks_of_content() {
    let Attempt {
        judgement,
        seen,
        sent,
    } = chat(
        json!({"stream": false}),
        &Answer::ok("application/json", WHOLE),
    );
    assert!(judgement.outcome.is_ok() && !sent[0].streamed);
    assert_eq!(
        (seen.first_content, seen.chunks, seen.tokens.output),
        (None, 0, Some(4))
    );
    assert!(seen.notes.is_empty());
}

#[test]
fn a_byte_order_mark_before_a_whole_answer_is_noise() {
    let marked = format!("\u{feff}{WHOLE}");
    let asked = json!({"stream": false});
    let attempt = chat(asked, &Answer::ok("application/json", marked));
    assert_eq!(attempt.judgement.outcome, Outcome::Ok);
    assert_eq!(attempt.seen.tokens.output, Some(4));
}

#[test]
fn the_content_type_chooses_the_parser_and_a_difference_is_noted() {
    let whole = chat(json!({}), &Answer::ok("application/json", WHOLE));
    assert_eq!(
        (whole.judgement.outcome, whole.seen.notes.as_slice()),
        (Outcome::Ok, &["content_type"][..])
    );
    let stream = chat(json!({"stream": false}), &Answer::stream(VLLM));
    assert_eq!(
        (
            stream.judgement.outcome,
            stream.seen.chunks,
            stream.seen.notes.as_slice()
        ),
        (Outcome::Ok, 8, &["content_type"][..])
    );
    let unnamed = Answer {
        headers: vec![],
        ..Answer::stream(VLLM)
    };
    assert!(chat(json!({}), &unnamed).judgement.outcome.is_ok());
}

#[test]
fn without_a_count_chunks_or_the_request_stand_in() {
    let (without_usage, _) = VLLM.split_once("data: {\"id\":\"chatcmpl-fixtureB\",\"object\":\"chat.completion.chunk\",\"created\":1700000001,\"model\":\"small-model\",\"choices\":[],").unwrap();
    let tokens = streamed(without_usage).seen.tokens;
    assert_eq!(
        (tokens.output, tokens.source, tokens.input),
        (Some(8), Some(TokensSource::Chunks), None)
    );
    let zero = VLLM.replace("\"completion_tokens\":8", "\"completion_tokens\":0");
    let seen = streamed(&zero).seen;
    assert_eq!(
        (seen.tokens.output, seen.tokens.source),
        (Some(8), Some(TokensSource::Chunks))
    );
    assert_eq!(seen.notes, ["usage_zero"]);
    let whole = WHOLE.replace("\"usage\"", "\"other\"");
    let tokens = chat(
        json!({"stream": false, "max_tokens": 6}),
        &Answer::ok("application/json", whole),
    )
    .seen
    .tokens;
    assert_eq!(
        (tokens.output, tokens.source),
        (Some(6), Some(TokensSource::Requested))
    );
}

#[test]
fn the_text_is_kept_only_where_a_sample_is_wanted() {
    let protocol = protocol(Kind::OpenaiChat);
    let prepared = protocol.prepare(request("Hello", json!({}))).unwrap();
    for (answer, text) in [
        (Answer::stream(LLAMA), "The lamp by the sea burns all night"),
        (Answer::ok("application/json", WHOLE), "The lamp burns."),
    ] {
        let kept = play_keeping(&*protocol, &prepared, std::slice::from_ref(&answer), true)
            .seen
            .samples;
        assert_eq!(
            (kept.len(), kept[0].extension, kept[0].bytes.as_slice()),
            (1, "txt", text.as_bytes())
        );
        assert!(
            play(&*protocol, &prepared, &[answer])
                .seen
                .samples
                .is_empty()
        );
    }
}

#[test]
fn noise_between_events_changes_nothing() {
    let noisy = format!(
        "\u{feff}: hello\n\n{}",
        LLAMA.replace(
            "\n\n",
            "\n\n: ping\n\ndata:\n\nevent: ping\ndata: x\n\ndata: {\"object\":\"x\"}\n\n"
        )
    );
    let seen = streamed(&noisy).seen;
    assert_eq!((seen.chunks, seen.tokens.output), (8, Some(8)));
}

#[test]
fn a_request_holds_what_the_row_asks_for() {
    let chat = protocol(Kind::OpenaiChat);
    let prepared = chat
        .prepare(request(
            "Hi",
            json!({"max_tokens": 8, "seed": 0, "n": 2, "custom": {"a": [1]}}),
        ))
        .unwrap();
    let body: Value = serde_json::from_slice(&prepared.exchange.body).unwrap();
    assert_eq!(
        body,
        json!({"model": "small-model", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 8, "seed": 0, "n": 2,
               "custom": {"a": [1]}, "stream": true, "stream_options": {"include_usage": true}})
    );
    assert_eq!(
        (prepared.choices, prepared.requested_tokens, prepared.stream),
        (2, Some(8), true)
    );
    assert_eq!(
        prepared.params_json,
        r#"{"max_tokens":8,"seed":0,"n":2,"custom":{"a":[1]}}"#
    );
    assert!(
        chat.prepare(request("Hi", json!({"stream": "yes"})))
            .is_err()
    );
    let completions = protocol(Kind::OpenaiCompletions)
        .prepare(request("Hi", json!({})))
        .unwrap();
    let body: Value = serde_json::from_slice(&completions.exchange.body).unwrap();
    assert_eq!(body, json!({"model": "small-model", "prompt": "Hi"}));
}

#[test]
fn pictures_go_with_the_last_message_of_the_user() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.png");
    std::fs::write(&path, b"\x89PNG\r\n\x1a\n").unwrap();
    let mut asked = request("What is this?", json!({}));
    asked.row.images = vec![path.clone()];
    let prepared = protocol(Kind::OpenaiChat).prepare(asked.clone()).unwrap();
    let body: Value = serde_json::from_slice(&prepared.exchange.body).unwrap();
    assert_eq!(
        body["messages"][0]["content"][0],
        json!({"type": "text", "text": "What is this?"})
    );
    assert_eq!(
        body["messages"][0]["content"][1]["image_url"]["url"],
        "data:image/png;base64,iVBORw0KGgo="
    );
    asked.row.images = vec![folder.path().join("none.png")];
    assert!(protocol(Kind::OpenaiChat).prepare(asked).is_err());
}
