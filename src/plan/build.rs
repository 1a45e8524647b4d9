//! A combination made a cell: defaults filled, conflicts found, id, key and seed given.

use std::collections::HashMap;

use indexmap::IndexMap;
use serde_json::{Value, json};

use super::axis::{self, Axis};
use super::cell::Cell;
use super::declared::Declared;
use super::key;
use super::matrix::Combination;
use super::objectives::Objectives;
use super::search::Search;
use super::sent::what_is_sent;
use crate::foundation::diagnostic::{Code, Finding};
use crate::foundation::seed::Seed;
use crate::foundation::units::{Concurrency, Rate};
use crate::kinds::arrival;
use crate::kinds::dataset::Params;
use crate::scenario::{Load, Scenario, Slo};

/// Keys of a target that change where it is or what is made of its answers, never what is sent.
const NOT_SENT: [&str; 11] = [
    "base_url",
    "base_urls",
    "embedded",
    "auth",
    "ready",
    "metadata",
    "prices",
    "slo",
    "allow_hosts",
    "teardown",
    "labels",
];

/// What turns combinations into cells, with what cells share worked out once.
pub(super) struct Builder<'a> {
    scenario: &'a Scenario,
    declared: &'a Declared,
    seed: Seed,
    /// Hashes of what each target and dataset makes of a request.
    targets: HashMap<&'a str, String>,
    datasets: HashMap<&'a str, String>,
    /// Each target's objectives.
    objectives: &'a Objectives,
    /// `load` by the overrides that made it.
    loads: HashMap<String, Load>,
    /// Hashes of what a load sends, by its overrides and the arrival: one for many cells.
    sent: HashMap<(String, arrival::Kind), String>,
}

/// How a cell's load is paced.
struct Pace {
    rate: Rate,
    concurrency: Concurrency,
    arrival: arrival::Kind,
    search: Option<Search>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(
        scenario: &'a Scenario,
        declared: &'a Declared,
        objectives: &'a Objectives,
    ) -> Self {
        let part = |section: &str, name: &str| {
            scenario
                .effective
                .get(section)
                .and_then(|all| all.get(name))
        };
        let target = |name: &str| {
            let mut sent = part("targets", name).cloned().unwrap_or_default();
            if let Some(sent) = sent.as_object_mut() {
                sent.retain(|key, _| !NOT_SENT.contains(&key.as_str()));
            }
            key::short_hash(&sent)
        };
        let dataset = |name: &str| key::short_hash(part("datasets", name).unwrap_or(&Value::Null));
        Self {
            scenario,
            declared,
            seed: Seed::root(scenario.load.seed),
            targets: scenario
                .targets
                .keys()
                .map(|name| (name.as_str(), target(name)))
                .collect(),
            datasets: scenario
                .datasets
                .keys()
                .map(|name| (name.as_str(), dataset(name)))
                .collect(),
            objectives,
            loads: HashMap::new(),
            sent: HashMap::new(),
        }
    }

    /// The cell of a combination, or why there can be none.
    pub(super) fn cell(&mut self, combination: &Combination) -> Result<Cell, Box<Finding>> {
        let values = &combination.values;
        let text = |key: &str| {
            values
                .get(key)
                .and_then(Value::as_str)
                .map(ToOwned::to_owned)
        };
        let target = text("target").unwrap_or_default();
        let dataset = text("dataset");
        let load = self.load(combination)?;
        let pace = self.pace(combination)?;
        self.check_pace(combination, &pace, &load)?;
        self.check_pair(combination, &target, dataset.as_deref())?;
        self.check_end(dataset.as_deref(), &load)?;

        let axes = axes_of(values, &pace);
        let slo = match self.scenario.targets.get(&target) {
            Some(declared) => Slo {
                objectives: self.objectives.of(&target, &axes),
                ..declared.slo.clone()
            },
            None => self.scenario.slo.clone(),
        };
        let sent = self.sent(combination, &load, pace.arrival);
        let (target_hash, dataset_hash) = (
            self.targets.get(target.as_str()),
            dataset.as_deref().and_then(|name| self.datasets.get(name)),
        );
        let sent = json!({ "target": target_hash, "dataset": dataset_hash, "load": sent });
        if let Some(search) = pace.search.as_ref().filter(|_| slo.objectives.is_empty()) {
            return Err(self.aimless(combination, search));
        }
        Ok(Cell {
            id: key::id(&axes),
            key: key::key(&axes, &sent),
            seed: self.seed.derive(&key::id_without(&axes, "target")),
            axes,
            target,
            dataset,
            model: text("model"),
            rate: pace.rate,
            concurrency: pace.concurrency,
            arrival: pace.arrival,
            params: parameters(values),
            search: pace.search.map(|search| Search { sent, ..search }),
            load,
            slo,
            created_by_include: combination.made_by.is_some(),
        })
    }

    /// The hash of what a combination's load sends.
    fn sent(&mut self, combination: &Combination, load: &Load, arrival: arrival::Kind) -> String {
        let made_by = (name_of(&overrides(combination)), arrival);
        self.sent
            .entry(made_by)
            .or_insert_with(|| key::short_hash(&what_is_sent(load, arrival)))
            .clone()
    }

    /// `load` with the combination's `load.<key>` values.
    fn load(&mut self, combination: &Combination) -> Result<Load, Box<Finding>> {
        let overrides = overrides(combination);
        if overrides.is_empty() {
            return Ok(self.scenario.load.clone());
        }
        let name = name_of(&overrides);
        if let Some(load) = self.loads.get(&name) {
            return Ok(load.clone());
        }
        let load = self.scenario.load_with(&overrides).map_err(|finding| {
            // The value stands in the matrix, not where its key has its usual place.
            let wrong = overrides.iter().find(|(key, _)| {
                finding
                    .pointer
                    .ends_with(&format!("/{}", key.replace('.', "/")))
            });
            let (key, _) = wrong
                .or(overrides.first())
                .copied()
                .unwrap_or(("", &Value::Null));
            let mut pointer = self.declared.pointer(combination, &format!("load.{key}"));
            // That there is no such key is told at the axis, not at one of its values.
            let axis = format!("/matrix/load.{key}");
            if finding.at_key && pointer.starts_with(&axis) {
                pointer = axis;
            }
            Box::new(Finding {
                pointer,
                place: None,
                ..finding
            })
        })?;
        self.loads.insert(name, load.clone());
        Ok(load)
    }

    /// Rate, concurrency and arrival: from the combination, else from `load`, else by default (scenario.md, `matrix`).
    fn pace(&self, combination: &Combination) -> Result<Pace, Box<Finding>> {
        let load = &self.scenario.load;
        let wrong = |key: &str, message: String| {
            let pointer = self.declared.pointer(combination, key);
            let finding = Finding::error("invalid-axis-value", pointer, message);
            Box::new(finding.help("see `plimsoll schema` for what this axis takes"))
        };
        let value = |key: &str| combination.values.get(key);
        let search_of = |key: &str, axis: Axis<'_>| match value(key) {
            Some(value) => axis.search(value).map_err(|message| wrong(key, message)),
            None => Ok(None),
        };
        let rate_search = search_of("rate", Axis::Rate)?;
        let concurrency_search = search_of("concurrency", Axis::Concurrency)?;
        if rate_search.is_some() && concurrency_search.is_some() {
            return Err(wrong(
                "concurrency",
                "one cell searches for one axis, not for two".to_owned(),
            ));
        }
        let rate = match (&rate_search, value("rate")) {
            (Some(search), _) => Rate::PerSecond(search.min),
            (None, Some(value)) => axis::rate(value).map_err(|message| wrong("rate", message))?,
            (None, None) => load.rate.unwrap_or(Rate::Infinite),
        };
        let arrival = match value("arrival") {
            Some(value) => {
                axis::arrival_kind(value).map_err(|message| wrong("arrival", message))?
            }
            None => load.arrival.unwrap_or_default(),
        };
        let paced = arrival.sets_own_times();
        let concurrency = match (&concurrency_search, value("concurrency")) {
            (Some(search), _) => axis::concurrency(&json!(search.min))
                .map_err(|message| wrong("concurrency", message))?,
            (None, Some(value)) => {
                axis::concurrency(value).map_err(|message| wrong("concurrency", message))?
            }
            (None, None) => match load.concurrency {
                Some(concurrency) => concurrency,
                None if rate == Rate::Infinite && !paced => Concurrency::ONE,
                None => Concurrency::Infinite,
            },
        };
        Ok(Pace {
            rate,
            concurrency,
            arrival,
            search: rate_search.or(concurrency_search),
        })
    }

    fn check_pace(
        &self,
        combination: &Combination,
        pace: &Pace,
        load: &Load,
    ) -> Result<(), Box<Finding>> {
        let name = pace.arrival.name();
        let paced = pace.arrival.sets_own_times();
        let at = |key: &str, code: Code, message: String| {
            Finding::error(code, self.declared.pointer(combination, key), message)
        };
        if paced && pace.rate != Rate::Infinite {
            let message = format!(
                "arrival `{name}` sets its own times, and a rate of {} sets others",
                pace.rate
            );
            let finding = at("rate", "rate-beside-paced-arrival", message);
            return Err(finding
                .help("leave `rate` out, or exclude this pair of arrival and rate")
                .into());
        }
        let unbounded = pace.rate == Rate::Infinite && pace.concurrency == Concurrency::Infinite;
        if unbounded && !paced && load.requests.is_none() {
            let message = "rate `inf` with concurrency `inf` sends all requests at once, and nothing says how many";
            let finding = at("concurrency", "unbounded-load", message.to_owned());
            return Err(finding
                .help("add `load.requests`, bound the concurrency, or exclude this pair")
                .into());
        }
        Ok(())
    }

    /// The finding of a search that nothing ends.
    fn aimless(&self, combination: &Combination, search: &Search) -> Box<Finding> {
        let pointer = self.declared.pointer(combination, search.axis);
        let message = format!(
            "this searches for the highest `{}` at which the objectives hold, and its cell has none",
            search.axis
        );
        let finding = Finding::error("search-without-objectives", pointer, message);
        finding
            .help("write what must hold: `slo: { objectives: [error_rate <= 1%, e2e.p99 <= 2s] }`")
            .into()
    }

    fn check_pair(
        &self,
        combination: &Combination,
        target: &str,
        dataset: Option<&str>,
    ) -> Result<(), Box<Finding>> {
        let Some(protocol) = self
            .scenario
            .targets
            .get(target)
            .map(|target| target.protocol)
        else {
            return Ok(());
        };
        let declared = dataset.and_then(|name| self.scenario.datasets.get(name));
        let task = declared.and_then(|dataset| dataset.task);
        if protocol.serves(task) {
            return Ok(());
        }
        let protocol = protocol.name();
        let pointer = self.declared.pointer(
            combination,
            if dataset.is_some() {
                "dataset"
            } else {
                "target"
            },
        );
        let Some(dataset) = dataset else {
            let message = format!(
                "target `{target}` ({protocol}) needs requests, and no dataset is declared"
            );
            let finding = Finding::error("no-dataset", pointer, message);
            return Err(finding
                .help("declare one under `datasets`; `kind: random` needs no file")
                .into());
        };
        let what = match task {
            Some(task) => format!("task `{}` of dataset `{dataset}`", task.name()),
            None => format!("dataset `{dataset}`, which states no task"),
        };
        let message = format!("target `{target}` ({protocol}) cannot serve {what}");
        let finding = Finding::error("task-not-served", pointer, message).help(format!(
            "exclude the pair `{{ target: {target}, dataset: {dataset} }}`, or name what is meant in `matrix.target` \
             and `matrix.dataset`"
        ));
        Err(finding.into())
    }

    /// A dataset that never ends needs an end from elsewhere.
    fn check_end(&self, dataset: Option<&str>, load: &Load) -> Result<(), Box<Finding>> {
        let endless = dataset.and_then(|name| self.scenario.datasets.get_key_value(name));
        match endless {
            Some((name, dataset))
                if dataset.endless && load.requests.is_none() && load.duration.is_none() =>
            {
                let message = format!(
                    "dataset `{name}` ({}) never ends, and nothing ends the load",
                    dataset.kind
                );
                let finding = Finding::error("no-end", "/load", message);
                Err(finding
                    .help("add `requests` or `duration` under `load`")
                    .into())
            }
            _ => Ok(()),
        }
    }
}

/// The axes of the id: those of the combination, and rate and concurrency always.
fn axes_of(values: &IndexMap<String, Value>, pace: &Pace) -> IndexMap<String, Value> {
    let mut axes = values.clone();
    axes.entry("rate".to_owned())
        .or_insert_with(|| axis::printed(pace.rate));
    axes.entry("concurrency".to_owned())
        .or_insert_with(|| axis::printed(pace.concurrency));
    key::in_id_order(axes)
}

fn parameters(values: &IndexMap<String, Value>) -> Params {
    values
        .iter()
        .filter_map(|(key, value)| Some((key.strip_prefix("params.")?.to_owned(), value.clone())))
        .collect()
}

/// The combination's `load.<key>` values.
fn overrides(combination: &Combination) -> Vec<(&str, &Value)> {
    combination
        .values
        .iter()
        .filter_map(|(key, value)| Some((key.strip_prefix("load.")?, value)))
        .collect()
}

/// What tells one set of overrides from another.
fn name_of(overrides: &[(&str, &Value)]) -> String {
    overrides.iter().fold(String::new(), |name, (key, value)| {
        format!("{name}{key}={value}\n")
    })
}
