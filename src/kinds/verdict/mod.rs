//! Verdicts over a cell: did it reach its objectives, and was the generator fit to say so.

pub mod objective;
pub mod parse;
pub mod slo;
pub mod validity;
