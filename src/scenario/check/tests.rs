use super::*;

fn minimal() -> Value {
    json!({
        "version": 1, "name": "a",
        "targets": { "t": { "protocol": "openai-chat", "base_url": "http://127.0.0.1:1" } },
        "datasets": { "d": { "kind": "random", "task": "chat" } },
    })
}

/// The findings of the minimal document with `value` at `pointer`, as `code pointer: message | help`.
fn with(pointer: &str, value: Value) -> Vec<String> {
    let mut document = minimal();
    let mut at = &mut document;
    for part in pointer.split('/').skip(1) {
        at = match at {
            Value::Array(items) => &mut items[part.parse::<usize>().unwrap()],
            map => &mut map[part.replace("~1", "/")],
        };
    }
    *at = value;
    let told = findings(&document).into_iter();
    told.map(|finding| {
        format!(
            "{} {}: {} | {}",
            finding.code,
            finding.pointer,
            finding.message,
            finding.help.unwrap_or_default()
        )
    })
    .collect()
}

#[test]
fn a_legal_document_has_no_findings() {
    assert_eq!(findings(&minimal()), []);
    assert_eq!(with("/x-anchors", json!({ "a": 1 })), [""; 0]);
}

#[test]
fn an_unknown_key_names_the_nearest_one() {
    assert_eq!(
        with("/load/requsts", json!(1)),
        ["unknown-key /load/requsts: unknown key `requsts` | did you mean `requests`?"]
    );
    assert_eq!(
        with("/targets/t/url", json!("x")),
        ["unknown-key /targets/t/url: unknown key `url` | did you mean `base_url`?"]
    );
    assert_eq!(
        with(
            "/slo/request/e2e",
            json!({ "estimate": "warmup", "scael": 2 })
        ),
        ["unknown-key /slo/request/e2e/scael: unknown key `scael` | did you mean `scale`?"]
    );
}

#[test]
fn the_branch_that_was_meant_is_told_and_no_other() {
    assert_eq!(
        with("/datasets/d/prefix_token", json!(1)),
        [
            "unknown-key /datasets/d/prefix_token: unknown key `prefix_token` | did you mean `prefix_tokens`?"
        ]
    );
    let wrong = with("/datasets/d/kind", json!("radnom"));
    assert_eq!(wrong.len(), 1, "{wrong:?}");
    assert!(
        wrong[0].starts_with(
            "wrong-value /datasets/d/kind: `radnom` is none of `trace`, `vbench`, `random`"
        ),
        "{wrong:?}"
    );
    assert!(wrong[0].ends_with("did you mean `random`?"), "{wrong:?}");
    let wrong = with("/targets/t/protocol", json!("openai"));
    assert!(
        wrong[0].contains("`openai` is none of `openai-chat`")
            && wrong[0].contains("did you mean `openai-"),
        "{wrong:?}"
    );
    let missing = with("/targets/t", json!({ "base_url": "http://a" }));
    assert_eq!(
        missing,
        ["missing-key /targets/t: `t` has no `protocol` | add it, such as `protocol: openai-chat`"]
    );
    let other = with("/targets/t/steps", json!([]));
    assert!(
        other[0].starts_with("unknown-key /targets/t/steps"),
        "{other:?}"
    );
}

#[test]
fn a_bare_number_for_a_duration_is_told_to_take_a_unit() {
    assert_eq!(
        with("/load/duration", json!(60)),
        [
            "wrong-type /load/duration: `60` is not a duration with its unit | give it a unit, such as `60s` or `60ms`"
        ]
    );
    let form = with("/load/duration", json!("5 sec"));
    assert_eq!(
        form,
        [
            "wrong-form /load/duration: `5 sec` is not a duration with its unit | write it like `30s`"
        ]
    );
    let order = with("/load/duration", json!("1s1m"));
    assert_eq!(
        order,
        ["wrong-form /load/duration: `1s1m` is not a duration with its unit | write it like `30s`"]
    );
    let think = with("/load/think_time", json!(5));
    assert!(
        think.len() == 1 && think[0].contains("`5` is not a duration with its unit, or a range"),
        "{think:?}"
    );
    let e2e = with("/slo/request/e2e", json!(5));
    assert!(
        e2e.len() == 1 && e2e[0].contains("is not a limit: a duration"),
        "{e2e:?}"
    );
}

#[test]
fn values_out_of_range_or_list_are_told_with_what_is_right() {
    assert_eq!(with("/matrix/rate", json!([1, -2])).len(), 1);
    let rate = with("/matrix/rate", json!([1, "fast"]));
    assert!(
        rate.len() == 1 && rate[0].starts_with("wrong-form /matrix/rate/1: `fast` is not a rate"),
        "{rate:?}"
    );
    let order = with("/load/order", json!("interleave"));
    assert!(
        order[0].ends_with("did you mean `interleaved`?"),
        "{order:?}"
    );
    let requests = with("/load/requests", json!(0));
    assert!(
        requests[0].starts_with("out-of-range /load/requests: `0` is out of range: at least 1"),
        "{requests:?}"
    );
    let version = with("/version", json!(2));
    assert_eq!(
        version,
        ["wrong-value /version: `2` is none of `1` | write `1`"]
    );
    let auth = with("/targets/t/auth", json!({ "bearer": { "envv": "X" } }));
    assert!(auth.len() == 1, "{auth:?}");
}

#[test]
fn a_name_that_is_none_is_told_a_legal_one() {
    let name = with("/name", json!("My Test"));
    assert!(
        name[0].starts_with("illegal-name /name: `My Test`")
            && name[0].ends_with("write `my-test`"),
        "{name:?}"
    );
    let target = with(
        "/targets/A B",
        json!({ "protocol": "http", "base_url": "http://a" }),
    );
    assert!(
        target[0].starts_with("illegal-name /targets/A B: "),
        "{target:?}"
    );
}

#[test]
fn all_errors_are_told_in_one_pass() {
    let mut document = minimal();
    document["load"] = json!({ "requests": "many", "duration": 5, "orde": "x" });
    document["targets"]["t"]["http"] = json!({ "version": "3" });
    document["report"] = json!({ "formats": ["pdf"] });
    assert_eq!(findings(&document).len(), 5, "{:#?}", findings(&document));
}
