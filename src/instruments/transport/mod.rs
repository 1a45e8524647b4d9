//! Bytes and stamps: connections, TLS, HTTP, content codings. Does not know what bytes mean; stamps them before anyone
//! looks.
//!
//! An [`Origin`] is made once a cell (names resolved, addresses checked); a [`Wire`] is one connection to it, and
//! carries one exchange at a time. Time-outs are `load`'s; nothing here retries or follows. The control plane
//! (readiness, metadata) goes by [`fetch`].

mod by_reqwest;
mod coding;
mod connect;
mod data;
mod driven;
pub mod fetch;
mod http1;
mod http2;
mod lost;
pub mod memory;
mod options;
mod origin;
mod request;
mod stamped;
mod stream;
mod tls;
mod wire;

pub use coding::Decoder;
pub use connect::connect;
#[cfg(feature = "bench")]
pub use http1::codec;
pub use lost::{Lost, OwnLimit};
pub use options::{Caps, Client, Options, Version};
pub use origin::{Origin, TransportError};
pub use wire::Wire;

#[cfg(test)]
mod tests;
