//! A server with known truth. Shares no code with `protocol`: a misread wire format must not agree with itself.

mod model;

pub use model::{Fault, FaultKind, ImageTime, LoadTime, Model, Service, ServiceKind};
