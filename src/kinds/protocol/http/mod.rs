//! `http`: any method, path, headers and body, from templates over the row.

mod options;

pub use options::{Body, Expect, Extract, Method, Options, Statuses, Step, Tls};
