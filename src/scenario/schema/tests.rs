use super::*;
use crate::foundation::files::committed;
use std::collections::BTreeSet;

/// Every property of every map, with the pointer that it stands at.
fn properties<'a>(schema: &'a Value, at: &str, found: &mut Vec<(String, &'a Value)>) {
    match schema {
        Value::Object(map) => {
            for (keyword, below) in map {
                let at = format!("{at}/{keyword}");
                if matches!(keyword.as_str(), "examples" | "enum" | "const" | "default") {
                    continue;
                }
                if matches!(keyword.as_str(), "properties" | "patternProperties") {
                    for (name, property) in below.as_object().into_iter().flatten() {
                        found.push((format!("{at}/{name}"), property));
                    }
                }
                properties(below, &at, found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                properties(item, &format!("{at}/{index}"), found);
            }
        }
        _ => {}
    }
}

#[test]
fn every_property_is_described_and_has_an_example() {
    let schema = schema();
    let mut found = Vec::new();
    properties(&schema, "", &mut found);
    assert!(found.len() > 200, "{}", found.len());
    let undescribed: Vec<&String> = found
        .iter()
        .filter(|(_, property)| {
            property
                .get("description")
                .and_then(Value::as_str)
                .is_none_or(|text| text.len() < 3)
        })
        .map(|(at, _)| at)
        .collect();
    assert!(undescribed.is_empty(), "{undescribed:#?}");
    let without: Vec<&String> = found
        .iter()
        .filter(|(_, property)| {
            property
                .get("examples")
                .and_then(Value::as_array)
                .is_none_or(Vec::is_empty)
        })
        .map(|(at, _)| at)
        .collect();
    assert!(without.is_empty(), "{without:#?}");
}

#[test]
fn every_example_is_valid_where_it_stands() {
    let schema = schema();
    let mut found = Vec::new();
    properties(&schema, "", &mut found);
    for (at, property) in found {
        let mut alone = property.clone();
        alone["definitions"] = schema["definitions"].clone();
        let validator = jsonschema::draft7::new(&alone).unwrap();
        for example in property["examples"].as_array().into_iter().flatten() {
            let errors: Vec<String> = validator
                .iter_errors(example)
                .map(|error| error.to_string())
                .collect();
            assert!(errors.is_empty(), "{at}: {example}: {errors:?}");
        }
    }
}

#[test]
fn every_reference_is_found_and_every_definition_used() {
    let schema = schema();
    let text = schema.to_string();
    let used: BTreeSet<&str> = text
        .match_indices("\"#/definitions/")
        .map(|(at, start)| text[at + start.len()..].split('"').next().unwrap())
        .collect();
    let defined: BTreeSet<&str> = schema["definitions"]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(used, defined);
}

#[test]
fn every_map_is_closed_but_for_what_is_the_users_own() {
    fn open(schema: &Value, at: &str, found: &mut Vec<String>) {
        if let Value::Object(map) = schema {
            if map.contains_key("properties")
                && map.get("additionalProperties") != Some(&json!(false))
            {
                found.push(at.to_owned());
            }
            map.iter()
                .for_each(|(name, below)| open(below, &format!("{at}/{name}"), found));
        } else if let Value::Array(items) = schema {
            items
                .iter()
                .enumerate()
                .for_each(|(index, item)| open(item, &format!("{at}/{index}"), found));
        }
    }
    let mut found = Vec::new();
    open(&schema(), "", &mut found);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_committed_schema_is_the_generated_one() {
    committed::schema_is_current("scenario.v1.json", &schema());
}
