//! Why a run could not go on. What a target does to a request is never here: that is data.

use std::path::PathBuf;
use std::time::Duration;

use crate::foundation::files::FilesError;
use crate::foundation::secret::SecretError;
use crate::foundation::units::HumanDuration;
use crate::instruments::record::journal::JournalError;
use crate::instruments::simulator::SimulatorError;
use crate::instruments::table::TableError;
use crate::instruments::transport::TransportError;
use crate::kinds::dataset::DatasetError;
use crate::kinds::metric::MetricError;
use crate::kinds::protocol::PrepareError;
use crate::load::LoadError;
use crate::report::ReportError;
use crate::results::{Ending, ResultsError};

/// Why a run ended without a report, or before its cells were done.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The out folder holds what is not ours.
    #[error("{} is not empty and holds no report of plimsoll's", path.display())]
    Foreign {
        /// The folder.
        path: PathBuf,
    },
    /// A run of some cells would replace the report of all of them.
    #[error("a report of the whole plan stands at {}, and only some of its cells were asked for", path.display())]
    Selection {
        /// The folder.
        path: PathBuf,
    },
    /// An interrupted run stands there.
    #[error("an unfinished run stands at {}", path.display())]
    Unfinished {
        /// The folder of the unfinished run.
        path: PathBuf,
    },
    /// A file could not be read or written.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// A secret could not be read.
    #[error(transparent)]
    Secret(SecretError),
    /// A header that is none.
    #[error("target `{target}`: header `{name}` cannot be sent as it is")]
    Header {
        /// The target.
        target: String,
        /// The header.
        name: String,
    },
    /// A dataset cannot be used.
    #[error("dataset `{name}`: {source}")]
    Dataset {
        /// The dataset.
        name: String,
        /// Why.
        source: DatasetError,
    },
    /// A dataset's rows are others than when the run began.
    #[error("dataset `{name}` changed while the run was going on")]
    DatasetChanged {
        /// The dataset.
        name: String,
    },
    /// A target's requests cannot be made.
    #[error("target `{target}`: {source}")]
    Protocol {
        /// The target.
        target: String,
        /// Why.
        source: PrepareError,
    },
    /// A target's address cannot be used.
    #[error("target `{target}`: {source}")]
    Transport {
        /// The target.
        target: String,
        /// Why.
        source: TransportError,
    },
    /// A target did not become ready.
    #[error(
        "target `{target}` was not ready within {}: GET {url} was tried {tries} times, the last said: {last}",
        HumanDuration(*within)
    )]
    NotReady {
        /// The target.
        target: String,
        /// What was asked.
        url: String,
        /// The budget.
        within: Duration,
        /// How often it was asked.
        tries: u32,
        /// The last answer or failure.
        last: String,
    },
    /// A signal came before anything was sent.
    #[error("stopped while target `{target}` was waited for; nothing was sent")]
    Stopped {
        /// The target.
        target: String,
    },
    /// The simulator of a target could not be started.
    #[error("target `{target}`: {source}")]
    Simulator {
        /// The target.
        target: String,
        /// Why.
        source: SimulatorError,
    },
    /// A cell has more connections than there are descriptors for: known before any load.
    #[error("cell {cell}: {source}")]
    Descriptors {
        /// The cell's id.
        cell: String,
        /// How many are missing.
        source: LoadError,
    },
    /// A repeat could not be executed.
    #[error("cell {cell}, repeat {repeat}: {source}")]
    Load {
        /// The cell's id.
        cell: String,
        /// The repeat.
        repeat: u32,
        /// Why.
        source: LoadError,
    },
    /// The records could not be put into a table.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The records could not be aggregated.
    #[error(transparent)]
    Metric(#[from] MetricError),
    /// The results could not be written.
    #[error(transparent)]
    Results(#[from] ResultsError),
    /// The report could not be rendered.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// The journal could not be written or read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A document could not be written as JSON: a bug of ours.
    #[error("cannot write the comparison as JSON: {0}")]
    Json(serde_json::Error),
    /// A cell names what the scenario does not declare: a bug of ours.
    #[error("a cell names the {what} `{name}`, which is not declared")]
    Missing {
        /// Target or dataset.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// The machine refused something basic: a thread, a timer.
    #[error("cannot {what}: {source}")]
    Machine {
        /// What was wanted.
        what: &'static str,
        /// Why not.
        source: std::io::Error,
    },
}

impl RunError {
    /// What the user can do, and what was kept.
    pub fn help(&self) -> String {
        match self {
            Self::Foreign { .. } => "choose another folder with --out, or empty this one".to_owned(),
            Self::Selection { .. } => {
                "name another folder with --out: a whole report is not replaced by a part of it".to_owned()
            }
            Self::Unfinished { .. } => {
                "`--restart` throws it away and begins anew".to_owned()
            }
            Self::Files(error) => error.help(),
            Self::Secret(_) => "set it where plimsoll runs; the scenario names only the reference".to_owned(),
            Self::Header { .. } => "a header's name and value are visible ASCII without line breaks".to_owned(),
            Self::Dataset { source, .. } => source.help(),
            Self::DatasetChanged { .. } => "leave its files alone during a run, and run again".to_owned(),
            Self::Protocol { source, .. } => source.help.clone(),
            Self::Transport { source, .. } => source.help(),
            Self::NotReady { .. } => {
                "start the target, check its base_url and `ready.path`, or give it more time with `ready.within`".to_owned()
            }
            Self::Stopped { .. } => "run it again; nothing of it was kept".to_owned(),
            Self::Simulator { source, .. } => source.help().to_owned(),
            Self::Descriptors { source, .. } | Self::Load { source, .. } => source.help(),
            Self::Table(error) => error.help().to_owned(),
            Self::Metric(error) => error.help().to_owned(),
            Self::Results(error) => error.help(),
            Self::Report(error) => error.help(),
            Self::Journal(error) => error.help().to_owned(),
            Self::Json(_) | Self::Missing { .. } => "this is a bug: please report it with the scenario".to_owned(),
            Self::Machine { .. } => "free some of the machine's threads or descriptors".to_owned(),
        }
    }

    /// How the process ends by it.
    pub const fn ending(&self) -> Ending {
        match self {
            Self::Foreign { .. }
            | Self::Selection { .. }
            | Self::Unfinished { .. }
            | Self::Secret(_)
            | Self::Header { .. }
            | Self::Dataset { .. }
            | Self::Protocol { .. }
            | Self::Descriptors { .. }
            | Self::Report(ReportError::Template { .. } | ReportError::UnknownFormat { .. })
            | Self::Files(FilesError::Held { .. } | FilesError::Outside { .. }) => Ending::Usage,
            Self::Transport { .. } | Self::NotReady { .. } => Ending::Unreachable,
            Self::Report(ReportError::Write { .. }) | Self::Json(_) | Self::Missing { .. } => {
                Ending::Bug
            }
            _ => Ending::Incomplete,
        }
    }
}
