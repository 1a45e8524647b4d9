//! The course of a run: every repeat of every cell in order, and the probes that searches add to them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::event::Event;
use super::evidence;
use super::folder::Workplace;
use super::repeat::{self, Place, Repeat};
use super::search;
use super::{Rooms, RunError, Session};
use crate::foundation::files::FilesError;
use crate::instruments::record::journal::{Contents, Journal};
use crate::instruments::record::{Commit, Ended};
use crate::instruments::transport::Origin;
use crate::plan::{self, Cell, Execution, Plan};
use crate::results::{SearchResult, folder};

/// What of a plan has been executed so far.
pub struct Course<'a> {
    plan: &'a Plan,
    rooms: Rooms<'a>,
    /// The folder in which the run is made.
    pub workplace: &'a Workplace,
    journal: Journal,
    /// Repeats that were begun.
    position: u32,
    /// The probes of each search, with their values, by its place in the plan.
    probes: BTreeMap<usize, Vec<(f64, Cell)>>,
    searches: BTreeMap<usize, SearchResult>,
}

/// What came of executing a plan.
pub struct Executed {
    /// The plan with the probes of each search in its place.
    pub plan: Plan,
    /// The searches, in the order of the plan.
    pub searches: Vec<SearchResult>,
    /// Whether nothing was left out.
    pub complete: bool,
}

/// One execution of the order: a repeat of a cell, or a whole search.
pub struct Turn<'a> {
    pub session: &'a Session<'a>,
    pub cell: &'a Cell,
    execution: Execution,
    place: Place,
    origins: &'a [Arc<Origin>],
}

/// How the course goes on after a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Went {
    /// With the next one.
    On,
    /// The cell failed; `--fail-fast` ends the run by it.
    Failed,
    /// A signal ended it.
    Stopped,
}

impl Turn<'_> {
    /// Pauses as the cell's load asks for; a stop ends the pause.
    pub fn cool_down(&self) -> Result<(), RunError> {
        repeat::cool_down(self.session, self.cell)
    }

    /// Whether a signal has stopped the run.
    pub fn is_stopped(&self) -> bool {
        self.session.signals.stop().is_stopped()
    }
}

impl<'a> Course<'a> {
    /// The course of a plan, before its first repeat.
    pub fn new(plan: &'a Plan, rooms: Rooms<'a>, place: (Journal, &'a Workplace)) -> Self {
        let (journal, workplace) = place;
        Self {
            plan,
            rooms,
            workplace,
            journal,
            position: 0,
            probes: BTreeMap::new(),
            searches: BTreeMap::new(),
        }
    }

    /// Executes every repeat of every cell in order.
    pub fn run(mut self, session: &Session<'_>) -> Result<Executed, RunError> {
        let complete = self.run_all(session)?;
        Ok(self.executed(complete))
    }

    /// False where some repeats were left out.
    fn run_all(&mut self, session: &Session<'_>) -> Result<bool, RunError> {
        let order = plan::order(self.plan);
        let mut origins: HashMap<usize, Vec<Arc<Origin>>> = HashMap::new();
        for (number, execution) in order.iter().enumerate() {
            if session.signals.stop().is_stopped() {
                return Ok(false);
            }
            let Some(cell) = self.plan.cells.get(execution.cell) else {
                continue;
            };
            let target = self
                .rooms
                .targets
                .get(&cell.target)
                .ok_or_else(|| RunError::Missing {
                    what: "target",
                    name: cell.target.clone(),
                })?;
            let origins = origins
                .entry(execution.cell)
                .or_insert_with(|| target.resolved(session.watcher));
            let later = order[number + 1..].iter();
            let rest = later
                .map(|later| self.plan.cells.get(later.cell).and_then(repeat::expected))
                .sum();
            let place = Place {
                number,
                executions: order.len(),
                cells: self.plan.cells.len(),
                rest,
            };
            let turn = Turn {
                session,
                cell,
                execution: *execution,
                place,
                origins,
            };
            let last = number + 1 == order.len();
            match self.turn(&turn)? {
                Went::Stopped => return Ok(false),
                Went::Failed if session.fail_fast && !last => {
                    session.watcher.event(&Event::Note {
                        text: "a cell failed, and --fail-fast ends the run",
                    });
                    return Ok(false);
                }
                Went::On | Went::Failed => {}
            }
            if !last {
                turn.cool_down()?;
            }
        }
        Ok(true)
    }

    fn turn(&mut self, turn: &Turn<'_>) -> Result<Went, RunError> {
        if let Some(search) = &turn.cell.search {
            return search::execute(turn, search, self);
        }
        let commit = self.repeat(turn, turn.cell, turn.execution.repeat)?;
        let failed = commit.ended == Ended::WarmupFailed
            || (commit.counts.ok == 0 && commit.counts.failed > 0);
        Ok(match commit.ended {
            Ended::Interrupted => Went::Stopped,
            _ if failed => Went::Failed,
            _ => Went::On,
        })
    }

    /// Executes a repeat of a cell within a turn, and commits it.
    pub fn repeat(
        &mut self,
        turn: &Turn<'_>,
        cell: &Cell,
        repeat: u32,
    ) -> Result<Commit, RunError> {
        let execution = Execution {
            repeat,
            position: self.position,
            ..turn.execution
        };
        self.position += 1;
        let repeat = Repeat {
            session: turn.session,
            cell,
            execution,
            place: turn.place,
            origins: turn.origins,
        };
        repeat.execute(&self.rooms, (&mut self.journal, self.workplace.part()))
    }

    /// Lets go of what was committed of a cell, since it is measured again, and says why.
    pub fn forget(&mut self, turn: &Turn<'_>, cell: &Cell, why: &str) -> Result<(), RunError> {
        let text = format!("{} is measured again: {why}", cell.id);
        turn.session.watcher.event(&Event::Note { text: &text });
        let contents = Contents::read(&self.workplace.journal())?;
        let commits = evidence::commits(cell, &contents);
        for sample in commits.iter().flat_map(|commit| &commit.samples) {
            let path = self
                .workplace
                .part()
                .join(folder::SAMPLES)
                .join(&sample.file);
            std::fs::remove_file(&path)
                .map_err(|source| RunError::Files(FilesError::Write { path, source }))?;
        }
        Ok(self.journal.forget(&cell.id)?)
    }

    /// Takes a probe that was executed.
    pub fn tried(&mut self, turn: &Turn<'_>, value: f64, probe: Cell) {
        self.probes
            .entry(turn.execution.cell)
            .or_default()
            .push((value, probe));
    }

    /// Takes what a search has found.
    pub fn searched(&mut self, turn: &Turn<'_>, result: SearchResult) {
        self.searches.insert(turn.execution.cell, result);
    }

    /// The cells that repeats may have been committed of.
    pub fn executed_cells(&self) -> Vec<Cell> {
        let probes = self.probes.values().flatten().map(|(_, probe)| probe);
        self.plan.cells.iter().chain(probes).cloned().collect()
    }

    fn executed(mut self, complete: bool) -> Executed {
        let mut cells = Vec::with_capacity(self.plan.cells.len());
        let mut searches = Vec::new();
        for (place, cell) in self.plan.cells.iter().enumerate() {
            if cell.search.is_none() {
                cells.push(cell.clone());
                continue;
            }
            let mut probes = self.probes.remove(&place).unwrap_or_default();
            probes.sort_by(|(one, _), (two, _)| one.total_cmp(two));
            cells.extend(probes.into_iter().map(|(_, probe)| probe));
            searches.extend(
                self.searches
                    .remove(&place)
                    .or_else(|| search::without_answer(cell)),
            );
        }
        Executed {
            plan: Plan {
                cells,
                ..self.plan.clone()
            },
            searches,
            complete,
        }
    }
}
