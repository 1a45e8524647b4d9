//! What measures and what keeps what was measured. Nothing here knows of scenarios.

pub mod exchange;
pub mod record;
pub mod simulator;
pub mod statistics;
pub mod table;
pub mod telemetry;
pub mod transport;
