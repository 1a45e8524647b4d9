//! A server with known truth: it queues, serves, streams and fails exactly as its [`Model`] says, and stamps its own
//! times into its answers, so that a client's error can be computed.
//!
//! Shares no code with `protocol`: a misread wire format must not agree with itself. Begin at [`start`] (a thread and a
//! loopback port) or [`serve`] (one connection, for tests in memory and on a simulated clock). `queueing`, `service` and
//! `fault` decide when and whether an answer comes, `wire` what it says, `answer` lets it out on time.

mod answer;
mod error;
mod fault;
mod model;
mod picture;
mod queueing;
mod reply;
mod server;
mod service;
mod state;
mod wire;
mod words;

pub use error::SimulatorError;
pub use model::Model;
pub use server::{Running, start};
// What runs in memory and on a simulated clock is tests, so far.
#[cfg(test)]
pub use server::{serve, serve_http2};
#[cfg(test)]
pub use state::Simulator;

#[cfg(test)]
mod tests;
