//! Truth: servers with known behaviour, on the simulated clock or on loopback; what the records say is held against it.

#[cfg(all(feature = "mimalloc", debug_assertions))]
mod allocations;
mod answers;
mod bench;
mod connections;
mod disk;
mod failing;
mod faults;
mod followers;
mod hostile;
mod leftovers;
mod pacing;
mod simulated;
mod stalls;
