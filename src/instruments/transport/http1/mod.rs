//! HTTP/1.1 over one connection: by hyper, and by a codec of our own.

mod by_hyper;
pub mod codec;
mod native;

pub(super) use by_hyper::ByHyper;
pub(super) use codec::{FIELDS, Final, Refusal};
pub(super) use native::Native;

#[cfg(test)]
mod tests;
