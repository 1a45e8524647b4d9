//! What was seen beside the attempts: of the generator itself, and of the repeat as a whole.

use serde::{Deserialize, Serialize};

use super::Spoken;
use crate::foundation::units::Offset;

/// A distribution of times in three numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Times {
    /// How many.
    pub n: u64,
    /// Median in nanoseconds.
    pub p50_ns: u64,
    /// 99th percentile in nanoseconds.
    pub p99_ns: u64,
    /// Greatest, in nanoseconds.
    pub max_ns: u64,
}

/// One second of the generator's own figures.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct OwnSecond {
    /// When the second ended.
    pub at: Offset,
    /// Lateness of sending with slots free; `None` where nothing was sent so.
    pub lateness: Option<Times>,
    /// Processors' worth of time that the process may use, by affinity and quotas.
    pub processors: f64,
    /// Own share of them: 1 is all.
    pub cpu_share: Option<f64>,
    /// Share of them that was spun away before sends (`precise`), which is no work.
    pub spun_share: Option<f64>,
    /// Share of the machine's time that a hypervisor stole.
    pub steal: Option<f64>,
    /// Share of the machine's time that a quota kept from us after it was used up.
    pub throttled: Option<f64>,
    /// Pages that the machine read back from swap.
    pub swapped_in: Option<u64>,
    /// Pages that this process waited for until a disk had them.
    pub major_faults: Option<u64>,
    /// By how much the wall clock was set, or the machine stood still, in nanoseconds.
    pub clock_set_ns: u64,
    /// Lateness of a tick each millisecond on the lanes.
    pub canary: Option<Times>,
    /// How long bytes of an answer waited to be read, the longest of each; `None` where the system does not tell.
    pub read_late: Option<Times>,
    /// Descriptors open.
    pub descriptors: Option<u64>,
    /// Requests in flight.
    pub in_flight: u64,
    /// Requests begun so far, whether or not a connection was had for them.
    pub tried: u64,
    /// Requests so far whose first byte was handed to a socket.
    pub sent: u64,
    /// Requests intended so far.
    pub intended: u64,
    /// Bytes of records not yet on disk.
    pub records_waiting_bytes: u64,
}

/// What the generator saw of itself over one repeat; `verdict::validity` judges it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct OwnFigures {
    /// Lateness of sending with slots free over the whole repeat.
    pub lateness: Option<Times>,
    /// The same as a histogram of three digits: nanoseconds, and how often. Those of several repeats add up; their
    /// percentiles do not.
    pub lateness_counts: Vec<(u64, u64)>,
    /// Lateness of the canary's ticks, as a histogram of the same kind.
    pub canary_counts: Vec<(u64, u64)>,
    /// How long bytes of an answer waited to be read, the longest of each, as a histogram of the same kind.
    pub read_late_counts: Vec<(u64, u64)>,
    /// Requests that went out at their first attempt.
    pub went_out: u64,
    /// When the last of them was sent; `None` where none was.
    pub last_sent: Option<Offset>,
    /// Time that the lanes spent spinning before sends (`precise`), in nanoseconds.
    pub spun_ns: u64,
    /// Each second alone.
    pub seconds: Vec<OwnSecond>,
    /// Requests that no descriptor was left for (`EMFILE`, `ENFILE`).
    pub out_of_descriptors: u64,
    /// Requests that no local port was left for (`EADDRNOTAVAIL`).
    pub out_of_ports: u64,
    /// Requests that were due before they had been made ready: the generator's own fault.
    pub starved: u64,
    /// Requests of an open loop that waited for a free slot: the cap was reached.
    pub waited_for_slot: u64,
    /// Of those that were due and not sent: how many waited for a free slot.
    pub unsent_for_slots: u64,
}

/// Requests of one repeat, warm-ups left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Due by the schedule.
    pub intended: u64,
    /// Succeeded.
    pub ok: u64,
    /// Tried and failed.
    pub failed: u64,
    /// Due and not sent.
    pub unsent: u64,
}

/// Why a repeat ended.
#[expect(clippy::enum_variant_names, reason = "what ended is the dataset")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ended {
    /// All that was asked for was done.
    Complete,
    /// The dataset ended sooner than what was asked for: worth a warning.
    DatasetEnded,
    /// Records came faster than the disk took them: the generator itself cut it short.
    RecordsOverflowed,
    /// A signal ended it: not to be counted as a repeat.
    Interrupted,
    /// Every warm-up failed; nothing was measured.
    WarmupFailed,
}

/// A text, picture or video that was kept, by the name of its file under `samples/`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampleFile {
    /// The request that it answers.
    pub index: u64,
    /// Its file's name.
    pub file: String,
    /// Its text, where it is one and short.
    pub text: Option<String>,
}

/// The commit of one repeat: everything about it that no attempt holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Commit {
    /// The cell's key.
    pub cell_key: String,
    /// The cell's id.
    pub cell_id: String,
    /// The repeat, from 1.
    pub repeat: u32,
    /// Its place in the order in which all repeats of all cells were run, from 0.
    pub position: u32,
    /// Requests.
    pub counts: Counts,
    /// Why it ended.
    pub ended: Ended,
    /// What the generator saw of itself.
    pub own: OwnFigures,
    /// How often the process was stopped and continued meanwhile: each voids the repeat.
    pub suspensions: u32,
    /// Addresses that the target's name resolved to.
    pub addresses: Vec<String>,
    /// What was spoken over its connections, each way once.
    pub connections: Vec<Spoken>,
    /// What was kept.
    pub samples: Vec<SampleFile>,
    /// Notes that become warnings of the cell.
    pub notes: Vec<String>,
}
