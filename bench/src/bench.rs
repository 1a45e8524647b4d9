//! What every measurement needs: the server, the programs, how often and how long.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use crate::child::{Client, Cost};
use crate::clients::{Name, Programs, Work};
use crate::server::Server;

/// How long a client warms up before its window.
const LEAD: Duration = Duration::from_secs(1);
/// How long it goes on behind it.
const TAIL: Duration = Duration::from_millis(400);

/// A run of the benchmark.
pub struct Bench {
    /// The server.
    pub server: Server,
    /// The programs.
    pub programs: Programs,
    /// Rounds of each measurement; clients alternate within one.
    pub rounds: u32,
    /// How long each client is measured in a round.
    pub window: Duration,
    /// The processor of the clients.
    pub processor: usize,
}

/// One client's cost in one round.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    /// CPU over the window.
    pub window: Cost,
    /// CPU of the whole process, from its start to its last report.
    pub whole: Cost,
    /// Whether the client says that what it measured is void.
    pub void: bool,
}

impl Bench {
    /// Starts a client; `None` where it is not here or knows no such work.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn start(&self, name: Name, work: Work, lasts: Duration) -> io::Result<Option<Client>> {
        self.start_at(name, work, lasts, self.server.address)
    }

    fn start_at(
        &self,
        name: Name,
        work: Work,
        lasts: Duration,
        server: SocketAddr,
    ) -> io::Result<Option<Client>> {
        let keeps = name == Name::Floor;
        let command = self.programs.command(name, work, lasts, server)?;
        command
            .map(|command| Client::start(command, self.processor, keeps))
            .transpose()
    }

    /// On what, when and how it was measured.
    pub fn described(&self) -> String {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let info = read("/proc/cpuinfo");
        let model = info
            .lines()
            .find_map(|line| line.strip_prefix("model name"))
            .unwrap_or("an unknown processor");
        format!(
            "{} of {}, Linux {}; {} rounds of {:.1} s; client on processor {}, server on 0; {}",
            self.processor + 1,
            model.trim_start_matches([' ', '\t', ':']),
            read("/proc/sys/kernel/osrelease").trim(),
            self.rounds,
            self.window.as_secs_f64(),
            self.processor,
            self.programs.versions(),
        )
    }

    /// How long a client is told to work, so that its window lies well within.
    pub fn lasts(&self) -> Duration {
        LEAD + self.window + TAIL
    }

    /// What a client's work costs, counted by the server.
    ///
    /// # Errors
    /// Where the client fails.
    pub fn cost(&self, name: Name, work: Work) -> io::Result<Option<Measured>> {
        use std::sync::atomic::Ordering::Relaxed;
        let shared = &self.server.shared;
        let counted = match work {
            Work::Streams(_) => &shared.events,
            _ => &shared.requests,
        };
        self.cost_at(name, work, self.server.address, || counted.load(Relaxed))
    }

    /// The same against another server, of which `count` tells what it has counted.
    ///
    /// # Errors
    /// Where the client fails.
    pub fn cost_at(
        &self,
        name: Name,
        work: Work,
        server: SocketAddr,
        count: impl Fn() -> u64,
    ) -> io::Result<Option<Measured>> {
        let before = count();
        let Some(client) = self.start_at(name, work, self.lasts(), server)? else {
            return Ok(None);
        };
        eprintln!("  {}: {work:?}", name.shown());
        let window = client
            .window(LEAD, self.window, &count)
            .map_err(|error| named(name, &error))?;
        let ended = client.end().map_err(|error| named(name, &error))?;
        let whole = Cost {
            cpu_us: ended.cpu_us,
            count: count() - before,
        };
        Ok(Some(Measured {
            window,
            whole,
            void: ended.void,
        }))
    }
}

/// An error that says whose it is.
pub fn named(name: Name, error: &io::Error) -> io::Error {
    io::Error::other(format!("{}: {error}", name.shown()))
}
