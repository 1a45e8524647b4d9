

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::float_cmp,
    reason = "a test that cannot go on says so by panicking; it prepares files, reads the environment and waits as it must"
)]

