//! `mock`: the simulator on a port of 127.0.0.1, until it is told to stop.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use super::arguments::MockArguments;
use super::surroundings::Surroundings;
use super::{findings, output};
use crate::foundation::clock;
use crate::instruments::simulator::{self, Model, SimulatorError};
use crate::instruments::telemetry::process;
use crate::results::Ending;
use crate::scenario;

/// Serves until SIGINT or SIGTERM, which end it well: to be stopped is what it is for.
pub fn run(arguments: &MockArguments, surroundings: &Surroundings) -> Ending {
    let read = |file: &PathBuf| scenario::read_profile(file, &surroundings.environment);
    let mut model = match arguments
        .profile
        .as_ref()
        .map_or_else(|| Ok(Model::default()), read)
    {
        Ok(model) => model,
        Err(wrong) => {
            findings::people(&wrong, surroundings);
            return Ending::Usage;
        }
    };
    model.seed = arguments.seed.unwrap_or(model.seed);
    serve(
        &model,
        SocketAddr::from((Ipv4Addr::LOCALHOST, arguments.port)),
        arguments.until_eof,
    )
    .unwrap_or_else(|error| {
        output::error(&error.to_string(), Some(error.help()));
        Ending::Usage
    })
}

/// Prints the address once it answers, and waits for a signal, or for the end of standard input.
fn serve(model: &Model, address: SocketAddr, until_eof: bool) -> Result<Ending, SimulatorError> {
    let thread = |source| SimulatorError::Thread { source };
    let lane = clock::lane(false).map_err(thread)?;
    lane.block_on(async {
        // Before the address is known to anyone who could send one.
        let mut interrupt = signal(SignalKind::interrupt()).map_err(thread)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(thread)?;
        let input = if until_eof {
            Some(end_of_input().map_err(thread)?)
        } else {
            None
        };
        // As many clients as the system lets us have.
        let _ = process::raise_descriptor_limit();
        let running = simulator::start(model, address)?;
        output::data(&format!("{}\n", running.base_url()));
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            () = ended(input) => {}
        }
        drop(running);
        Ok(Ending::Well)
    })
}

/// Tells when standard input has ended, from a thread of its own: nothing but the end of the process ends a read.
fn end_of_input() -> std::io::Result<oneshot::Receiver<()>> {
    let (tell, told) = oneshot::channel();
    std::thread::Builder::new()
        .name("stdin".to_owned())
        .spawn(move || {
            // What cannot be read has ended too.
            let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
            let _ = tell.send(());
        })?;
    Ok(told)
}

/// Ready at the end of input; never where that is not asked about.
async fn ended(input: Option<oneshot::Receiver<()>>) {
    match input {
        Some(told) => drop(told.await),
        None => std::future::pending().await,
    }
}
