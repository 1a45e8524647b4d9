//! Why a dataset cannot be used, told where the scenario names it, its rows or its file.

use serde_json::Value;

use super::declared::escape;
use crate::foundation::diagnostic::{Finding, Findings};
use crate::kinds::dataset::{BadRow, DatasetError, INLINE};
use crate::scenario::Scenario;

/// Tells why a dataset cannot be used: each bad row where the scenario names it or its file.
pub(super) fn unusable(
    pointer: &str,
    error: &DatasetError,
    scenario: &Scenario,
    findings: &mut Findings,
) {
    let (code, path) = match error {
        DatasetError::BadRows { rows, total } => {
            let mut told: Findings = rows
                .iter()
                .map(|row| bad_row(pointer, row, scenario))
                .collect();
            if let Some(first) = told.first_mut().filter(|_| *total > rows.len() as u64) {
                first.message = format!("{} (the first of {total} bad rows)", first.message);
            }
            findings.extend(told);
            return;
        }
        DatasetError::Read { .. } => ("unreadable-dataset", "path"),
        DatasetError::Empty { .. } => ("empty-dataset", "path"),
        DatasetError::NotSupported { .. } | DatasetError::Other { .. } => ("bad-dataset", ""),
    };
    let has_path = scenario
        .effective
        .pointer(&format!("{pointer}/path"))
        .is_some();
    let finding = if has_path && !path.is_empty() {
        Finding::error(code, format!("{pointer}/{path}"), error.to_string())
    } else {
        Finding::error(code, pointer, error.to_string()).at_key()
    };
    findings.push(finding.help(error.help()));
}

/// What to do about a bad row.
const MEND: &str = "mend it, or set `on_bad_row: skip` to count such rows and leave them out";

fn bad_row(pointer: &str, row: &BadRow, scenario: &Scenario) -> Finding {
    if row.file == INLINE {
        let field = row
            .field
            .as_ref()
            .map(|field| format!("/{}", escape(field)))
            .unwrap_or_default();
        let at = format!("{pointer}/rows/{}{field}", row.line.saturating_sub(1));
        let named = row
            .field
            .as_ref()
            .map(|field| format!("`{field}` "))
            .unwrap_or_default();
        let message = format!("row {}: {named}{}", row.line, row.reason);
        return Finding::error("bad-row", at, message).help(MEND);
    }
    // Of several paths, the one that the file was found by; in the effective scenario they start at the root.
    let folders = &scenario.folders;
    let real = folders
        .scenario
        .join(&row.file)
        .canonicalize()
        .unwrap_or_default();
    let listed = scenario
        .effective
        .pointer(&format!("{pointer}/path"))
        .and_then(Value::as_array);
    let by = listed.and_then(|paths| {
        paths.iter().position(|path| {
            let path = folders
                .root
                .join(path.as_str().unwrap_or_default())
                .canonicalize();
            path.is_ok_and(|path| real.starts_with(path))
        })
    });
    let item = by.map(|index| format!("/{index}")).unwrap_or_default();
    Finding::error("bad-row", format!("{pointer}/path{item}"), row.to_string()).help(MEND)
}
