//! What a run tells whoever watches: changes of state are sent, figures are a snapshot that is read.

use std::time::Duration;

use crate::kinds::protocol::Protocol;
use crate::plan::Cell;

/// A change of state.
#[derive(Debug, Clone, PartialEq)]
pub enum Event<'a> {
    /// A target is asked whether it is ready.
    Waiting {
        /// The target.
        target: &'a str,
        /// What is asked.
        url: &'a str,
    },
    /// A target is ready.
    Ready {
        /// The target.
        target: &'a str,
        /// The address that load goes to.
        url: &'a str,
        /// How long it took.
        after: Duration,
    },
    /// A repeat of a cell begins.
    Began(Stage<'a>),
    /// A repeat of a cell is committed.
    Ended {
        /// Which.
        stage: Stage<'a>,
        /// Requests that were ok.
        ok: u64,
        /// Requests that failed.
        failed: u64,
        /// Requests that were due and not sent.
        unsent: u64,
    },
    /// Something that the user should know and no number says.
    Note {
        /// In one sentence.
        text: &'a str,
    },
    /// Records are aggregated and the report is written.
    Reporting,
}

/// Where a run is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stage<'a> {
    /// The cell's id.
    pub cell: &'a str,
    /// The cell's number in the plan, from 1.
    pub number: usize,
    /// How many cells the plan has.
    pub cells: usize,
    /// Number of the execution, from 1.
    pub execution: usize,
    /// How many executions the run has: cells times repeats.
    pub executions: usize,
    /// The repeat, from 1.
    pub repeat: u32,
    /// How many repeats the cell has.
    pub repeats: u32,
    /// The rate offered, where it is finite.
    pub rate: Option<f64>,
    /// Requests that the repeat intends, where known.
    pub intended: Option<u64>,
    /// How long the repeat takes by its schedule, where that is known.
    pub expected: Option<Duration>,
    /// How long all repeats after it take by theirs, where that is known.
    pub rest: Option<Duration>,
}

/// Takes events. Must not block: load waits for nobody.
pub trait Watcher: Sync {
    /// Takes a change of state.
    fn event(&self, event: &Event<'_>);

    /// Takes the figures of the repeat that runs, a few times a second.
    fn figures(&self, figures: &crate::load::Figures);

    /// Puts itself between the engine and the protocol of a cell, where it looks on at what arrives; most do not.
    fn beside(&self, cell: &Cell, protocol: Box<dyn Protocol>) -> Box<dyn Protocol> {
        let _ = cell;
        protocol
    }
}
