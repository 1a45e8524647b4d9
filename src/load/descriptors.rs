//! Whether the machine grants a cell as many descriptors as it has connections: asked before any load, so that an hour is
//! not lost to a limit that was known.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use super::LoadError;
use crate::foundation::units::Rate;
use crate::instruments::telemetry::process;
use crate::kinds::arrival;
use crate::plan::Cell;
use crate::scenario::{Address, HttpClient, Target};

/// Descriptors of a lane: its poll and what shares that, its wake-up, the signals', its timer.
const A_LANE: u64 = 5;
/// Those of an embedded simulator: its lane, and the socket that it listens on.
const A_SIMULATOR: u64 = A_LANE + 1;
/// What a run holds from its beginning to its end: the lock of its folder, the journal.
const A_RUN: u64 = 2;
/// Files that are open for a moment: of a row, of a sample, what the machine tells of a second.
const PASSING: u64 = 8;
/// What a process has open before its run, where the system does not tell: the standard streams, what waits for signals.
const AT_FIRST: u64 = 16;

/// The limit on descriptors, and what a run takes of it beside its lanes and connections.
#[derive(Debug, Clone, Copy)]
pub struct Descriptors {
    /// `None` where there is no limit.
    limit: Option<u64>,
    held: u64,
}

impl Descriptors {
    /// Raises the limit as far as the system lets us, and counts what is open before a run that has so many simulators.
    pub fn before_run(simulators: u64) -> Self {
        let open = process::descriptors().unwrap_or(AT_FIRST);
        Self {
            limit: process::raise_descriptor_limit(),
            held: open + A_RUN + simulators * A_SIMULATOR + PASSING,
        }
    }

    /// Looks whether a cell's connections fit. Gives how many it may open where both ends are ours; `None` where the other
    /// end is somebody else's to limit.
    ///
    /// An open loop without a cap has as many connections as the target is slow: nobody knows beforehand, and running out
    /// of descriptors voids the cell.
    ///
    /// # Errors
    /// Where they do not fit.
    pub fn enough_for(&self, cell: &Cell, target: &Target) -> Result<Option<u64>, LoadError> {
        let Some(limit) = self.limit else {
            return Ok(None);
        };
        let own = self.held + lanes(cell) * A_LANE;
        let each = of_a_connection(target);
        // One at least, even where nothing bounds them.
        let connections = connections(cell, target).unwrap_or(1).saturating_mul(each);
        let needed = connections.saturating_add(own);
        if needed > limit {
            return Err(LoadError::Descriptors {
                connections,
                needed,
                limit,
            });
        }
        let embedded = matches!(target.address, Address::Embedded(_));
        Ok(embedded.then(|| limit.saturating_sub(own) / each))
    }
}

/// Connections that the slots of a phase may still open.
///
/// An embedded simulator lives by the same limit as its clients. Were they to take the last descriptor, it could not
/// accept what is connected already: what was sent there would be read by nobody, while those that are idle keep theirs.
/// So each connection is granted both its ends, or none, and what is granted none fails at once.
#[derive(Debug)]
pub(super) struct Grants(Option<AtomicU64>);

impl Grants {
    /// So many; `None` where the system is the one to refuse.
    pub(super) fn new(connections: Option<u64>) -> Self {
        Self(connections.map(AtomicU64::new))
    }

    /// Takes one, for as long as the phase lasts; whether one was left.
    pub(super) fn take(&self) -> bool {
        let one_less = |left: u64| left.checked_sub(1);
        self.0
            .as_ref()
            .is_none_or(|left| left.fetch_update(Relaxed, Relaxed, one_less).is_ok())
    }
}

/// Lanes that a cell may have: never more than slots.
fn lanes(cell: &Cell) -> u64 {
    let cores = u64::try_from(process::cores()).unwrap_or(1);
    let slots = cell.concurrency.limit().map(u64::from);
    let warming = u64::from(cell.load.warmup.concurrency);
    slots.map_or(cores, |slots| cores.min(slots.max(warming)))
}

/// Descriptors that a slot may hold for an address that it talks to.
fn of_a_connection(target: &Target) -> u64 {
    let http = &target.http;
    // reqwest's pool may open one while another comes free.
    let own = if http.client == HttpClient::Reqwest {
        2
    } else {
        1
    };
    match &target.address {
        Address::Urls(_) => own,
        // The simulator may not have let go of its end of the last one when it takes the next.
        Address::Embedded(_) if http.connection_per_request => own + 2,
        Address::Embedded(_) => own * 2,
    }
}

/// Connections that a cell may have at once; `None` where nothing bounds them.
fn connections(cell: &Cell, target: &Target) -> Option<u64> {
    let warming = cell
        .load
        .warmup
        .requests
        .min(u64::from(cell.load.warmup.concurrency));
    let slots = in_flight(cell)?.max(warming);
    Some(match &target.address {
        // A slot keeps one to each address.
        Address::Urls(urls) if !target.http.connection_per_request => {
            slots.saturating_mul(urls.len() as u64)
        }
        _ => slots,
    })
}

/// Requests that a cell may have in flight at once.
fn in_flight(cell: &Cell) -> Option<u64> {
    match cell.concurrency.limit() {
        Some(slots) => Some(u64::from(slots)),
        None if cell.arrival == arrival::Kind::Batch => Some(u64::from(cell.load.batch)),
        None if cell.arrival.sets_own_times() || cell.rate != Rate::Infinite => None,
        // All at once.
        None => cell.load.requests,
    }
}
