//! `vbench`: the prompt suite of VBench.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::kept::{Collector, Interpreted};
use super::read::Record;
use super::{Common, DatasetError, Folders, Origin, Owned, Prompt, Row, Rows, Source, fields};
use crate::foundation::seed::Seed;

/// Options of `vbench`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Options {
    /// Where the rows stand.
    #[serde(flatten)]
    pub origin: Origin,
    /// Which of VBench's dimensions the prompts are of; `subject_consistency` unless given. A full-info JSON is filtered
    /// by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"subject_consistency")]
    pub dimension: Option<String>,
}

impl Owned for Options {
    fn source(self, common: &Common) -> Box<dyn Source> {
        Box::new(Vbench {
            options: self,
            common: common.clone(),
        })
    }
}

struct Vbench {
    options: Options,
    common: Common,
}

/// VBench's dimension where none is given; the seed's choice.
const DIMENSION: &str = "subject_consistency";

impl Source for Vbench {
    fn open(&self, folders: &Folders, seed: Seed) -> Result<Box<dyn Rows>, DatasetError> {
        if let Some(task) = self.common.task.filter(|task| task.takes_image()) {
            return Err(DatasetError::NotSupported {
                what: format!("VBench's image suite (task `{}`)", task.name()),
                help: "use `kind: trace` with `image_paths`".to_owned(),
            });
        }
        if self.options.origin.path.is_none() && self.options.origin.rows.is_none() {
            return Err(DatasetError::NotSupported {
                what: "VBench's published suite, which a dataset without `path` stands for,"
                    .to_owned(),
                help: format!(
                    "get prompts/prompts_per_dimension/{}.txt from https://github.com/Vchitect/VBench and name it as `path`",
                    self.dimension()
                ),
            });
        }
        let mut rows = Collector::new(folders, &self.common, false);
        let mut other_dimensions = BTreeSet::new();
        rows.read(&self.options.origin, &mut |record| {
            self.interpret(record, &mut other_dimensions)
        })?;
        match rows.finish(seed) {
            Ok(rows) => Ok(Box::new(rows)),
            Err(DatasetError::Empty { .. }) if !other_dimensions.is_empty() => {
                Err(DatasetError::Other {
                    message: format!("no prompt is of dimension `{}`", self.dimension()),
                    help: format!(
                        "the file has {}",
                        other_dimensions.into_iter().collect::<Vec<_>>().join(", ")
                    ),
                })
            }
            Err(error) => Err(error),
        }
    }
}

impl Vbench {
    fn dimension(&self) -> &str {
        self.options.dimension.as_deref().unwrap_or(DIMENSION)
    }

    /// A line of text is a prompt of the file's one dimension; an item of the full-info JSON names its dimensions.
    fn interpret(&self, record: Record, other_dimensions: &mut BTreeSet<String>) -> Interpreted {
        let item = match record {
            Record::Line(prompt) => {
                return Ok(Some(Row {
                    prompt: Prompt::Text(prompt),
                    ..Row::default()
                }));
            }
            Record::Value(Value::Object(item)) => item,
            Record::Value(_) => return Err((None, "is no item of VBench's full info".to_owned())),
        };
        let fault = |field: &str, reason: &str| Err((Some(field.to_owned()), reason.to_owned()));
        // A row of the scenario itself is one like any other kind's.
        if item.contains_key("prompt") && !item.contains_key("prompt_en") {
            return fields::row(item).map(Some);
        }
        let Some(prompt) = item.get("prompt_en").and_then(Value::as_str) else {
            return fault("prompt_en", "is missing or no text");
        };
        let dimensions: Vec<&str> = match item.get("dimension") {
            Some(Value::String(dimension)) => vec![dimension],
            Some(Value::Array(dimensions)) => dimensions.iter().filter_map(Value::as_str).collect(),
            _ => return fault("dimension", "is missing or no list of names"),
        };
        if !dimensions.contains(&self.dimension()) {
            other_dimensions.extend(dimensions.into_iter().map(str::to_owned));
            return Ok(None);
        }
        Ok(Some(Row {
            prompt: Prompt::Text(prompt.to_owned()),
            ..Row::default()
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::dataset::{Paths, Task};

    fn open(
        dimension: Option<&str>,
        name: &str,
        content: &str,
    ) -> Result<Box<dyn Rows>, DatasetError> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(name), content).unwrap();
        let folders = Folders {
            scenario: folder.path().to_owned(),
            root: folder.path().to_owned(),
        };
        let origin = Origin {
            path: Some(Paths::One(name.to_owned())),
            ..Origin::default()
        };
        let options = Options {
            origin,
            dimension: dimension.map(str::to_owned),
        };
        options
            .source(&Common {
                task: Some(Task::T2i),
                ..Common::default()
            })
            .open(&folders, Seed::root(0))
    }

    const FULL_INFO: &str = r#"[
        {"prompt_en": "a boat", "dimension": ["subject_consistency", "dynamic_degree"]},
        {"prompt_en": "a red car", "dimension": ["color"], "auxiliary_info": {"color": "red"}}
    ]"#;

    #[test]
    fn a_full_info_file_is_filtered_by_dimension() {
        let prompt = |dimension| {
            open(dimension, "full.json", FULL_INFO)
                .unwrap()
                .row(0)
                .unwrap()
                .prompt
        };
        assert_eq!(prompt(None), Prompt::Text("a boat".to_owned()));
        assert_eq!(prompt(Some("color")), Prompt::Text("a red car".to_owned()));
        let error = open(Some("colour"), "full.json", FULL_INFO).err().unwrap();
        assert!(
            error
                .help()
                .contains("color, dynamic_degree, subject_consistency"),
            "{}",
            error.help()
        );
    }

    #[test]
    fn a_text_file_is_a_prompt_a_line() {
        assert_eq!(
            open(None, "a.txt", "one\n\n two \n").unwrap().len(),
            Some(2)
        );
    }

    #[test]
    fn without_a_path_the_error_says_where_the_prompts_are() {
        let folders = Folders {
            scenario: ".".into(),
            root: ".".into(),
        };
        let error = Options::default()
            .source(&Common::default())
            .open(&folders, Seed::root(0))
            .err()
            .unwrap();
        assert!(error.help().contains("subject_consistency.txt"));
        assert!(error.help().contains("github.com/Vchitect/VBench"));
    }
}
