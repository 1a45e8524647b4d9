//! Against recorded shapes of a real server (tests/fixtures/wire/ollama); what must come out of the oracle's stream is
//! real-servers.md §2: 8 content chunks, 26 prompt tokens, 8 completion tokens.

use serde_json::{Value, json};

use crate::foundation::units::Offset;
use crate::instruments::record::{Outcome, TokensSource};
use crate::kinds::dataset::{Prompt, Task};
use crate::kinds::protocol::rehearsal::{
    Answer, Attempt, play, play_keeping, protocol_for, request,
};
use crate::kinds::protocol::{Kind, Protocol};

macro_rules! wire {
    ($path:literal) => {
        include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/fixtures/wire/ollama/",
            $path
        ))
    };
}

const CHAT: &str = wire!("chat.stream.txt");
const GENERATE: &str = wire!("generate.stream.txt");
const TOOL_CALL: &str = wire!("thinking-and-tool-call.stream.txt");
const FAILED: &str = wire!("failed-midway.stream.txt");
const WHOLE: &str = wire!("chat.json");
const WHOLE_GENERATE: &str = wire!("generate.json");
const LOAD: &str = wire!("load.json");

fn protocol(task: Task) -> Box<dyn Protocol> {
    protocol_for(Kind::Ollama, Some(task))
}

fn asked(task: Task, params: Value, answer: Answer) -> Attempt {
    let protocol = protocol(task);
    let prepared = protocol.prepare(request("Hello", params)).unwrap();
    play(&*protocol, &prepared, &[answer])
}

fn streamed(body: &str) -> Attempt {
    asked(Task::Chat, json!({"max_tokens": 8}), Answer::lines(body))
}

fn ms(offset: Option<Offset>) -> Option<u64> {
    offset.map(|offset| offset.as_nanos() / 1_000_000)
}

fn judged(attempt: &Attempt) -> (Outcome, &str) {
    let error = attempt.judgement.error.as_deref();
    (attempt.judgement.outcome, error.unwrap_or_default())
}

#[test]
fn the_oracles_stream_has_its_chunks_its_tokens_and_its_end() {
    assert_eq!(CHAT.lines().count(), 9);
    let Attempt {
        judgement, seen, ..
    } = streamed(CHAT);
    assert_eq!(judgement.error, None);
    assert_eq!(
        (seen.chunks, seen.tokens.input, seen.tokens.output),
        (8, Some(26), Some(8))
    );
    assert_eq!(seen.tokens.source, Some(TokensSource::Usage));
    // The head at 1 ms, content from 2 to 9, the line that is done at 10.
    assert_eq!(
        (ms(seen.first_content), ms(seen.last_content), ms(seen.end)),
        (Some(2), Some(9), Some(10))
    );
    assert_eq!(seen.gaps_ns, [1_000_000; 7]);
    assert!(seen.notes.is_empty());
}

#[test]
fn the_servers_durations_are_seconds_by_its_own_names() {
    let seen = streamed(CHAT).seen;
    let told: Vec<(&str, f64)> = seen
        .server
        .iter()
        .map(|(name, value)| (name.as_str(), *value))
        .collect();
    assert_eq!(
        told,
        [
            ("eval_duration", 0.0034),
            ("load_duration", 0.515),
            ("prompt_eval_duration", 0.0017),
            ("total_duration", 0.524),
            ("total_s", 0.524),
        ]
    );
    // A gateway's total has what lies before Ollama too.
    let mut answer = Answer::ok("application/json", WHOLE);
    answer.headers.push(("server-timing", "total;dur=600"));
    let seen = asked(Task::Chat, json!({"stream": false}), answer).seen;
    assert_eq!(
        (seen.server["total_s"], seen.server["total_duration"]),
        (0.6, 0.524)
    );
}

#[test]
fn a_completion_is_read_like_a_chat() {
    let Attempt {
        judgement, seen, ..
    } = asked(
        Task::Completion,
        json!({"max_tokens": 4}),
        Answer::lines(GENERATE),
    );
    assert_eq!(judgement.error, None);
    assert_eq!(
        (seen.chunks, seen.tokens.input, seen.tokens.output),
        (4, Some(4), Some(4))
    );
}

/// Ollama says the first. No standard has a name for it, and these are in use.
#[test]
fn json_lines_are_known_by_each_of_their_names() {
    for name in [
        "application/x-ndjson",
        "application/ndjson",
        "application/jsonl",
        "application/x-jsonlines",
    ] {
        for stream in [true, false] {
            let mut answer = Answer::lines(CHAT);
            answer.headers = vec![("content-type", name)];
            let Attempt {
                judgement, seen, ..
            } = asked(Task::Chat, json!({ "stream": stream }), answer);
            assert_eq!(judgement.error, None, "{name}");
            assert_eq!(seen.chunks, 8, "{name}");
            // A stream that was asked for is what was expected.
            assert_eq!(seen.notes.is_empty(), stream, "{name}: {:?}", seen.notes);
        }
    }
}

#[test]
fn thinking_and_calls_of_tools_are_content_and_told_apart() {
    let Attempt {
        judgement, seen, ..
    } = streamed(TOOL_CALL);
    assert_eq!(judgement.error, None);
    // Three lines of thinking, two of text, one with a call.
    assert_eq!((seen.chunks, seen.tokens.output), (6, Some(9)));
    assert_eq!(
        (ms(seen.first_content), ms(seen.first_answer)),
        (Some(2), Some(5))
    );
    assert_eq!(seen.notes, ["more_tokens_than_asked"]);
    let (thinking, _) = TOOL_CALL
        .split_once("{\"model\":\"small-model\",\"created_at\":\"2026-01-02T03:04:05.103")
        .unwrap();
    let (_, last) = TOOL_CALL.trim_end().rsplit_once('\n').unwrap();
    let seen = streamed(&format!("{thinking}{last}\n")).seen;
    assert!(seen.first_content.is_some() && seen.first_answer.is_none());
    // Of a completion, all of it stands beside the text.
    let call =
        r#"{"response":"","tool_calls":[{"function":{"name":"f","arguments":{}}}],"done":true}"#;
    let thought = r#"{"response":"","thinking":"Hm","done":true}"#;
    for (line, is_answer) in [(call, true), (thought, false)] {
        let attempt = asked(Task::Completion, json!({}), Answer::lines(line));
        assert_eq!(attempt.judgement.outcome, Outcome::Ok);
        assert_eq!(attempt.seen.first_answer.is_some(), is_answer, "{line}");
    }
}

#[test]
fn an_answer_that_is_not_done_is_none() {
    let (cut, _) = CHAT.trim_end().rsplit_once('\n').unwrap();
    let was_cut = (
        Outcome::Invalid,
        "the answer was cut: it has no `done: true`",
    );
    assert_eq!(judged(&streamed(cut)), was_cut);
    // Nor is one whose last line was cut within.
    let within = &CHAT[..CHAT.len() - 10];
    assert_eq!(streamed(within).judgement.outcome, Outcome::Protocol);
    let not_done = WHOLE.replace("\"done\":true", "\"done\":false");
    let answer = Answer::ok("application/json", not_done);
    let whole = asked(Task::Chat, json!({"stream": false}), answer);
    assert_eq!(judged(&whole), was_cut);
    // The last line may lack its end.
    assert_eq!(streamed(CHAT.trim_end()).judgement.outcome, Outcome::Ok);
}

#[test]
fn a_good_status_without_content_is_invalid() {
    for body in [
        "",
        "\n\n",
        "{}\n",
        "{\"done\":true}\n",
        "{\"message\":{\"content\":\"\",\"tool_calls\":[ ]},\"done\":true}\n",
    ] {
        assert_eq!(
            judged(&streamed(body)),
            (Outcome::Invalid, "the answer has no content"),
            "{body}"
        );
    }
    // What only loads a model is quick, and no answer.
    let load = asked(
        Task::Completion,
        json!({}),
        Answer::ok("application/json", LOAD),
    );
    assert_eq!(
        judged(&load),
        (
            Outcome::Invalid,
            "the answer has no content; its done_reason is `load`"
        )
    );
    let empty = asked(
        Task::Chat,
        json!({"stream": false}),
        Answer::ok("application/json", ""),
    );
    assert_eq!(judged(&empty), (Outcome::Invalid, "the answer is empty"));
}

#[test]
fn an_error_in_the_midst_ends_the_answer_with_its_text() {
    let error = "the model's runner has terminated: exit status 2";
    let failed = streamed(FAILED);
    assert_eq!(judged(&failed), (Outcome::Invalid, error));
    assert_eq!(failed.seen.chunks, 2, "what came before it was seen");
    let and_done = format!("{FAILED}{}", CHAT.lines().last().unwrap());
    assert_eq!(judged(&streamed(&and_done)), (Outcome::Invalid, error));
    let long = format!(r#"{{"pad":"{}","error":"no"}}"#, "x".repeat(70_000));
    let whole = Answer::ok("application/json", long);
    let whole = asked(Task::Chat, json!({"stream": false}), whole);
    assert_eq!(judged(&whole), (Outcome::Invalid, "no"));
}

#[test]
fn malformed_lines_are_a_failure_of_the_protocol() {
    for body in [
        "hello\n",
        "[]\n",
        // serde's derived structs take a list of their fields in order.
        "[null,null,\"a\",null,null,true,null,null,null,null,null,null,null]\n",
        "{\"message\":[\"a\",null,null],\"done\":true}\n",
        "{\"response\":7}\n",
        "{\"message\":{\"content\":[\"a\"]}}\n",
        "{\"message\":{\"tool_calls\":{\"0\":1}}}\n",
        "{\"done\":\"yes\"}\n",
        "{} {}\n",
    ] {
        assert_eq!(
            streamed(body).judgement.outcome,
            Outcome::Protocol,
            "{body}"
        );
    }
}

#[test]
fn what_is_no_utf_8_is_no_json_wherever_it_stands() {
    for line in [r#""model":"~""#, r#""~":1"#, r#""response":"~""#] {
        let line = format!("{{\"response\":\"a\",\"done\":true,{line}}}\n");
        let bytes = line.bytes();
        let bytes = bytes.map(|byte| if byte == b'~' { 0xff } else { byte });
        let mut answer = Answer::lines("");
        answer.pieces = vec![bytes.collect()];
        let streamed = asked(Task::Chat, json!({}), answer.clone());
        answer.headers = vec![("content-type", "application/json")];
        let whole = asked(Task::Chat, json!({"stream": false}), answer);
        for attempt in [streamed, whole] {
            assert_eq!(attempt.judgement.outcome, Outcome::Protocol, "{line}");
        }
    }
}

#[test]
fn a_lone_surrogate_is_a_replacement_character_wherever_it_stands() {
    let streamed = streamed("{\"\\ud800\":1,\"done\":true,\"done_reason\":\"\\ud800\"}\n");
    assert_eq!(
        judged(&streamed),
        (
            Outcome::Invalid,
            "the answer has no content; its done_reason is `\u{FFFD}`"
        )
    );
}

#[test]
fn a_refusal_has_its_class_and_the_servers_text() {
    let refused = |status, body: &'static str| {
        let answer = Answer {
            status,
            headers: vec![("content-type", "application/json; charset=utf-8")],
            pieces: vec![body.into()],
        };
        let Attempt { judgement, .. } = asked(Task::Chat, json!({}), answer);
        (judgement.outcome, judgement.error.unwrap())
    };
    let (outcome, error) = refused(404, wire!("not-found.404.json"));
    assert_eq!(
        (outcome, error.as_str()),
        (
            Outcome::Http(404),
            "HTTP 404: model 'small-model' not found"
        )
    );
    // Ollama gives no Retry-After.
    let (outcome, error) = refused(503, wire!("busy.503.json"));
    assert_eq!(outcome, Outcome::Http(503));
    assert!(error.contains("maximum pending requests exceeded"));
}

#[test]
fn an_answer_that_was_not_streamed_has_no_marks_of_content() {
    for (task, body, input) in [
        (Task::Chat, WHOLE, 26),
        (Task::Completion, WHOLE_GENERATE, 4),
    ] {
        let Attempt {
            judgement,
            seen,
            sent,
        } = asked(
            task,
            json!({"stream": false}),
            Answer::ok("application/json; charset=utf-8", body),
        );
        assert!(judgement.outcome.is_ok() && !sent[0].streamed);
        assert_eq!((seen.first_content, seen.chunks, seen.end), (None, 0, None));
        assert_eq!(
            (seen.tokens.input, seen.tokens.output),
            (Some(input), Some(4))
        );
        assert!(seen.notes.is_empty());
    }
}

#[test]
fn the_content_type_chooses_the_parser_and_a_difference_is_noted() {
    let whole = asked(Task::Chat, json!({}), Answer::ok("application/json", WHOLE));
    assert_eq!(
        (whole.judgement.outcome, whole.seen.notes.as_slice()),
        (Outcome::Ok, &["content_type"][..])
    );
    let stream = asked(Task::Chat, json!({"stream": false}), Answer::lines(CHAT));
    assert_eq!(
        (stream.seen.chunks, stream.seen.notes.as_slice()),
        (8, &["content_type"][..])
    );
    let mut unnamed = Answer::lines(CHAT);
    unnamed.headers.clear();
    let unnamed = asked(Task::Chat, json!({}), unnamed);
    assert_eq!(
        (unnamed.seen.chunks, unnamed.seen.notes.as_slice()),
        (8, &["content_type"][..])
    );
}

#[test]
fn without_the_servers_count_the_chunks_or_the_request_stand_in() {
    let without = |text: &str| {
        text.replace("\"eval_count\":8,", "")
            .replace("\"eval_count\":4,", "")
    };
    let tokens = streamed(&without(CHAT)).seen.tokens;
    assert_eq!(
        (tokens.output, tokens.source),
        (Some(8), Some(TokensSource::Chunks))
    );
    let whole = Answer::ok("application/json", without(WHOLE));
    let params = json!({"stream": false, "max_tokens": 6});
    let tokens = asked(Task::Chat, params, whole).seen.tokens;
    assert_eq!(
        (tokens.output, tokens.source),
        (Some(6), Some(TokensSource::Requested))
    );
}

#[test]
fn the_text_is_kept_only_where_a_sample_is_wanted() {
    let protocol = protocol(Task::Chat);
    let prepared = protocol.prepare(request("Hello", json!({}))).unwrap();
    let call = r#"{"id":"call_a1","function":{"index":0,"name":"weather","arguments":{"city":"Oslo","unit":"\"C\""}}}"#;
    for (answer, text) in [
        (
            Answer::lines(CHAT),
            "The lamp by the sea burns all night".to_owned(),
        ),
        (Answer::lines(TOOL_CALL), format!("Let me\n{call}")),
        (
            Answer::lines("{\"response\":\"a\\ud83d \\ud83c\\udf88\",\"done\":true}"),
            "a\u{FFFD} \u{1f388}".to_owned(),
        ),
    ] {
        let answers = [answer];
        let kept = play_keeping(&*protocol, &prepared, &answers, true)
            .seen
            .samples;
        assert_eq!((kept.len(), kept[0].extension), (1, "txt"));
        assert_eq!(String::from_utf8_lossy(&kept[0].bytes), text);
        let unkept = play(&*protocol, &prepared, &answers).seen.samples;
        assert!(unkept.is_empty());
    }
}

fn sent(task: Task, params: Value) -> (String, Value) {
    let prepared = protocol(task).prepare(request("Hi", params)).unwrap();
    let exchange = prepared.exchange;
    let destination = format!("{:?}", exchange.destination);
    (destination, serde_json::from_slice(&exchange.body).unwrap())
}

#[test]
fn a_request_says_whether_it_streams_and_puts_the_models_parameters_into_options() {
    let params = json!({"max_tokens": 8, "temperature": 0, "seed": 7, "think": "low", "keep_alive": "5m",
                        "format": "json", "num_ctx": 4096});
    let (path, body) = sent(Task::Chat, params);
    assert_eq!(path, r#"Target("/api/chat")"#);
    assert_eq!(
        body,
        json!({"model": "small-model", "messages": [{"role": "user", "content": "Hi"}], "stream": true, "think": "low",
               "keep_alive": "5m", "format": "json",
               "options": {"num_predict": 8, "temperature": 0, "seed": 7, "num_ctx": 4096}})
    );
    let (path, body) = sent(Task::Completion, json!({"stream": false, "raw": true}));
    assert_eq!(path, r#"Target("/api/generate")"#);
    assert_eq!(
        body,
        json!({"model": "small-model", "prompt": "Hi", "stream": false, "raw": true})
    );
}

#[test]
fn what_the_requests_own_options_say_wins() {
    for params in [
        json!({"max_tokens": 8, "options": {"num_predict": 5, "top_k": 1}}),
        json!({"num_predict": 5, "max_tokens": 8, "top_k": 1}),
        json!({"top_k": 1, "options": {"num_predict": 5}}),
        json!({"max_tokens": 8, "num_predict": 5, "top_k": 1}),
    ] {
        let asked = request("Hi", params.clone());
        let prepared = protocol(Task::Chat).prepare(asked).unwrap();
        let body: Value = serde_json::from_slice(&prepared.exchange.body).unwrap();
        assert_eq!(
            body["options"],
            json!({"num_predict": 5, "top_k": 1}),
            "{params}"
        );
        assert_eq!(prepared.requested_tokens, Some(5));
        assert_eq!(prepared.params_json, params.to_string());
    }
    // -1 is Ollama's word for no limit.
    let unlimited = request("Hi", json!({"max_tokens": -1}));
    let prepared = protocol(Task::Chat).prepare(unlimited).unwrap();
    assert_eq!(prepared.requested_tokens, None);
}

#[test]
fn pictures_go_in_bare_base64_with_the_last_message_of_the_user() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.png");
    std::fs::write(&path, b"\x89PNG\r\n\x1a\n").unwrap();
    let mut asked = request("What is this?", json!({}));
    asked.row.images = vec![path];
    let body = |task, asked| -> Value {
        let prepared = protocol(task).prepare(asked).unwrap();
        serde_json::from_slice(&prepared.exchange.body).unwrap()
    };
    assert_eq!(
        body(Task::Completion, asked.clone())["images"],
        json!(["iVBORw0KGgo="])
    );
    asked.row.prompt = Prompt::Messages(vec![
        json!({"role": "user", "content": "Look."}),
        json!({"role": "assistant", "content": "Yes?"}),
        json!({"role": "user", "content": "What is this?"}),
        json!({"role": "assistant", "content": "It is"}),
    ]);
    let messages = body(Task::Chat, asked.clone())["messages"].take();
    assert_eq!(messages[2]["images"], json!(["iVBORw0KGgo="]));
    assert_eq!(messages[0].get("images"), None);
    asked.row.images = vec![folder.path().join("none.png")];
    assert!(protocol(Task::Chat).prepare(asked.clone()).is_err());
    asked.row.prompt = Prompt::Messages(vec![json!({"role": "system", "content": "x"})]);
    assert!(protocol(Task::Chat).prepare(asked).is_err());
}

#[test]
fn what_ollama_cannot_do_is_told_before_the_clock_starts() {
    let refused = |task, asked| protocol(task).prepare(asked).unwrap_err().message;
    assert!(refused(Task::Chat, request("Hi", json!({"n": 2}))).contains("`n` asks for 2"));
    assert!(refused(Task::Chat, request("Hi", json!({"options": 3}))).contains("is a map"));
    assert!(refused(Task::Chat, request("Hi", json!({"stream": "no"}))).contains("`stream`"));
    let mut asked = request("Hi", json!({}));
    asked.row.prompt = Prompt::Messages(vec![json!({"role": "user", "content": "Hi"})]);
    assert!(refused(Task::Completion, asked.clone()).contains("no prompt"));
    asked.row.prompt = Prompt::None;
    assert!(refused(Task::Chat, asked).contains("neither a prompt nor messages"));
}
