//! Processes that are measured: each on the client's processor, its CPU time read from the kernel's own account of it.

use std::io;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
use nix::time::ClockId;
use nix::unistd::Pid;

use crate::clock;

/// Pins the calling thread, and the processes that it starts, to a processor.
///
/// # Errors
/// Where this process may not use that one.
pub fn pin(processor: usize) -> io::Result<()> {
    let mut set = CpuSet::new();
    set.set(processor)?;
    sched_setaffinity(Pid::from_raw(0), &set)?;
    Ok(())
}

/// The exit code by which plimsoll says that its measurement is void: itself or the machine was the limit.
const VOID: i32 = 3;

/// A client that has ended.
#[derive(Debug)]
pub struct Ended {
    /// Its output, where that is kept.
    pub output: String,
    /// CPU time of the whole process in microseconds.
    pub cpu_us: f64,
    /// Whether it says that what it measured is void.
    pub void: bool,
}

/// A client that runs.
pub struct Client {
    child: Child,
    children_before_us: i64,
}

/// CPU time and a count, both over the same stretch of a run.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// CPU time in microseconds, user's and kernel's.
    pub cpu_us: f64,
    /// Of what.
    pub count: u64,
}

impl Cost {
    /// Microseconds of CPU for one; `None` where there was none.
    pub fn each_us(self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "a count of this run")]
        let count = self.count as f64;
        (self.count > 0).then(|| self.cpu_us / count)
    }
}

impl Client {
    /// Starts a client on a processor. Its output is thrown away, but for that of the floor (`keeps`).
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn start(mut command: Command, processor: usize, keeps: bool) -> io::Result<Self> {
        let children_before_us = children_us()?;
        let output = if keeps { Stdio::piped() } else { Stdio::null() };
        command
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(Stdio::null());
        // A thread of its own, so that this one stays where it is.
        let child = std::thread::scope(|scope| {
            let start = move || {
                pin(processor)?;
                command.spawn()
            };
            scope
                .spawn(start)
                .join()
                .unwrap_or_else(|_| Err(io::Error::other("the thread that starts it failed")))
        })?;
        Ok(Self {
            child,
            children_before_us,
        })
    }

    fn clock(&self) -> io::Result<ClockId> {
        let pid = i32::try_from(self.child.id()).map_err(io::Error::other)?;
        Ok(ClockId::pid_cpu_clock_id(Pid::from_raw(pid))?)
    }

    /// Its cost of what `count` counts, over a window that begins after `lead`.
    ///
    /// # Errors
    /// Where it ends before.
    pub fn window(
        &self,
        lead: Duration,
        window: Duration,
        count: impl Fn() -> u64,
    ) -> io::Result<Cost> {
        let clock = self.clock()?;
        let read =
            || clock::read_ns(clock).ok_or_else(|| io::Error::other("it ended before its time"));
        std::thread::sleep(lead);
        let (cpu, counted) = (read()?, count());
        std::thread::sleep(window);
        let (cpu_after, counted_after) = (read()?, count());
        let ns = u32::try_from((cpu_after - cpu) / 1000).map_err(io::Error::other)?;
        Ok(Cost {
            cpu_us: f64::from(ns),
            count: counted_after - counted,
        })
    }

    /// Kibibytes that it has in memory at most so far (`VmHWM`).
    ///
    /// # Errors
    /// Where it has ended.
    pub fn memory_kib(&self) -> io::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak.and_then(|rest| rest.trim().trim_end_matches("kB").trim().parse().ok())
            .ok_or_else(|| io::Error::other("it has no VmHWM"))
    }

    /// Ends it here and now.
    ///
    /// # Errors
    /// Where it cannot be ended.
    pub fn kill(mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// Where it cannot be waited for, or fails.
    pub fn end(self) -> io::Result<Ended> {
        let output = self.child.wait_with_output()?;
        let void = output.status.code() == Some(VOID);
        if !output.status.success() && !void {
            return Err(io::Error::other(format!("it failed: {}", output.status)));
        }
        let used_us = children_us()? - self.children_before_us;
        #[expect(clippy::cast_precision_loss, reason = "a time of this run")]
        let used_us = used_us as f64;
        Ok(Ended {
            output: String::from_utf8_lossy(&output.stdout).into_owned(),
            cpu_us: used_us,
            void,
        })
    }
}

/// CPU time of all children that were waited for. One runs at a time, so that a difference is one's.
fn children_us() -> io::Result<i64> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    Ok(usage.user_time().num_microseconds() + usage.system_time().num_microseconds())
}
