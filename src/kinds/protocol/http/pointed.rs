//! Values of a JSON text by pointer (RFC 6901). The rest of the text is passed over, and nothing is built of it.

use serde_json::Value;
use serde_json::value::RawValue;

use crate::kinds::protocol::framing::members::{elements, entries};
use crate::kinds::protocol::framing::text::Text;

/// What is no text is not built where it is longer.
const LONGEST_BUILT: usize = 1 << 20;

/// What stands at some pointers.
#[derive(Debug, Default)]
pub struct Pointed<'a>(Vec<(&'a str, Option<&'a RawValue>)>);

impl<'a> Pointed<'a> {
    /// Looks for what stands at these pointers; of a key that is there twice the last counts.
    ///
    /// # Errors
    /// Where the text is no JSON.
    pub fn read(
        json: &'a [u8],
        pointers: impl Iterator<Item = &'a str>,
    ) -> Result<Self, serde_json::Error> {
        let json: &RawValue = serde_json::from_slice(json)?;
        let mut found = pointers.map(|pointer| (pointer, None)).collect::<Vec<_>>();
        let ways = found.iter_mut().map(|(pointer, found)| Way {
            rest: pointer,
            found,
        });
        follow(json, ways.collect())?;
        Ok(Self(found))
    }

    /// What stands at one of the pointers that were looked for; `None` where nothing does.
    pub fn at(&self, pointer: &str) -> Option<&'a RawValue> {
        let mut found = self.0.iter();
        found.find(|(at, _)| *at == pointer).and_then(|at| at.1)
    }
}

/// The value. Of a text all is read; `None` for anything else that is too long to be built, and for what `serde_json`
/// builds nothing of: nested 128 deep, a number that no float holds, a lone surrogate in an object or array.
pub fn value(value: &RawValue) -> Option<Value> {
    match Text::of(value) {
        Some(text) => Some(Value::String(text.read().into_owned())),
        None if value.get().len() > LONGEST_BUILT => None,
        None => serde_json::from_str(value.get()).ok(),
    }
}

/// What is left of a pointer, and where to put what stands at its end.
struct Way<'w, 'a> {
    rest: &'w str,
    found: &'w mut Option<&'a RawValue>,
}

impl<'a> Way<'_, 'a> {
    /// The way on from a member that its next step may name; `None` where it leads elsewhere.
    fn on(&mut self, is_named: impl Fn(&str) -> bool) -> Option<Way<'_, 'a>> {
        let steps = self.rest.strip_prefix('/')?;
        let (step, rest) = steps.split_at(steps.find('/').unwrap_or(steps.len()));
        is_named(step).then_some(Way {
            rest,
            found: self.found,
        })
    }
}

/// Follows the ways from this value on.
fn follow<'a>(value: &'a RawValue, mut ways: Vec<Way<'_, 'a>>) -> Result<(), serde_json::Error> {
    for way in &mut ways {
        *way.found = way.rest.is_empty().then_some(value);
    }
    ways.retain(|way| !way.rest.is_empty());
    let mut on = |value, is_named: &dyn Fn(&str) -> bool| {
        let ways: Vec<_> = ways.iter_mut().filter_map(|way| way.on(is_named)).collect();
        if ways.is_empty() {
            return Ok(());
        }
        follow(value, ways)
    };
    match value.get().as_bytes() {
        [b'{', ..] => entries(value, |key, value| {
            on(value, &|step| {
                if step.contains('~') {
                    step.replace("~1", "/").replace("~0", "~") == key
                } else {
                    step == key
                }
            })
        }),
        [b'[', ..] => {
            let mut next = 0_usize;
            elements(value, |value| {
                let index = next;
                next += 1;
                on(value, &|step| {
                    step.parse() == Ok(index) && step == index.to_string()
                })
            })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn found(json: &str, at: &str) -> Option<Value> {
        let pointed = Pointed::read(json.as_bytes(), std::iter::once(at)).unwrap();
        pointed.at(at).and_then(value)
    }

    #[test]
    fn of_a_key_that_is_there_twice_the_last_counts_and_lone_surrogates_pass() {
        let json = r#" {"a":{"b":1},"x":"\ud800","a":{"b":[2,"\ud800!"],"c":{}}} "#;
        assert_eq!(found(json, "/a/b/0"), Some(json!(2)));
        assert_eq!(found(json, "/a/b/1"), Some(json!("\u{fffd}!")));
        assert_eq!(found(r#"{"a":{"b":1},"a":2}"#, "/a/b"), None);
        assert_eq!(found(r#"{"\ud800":1,"a":2}"#, "/a"), Some(json!(2)));
        assert_eq!(found(r#"{"\ud800":1}"#, "/\u{fffd}"), Some(json!(1)));
    }

    #[test]
    fn what_is_no_json_anywhere_is_none() {
        for json in ["", "{", r#"{"a":1,}"#, r#"{"a":1} x"#, r#"{"a":[1 2]}"#] {
            assert!(
                Pointed::read(json.as_bytes(), ["/a"].into_iter()).is_err(),
                "{json}"
            );
        }
    }

    #[test]
    fn a_long_text_is_read_and_what_would_take_much_more_memory_than_its_text_is_not() {
        let text = "x".repeat(LONGEST_BUILT + 1);
        assert_eq!(found(&json!([text]).to_string(), "/0"), Some(json!(text)));
        let many = vec![1; LONGEST_BUILT];
        let json = json!({ "many": many, "one": 1 }).to_string();
        assert_eq!(found(&json, "/many"), None);
        assert_eq!(found(&json, "/many/7"), Some(json!(1)));
        assert_eq!(found(&json, "/one"), Some(json!(1)));
    }

    /// What the documentation of `extract` says.
    #[test]
    fn what_serde_json_builds_no_value_of_is_none() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        let long = format!("1.{}", "0".repeat(LONGEST_BUILT));
        for (json, is_some) in [
            (nested(127), true),
            (nested(128), false),
            ("1e308".to_owned(), true),
            ("1e999".to_owned(), false),
            (r#""\ud800""#.to_owned(), true),
            (r#"["\ud800"]"#.to_owned(), false),
            (r#"{"\ud800":1}"#.to_owned(), false),
            (long, false),
        ] {
            assert_eq!(found(&json, "").is_some(), is_some, "{json:.20}");
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i32>().prop_map(Value::from),
            "[a~/\"é]{0,2}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map("[a~/01]{0,2}", inner, 0..4)
                    .prop_map(|map| map.into_iter().collect()),
            ]
        })
    }

    proptest! {
        /// serde_json's own pointers, over the whole value.
        #[test]
        fn what_is_found_is_what_stands_there(
            json in any_json(),
            pointers in proptest::collection::vec("((/([a~/01]|~0|~1){0,2}){0,3}|[+/0-2]{0,3})", 1..4),
        ) {
            let text = json.to_string();
            let pointed = Pointed::read(text.as_bytes(), pointers.iter().map(String::as_str)).unwrap();
            for pointer in &pointers {
                let found = pointed.at(pointer).and_then(value);
                prop_assert_eq!(found.as_ref(), json.pointer(pointer), "{}", pointer);
            }
        }
    }
}
