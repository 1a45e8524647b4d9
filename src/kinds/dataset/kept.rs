//! Rows that were read: collected with their bad ones, ordered, and kept in memory.

use std::io;

use rand_distr::{Distribution as _, Uniform};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::fields::Refusal;
use super::find::{self, DataFile};
use super::read::{self, Record};
use super::{BadRow, Common, DatasetError, Folders, OnBadRow, Origin, Prompt, Row, Rows, Task};
use crate::foundation::seed::Seed;

/// So many bad rows are kept with their places.
const BAD_ROWS: usize = 20;

/// The name of the file that rows of the scenario itself stand in, as far as a bad row tells it.
pub const INLINE: &str = "rows";

/// What a record becomes: a row, nothing (it is filtered out), or a refusal.
pub type Interpreted = Result<Option<Row>, Refusal>;

/// Reads rows from where `origin` says and keeps them.
pub struct Collector<'a> {
    folders: &'a Folders,
    common: &'a Common,
    rows: Vec<Row>,
    /// Each row's place, for faults that show only when all are known.
    places: Vec<(usize, u64)>,
    files: Vec<String>,
    bad: Vec<BadRow>,
    bad_total: u64,
    /// Reading stops where so many rows are kept.
    enough: Option<u64>,
}

impl<'a> Collector<'a> {
    /// Nothing read yet. `whole` says that an order over all rows is made, so that `limit` cannot end the reading.
    pub fn new(folders: &'a Folders, common: &'a Common, whole: bool) -> Self {
        let enough = if whole || common.shuffle {
            None
        } else {
            common.limit
        };
        Self {
            folders,
            common,
            rows: Vec::new(),
            places: Vec::new(),
            files: Vec::new(),
            bad: Vec::new(),
            bad_total: 0,
            enough,
        }
    }

    /// Reads all files, or the rows of the scenario itself.
    pub fn read(
        &mut self,
        origin: &Origin,
        interpret: &mut dyn FnMut(Record) -> Interpreted,
    ) -> Result<(), DatasetError> {
        if let Some(rows) = &origin.rows {
            self.files.push(INLINE.to_owned());
            for (number, fields) in (1..).zip(rows) {
                let record = Record::Value(Value::Object(fields.clone()));
                if !self.take(None, number, interpret(record)) {
                    break;
                }
            }
            return Ok(());
        }
        let Some(paths) = &origin.path else {
            return Err(DatasetError::Other {
                message: "the dataset has neither `path` nor `rows`".to_owned(),
                help: "name the file with its rows: `path: prompts.txt`".to_owned(),
            });
        };
        for file in find::files(self.folders, paths)? {
            self.files.push(file.named.clone());
            let mut wanted = true;
            read::records(&file, &mut |line, record| {
                let interpreted = record.and_then(&mut *interpret);
                wanted = self.take(Some(&file), line, interpreted);
                wanted
            })?;
            if !wanted {
                break;
            }
        }
        Ok(())
    }

    fn take(&mut self, file: Option<&DataFile>, line: u64, interpreted: Interpreted) -> bool {
        let checked = interpreted.and_then(|row| match row {
            Some(mut row) => self.check(file, &mut row).map(|()| Some(row)),
            None => Ok(None),
        });
        match checked {
            Ok(None) => {}
            Ok(Some(mut row)) => {
                row.number = self.rows.len() as u64;
                self.rows.push(row);
                self.places.push((self.files.len() - 1, line));
            }
            Err((field, reason)) => self.refuse(self.files.len() - 1, line, field, reason),
        }
        self.enough
            .is_none_or(|enough| (self.rows.len() as u64) < enough)
    }

    fn refuse(&mut self, file: usize, line: u64, field: Option<String>, reason: String) {
        self.bad_total += 1;
        if self.bad.len() < BAD_ROWS {
            let file = self.files.get(file).cloned().unwrap_or_default();
            self.bad.push(BadRow {
                file,
                line,
                field,
                reason,
            });
        }
    }

    /// What every row must have for its task, and pictures that are there.
    fn check(&self, file: Option<&DataFile>, row: &mut Row) -> Result<(), Refusal> {
        let fault = |field: &str, reason: String| Err((Some(field.to_owned()), reason));
        for image in &mut row.images {
            let beside = file
                .and_then(|file| file.path.parent())
                .map(|folder| folder.join(&*image));
            let found = [Some(self.folders.scenario.join(&*image)), beside]
                .into_iter()
                .flatten()
                .find(|path| path.is_file());
            let Some(found) = found else {
                return fault(
                    "image_paths",
                    format!("names {}, which is not there", image.display()),
                );
            };
            *image = self
                .folders
                .inside(&found)
                .map_err(|error| (Some("image_paths".to_owned()), error.to_string()))?;
        }
        let Some(task) = self.common.task.filter(|task| *task != Task::Load) else {
            return Ok(());
        };
        if task.takes_image() && row.images.is_empty() {
            return fault(
                "image_paths",
                format!("is missing: task `{}` needs a picture", task.name()),
            );
        }
        let needs_text = !task.takes_image() || matches!(task, Task::Ti2i | Task::Ti2v);
        match &row.prompt {
            Prompt::None if needs_text => fault("prompt", missing_prompt(row)),
            Prompt::Messages(_) if task != Task::Chat => fault(
                "messages",
                format!("cannot be sent in task `{}`", task.name()),
            ),
            _ => Ok(()),
        }
    }

    /// Sorts the rows by time, stably, and counts the times from the earliest. Rows without a time beside rows with one
    /// are bad.
    pub fn sort_by_time(&mut self) {
        let Some(earliest) = self
            .rows
            .iter()
            .filter_map(|row| row.timestamp_s)
            .min_by(f64::total_cmp)
        else {
            return;
        };
        let mut timed = Vec::with_capacity(self.rows.len());
        for (mut row, (file, line)) in std::mem::take(&mut self.rows)
            .into_iter()
            .zip(std::mem::take(&mut self.places))
        {
            if let Some(time) = row.timestamp_s {
                row.timestamp_s = Some(time - earliest);
                timed.push(row);
            } else {
                let reason = "is missing, while other rows have one".to_owned();
                self.refuse(file, line, Some("timestamp".to_owned()), reason);
            }
        }
        timed.sort_by(|a, b| {
            f64::total_cmp(&a.timestamp_s.unwrap_or(0.0), &b.timestamp_s.unwrap_or(0.0))
        });
        self.rows = timed;
    }

    /// The rows in the order of sending.
    ///
    /// # Errors
    /// Where rows are bad and `on_bad_row` is not `skip`, none is left, or weights do not fit.
    pub fn finish(self, seed: Seed) -> Result<Kept, DatasetError> {
        if self.bad_total > 0 && self.common.on_bad_row == OnBadRow::Error {
            return Err(DatasetError::BadRows {
                rows: self.bad,
                total: self.bad_total,
            });
        }
        let mut rows = self.rows;
        if rows.is_empty() {
            let mut what = self.files.join(", ");
            if self.bad_total > 0 {
                what = format!(
                    "{what}: all {} rows are bad and were skipped",
                    self.bad_total
                );
            }
            return Err(DatasetError::Empty { what });
        }
        let cut = usize::try_from(self.common.limit.unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
        let sha256 = hash(&rows);
        if self.common.shuffle {
            shuffle(&mut rows, seed.derive("order"));
        }
        rows.truncate(cut);
        let weights = self.common.weights.as_ref();
        let weights = weights
            .map(|weights| cumulated(weights, rows.len()))
            .transpose()?;
        rows.shrink_to_fit();
        Ok(Kept {
            rows,
            weights,
            seed: seed.derive("weights"),
            sha256,
            skipped: self.bad_total,
            bad: self.bad,
        })
    }
}

/// That a row says nothing; a field that was most likely meant to is named.
pub fn missing_prompt(row: &Row) -> String {
    let slip = row
        .params
        .keys()
        .find(|name| strsim::damerau_levenshtein(name, "prompt") <= 2);
    slip.map_or_else(
        || "is missing".to_owned(),
        |slip| format!("is missing; did `{slip}` mean it?"),
    )
}

/// Fisher–Yates from the seed: the same seed gives the same order.
fn shuffle(rows: &mut [Row], seed: Seed) {
    let mut generator = seed.generator();
    for last in (1..rows.len()).rev() {
        if let Ok(uniform) = Uniform::new_inclusive(0, last) {
            rows.swap(last, uniform.sample(&mut generator));
        }
    }
}

/// Sums of the weights up to each row.
pub fn cumulated(weights: &[f64], rows: usize) -> Result<Vec<f64>, DatasetError> {
    let legal = |weight: &f64| weight.is_finite() && *weight >= 0.0;
    let sum: f64 = weights.iter().sum();
    if weights.len() != rows || !weights.iter().all(legal) || !sum.is_finite() || sum <= 0.0 {
        return Err(DatasetError::Other {
            message: format!("{} weights for {rows} rows, or none above 0", weights.len()),
            help: "give one weight for each: numbers from 0 on, not all of them 0".to_owned(),
        });
    }
    let mut total = 0.0;
    Ok(weights
        .iter()
        .map(|weight| {
            total += weight;
            total
        })
        .collect())
}

/// Draws an index by sums of weights.
pub fn weighted(cumulated: &[f64], seed: Seed) -> usize {
    let total = cumulated.last().copied().unwrap_or(0.0);
    let drawn =
        Uniform::new(0.0, total).map_or(0.0, |uniform| uniform.sample(&mut seed.generator()));
    cumulated
        .partition_point(|sum| *sum <= drawn)
        .min(cumulated.len().saturating_sub(1))
}

/// SHA-256 over the rows as read, in hex: what they say, not how their file was written.
fn hash(rows: &[Row]) -> String {
    struct Sink(Sha256);
    impl io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.update(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut sink = Sink(Sha256::new());
    for row in rows {
        let (text, messages) = match &row.prompt {
            Prompt::None => (None, None),
            Prompt::Text(text) => (Some(text), None),
            Prompt::Messages(messages) => (None, Some(messages)),
        };
        let images: Vec<_> = row
            .images
            .iter()
            .filter_map(|path| path.file_name()?.to_str())
            .collect();
        let rest = (
            &row.params,
            row.timestamp_s,
            row.slo_ms,
            &row.request_id,
            row.input_tokens,
        );
        // Writing into a hash cannot fail, and a row read from JSON can be written as JSON.
        let _ = serde_json::to_writer(&mut sink, &(text, messages, images, rest));
    }
    hex(&sink.0.finalize())
}

/// Bytes in hex.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// Rows in memory.
pub struct Kept {
    rows: Vec<Row>,
    weights: Option<Vec<f64>>,
    seed: Seed,
    sha256: String,
    skipped: u64,
    bad: Vec<BadRow>,
}

impl Rows for Kept {
    fn len(&self) -> Option<u64> {
        self.weights.is_none().then_some(self.rows.len() as u64)
    }

    fn row(&self, position: u64) -> Result<Row, DatasetError> {
        let index = match &self.weights {
            Some(weights) => weighted(weights, self.seed.index(position)),
            None => usize::try_from(position).unwrap_or(usize::MAX),
        };
        self.rows
            .get(index)
            .cloned()
            .ok_or_else(|| DatasetError::Empty {
                what: format!("no row {position}"),
            })
    }

    fn sha256(&self) -> String {
        self.sha256.clone()
    }

    fn skipped(&self) -> u64 {
        self.skipped
    }

    fn bad_rows(&self) -> &[BadRow] {
        &self.bad
    }
}
