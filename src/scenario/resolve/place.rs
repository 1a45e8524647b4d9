//! Where the value stands that the reader refuses although the schema took it: the reader's own error names no place.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::refused;
use crate::foundation::diagnostic::Finding;
use crate::kinds::dataset;
use crate::scenario::check::child;
use crate::scenario::document::{compare, load, report, slo, target};

/// The finding of a document that cannot be read: at the target, the dataset or the key of a section that is at fault.
pub(super) fn of(document: &Value, error: &serde_json::Error) -> Finding {
    each::<target::Target>(document, "targets")
        .or_else(|| each::<dataset::Dataset>(document, "datasets"))
        .or_else(|| keys::<load::Load>(document, "load"))
        .or_else(|| keys::<slo::Slo>(document, "slo"))
        .or_else(|| keys::<compare::Compare>(document, "compare"))
        .or_else(|| keys::<report::Report>(document, "report"))
        .unwrap_or_else(|| refused("", error))
}

/// The first of a map's values that is none of its type.
fn each<T: for<'de> Deserialize<'de>>(document: &Value, section: &str) -> Option<Finding> {
    let map = document.get(section)?.as_object()?;
    map.iter().find_map(|(name, value)| {
        let error = T::deserialize(value).err()?;
        Some(refused(&child(&format!("/{section}"), name), &error))
    })
}

/// The first key of a section, all of whose keys may be absent, that makes it none of its type.
fn keys<T: for<'de> Deserialize<'de>>(document: &Value, section: &str) -> Option<Finding> {
    let map = document.get(section)?.as_object()?;
    map.iter().find_map(|(key, value)| {
        let alone = Value::Object(Map::from_iter([(key.clone(), value.clone())]));
        let error = T::deserialize(&alone).err()?;
        Some(refused(&child(&format!("/{section}"), key), &error))
    })
}
