//! What only the files and the first requests of a scenario can tell, before a byte is sent: bad rows, empty datasets,
//! requests that cannot be made, times that a trace has not.
//!
//! Reads the files that datasets name. Touches no network and reads no secret: where a request carries one, a stand-in
//! is put in its place.

use std::collections::{BTreeMap, HashSet};
use std::mem::{Discriminant, discriminant};

use serde_json::Value;

use super::cell::Cell;
use super::declared::{escape, report};
use super::unusable::unusable;
use crate::foundation::diagnostic::{Finding, Findings};
use crate::foundation::secret::Secret;
use crate::foundation::seed::Seed;
use crate::foundation::template;
use crate::kinds::arrival;
use crate::kinds::dataset::{DatasetError, Layers, Params, Prompt, Row, Rows};
use crate::kinds::protocol::{self, PrepareError, Protocol};
use crate::scenario::{Scenario, Target};

/// So many shapes of rows are tried with one target.
const SHAPES: usize = 64;

/// What of a row makes its request of another kind: its prompt's form, whether it has no pictures, its parameters.
type Shape = (Discriminant<Prompt>, bool, Vec<(String, Option<Value>)>);

/// Keys of a target that its requests are made of.
const OF_REQUESTS: [&str; 12] = [
    "protocol",
    "path",
    "params",
    "steps",
    "method",
    "url",
    "query",
    "json",
    "form",
    "multipart",
    "text",
    "file",
];

/// A scenario that was rehearsed.
#[derive(Default)]
pub struct Rehearsal {
    /// What is wrong, each with its pointer, without a place.
    pub findings: Findings,
    /// What cannot be read yet, likewise.
    pub unsupported: Findings,
    datasets: Opened,
}

/// Datasets that were opened, by name, with the seed of the whole load.
pub type Opened = BTreeMap<String, Box<dyn Rows>>;

impl Rehearsal {
    /// The datasets that it opened, so that a run does not read them again.
    pub fn into_datasets(self) -> Opened {
        self.datasets
    }

    /// How many rows a dataset has; `None` where it never ends, or could not be read.
    pub fn rows(&self, dataset: &str) -> Option<u64> {
        self.datasets.get(dataset)?.len()
    }
}

/// Reads every dataset, and makes the first request of every kind that the cells send. `is_whole` says of a part of the
/// scenario whether it is there as it was written; what is not, is let be.
pub fn rehearse(scenario: &Scenario, cells: &[Cell], is_whole: &dyn Fn(&str) -> bool) -> Rehearsal {
    let mut rehearsal = Rehearsal::default();
    for (name, dataset) in &scenario.datasets {
        let pointer = format!("/datasets/{}", escape(name));
        if !is_whole(&pointer) {
            continue;
        }
        match dataset
            .source
            .open(&scenario.folders, Seed::root(scenario.load.seed))
        {
            Ok(rows) => drop(rehearsal.datasets.insert(name.clone(), rows)),
            Err(DatasetError::NotSupported { what, help }) => {
                let message = format!("{what} cannot be read yet");
                let finding = Finding::error("not-supported-yet", pointer, message).at_key();
                rehearsal.unsupported.push(finding.help(help));
            }
            Err(error) => unusable(&pointer, &error, scenario, &mut rehearsal.findings),
        }
    }
    let mut asked = HashSet::new();
    for cell in cells {
        let params: Vec<(&String, Option<&Value>)> = cell
            .params
            .iter()
            .map(|(name, value)| (name, judged(name, value)))
            .collect();
        let is_trace = cell.arrival == arrival::Kind::Trace;
        if !asked.insert((
            &cell.target,
            &cell.dataset,
            cell.model.is_some(),
            is_trace,
            params,
        )) {
            continue;
        }
        let asking = Asking {
            scenario,
            cell,
            is_whole,
        };
        if is_trace {
            asking.times(&mut rehearsal);
        }
        asking.requests(&mut rehearsal);
    }
    rehearsal
}

/// The parameter's value where that alone can make a request impossible.
fn judged<'v>(name: &str, value: &'v Value) -> Option<&'v Value> {
    (name == "stream").then_some(value)
}

/// What is asked of one kind of cell.
struct Asking<'a> {
    scenario: &'a Scenario,
    cell: &'a Cell,
    is_whole: &'a dyn Fn(&str) -> bool,
}

impl Asking<'_> {
    /// `arrival: trace` replays times: every row has one, and none goes back.
    fn times(&self, rehearsal: &mut Rehearsal) {
        let at = arrival_pointer(self.scenario);
        let refuse =
            |message: String, help: &str| Finding::error("no-timestamps", at, message).help(help);
        let Some(name) = &self.cell.dataset else {
            let message =
                "arrival `trace` replays the times of a dataset, and none is declared".to_owned();
            report(
                &mut rehearsal.findings,
                refuse(
                    message,
                    "declare one of `kind: trace`, or take another arrival",
                ),
            );
            return;
        };
        let Some(rows) = rehearsal.datasets.get(name) else {
            return;
        };
        let mut last = 0.0;
        // Rows that never end have no times of their own.
        for position in 0..rows.len().unwrap_or(1) {
            let time = rows.row(position).ok().and_then(|row| row.timestamp_s);
            let wrong = match time {
                None => refuse(
                    format!(
                        "arrival `trace` replays timestamps, and the rows of dataset `{name}` have none"
                    ),
                    "give each row a `timestamp` in seconds, or take another arrival",
                ),
                Some(time) if time < last => refuse(
                    format!(
                        "arrival `trace` replays timestamps, and those of dataset `{name}` go back"
                    ),
                    "use `kind: trace`, which sorts its rows by time, without `shuffle`",
                ),
                Some(time) => {
                    last = time;
                    continue;
                }
            };
            report(&mut rehearsal.findings, wrong);
            return;
        }
    }

    /// Makes one request of each shape that the rows have.
    fn requests(&self, rehearsal: &mut Rehearsal) {
        let Some(target) = self.scenario.targets.get(&self.cell.target) else {
            return;
        };
        let pointer = format!("/targets/{}", escape(&self.cell.target));
        let whole = OF_REQUESTS
            .iter()
            .all(|key| (self.is_whole)(&format!("{pointer}/{key}")));
        if !target.protocol.supported() || !whole || !(self.is_whole)("/load/workload") {
            return;
        }
        let rows = match &self.cell.dataset {
            None => None,
            Some(name) => match rehearsal.datasets.get(name) {
                Some(rows) => Some(&**rows),
                None => return,
            },
        };
        if let Err((row, error)) = self.make(target, rows) {
            let finding = self.finding(&pointer, row.as_ref(), &error);
            report(&mut rehearsal.findings, finding);
        }
    }

    /// The first request that cannot be made, with its row where it is about one.
    fn make(
        &self,
        target: &Target,
        rows: Option<&dyn Rows>,
    ) -> Result<(), (Option<Row>, PrepareError)> {
        let secrets = target
            .http_protocol
            .iter()
            .flat_map(protocol::http::Options::secrets);
        let secrets = secrets
            .map(|reference| Secret::new(reference, "a secret".to_owned()))
            .collect();
        let settings = self.cell.settings(self.scenario, target, secrets);
        let protocol = protocol::build(target.protocol, settings).map_err(|error| (None, error))?;
        let layers = Layers {
            warmup: Params::new(),
            ..self.cell.layers(self.scenario, target)
        };
        let prepare = |protocol: &dyn Protocol, row: Row| {
            let workload = self.cell.workload().unwrap_or_default();
            let request = layers.request(row.clone(), self.cell.seed, workload.as_ref());
            protocol
                .prepare(request)
                .map(drop)
                .map_err(|error| (Some(row), error))
        };
        let Some(rows) = rows else {
            return prepare(&*protocol, Row::default());
        };
        let mut shapes: HashSet<Shape> = HashSet::new();
        // Rows that never end are all of one kind.
        for position in 0..rows.len().unwrap_or(1) {
            let Ok(row) = rows.row(position) else {
                continue;
            };
            let params = row.params.iter();
            let params = params
                .map(|(name, value)| (name.clone(), judged(name, value).cloned()))
                .collect();
            if shapes.insert((discriminant(&row.prompt), row.images.is_empty(), params)) {
                prepare(&*protocol, row)?;
            }
            if shapes.len() == SHAPES {
                break;
            }
        }
        Ok(())
    }

    fn finding(&self, target: &str, row: Option<&Row>, error: &PrepareError) -> Finding {
        let of_row = match (row, &self.cell.dataset) {
            (Some(row), Some(dataset)) => {
                format!(" for row {} of dataset `{dataset}`", row.number + 1)
            }
            _ => String::new(),
        };
        let Some(at) = &error.at else {
            let at = self
                .cell
                .dataset
                .as_ref()
                .map(|name| format!("/datasets/{}", escape(name)));
            let message = format!("no request can be made{of_row}: {}", error.message);
            let finding = Finding::error(
                "no-request",
                at.unwrap_or_else(|| target.to_owned()),
                message,
            );
            return finding.at_key().help(&error.help);
        };
        let pointer = format!("{target}{at}");
        let absent = row.and_then(|row| self.absent(&pointer, row));
        let (reason, help) = match absent {
            Some(name) => {
                let help = format!(
                    "give it to the row, or to `params`; a template may do without: `{{{{ row.{name} | default(…) }}}}`"
                );
                (format!("the row has no `{name}`"), help)
            }
            None => (error.message.clone(), error.help.clone()),
        };
        let message = format!("no request can be made{of_row}: {reason}");
        Finding::error("no-request", pointer, message).help(help)
    }

    /// The name that a template takes of the row and the row has not.
    fn absent(&self, pointer: &str, row: &Row) -> Option<String> {
        let text = self.scenario.effective.pointer(pointer)?.as_str()?;
        let target = self.scenario.targets.get(&self.cell.target)?;
        let layers = self.cell.layers(self.scenario, target);
        let params = layers.request(row.clone(), self.cell.seed, None).params;
        let names = template::names(text).ok()?;
        let taken = names
            .iter()
            .filter_map(|name| name.strip_prefix("row.")?.split('.').next());
        let has = |name: &str| match name {
            "prompt" => matches!(row.prompt, Prompt::Text(_)),
            "messages" => matches!(row.prompt, Prompt::Messages(_)),
            "images" => !row.images.is_empty(),
            name => params.contains_key(name),
        };
        taken.into_iter().find(|name| !has(name)).map(str::to_owned)
    }
}

/// Where `arrival: trace` stands.
fn arrival_pointer(scenario: &Scenario) -> String {
    let matrix = &scenario.matrix;
    let is_trace = |value: &Value| value == arrival::Kind::Trace.name();
    let axis = matrix
        .axes
        .get("arrival")
        .and_then(|values| values.iter().position(is_trace));
    if let Some(index) = axis {
        return format!("/matrix/arrival/{index}");
    }
    let mut entries = matrix.include.iter();
    let entry = entries.find(|(_, entry)| entry.get("arrival").is_some_and(is_trace));
    entry.map_or_else(
        || "/load/arrival".to_owned(),
        |(pointer, _)| format!("{pointer}/arrival"),
    )
}
