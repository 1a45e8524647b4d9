//! The row of a request: what was seen of an attempt, or that none was made.

use std::time::Duration;

use super::lane::Lane;
use super::pace::Ticket;
use crate::foundation::units::Offset;
use crate::instruments::exchange::Judgement;
use crate::instruments::record::{Attempt, Clocks, Phase, Seen, Traffic};

/// Most characters of an error's text.
const ERROR_CHARS: usize = 300;

/// What happened to an attempt on the wire.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) sent: Option<Offset>,
    pub(super) connected: Option<Offset>,
    pub(super) first_byte: Option<Offset>,
    /// The end of the last answer that came whole: its last byte, or the close that delimits it.
    pub(super) answered: Option<Offset>,
    /// Time spent on getting a connection before the first byte was sent.
    pub(super) connecting: Duration,
    pub(super) status: Option<u16>,
    pub(super) traffic: Traffic,
}

/// The row of an attempt that was made.
pub(super) fn record(
    lane: &Lane,
    seen: &mut Seen,
    ticket: &Ticket,
    number: u32,
    (facts, judged, end): (&Facts, Judgement, Offset),
) -> Attempt {
    let prepared = &ticket.ready.prepared;
    let mut notes: Vec<String> = seen.notes.iter().map(|&note| note.to_owned()).collect();
    if ticket.ready.reused_row {
        notes.push("warmup_reused".into());
    }
    let traffic = Traffic {
        image_bytes: seen.image_bytes,
        ..facts.traffic
    };
    Attempt {
        phase: lane.settings.phase,
        index: ticket.index,
        attempt: number,
        dataset_row: ticket.ready.row,
        clocks: Clocks {
            scheduled: ticket.scheduled,
            sent: facts.sent,
            connected: facts.connected,
            first_byte: facts.first_byte,
            first_content: seen.first_content,
            first_answer: seen.first_answer,
            last_content: seen.last_content,
            end: Some(end),
        },
        outcome: judged.outcome,
        http_status: facts.status,
        error: judged
            .error
            .map(|text| lane.settings.redactor.shortened(&text, ERROR_CHARS)),
        traffic,
        tokens: seen.tokens,
        chunks: seen.chunks,
        gaps_ns: seen.gaps_ns.clone(),
        choices: prepared.choices,
        workload: prepared.request.workload,
        row_slo_ms: prepared.request.row.slo_ms,
        params: prepared.params_json.clone(),
        server: std::mem::take(&mut seen.server),
        notes,
    }
}

/// The row of a request that was due and not sent. It ends when it is given up: had it been served at that moment, it
/// would have taken so long, so that from its schedule to its end is what its latency is at least (ci.md D-3).
pub(super) fn unsent(phase: Phase, ticket: &Ticket, given_up: Offset) -> Attempt {
    let prepared = &ticket.ready.prepared;
    let clocks = Clocks {
        scheduled: ticket.scheduled,
        end: Some(given_up),
        ..Clocks::default()
    };
    Attempt {
        dataset_row: ticket.ready.row,
        choices: prepared.choices,
        workload: prepared.request.workload,
        row_slo_ms: prepared.request.row.slo_ms,
        params: prepared.params_json.clone(),
        ..Attempt::unsent(phase, ticket.index, clocks)
    }
}
