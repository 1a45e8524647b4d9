//! Framings that several protocols share: bytes into events, bytes into pictures. None knows what an event means.

pub mod media;
pub mod sse;
