//! Why a simulator cannot start.

use std::io;
use std::net::SocketAddr;

/// Our own inability to simulate; what a simulated server does wrong is never an error.
#[derive(Debug, thiserror::Error)]
pub enum SimulatorError {
    /// The model contradicts itself.
    #[error("the simulator's model is not usable: {pointer}: {problem}")]
    Model {
        /// JSON pointer within the model.
        pointer: String,
        /// What is wrong there.
        problem: String,
    },
    /// The address cannot be listened on.
    #[error("the simulator cannot listen on {address}: {source}")]
    Bind {
        /// The address that was asked for.
        address: SocketAddr,
        /// The system's reason.
        source: io::Error,
    },
    /// No thread or no runtime could be had.
    #[error("the simulator cannot start its thread: {source}")]
    Thread {
        /// The system's reason.
        source: io::Error,
    },
}

impl SimulatorError {
    /// What the user can do.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Model { .. } => "correct the model; `plimsoll validate` shows the place",
            Self::Bind { .. } => "choose another port, or 0 for a free one",
            Self::Thread { .. } => "raise the limit on threads or memory (`ulimit -a` shows both)",
        }
    }
}
