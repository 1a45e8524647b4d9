use super::*;

fn choices(json: &str) -> (Vec<Choice>, String) {
    let (mut choices, mut kept) = (Vec::new(), Vec::new());
    read(json.as_bytes(), Some(&mut kept), &mut |choice| {
        choices.push(choice);
    })
    .unwrap();
    (choices, String::from_utf8(kept).unwrap())
}

fn one(delta: &str) -> (bool, bool, String) {
    let (choices, kept) = choices(&format!(r#"{{"choices":[{{"delta":{delta},"index":0}}]}}"#));
    (choices[0].reasoning, choices[0].answer, kept)
}

#[test]
fn content_is_told_from_its_absence_and_from_reasoning() {
    assert_eq!(
        one(r#"{"role":"assistant","content":null}"#),
        (false, false, String::new())
    );
    assert_eq!(
        one(r#"{"role":"assistant","content":"","name":"bot"}"#),
        (false, false, String::new())
    );
    assert_eq!(one(r#"{"content":" ad"}"#), (false, true, " ad".to_owned()));
    assert_eq!(
        one(r#"{"reasoning_content":"hm","content":null}"#),
        (true, false, String::new())
    );
    assert_eq!(
        one(r#"{"reasoning":"hm","content":"so"}"#),
        (true, true, "so".to_owned())
    );
    assert_eq!(
        one(r#"{"content":[{"type":"text","text":"part"}]}"#),
        (false, true, "part".to_owned())
    );
    assert_eq!(one(r#"{"refusal":"no"}"#), (false, true, "no".to_owned()));
    assert_eq!(one("null"), (false, false, String::new()));
}

#[test]
fn fragments_of_tool_calls_are_content() {
    let call = r#"{"tool_calls":[{"index":0,"id":"x","type":"function","function":{"name":"f","arguments":""}}]}"#;
    assert_eq!(one(call), (false, true, "f".to_owned()));
    assert_eq!(
        one(r#"{"tool_calls":[{"index":0,"function":{"arguments":"{\"a"}}]}"#),
        (false, true, "{\"a".to_owned())
    );
    assert_eq!(
        one(r#"{"tool_calls":[{"index":0,"function":{"arguments":""}}]}"#),
        (false, false, String::new())
    );
    assert_eq!(one(r#"{"tool_calls":null}"#), (false, false, String::new()));
}

#[test]
fn an_empty_finish_reason_is_none_and_a_servers_failure_is_no_completion() {
    let finish = |reason: &str| {
        choices(&format!(r#"{{"choices":[{{"finish_reason":{reason}}}]}}"#)).0[0].finish
    };
    for reason in [
        r#""stop""#,
        r#""length""#,
        r#""tool_calls""#,
        r#""content_filter""#,
    ] {
        assert_eq!(finish(reason), Some(Finish::Complete), "{reason}");
    }
    assert_eq!((finish(r#""""#), finish("null")), (None, None));
    assert_eq!(finish(r#""abort""#), Some(Finish::GivenUp("abort")));
    assert_eq!(finish(r#""error""#), Some(Finish::GivenUp("error")));
}

#[test]
fn a_lone_surrogate_is_one_replacement_character() {
    assert_eq!(
        one(r#"{"content":"a\ud83d b\udc00"}"#),
        (false, true, "a\u{FFFD} b\u{FFFD}".to_owned())
    );
    assert_eq!(one(r#"{"content":"\ud83c\udf88"}"#).2, "🎈");
    assert_eq!(one(r#"{"\ud800":"\ud800","content":"x"}"#).2, "x");
}

#[test]
fn only_the_first_choice_is_kept_whatever_the_order_of_keys() {
    let json =
        r#"{"choices":[{"delta":{"content":"b"},"index":1},{"index":0,"delta":{"content":"a"}}]}"#;
    let (found, kept) = choices(json);
    assert_eq!((found[0].index, found[1].index, kept.as_str()), (1, 0, "a"));
}

#[test]
fn names_of_keys_within_text_mislead_nobody() {
    let (found, _) = choices(
        r#"{"id":"\"choices\":[{\"finish_reason\":\"stop\"}]","choices":[{"delta":{"content":"\"finish_reason\":\"x\""}}]}"#,
    );
    assert_eq!((found.len(), found[0].finish), (1, None));
}

#[test]
fn numbers_beside_the_choices_are_read() {
    let json = br#"{"choices":[],"usage":{"prompt_tokens":26,"completion_tokens":8,"prompt_tokens_details":{"cached_tokens":25},
        "completion_tokens_details":null},"timings":{"prompt_ms":2.5,"predicted_ms":4.0,"x":"y"},"error":null}"#;
    let event = read(json, None, &mut |_| {}).unwrap();
    let usage = event.usage.unwrap();
    assert_eq!(
        (usage.prompt_tokens, usage.completion_tokens),
        (Some(26.0), Some(8.0))
    );
    assert_eq!(
        usage.prompt_tokens_details.unwrap().0.cached_tokens,
        Some(25.0)
    );
    assert_eq!(event.timings.unwrap().prompt_ms, Some(2.5));
    assert!(event.error.is_none() && !event.is_error);
    assert!(
        read(br#"{"object":"error","message":"x"}"#, None, &mut |_| {})
            .unwrap()
            .is_error
    );
    assert!(
        read(br#"{"error":{"code":500}}"#, None, &mut |_| {})
            .unwrap()
            .error
            .is_some()
    );
}

#[test]
fn what_is_no_answer_is_an_error() {
    for json in [
        "",
        "[]",
        "7",
        "{",
        r#"{"choices":5}"#,
        r#"{"choices":[{"delta":{"content":5}}]}"#,
        "{} x",
    ] {
        assert!(read(json.as_bytes(), None, &mut |_| {}).is_err(), "{json}");
    }
}

/// An event of one text, whose bytes stand as they are.
fn around(text: &[u8]) -> Vec<u8> {
    let before: &[u8] = br#"{"id":"x","choices":[{"index":1,"delta":{"content":""#;
    [before, text, br#""},"finish_reason":null}],"usage":null}"#].concat()
}

/// What an event is remembered as.
fn remembered(json: &[u8]) -> Last {
    let mut last = Last::default();
    let event = read(json, None, &mut |_| {}).unwrap();
    last.keep(json, &event);
    last
}

#[test]
fn an_event_that_differs_in_its_text_alone_is_the_last_one_again() {
    let last = remembered(&around(b" one"));
    let again = Choice {
        index: 1,
        answer: true,
        ..Choice::default()
    };
    assert_eq!(last.again(&around(b" two, longer")), Some(again));
    assert_eq!(last.again(&around("\u{e9}".as_bytes())), Some(again));
    for other in [b"".as_slice(), b"a\\n", b"\"", b"a\nb"] {
        assert_eq!(last.again(&around(other)), None, "{}", other.escape_ascii());
    }
    let finished = String::from_utf8(around(b"x")).unwrap();
    let finished = finished.replace(":null}]", ":\"stop\"}]");
    assert_eq!(last.again(finished.as_bytes()), None);
    assert_eq!(Last::default().again(b"x"), None);
    let thought = remembered(br#"{"choices":[{"delta":{"reasoning":"hm","content":""}}]}"#);
    let thought = thought.again(br#"{"choices":[{"delta":{"reasoning":"so","content":""}}]}"#);
    assert_eq!(
        thought.map(|choice| (choice.reasoning, choice.answer)),
        Some((true, false))
    );
}

#[test]
fn an_event_that_says_more_than_one_text_is_not_remembered() {
    for json in [
        r#"{"choices":[{"delta":{"content":"a"}}],"usage":{"completion_tokens":1}}"#,
        r#"{"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}"#,
        r#"{"choices":[{"delta":{"content":"a"}},{"index":1,"delta":{}}]}"#,
        r#"{"choices":[{"delta":{"content":"a","reasoning":"b"}}]}"#,
        r#"{"choices":[{"delta":{"content":"a\n"}}]}"#,
        r#"{"choices":[{"delta":{"content":""}}]}"#,
    ] {
        assert_eq!(
            remembered(json.as_bytes()).again(json.as_bytes()),
            None,
            "{json}"
        );
    }
}

proptest::proptest! {
    #[test]
    fn what_is_told_from_the_last_event_is_what_a_whole_look_says(
        text in proptest::collection::vec(0_u8.., 0..12),
        at in 0..80_usize,
        byte in 0_u8..,
    ) {
        let mut event = around(&text);
        if at < event.len() {
            event[at] = byte;
        }
        if let Some(told) = remembered(&around(b" one")).again(&event) {
            let mut choices = Vec::new();
            let read = read(&event, None, &mut |choice| choices.push(choice)).unwrap();
            proptest::prop_assert_eq!(choices, [told]);
            proptest::prop_assert!(read.usage.is_none() && read.error.is_none() && !read.is_error);
        }
    }
}
