//! The scenario as written, with places.
