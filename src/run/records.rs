//! From the journal to `requests.parquet`: every committed attempt, its limits judged.

use std::collections::BTreeMap;
use std::path::Path;

use super::RunError;
use super::told::Told;
use crate::foundation::cores;
use crate::instruments::record::journal::{Committed, Contents, Place};
use crate::instruments::record::{Attempt, Phase};
use crate::instruments::table::{Piece, TableRow, Writer};
use crate::kinds::metric::estimate::{Base, NoBase};
use crate::kinds::metric::slo::{E2eLimit, Estimate, Judge};
use crate::plan::Cell;
use crate::scenario::Scenario;

/// The target and dataset whose warm-ups an estimate's base is measured by.
type Pair = (String, Option<String>);

/// The bases of estimated limits: measured once for a target and dataset, by the warm-ups of its first repeat.
pub struct Bases(BTreeMap<Pair, Result<Base, NoBase>>);

impl Bases {
    /// Measures them, of `cells`: all that were executed.
    pub fn measure(
        scenario: &Scenario,
        cells: &[Cell],
        contents: &Contents,
    ) -> Result<Self, RunError> {
        let mut bases: BTreeMap<Pair, Result<Base, NoBase>> = BTreeMap::new();
        for committed in by_position(contents) {
            let Some(cell) = cell_of(cells, committed) else {
                continue;
            };
            let Some(estimate) = estimate(cell) else {
                continue;
            };
            let pair = pair(scenario, cell);
            // Under `compare` base's holds for head too: head's own warm-ups measure nothing.
            if bases.get(&pair).is_some_and(Result::is_ok) || pair.0 != cell.target {
                continue;
            }
            let warmups = warmups(contents, committed)?;
            bases.insert(pair, Base::of(estimate, &warmups));
        }
        Ok(Self(bases))
    }

    /// The base that a cell's limits are made with, or why there is none; `None` where no limit is estimated, or nothing
    /// was executed that could have measured it.
    pub fn of(&self, scenario: &Scenario, cell: &Cell) -> Option<Result<Base, NoBase>> {
        let estimate = estimate(cell)?;
        if estimate.base_ms.is_some() {
            return Some(Base::of(estimate, []));
        }
        self.0.get(&pair(scenario, cell)).copied()
    }
}

fn estimate(cell: &Cell) -> Option<&Estimate> {
    match &cell.slo.limits.e2e {
        Some(E2eLimit::Estimate(estimate)) => Some(estimate),
        _ => None,
    }
}

fn pair(scenario: &Scenario, cell: &Cell) -> Pair {
    let by = scenario
        .compare
        .as_ref()
        .and_then(|compare| compare.by.as_ref());
    let target = match by {
        Some((axis, base, head)) if axis == "target" && head.as_str() == Some(&cell.target) => {
            base.as_str().unwrap_or(&cell.target)
        }
        _ => &cell.target,
    };
    (target.to_owned(), cell.dataset.clone())
}

fn warmups(contents: &Contents, committed: &Committed) -> Result<Vec<Attempt>, RunError> {
    let mut warmups = Vec::new();
    for attempt in contents.attempts(committed)? {
        let attempt = attempt?;
        if attempt.phase == Phase::Warmup {
            warmups.push(attempt);
        }
    }
    Ok(warmups)
}

fn cell_of<'a>(cells: &'a [Cell], committed: &Committed) -> Option<&'a Cell> {
    cells
        .iter()
        .find(|cell| cell.id == committed.commit.cell_id)
}

fn by_position(contents: &Contents) -> Vec<&Committed> {
    let mut repeats: Vec<&Committed> = contents.repeats.iter().collect();
    repeats.sort_by_key(|committed| committed.commit.position);
    repeats
}

/// Writes the table: cells in their order, repeats in theirs. What the records of each cell say in words.
pub fn write(
    path: &Path,
    (scenario, bases): (&Scenario, &Bases),
    cells: &[Cell],
    contents: &Contents,
) -> Result<Vec<Told>, RunError> {
    let mut told: Vec<Told> = Vec::with_capacity(cells.len());
    let mut writer = Writer::create(path)?;
    for cell in cells {
        let base = bases.of(scenario, cell).and_then(Result::ok);
        let mut said = Told::default();
        let mut repeats: Vec<&Committed> = contents
            .repeats
            .iter()
            .filter(|committed| committed.commit.cell_id == cell.id)
            .collect();
        repeats.sort_by_key(|committed| committed.commit.repeat);
        for committed in repeats {
            let rows = Rows {
                cell,
                base: base.as_ref(),
                contents,
                repeat: committed.commit.repeat,
            };
            rows.write(committed, &mut writer, &mut said)?;
        }
        told.push(said);
    }
    writer.finish()?;
    Ok(told)
}

/// The rows of one repeat.
struct Rows<'a> {
    cell: &'a Cell,
    base: Option<&'a Base>,
    contents: &'a Contents,
    repeat: u32,
}

impl Rows<'_> {
    fn write(
        &self,
        committed: &Committed,
        writer: &mut Writer,
        said: &mut Told,
    ) -> Result<(), RunError> {
        let pieces: Vec<&[Place]> = committed.pieces().collect();
        let mut add = |made: Result<(Piece, Told), RunError>| {
            let (piece, told) = made?;
            writer.write(piece)?;
            said.join(told);
            Ok(())
        };
        if self.cell.load.retries == 0 {
            let make = |piece: &&[Place]| self.piece(piece, &mut self.judge());
            return cores::in_order(&pieces, make, add);
        }
        // What became of a request's earlier attempts is known only where these were read before.
        let mut judge = self.judge();
        pieces
            .into_iter()
            .try_for_each(|piece| add(self.piece(piece, &mut judge)))
    }

    fn judge(&self) -> Judge<'_> {
        Judge::new(&self.cell.slo.limits, self.base, self.cell.load.retries)
    }

    fn piece(&self, blocks: &[Place], judge: &mut Judge<'_>) -> Result<(Piece, Told), RunError> {
        let mut rows = Piece::default();
        let mut said = Told::default();
        for attempt in self.contents.attempts_of(blocks)? {
            let attempt = attempt?;
            let judged = judge.judge(&attempt);
            said.add(&attempt);
            let skipped = attempt.phase == Phase::Measured
                && u128::from(attempt.clocks.scheduled.as_nanos())
                    < self.cell.load.window_skip.as_nanos();
            rows.push(&TableRow {
                attempt: &attempt,
                cell: &self.cell.id,
                repeat: self.repeat,
                target: &self.cell.target,
                slo_ms: judged.slo_ms,
                slo_met: judged.met,
                skipped,
            });
        }
        Ok((rows.done(), said))
    }
}
