//! `trace`: one request a row, as it was recorded.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::kept::{Collector, Interpreted};
use super::read::{self, Record};
use super::{Common, DatasetError, Folders, Origin, Owned, Rows, Source, fields, python};
use crate::foundation::seed::Seed;

/// Options of `trace`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Options {
    /// Where the rows stand.
    #[serde(flatten)]
    pub origin: Origin,
}

impl Owned for Options {
    const CYCLES: bool = false;
    const NEEDS_ROWS: bool = true;

    fn source(self, common: &Common) -> Box<dyn Source> {
        Box::new(Trace {
            options: self,
            common: common.clone(),
        })
    }
}

struct Trace {
    options: Options,
    common: Common,
}

impl Source for Trace {
    fn open(&self, folders: &Folders, seed: Seed) -> Result<Box<dyn Rows>, DatasetError> {
        // The first rows are the earliest ones, so all are read before any is left out.
        let mut rows = Collector::new(folders, &self.common, true);
        rows.read(&self.options.origin, &mut interpret)?;
        rows.sort_by_time();
        Ok(Box::new(rows.finish(seed)?))
    }
}

/// A line is a Python constructor call or a JSON object; the other containers hold objects.
fn interpret(record: Record) -> Interpreted {
    let record = match record {
        Record::Line(line) if line.starts_with('{') => read::value(&line)?,
        Record::Line(line) => return fields::row(python::call(&line)?).map(Some),
        value @ Record::Value(_) => value,
    };
    match record {
        Record::Value(Value::Object(fields)) => fields::row(fields).map(Some),
        _ => Err((None, "is no object of fields".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::dataset::{OnBadRow, Paths, Prompt, Task};
    use serde_json::json;

    fn open(common: &Common, name: &str, content: &str) -> Result<Box<dyn Rows>, DatasetError> {
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
            .open(&folders, Seed::root(0))
    }

    fn prompts(rows: &dyn Rows) -> Vec<String> {
        (0..rows.len().unwrap())
            .map(|position| match rows.row(position).unwrap().prompt {
                Prompt::Text(text) => text,
                other => format!("{other:?}"),
            })
            .collect()
    }

    const TRACE: &str =
        "Request(request_id=0, timestamp=10.5, height=512, width=512, prompt='late', seed=1)
Request(request_id=1, timestamp=10.0, height=256, width=256, prompt='early', num_inference_steps=20)
Request(request_id=2, timestamp=10.5, height=512, width=512, prompt='late too')
";

    #[test]
    fn rows_are_sorted_by_time_and_count_from_the_earliest() {
        let rows = open(&Common::default(), "a.txt", TRACE).unwrap();
        assert_eq!(prompts(&*rows), ["early", "late", "late too"]);
        let row = rows.row(1).unwrap();
        assert_eq!(
            (row.timestamp_s, row.number, row.request_id.as_deref()),
            (Some(0.5), 0, Some("0"))
        );
        assert_eq!(
            Value::Object(row.params),
            json!({"height": 512, "width": 512, "seed": 1})
        );
        let common = Common {
            limit: Some(1),
            ..Common::default()
        };
        assert_eq!(prompts(&*open(&common, "a.txt", TRACE).unwrap()), ["early"]);
    }

    #[test]
    fn the_same_rows_have_the_same_hash_in_every_container() {
        let csv = "request_id,timestamp,height,width,prompt,seed,num_inference_steps\r\n0,10.5,512,512,late,1,\r\n\
                   1,10.0,256,256,early,,20\r\n2,10.5,512,512,late too,,\r\n";
        let lines = "{\"request_id\":0,\"timestamp\":10.5,\"height\":512,\"width\":512,\"prompt\":\"late\",\"seed\":1}\n\
                     {\"request_id\":1,\"timestamp\":10,\"height\":256,\"width\":256,\"prompt\":\"early\",\"num_inference_steps\":20}\n\
                     {\"request_id\":2,\"timestamp\":10.5,\"height\":512,\"width\":512,\"prompt\":\"late too\"}\n";
        let hash =
            |name: &str, content: &str| open(&Common::default(), name, content).unwrap().sha256();
        assert_eq!(hash("a.txt", TRACE), hash("a.csv", csv));
        assert_eq!(hash("a.txt", TRACE), hash("a.jsonl", lines));
        assert_eq!(
            hash("a.txt", TRACE),
            hash("b.txt", &format!("\u{feff}{}", TRACE.replace('\n', "\r\n")))
        );
        assert_ne!(
            hash("a.txt", TRACE),
            hash("a.txt", &TRACE.replace("early", "Early"))
        );
    }

    #[test]
    fn every_bad_row_is_reported_with_line_field_and_reason() {
        let content = format!(
            "{TRACE}Request(timestamp=-1, prompt='x')\n\noops\nRequest(timestamp=1, prompt='x', width='w')\n"
        );
        let Err(DatasetError::BadRows { rows, total }) =
            open(&Common::default(), "a.txt", &content)
        else {
            panic!("rows are bad")
        };
        let found: Vec<_> = rows
            .iter()
            .map(|row| (row.line, row.field.as_deref()))
            .collect();
        assert_eq!(
            found,
            [(4, Some("timestamp")), (6, None), (7, Some("width"))]
        );
        assert_eq!(
            (
                total,
                rows[0]
                    .to_string()
                    .starts_with("a.txt:4: `timestamp` is no time")
            ),
            (3, true)
        );
        let common = Common {
            on_bad_row: OnBadRow::Skip,
            ..Common::default()
        };
        let rows = open(&common, "a.txt", &content).unwrap();
        assert_eq!(
            (rows.len(), rows.skipped(), rows.bad_rows().len()),
            (Some(3), 3, 3)
        );
    }

    #[test]
    fn a_row_that_its_task_cannot_use_is_bad() {
        let bad = |task, content| match open(
            &Common {
                task: Some(task),
                ..Common::default()
            },
            "a.jsonl",
            content,
        ) {
            Err(DatasetError::BadRows { rows, .. }) => rows[0].field.clone(),
            _ => None,
        };
        assert_eq!(bad(Task::T2i, "{\"width\": 1}").as_deref(), Some("prompt"));
        assert_eq!(
            bad(Task::I2i, "{\"prompt\": \"x\"}").as_deref(),
            Some("image_paths")
        );
        assert_eq!(
            bad(Task::I2i, "{\"image_path\": \"none.png\"}").as_deref(),
            Some("image_paths")
        );
        assert_eq!(
            bad(Task::Completion, "{\"messages\": [{\"role\": \"user\"}]}").as_deref(),
            Some("messages")
        );
        assert_eq!(
            bad(
                Task::T2i,
                "{\"timestamp\":1,\"prompt\":\"x\"}\n{\"prompt\":\"y\"}"
            )
            .as_deref(),
            Some("timestamp")
        );
    }

    #[test]
    fn an_empty_trace_is_an_error() {
        assert!(matches!(
            open(&Common::default(), "a.txt", "\n\n"),
            Err(DatasetError::Empty { .. })
        ));
    }
}
