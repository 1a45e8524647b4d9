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

/// Tests, and what they measure, have the allocator that the program has.
#[cfg(all(test, feature = "mimalloc", not(debug_assertions)))]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Where nothing is optimised, and so nothing measured, it also counts what each thread asks of it.
#[cfg(all(test, feature = "mimalloc", debug_assertions))]
#[global_allocator]
static ALLOCATOR: alloc_counter::AllocCounter<mimalloc::MiMalloc> =
    alloc_counter::AllocCounter(mimalloc::MiMalloc);

/// Parts without a subject of their own: units, secrets, seeds, clocks, files, templates, findings.
mod foundation;

/// What measures: statistics, tables, records, transports, the simulator, telemetry.
mod instruments;

/// What a scenario can name: datasets, arrivals, protocols, metrics, verdicts.
mod kinds;

/// The YAML file: read with places, checked, resolved into values that are all legal.
mod scenario;

/// The scenario's matrix expanded into cells, with ids, keys and an order.
mod plan;

/// One repeat of one cell: lanes, pace, slots, attempts.
mod load;

/// A whole plan: readiness, set-up, cells in order, journal, publication.
mod run;

/// `results.json` and the folder that it stands in.
mod results;

/// Two measurements side by side.
mod compare;

/// Results rendered for people and machines.
mod report;

/// This machine and this binary measured on the simulator, and what a plan asks for beyond that.
mod calibrate;

/// The command line: one file a subcommand; the only place that prints or knows exit codes.
mod command;

/// What `cargo bench` measures of the rooms.
#[cfg(feature = "bench")]
pub mod bench;

pub use command::main;
