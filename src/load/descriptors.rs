//! Whether the machine grants a cell as many descriptors as it has connections: asked before any load, so that an hour is
//! not lost to a limit that was known.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use super::LoadError;
use crate::foundation::units::Rate;
use crate::instruments::telemetry::process;
use crate::kinds::arrival;
use crate::plan::Cell;
use crate::scenario::{Address, Target};

/// Descriptors that we need beside the connections: files, sockets that are being closed.
const OWN: u64 = 64;
/// Descriptors of a lane: its poll, its wake-up, its timer, and one to spare.
const A_LANE: u64 = 4;

/// Raises the limit on descriptors as far as the system lets us, and looks whether a cell's connections fit. Gives how many
/// it may open where both ends are ours; `None` where the other end is somebody else's to limit.
///
/// An open loop without a cap has as many connections as the target is slow: nobody knows beforehand, and running out of
/// descriptors voids the cell.
///
/// # Errors
/// Where they do not fit.
pub fn enough_descriptors(cell: &Cell, target: &Target) -> Result<Option<u64>, LoadError> {
    let Some(limit) = process::raise_descriptor_limit() else {
        return Ok(None);
    };
    let embedded = matches!(target.address, Address::Embedded(_));
    let lanes = u64::try_from(process::cores()).unwrap_or(1);
    let own = OWN + lanes * A_LANE;
    // Both ends of one at least, even where nothing bounds them.
    let connections = connections(cell, target).or(embedded.then_some(2));
    match connections {
        Some(connections) if connections + own > limit => Err(LoadError::Descriptors {
            connections,
            needed: connections + own,
            limit,
        }),
        _ => Ok(embedded.then(|| limit.saturating_sub(own) / 2)),
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

/// Connections that a cell may have at once, both ends of those to an embedded simulator; `None` where nothing bounds them.
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
        Address::Urls(_) => slots,
        Address::Embedded(_) => slots.saturating_mul(2),
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
