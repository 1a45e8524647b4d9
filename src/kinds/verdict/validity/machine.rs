//! What the machine gave too little of: as a reason of its own, and as the cause of another.

use super::evidence::{CutShort, Machine};
use super::words::percent;

/// The greatest share of processors over so many seconds in a row.
pub const CPU_SHARE: f64 = 0.8;
const CPU_SECONDS: usize = 5;
/// The greatest share of time that may be stolen over a cell of so many seconds at least.
pub const STEAL_SHARE: f64 = 0.05;
const STEAL_SECONDS: usize = 5;
/// A share of time that was taken from the generator is told as a cause from here on.
const TOLD_SHARE: f64 = 0.01;
/// The most that the clock may be set by, in seconds.
const CLOCK_STEP_S: f64 = 0.001;

/// The share of its processors that the generator had work for in a second: what `precise` spins away is none, for it would
/// give way to some. `None` where the system did not tell.
pub fn worked(cpu_share: Option<f64>, spun_share: Option<f64>) -> Option<f64> {
    Some((cpu_share? - spun_share.unwrap_or_default()).max(0.0))
}

/// What took the generator's time, as an aside of a reason.
pub(super) fn causes(machine: &Machine) -> String {
    let mut causes = Vec::new();
    let busy = mean(machine.cpu_shares.iter().flatten());
    if let Some(share) = busy.filter(|&share| share > CPU_SHARE) {
        causes.push(format!(
            "it used {} of {}",
            percent(share),
            processors(machine)
        ));
    }
    if let Some(share) = mean(&machine.throttled).filter(|&share| share > TOLD_SHARE) {
        causes.push(format!(
            "the quota of its container or service kept it from running for {} of the time",
            percent(share)
        ));
    }
    if let Some(share) = mean(&machine.steal).filter(|&share| share > TOLD_SHARE) {
        causes.push(format!(
            "the hypervisor stole {} of the time",
            percent(share)
        ));
    }
    if causes.is_empty() {
        String::new()
    } else {
        format!(" ({})", causes.join(", "))
    }
}

fn processors(machine: &Machine) -> String {
    match machine.processors {
        Some(1.0) => "the one processor that it has".to_owned(),
        Some(count) => format!(
            "the {} processors that it has",
            (count * 100.0).round() / 100.0
        ),
        None => "the processors that it has".to_owned(),
    }
}

fn mean<'a>(values: impl IntoIterator<Item = &'a f64>) -> Option<f64> {
    let (count, sum) = values
        .into_iter()
        .fold((0.0, 0.0), |(count, sum), value| (count + 1.0, sum + value));
    (count > 0.0).then_some(sum / count)
}

/// Whether the processors were the generator's limit.
pub(super) fn too_busy(machine: &Machine, capped: bool) -> Option<String> {
    let busiest = machine
        .cpu_shares
        .iter()
        .flat_map(|repeat| repeat.windows(CPU_SECONDS))
        .map(|window| window.iter().copied().fold(f64::INFINITY, f64::min))
        .fold(0.0, f64::max);
    let what = processors(machine);
    if busiest > CPU_SHARE {
        return Some(format!(
            "the generator used over {:.0} % of {what} for {CPU_SECONDS} s, {:.0} % are allowed; ask for less, or give it \
             more processors",
            (busiest * 100.0).floor(),
            CPU_SHARE * 100.0
        ));
    }
    let share = mean(machine.cpu_shares.iter().flatten()).filter(|&share| share > CPU_SHARE)?;
    capped.then(|| {
        format!(
            "the cap on requests in flight was reached while the generator used {} of {what}, so that it cannot be told \
             whether the target was slow; ask for less, or give it more processors",
            percent(share)
        )
    })
}

/// What the machine had too little of, or did to the clock.
pub(super) fn exhausted(machine: &Machine) -> Vec<String> {
    let mut reasons = Vec::new();
    let stolen = mean(&machine.steal).filter(|_| machine.steal.len() >= STEAL_SECONDS);
    if let Some(share) = stolen.filter(|&share| share > STEAL_SHARE) {
        reasons.push(format!(
            "the hypervisor stole {} of the machine's time, {:.0} % are allowed; use a machine that is not shared, or a \
             quieter hour",
            percent(share),
            STEAL_SHARE * 100.0
        ));
    }
    if machine.out_of_descriptors > 0 {
        reasons.push(format!(
            "{} attempts failed with EMFILE: the machine ran out of descriptors; raise the limit (`ulimit -n`), or cap \
             `concurrency`",
            machine.out_of_descriptors
        ));
    }
    if machine.out_of_ports > 0 {
        reasons.push(format!(
            "{} attempts failed with EADDRNOTAVAIL: the machine ran out of local ports; keep connections \
             (`http.connections: reuse`), or widen `net.ipv4.ip_local_port_range`",
            machine.out_of_ports
        ));
    }
    if machine.swapping_seconds > 0 {
        reasons.push(format!(
            "the machine swapped, and the generator waited for its memory to be read back in {} of its seconds; free \
             memory, or turn swap off",
            machine.swapping_seconds
        ));
    }
    if machine.clock_set_s > CLOCK_STEP_S {
        reasons.push(format!(
            "the machine's clock was set by {:.1} ms while it ran, or the machine stood still that long; run it again \
             once the clock is in step",
            machine.clock_set_s * 1e3
        ));
    }
    reasons
}

/// Repeats that were ended since nobody took their records.
pub(super) fn cut_short(repeats: &[CutShort]) -> impl Iterator<Item = String> {
    repeats.iter().map(|short| {
        let of = short
            .asked
            .map_or_else(String::new, |asked| format!(" of {asked}"));
        format!(
            "records came faster than the disk took them, so that repeat {} was ended after {}{of} requests; choose a \
             faster disk with --out, or ask for less",
            short.repeat, short.tried
        )
    })
}
