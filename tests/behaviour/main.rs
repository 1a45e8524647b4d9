//! What a user sees: the binary on files and on loopback. No test here waits for time to pass; each waits for a
//! condition.

mod architecture;
mod mock;
mod plan;
mod run;
mod scenarios;
mod support;
mod validate;
