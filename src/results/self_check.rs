//! What the generator saw of itself, as `results.json` has it. What voids a cell is `verdict::validity`'s to say.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the generator saw of itself over a cell.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct SelfCheck {
    /// Lateness of sending against the schedule with slots free, in seconds: median.
    pub lateness_p50: Option<f64>,
    /// The same, p99.
    pub lateness_p99: Option<f64>,
    /// The same, greatest.
    pub lateness_max: Option<f64>,
    /// Processors' worth of time that the generator had at the least, by affinity and quotas.
    pub processors: Option<f64>,
    /// Greatest share of its processors that the generator used over a second.
    pub cpu_share_max: Option<f64>,
    /// Share of its processors' time that the generator spun before sends: what `load.precise` costs. Null without it.
    pub spun_share: Option<f64>,
    /// Greatest share of time stolen by the hypervisor over a second.
    pub steal_max: Option<f64>,
    /// Greatest share of time that a quota of its container or service kept from the generator over a second.
    pub throttled_max: Option<f64>,
    /// Pages that the machine read back from swap.
    pub swapped_in: Option<u64>,
    /// Pages that the generator waited for until a disk had them.
    pub major_faults: Option<u64>,
    /// By how much the machine's clock was set within a second, in seconds, or how long the machine stood still.
    pub clock_set_max: Option<f64>,
    /// Lateness of a 1 ms canary on each lane, in seconds: median. It waits on the timer that requests are sent by, so that
    /// this is how late a wake-up is before anything is done.
    pub canary_p50: Option<f64>,
    /// The same, p99.
    pub canary_p99: Option<f64>,
    /// The same, greatest: the longest time for which a lane did not get to run.
    pub canary_max: Option<f64>,
    /// How long bytes that had arrived waited until the generator read them, the longest of each answer, in seconds: median.
    /// It is in no time of an answer: those are the system's stamps of arrival. Null where the system gives none; times are
    /// those of the reads then.
    pub read_late_p50: Option<f64>,
    /// The same, p99.
    pub read_late_p99: Option<f64>,
    /// The same, greatest.
    pub read_late_max: Option<f64>,
    /// Most descriptors open.
    pub descriptors_max: Option<u64>,
    /// Requests that the generator tried to send, whether or not it got a connection, of those that were intended: whether
    /// it kept up. What went out of them is the metric `achieved_ratio`.
    pub tried_ratio: Option<f64>,
    /// Requests sent per second, from the beginning of each repeat to the last that it sent.
    pub sent_rate: Option<f64>,
    /// Each second alone.
    pub seconds: Vec<SelfCheckSecond>,
}

/// One second of the generator's own figures.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct SelfCheckSecond {
    /// The repeat, from 1.
    pub repeat: u32,
    /// Seconds since the repeat's start.
    pub at: f64,
    /// Lateness of sending, median, in seconds.
    pub lateness_p50: Option<f64>,
    /// Lateness of sending, p99.
    pub lateness_p99: Option<f64>,
    /// Lateness of sending, greatest.
    pub lateness_max: Option<f64>,
    /// Own share of the processors that it may use.
    pub cpu_share: Option<f64>,
    /// Share of them that was spun before sends, which is no work. Null without `load.precise`.
    pub spun_share: Option<f64>,
    /// Stolen share.
    pub steal: Option<f64>,
    /// Share that a quota kept from the generator.
    pub throttled: Option<f64>,
    /// Pages that the machine read back from swap.
    pub swapped_in: Option<u64>,
    /// Pages that the generator waited for until a disk had them.
    pub major_faults: Option<u64>,
    /// By how much the machine's clock was set, in seconds.
    pub clock_set: f64,
    /// Lateness of the 1 ms canary, median.
    pub canary_p50: Option<f64>,
    /// Lateness of the 1 ms canary, p99.
    pub canary_p99: Option<f64>,
    /// Greatest lateness of the 1 ms canary.
    pub canary_max: Option<f64>,
    /// How long bytes of an answer waited to be read, median.
    pub read_late_p50: Option<f64>,
    /// How long bytes of an answer waited to be read, p99.
    pub read_late_p99: Option<f64>,
    /// How long bytes of an answer waited to be read, at most.
    pub read_late_max: Option<f64>,
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
