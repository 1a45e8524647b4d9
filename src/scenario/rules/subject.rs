//! The document as rules see it: by parts, with pointers, whatever their types.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::scenario::check::child;
use crate::scenario::document::source::Source;

/// A document with what was read beside it.
pub struct Subject<'a> {
    /// The document.
    pub value: &'a Value,
    /// What was read.
    pub source: &'a Source,
    /// The environment, where what it lacks is wrong too.
    pub environment: Option<&'a BTreeMap<String, String>>,
}

/// A part of the document: its name in the map that it stands in, its pointer, its keys.
pub struct Part<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its pointer.
    pub pointer: String,
    /// Its keys.
    pub map: &'a Map<String, Value>,
}

impl<'a> Part<'a> {
    /// A text at a key.
    pub fn text(&self, key: &str) -> Option<&'a str> {
        self.map.get(key).and_then(Value::as_str)
    }

    /// The pointer of a key.
    pub fn at(&self, key: &str) -> String {
        child(&self.pointer, key)
    }

    /// The texts at a key that holds one or a list of them, each with its pointer.
    pub fn texts(&self, key: &str) -> Vec<(String, &'a str)> {
        let at = self.at(key);
        match self.map.get(key) {
            Some(Value::String(text)) => vec![(at, text)],
            Some(Value::Array(items)) => {
                let texts = items.iter().enumerate();
                texts
                    .filter_map(|(index, item)| Some((format!("{at}/{index}"), item.as_str()?)))
                    .collect()
            }
            _ => Vec::new(),
        }
    }
}

impl<'a> Subject<'a> {
    /// A document to be checked.
    pub fn new(
        value: &'a Value,
        source: &'a Source,
        environment: Option<&'a BTreeMap<String, String>>,
    ) -> Self {
        Self {
            value,
            source,
            environment,
        }
    }

    /// The targets.
    pub fn targets(&self) -> impl Iterator<Item = Part<'a>> {
        parts(self.value, "targets")
    }

    /// The datasets.
    pub fn datasets(&self) -> impl Iterator<Item = Part<'a>> {
        parts(self.value, "datasets")
    }

    /// The value at a pointer.
    pub fn get(&self, pointer: &str) -> Option<&'a Value> {
        self.value.pointer(pointer)
    }

    /// Every `slo` with its pointer: the file's, then the targets'.
    pub fn slos(&self) -> Vec<(String, &'a Value)> {
        let of_file = self.get("/slo").map(|slo| ("/slo".to_owned(), slo));
        let of_targets = self
            .targets()
            .filter_map(|target| Some((target.at("slo"), target.map.get("slo")?)));
        of_file.into_iter().chain(of_targets).collect()
    }
}

fn parts<'a>(document: &'a Value, key: &'static str) -> impl Iterator<Item = Part<'a>> {
    let map = document
        .get(key)
        .and_then(Value::as_object)
        .into_iter()
        .flatten();
    map.filter_map(move |(name, part)| {
        Some(Part {
            name,
            pointer: child(&format!("/{key}"), name),
            map: part.as_object()?,
        })
    })
}
