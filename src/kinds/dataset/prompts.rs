//! `prompts`: prompts or chat messages, one a row.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::kept::{Collector, Interpreted, missing_prompt};
use super::read::Record;
use super::{Common, DatasetError, Folders, Origin, Owned, Prompt, Row, Rows, Source, fields};
use crate::foundation::seed::Seed;

/// Options of `prompts`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Options {
    /// Where the rows stand.
    #[serde(flatten)]
    pub origin: Origin,
}

impl Owned for Options {
    const NEEDS_ROWS: bool = true;

    fn source(self, common: &Common) -> Box<dyn Source> {
        Box::new(Prompts {
            options: self,
            common: common.clone(),
        })
    }
}

struct Prompts {
    options: Options,
    common: Common,
}

impl Source for Prompts {
    fn open(&self, folders: &Folders, seed: Seed) -> Result<Box<dyn Rows>, DatasetError> {
        let mut rows = Collector::new(folders, &self.common, false);
        rows.read(&self.options.origin, &mut interpret)?;
        Ok(Box::new(rows.finish(seed)?))
    }
}

/// A line of text is a prompt; a JSON value is a prompt, a list of messages, or an object with either.
fn interpret(record: Record) -> Interpreted {
    let text = |text| Row {
        prompt: Prompt::Text(text),
        ..Row::default()
    };
    match record {
        Record::Line(line) | Record::Value(Value::String(line)) => Ok(Some(text(line))),
        Record::Value(Value::Object(fields)) => {
            let row = fields::row(fields)?;
            if row.prompt == Prompt::None {
                return Err((Some("prompt".to_owned()), missing_prompt(&row)));
            }
            Ok(Some(row))
        }
        Record::Value(messages @ Value::Array(_)) => fields::row(serde_json::Map::from_iter([(
            "messages".to_owned(),
            messages,
        )]))
        .map(Some),
        Record::Value(_) => Err((None, "is neither a prompt nor messages".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::dataset::Paths;
    use serde_json::json;

    fn open(
        common: &Common,
        name: &str,
        content: &str,
        seed: u64,
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
        Options { origin }
            .source(common)
            .open(&folders, Seed::root(seed))
    }

    fn numbers(rows: &dyn Rows, count: u64) -> Vec<u64> {
        (0..count)
            .map(|position| rows.row(position).unwrap().number)
            .collect()
    }

    fn lines(count: usize) -> String {
        (0..count).map(|line| format!("prompt {line}\n")).collect()
    }

    #[test]
    fn a_line_is_a_prompt_and_an_object_may_bring_parameters() {
        let rows = open(&Common::default(), "a.txt", "  One. \n\nTwo.\n", 0).unwrap();
        assert_eq!(rows.row(1).unwrap().prompt, Prompt::Text("Two.".to_owned()));
        let content = "\"One.\"\n{\"prompt\": \"Two.\", \"max_tokens\": 5}\n[{\"role\": \"user\", \"content\": \"x\"}]\n";
        let rows = open(&Common::default(), "a.jsonl", content, 0).unwrap();
        assert_eq!(rows.row(0).unwrap().prompt, Prompt::Text("One.".to_owned()));
        assert_eq!(rows.row(1).unwrap().params["max_tokens"], json!(5));
        assert_eq!(
            rows.row(2).unwrap().prompt,
            Prompt::Messages(vec![json!({"role": "user", "content": "x"})])
        );
    }

    #[test]
    fn a_sharegpt_file_is_read_and_a_conversation_without_a_human_turn_is_bad() {
        let content = "[{\"id\": 1, \"conversations\": [{\"from\": \"human\", \"value\": \"Hi\"}]},\n\
                       {\"id\": 2, \"conversations\": [{\"from\": \"gpt\", \"value\": \"Hi\"}]}]";
        let Err(DatasetError::BadRows { rows, .. }) =
            open(&Common::default(), "a.json", content, 0)
        else {
            panic!("a row is bad")
        };
        assert_eq!(
            (rows[0].line, rows[0].reason.as_str()),
            (2, "has no human turn")
        );
    }

    #[test]
    fn a_shuffle_is_a_permutation_that_the_seed_decides() {
        let common = Common {
            shuffle: true,
            ..Common::default()
        };
        let order = |seed| numbers(&*open(&common, "a.txt", &lines(30), seed).unwrap(), 30);
        let mut sorted = order(1);
        assert_ne!(sorted, (0..30).collect::<Vec<_>>());
        assert_eq!(order(1), order(1));
        assert_ne!(order(1), order(2));
        sorted.sort_unstable();
        assert_eq!(sorted, (0..30).collect::<Vec<_>>());
        let limited = Common {
            limit: Some(5),
            ..common.clone()
        };
        assert_eq!(
            numbers(&*open(&limited, "a.txt", &lines(30), 1).unwrap(), 5),
            order(1)[..5]
        );
    }

    #[test]
    fn a_limit_ends_the_reading() {
        let common = Common {
            limit: Some(2),
            ..Common::default()
        };
        let rows = open(&common, "a.jsonl", "\"a\"\n\"b\"\nno json\n", 0).unwrap();
        assert_eq!(rows.len(), Some(2));
    }

    #[test]
    fn weighted_rows_are_drawn_without_end() {
        let common = Common {
            weights: Some(vec![3.0, 0.0, 1.0]),
            ..Common::default()
        };
        let rows = open(&common, "a.txt", &lines(3), 7).unwrap();
        assert_eq!(rows.len(), None);
        let drawn = numbers(&*rows, 4000);
        let share = |number| drawn.iter().filter(|found| **found == number).count();
        // Three standard deviations of a binomial with n 4000 and p 3/4 are 82.
        assert_eq!(share(1), 0);
        assert!(share(0).abs_diff(3000) < 82, "{}", share(0));
        let wrong = Common {
            weights: Some(vec![1.0]),
            ..Common::default()
        };
        assert!(open(&wrong, "a.txt", &lines(3), 7).is_err());
    }

    #[test]
    fn rows_may_stand_in_the_scenario_itself() {
        let row = |prompt: &str| {
            json!({"prompt": prompt, "seed": 3})
                .as_object()
                .unwrap()
                .clone()
        };
        let origin = Origin {
            rows: Some(vec![row("One."), row("Two.")]),
            ..Origin::default()
        };
        let folders = Folders {
            scenario: ".".into(),
            root: ".".into(),
        };
        let rows = Options { origin }
            .source(&Common::default())
            .open(&folders, Seed::root(0))
            .unwrap();
        assert_eq!(rows.len(), Some(2));
        assert_eq!(rows.row(1).unwrap().params["seed"], json!(3));
    }
}
