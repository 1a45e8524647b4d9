//! How the generated schema is put into the form that is published.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// Calls `visit` on every schema below and at `schema`, parents first. Examples and constants are no schemas.
fn walk(schema: &mut Value, visit: &mut dyn FnMut(&mut Map<String, Value>)) {
    let Value::Object(map) = schema else { return };
    visit(map);
    for (keyword, below) in map.iter_mut() {
        match (keyword.as_str(), below) {
            ("properties" | "patternProperties" | "definitions", Value::Object(schemas)) => {
                for schema in schemas.values_mut() {
                    walk(schema, visit);
                }
            }
            ("allOf" | "anyOf" | "oneOf", Value::Array(schemas)) => {
                for schema in schemas {
                    walk(schema, visit);
                }
            }
            ("items" | "additionalProperties" | "propertyNames", schema) => walk(schema, visit),
            _ => {}
        }
    }
}

/// Replaces, in the branches of tagged unions, a reference to the branch's own form by that form, so that the branch can
/// be a closed map.
pub(super) fn inline_composed(schema: &mut Value) {
    let definitions = schema.get("definitions").cloned().unwrap_or_default();
    walk(schema, &mut |map| {
        if !(map.contains_key("properties") && map.contains_key("allOf")) {
            return;
        }
        let Some(Value::Array(parts)) = map.remove("allOf") else {
            return;
        };
        for part in parts {
            let Some(form) = part
                .get("$ref")
                .and_then(Value::as_str)
                .and_then(|path| definition(&definitions, path))
            else {
                continue;
            };
            if let (Some(Value::Object(own)), Some(Value::Object(theirs))) =
                (map.get_mut("properties"), form.get("properties"))
            {
                own.extend(
                    theirs
                        .iter()
                        .map(|(name, schema)| (name.clone(), schema.clone())),
                );
            }
            if let (Some(Value::Array(own)), Some(Value::Array(theirs))) =
                (map.get_mut("required"), form.get("required"))
            {
                own.extend(theirs.iter().cloned());
            }
        }
    });
}

fn definition<'a>(definitions: &'a Value, path: &str) -> Option<&'a Value> {
    definitions.get(path.strip_prefix("#/definitions/")?)
}

/// Closes maps, takes `null` and number formats out, folds enums, moves a lone property's description to it.
pub(super) fn tidy(schema: &mut Value) {
    walk(schema, &mut |map| {
        bound_integer(map);
        if map.get("default") == Some(&Value::Null) {
            map.remove("default");
        }
        drop_null(map);
        fold_enum(map);
        describe_lone_property(map);
        describe_tag(map);
        if map.contains_key("properties") && !map.contains_key("additionalProperties") {
            map.insert("additionalProperties".to_owned(), json!(false));
        }
    });
}

/// What a number's format says is said by its bounds, which every validator knows.
fn bound_integer(map: &mut Map<String, Value>) {
    let most = match map.remove("format").as_ref().and_then(Value::as_str) {
        Some("uint16") => u64::from(u16::MAX),
        Some("uint32") => u64::from(u32::MAX),
        Some("uint64") => u64::MAX,
        _ => return,
    };
    map.entry("maximum").or_insert(json!(most));
}

fn drop_null(map: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = map.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            map.insert("type".to_owned(), only);
        }
    }
    let Some(Value::Array(branches)) = map.get_mut("anyOf") else {
        return;
    };
    branches.retain(|branch| branch.get("type") != Some(&json!("null")));
    if branches.len() == 1 {
        let only = branches.clone();
        map.remove("anyOf");
        map.insert("allOf".to_owned(), Value::Array(only));
    }
}

/// `oneOf` of constants, each with its description, becomes `enum` with the descriptions in its own.
fn fold_enum(map: &mut Map<String, Value>) {
    let Some(Value::Array(branches)) = map.get("oneOf") else {
        return;
    };
    let mut names = Vec::new();
    let mut meanings = Vec::new();
    for branch in branches {
        let listed = branch.get("enum").and_then(Value::as_array).cloned();
        let one = branch.get("const").map(|name| vec![name.clone()]);
        let Some(these) = one.or(listed) else { return };
        if let ([name], Some(meaning)) = (
            these.as_slice(),
            branch.get("description").and_then(Value::as_str),
        ) {
            meanings.push(format!(
                "`{}`: {meaning}",
                name.as_str().unwrap_or_default()
            ));
        }
        names.extend(these);
    }
    let about = map
        .get("description")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let description = if meanings.is_empty() {
        about.to_owned()
    } else {
        format!("{about}\n\n{}", meanings.join("\n"))
    };
    map.remove("oneOf");
    map.insert("description".to_owned(), json!(description));
    map.insert("type".to_owned(), json!("string"));
    map.insert("examples".to_owned(), json!([names.first()]));
    map.insert("enum".to_owned(), Value::Array(names));
}

/// A branch that is a map of one key: its description is the key's.
fn describe_lone_property(map: &mut Map<String, Value>) {
    let description = map.get("description").cloned();
    if let (Some(description), Some(Value::Object(properties))) =
        (description, map.get_mut("properties"))
        && properties.len() == 1
    {
        for (_, property) in properties.iter_mut() {
            describe(property, &description);
        }
    }
}

/// The key that tells the branches of a union apart.
fn describe_tag(map: &mut Map<String, Value>) {
    let description = map.get("description").cloned();
    let Some(Value::Object(properties)) = map.get_mut("properties") else {
        return;
    };
    for property in properties.values_mut() {
        if let Some(value) = property.get("const").cloned()
            && let Value::Object(map) = property
        {
            if !map.contains_key("description") {
                map.insert(
                    "description".to_owned(),
                    description.clone().unwrap_or_else(|| json!("The kind.")),
                );
            }
            map.entry("examples").or_insert_with(|| json!([value]));
        }
    }
}

/// Gives a property a description, next to its reference where it is one: siblings of `$ref` are not read in draft-07.
fn describe(property: &mut Value, description: &Value) {
    let Value::Object(map) = property else { return };
    if map.contains_key("description") {
        return;
    }
    if let Some(reference) = map.remove("$ref") {
        map.insert("allOf".to_owned(), json!([{ "$ref": reference }]));
    }
    map.insert("description".to_owned(), description.clone());
}

/// Leaves out definitions that nothing refers to any more.
pub(super) fn drop_unused(schema: &mut Value) {
    loop {
        let mut used = BTreeSet::new();
        walk(schema, &mut |map| {
            if let Some(Value::String(path)) = map.get("$ref") {
                used.insert(path.trim_start_matches("#/definitions/").to_owned());
            }
        });
        let Some(Value::Object(definitions)) = schema.get_mut("definitions") else {
            return;
        };
        let before = definitions.len();
        definitions.retain(|name, _| used.contains(name));
        if definitions.len() == before {
            return;
        }
    }
}

/// Gives each property without an example one, made of its parts' examples.
pub(super) fn fill_examples(schema: &mut Value) {
    let whole = schema.clone();
    walk(schema, &mut |map| {
        let Some(Value::Object(properties)) = map.get_mut("properties") else {
            return;
        };
        for property in properties.values_mut() {
            let Some(example) = example(&whole, property, 0) else {
                continue;
            };
            let Value::Object(property) = property else {
                continue;
            };
            if property.contains_key("examples") {
                continue;
            }
            if let Some(reference) = property.remove("$ref") {
                property.insert("allOf".to_owned(), json!([{ "$ref": reference }]));
            }
            property.insert("examples".to_owned(), json!([example]));
        }
    });
}

/// An example of what `schema` allows: its own, or one made of the examples of the keys that it needs (or, where it needs
/// none, of its first).
fn example(whole: &Value, schema: &Value, depth: usize) -> Option<Value> {
    if depth > 8 {
        return None;
    }
    if let Some(own) = schema.get("examples").and_then(|examples| examples.get(0)) {
        return Some(own.clone());
    }
    if let Some(path) = schema.get("$ref").and_then(Value::as_str) {
        return example(
            whole,
            definition(whole.get("definitions")?, path)?,
            depth + 1,
        );
    }
    for union in ["allOf", "anyOf", "oneOf"] {
        if let Some(first) = schema.get(union).and_then(|branches| branches.get(0)) {
            return example(whole, first, depth + 1);
        }
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("boolean") => return Some(json!(true)),
        Some("array") => return Some(json!([example(whole, schema.get("items")?, depth + 1)?])),
        _ => {}
    }
    let properties = schema.get("properties")?.as_object()?;
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let wanted = properties
        .iter()
        .filter(|(name, _)| required.contains(&name.as_str()));
    let first = properties.iter().take(usize::from(required.is_empty()));
    let parts = wanted.chain(first).filter_map(|(name, property)| {
        example(whole, property, depth + 1).map(|example| (name.clone(), example))
    });
    Some(Value::Object(parts.collect()))
}
