//! Whether the machine grants a cell as many descriptors as it has connections: asked before any load, so that an hour is
//! not lost to a limit that was known.

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

/// Raises the limit on descriptors as far as the system lets us, and looks whether a cell's connections fit.
///
/// An open loop without a cap has as many connections as the target is slow: nobody knows beforehand, and running out of
/// descriptors voids the cell.
///
/// # Errors
/// Where they do not fit.
pub fn enough_descriptors(cell: &Cell, target: &Target) -> Result<(), LoadError> {
    let limit = process::raise_descriptor_limit();
    let (Some(connections), Some(limit)) = (connections(cell, target), limit) else {
        return Ok(());
    };
    let lanes = u64::try_from(process::cores()).unwrap_or(1);
    let needed = connections + OWN + lanes * A_LANE;
    if needed > limit {
        Err(LoadError::Descriptors {
            connections,
            needed,
            limit,
        })
    } else {
        Ok(())
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
