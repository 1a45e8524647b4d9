//! What validity is judged by: plain numbers, as many as a cell's repeats left.

/// What the generator saw of itself over a cell, as plain numbers; `None` for what was not measured.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Evidence {
    /// What was due, and what became of it.
    pub schedule: Schedule,
    /// How late things were done.
    pub timing: Timing,
    /// What the machine gave.
    pub machine: Machine,
    /// The repeats that were ended since records came faster than the disk took them.
    pub cut_short: Vec<CutShort>,
    /// What voids the cell by itself, in words: it was not executed, a process that was stopped.
    pub void: Vec<String>,
}

/// What was due, and what became of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Schedule {
    /// Requests due by the schedule.
    pub intended: u64,
    /// Requests that were begun: what a target refuses is not the generator's doing.
    pub tried: u64,
    /// Of those that were due and not tried: how many since no slot was free.
    pub unsent_for_slots: u64,
    /// Requests of an open loop that waited for a slot while they were due.
    pub waited_for_slots: u64,
    /// Requests that were due before the generator had made them ready.
    pub starved: u64,
    /// Whether the run was stopped (a signal, a dead target) before its schedule ended: what is unsent then is nobody's fault.
    pub stopped: bool,
    /// Requests per second that an open loop was asked for.
    pub asked_rate: Option<f64>,
    /// Requests per second that it sent, up to the last that it sent.
    pub offered_rate: Option<f64>,
}

/// How late things were done, in seconds.
#[expect(clippy::struct_field_names, reason = "a raw number names its unit")]
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Timing {
    /// p99 of sending lateness against the schedule with slots free: over the requests of all repeats.
    pub lateness_p99_s: Option<f64>,
    /// The tightest limit, of requests or objectives, on what sending late moves.
    pub sending_limit_s: Option<f64>,
    /// p99 of how late the lanes' 1 ms ticks were: over those of all repeats.
    pub canary_p99_s: Option<f64>,
    /// The tightest limit, of requests or objectives, on what reading late moves.
    pub reading_limit_s: Option<f64>,
    /// The latest tick.
    pub longest_stall_s: Option<f64>,
}

/// What the machine gave.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Machine {
    /// Processors' worth of time that the generator had, at the least.
    pub processors: Option<f64>,
    /// Its share of them by second, repeat by repeat; what it spun away before sends left out.
    pub cpu_shares: Vec<Vec<f64>>,
    /// Share of the machine's time that a hypervisor stole, by second.
    pub steal: Vec<f64>,
    /// Share of the time that a quota kept from the generator, by second.
    pub throttled: Vec<f64>,
    /// Seconds in which the machine read pages back from swap while the generator waited for a disk.
    pub swapping_seconds: usize,
    /// By how much the clock was set within a second, at most.
    pub clock_set_s: f64,
    /// Attempts that failed since no descriptor was left (`EMFILE`).
    pub out_of_descriptors: u64,
    /// Attempts that failed since no local port was left (`EADDRNOTAVAIL`).
    pub out_of_ports: u64,
}

/// A repeat that the generator ended before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CutShort {
    /// Its number, from 1.
    pub repeat: u32,
    /// Requests that it had begun.
    pub tried: u64,
    /// Requests that it was to send; `None` where its time was to end it.
    pub asked: Option<u64>,
}
