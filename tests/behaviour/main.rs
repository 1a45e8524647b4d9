//! What a user sees: the binary on files and on loopback. No test here waits for time to pass; each waits for a
//! condition.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::float_cmp,
    clippy::print_stderr,
    reason = "a test that cannot go on says so by panicking; it prepares files, reads the environment, waits as it must, \
        and says what it skips"
)]

mod architecture;
mod arrival;
mod calibrate;
mod diff;
mod doubt;
mod interrupt;
mod invalid;
mod leftovers;
mod mock;
mod ollama;
mod one_pass;
mod plan;
mod report;
mod run;
mod scenarios;
mod search;
mod self_check;
mod support;
mod target;
mod tls;
mod told;
mod validate;
