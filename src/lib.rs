//! Plimsoll: how much load does this model server carry within its SLOs, and did this change move it?
//!
//! Data passes through the rooms in the order in which they stand here: a scenario (YAML) becomes a plan (cells),
//! a run puts load on the targets and records what it saw, metrics are computed from the records alone, results are
//! compared and reported. `ARCHITECTURE.md` has the table of who may use whom; a test holds it.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::disallowed_methods,
        clippy::float_cmp,
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::items_after_statements,
        clippy::needless_pass_by_value,
        clippy::format_collect,
        clippy::duration_suboptimal_units,
        reason = "a test that cannot go on says so by panicking; it prepares files, draws numbers and compares them as it must"
    )
)]

/// Declares the rooms: private, so that the compiler finds what nobody uses; the feature `internals` opens them to
/// benches and fuzzing.
macro_rules! rooms {
    ($($(#[$about:meta])* $room:ident;)*) => {
        $(
            $(#[$about])*
            #[cfg(feature = "internals")]
            pub mod $room;
            $(#[$about])*
            #[cfg(not(feature = "internals"))]
            mod $room;
        )*
    };
}

rooms! {
    /// Parts without a subject of their own: units, secrets, seeds, clocks, files, templates, findings.
    foundation;
    /// What measures: statistics, tables, records, transports, the simulator, telemetry.
    instruments;
    /// What a scenario can name: datasets, arrivals, protocols, metrics, verdicts.
    kinds;
    /// The YAML file: read with places, checked, resolved into values that are all legal.
    scenario;
    /// The scenario's matrix expanded into cells, with ids, keys and an order.
    plan;
    /// One repeat of one cell: lanes, pace, slots, attempts.
    load;
    /// A whole plan: readiness, set-up, cells in order, journal, publication.
    run;
    /// `results.json` and the folder that it stands in.
    results;
    /// Two measurements side by side.
    compare;
    /// Results rendered for people and machines.
    report;
    /// The command line: one file a subcommand; the only place that prints or knows exit codes.
    command;
}

pub use command::main;
