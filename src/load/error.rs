//! Why a repeat could not be made. What a target does is never here: that is data.

use std::io;

use crate::instruments::record::journal::JournalError;
use crate::kinds::arrival::ArrivalError;
use crate::kinds::dataset::DatasetError;
use crate::kinds::protocol::PrepareError;

/// Why a repeat could not be made.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A row could not be read or made.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// A row cannot be put into the protocol's format.
    #[error("row {row} cannot be sent: {source}")]
    Prepare {
        /// The row's number, from 0.
        row: u64,
        /// Why.
        source: PrepareError,
    },
    /// Records could not be written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A thread could not be started.
    #[error("cannot start a thread: {source}")]
    Thread {
        /// Why.
        source: io::Error,
    },
    /// A lane's runtime could not be made.
    #[error("cannot set up a lane: {source}")]
    Lane {
        /// Why.
        source: io::Error,
    },
    /// Fewer descriptors than connections.
    #[error(
        "{connections} connections and what we need ourselves take {needed} descriptors, and the limit is {limit}"
    )]
    Descriptors {
        /// Connections at once, each end of its own where both are ours.
        connections: u64,
        /// These, and what we need ourselves.
        needed: u64,
        /// The limit, raised as far as it goes.
        limit: u64,
    },
    /// The arrival process cannot be made from the cell.
    #[error(transparent)]
    Arrival(#[from] ArrivalError),
    /// A thread of ours failed: a bug.
    #[error("a lane failed")]
    Bug,
}

impl LoadError {
    /// What the user can do.
    pub fn help(&self) -> String {
        match self {
            Self::Dataset(_) => "mend the dataset; `plimsoll dataset FILE` shows it".into(),
            Self::Prepare { source, .. } => source.help.clone(),
            Self::Journal(error) => error.help().into(),
            Self::Thread { .. } | Self::Lane { .. } => {
                "raise the limits on processes and descriptors (`ulimit -u`, `ulimit -n`)".into()
            }
            Self::Descriptors { needed, .. } => {
                format!(
                    "`ulimit -n {needed}` raises it in a shell of root, `--ulimit nofile={needed}` in a container, \
                     `LimitNOFILE=` in a service; or ask for less concurrency"
                )
            }
            Self::Arrival(error) => error.help().into(),
            Self::Bug => "report this with the log of `-vv`".into(),
        }
    }
}
