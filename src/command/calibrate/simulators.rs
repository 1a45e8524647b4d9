//! Simulators as processes of their own: what they take of a processor is not counted as the client's.

use std::io::{self, BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::instruments::telemetry::process;

/// Most simulators: half of the cores may be more than is useful.
const MOST: usize = 16;

/// A `mock` that ends with this value, or with this process.
pub struct Simulator {
    child: Child,
    base_url: String,
}

/// Starts a simulator for each second core, by the model in a file.
///
/// # Errors
/// Where one cannot be started, or does not say where it answers.
pub fn start(model: &Path) -> io::Result<Vec<Simulator>> {
    // They inherit it.
    process::raise_descriptor_limit();
    (0..(process::cores() / 2).clamp(1, MOST))
        .map(|_| Simulator::start(model))
        .collect()
}

impl Simulator {
    fn start(model: &Path) -> io::Result<Self> {
        let child = Command::new(std::env::current_exe()?)
            .args(["mock", "--until-eof", "--profile"])
            .arg(model)
            // Ctrl-C is for us alone: what is in flight may still be answered.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut simulator = Self {
            child,
            base_url: String::new(),
        };
        if let Some(stdout) = simulator.child.stdout.take() {
            BufReader::new(stdout).read_line(&mut simulator.base_url)?;
        }
        simulator
            .base_url
            .truncate(simulator.base_url.trim_end().len());
        if simulator.base_url.is_empty() {
            return Err(io::Error::other("it ended before it answered"));
        }
        Ok(simulator)
    }

    /// Where it answers.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        // One that is gone already needs no end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
