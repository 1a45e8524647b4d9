//! `mock`: the simulator on a port of 127.0.0.1, until it is told to stop.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use tokio::signal::unix::{SignalKind, signal};

use super::arguments::MockArguments;
use super::surroundings::Surroundings;
use super::{findings, output};
use crate::foundation::clock;
use crate::foundation::diagnostic::{Finding, Findings, Severity};
use crate::instruments::simulator::{self, Model, SimulatorError};
use crate::results::Ending;
use crate::scenario::document::source;

/// Serves until SIGINT or SIGTERM, which end it well: to be stopped is what it is for.
pub fn run(arguments: &MockArguments, surroundings: &Surroundings) -> Ending {
    let mut model = match arguments
        .profile
        .as_deref()
        .map(|file| profile(file, surroundings))
    {
        None => Model::default(),
        Some(Ok(model)) => model,
        Some(Err(wrong)) => {
            findings::people(&wrong, surroundings);
            return Ending::Usage;
        }
    };
    model.seed = arguments.seed.unwrap_or(model.seed);
    serve(
        &model,
        SocketAddr::from((Ipv4Addr::LOCALHOST, arguments.port)),
    )
    .unwrap_or_else(|error| {
        output::error(&error.to_string(), Some(error.help()));
        Ending::Usage
    })
}

/// Prints the address once it answers, and waits for a signal.
fn serve(model: &Model, address: SocketAddr) -> Result<Ending, SimulatorError> {
    let thread = |source| SimulatorError::Thread { source };
    let lane = clock::lane(false).map_err(thread)?;
    lane.block_on(async {
        // Before the address is known to anyone who could send one.
        let mut interrupt = signal(SignalKind::interrupt()).map_err(thread)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(thread)?;
        let running = simulator::start(model, address)?;
        output::data(&format!("{}\n", running.base_url()));
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        drop(running);
        Ok(Ending::Well)
    })
}

/// Reads a profile: the same keys as a target's `embedded`.
fn profile(file: &Path, surroundings: &Surroundings) -> Result<Model, Findings> {
    let environment = |name: &str| surroundings.environment.get(name).cloned();
    let options = source::ReadOptions {
        environment: &environment,
        require_environment: true,
        ..source::ReadOptions::default()
    };
    let source = source::read(file, &options);
    let wrong = |findings: &Findings| {
        findings
            .iter()
            .any(|finding| finding.severity == Severity::Error)
    };
    let read = source.settle(Findings::new());
    if wrong(&read) {
        return Err(read);
    }
    if source.value.is_null() {
        return Ok(Model::default());
    }
    let model: Model = serde_json::from_value(source.value.clone()).map_err(|error| {
        let finding = Finding::error(
            "simulator-profile",
            "",
            format!("{} is no model of the simulator: {error}", file.display()),
        );
        source.settle(vec![finding.help(
            "the keys are those of a target's `embedded`; `plimsoll schema` describes them",
        )])
    })?;
    let checked = source.settle(model.check(""));
    if wrong(&checked) {
        Err(checked)
    } else {
        Ok(model)
    }
}
