//! Truth: servers with known behaviour, on the simulated clock or on loopback; what the records say is held against it.

mod answers;
mod bench;
mod connections;
mod faults;
mod followers;
mod hostile;
mod pacing;
mod simulated;
mod stalls;
