//! `calibrate`: measures this machine and this binary, and writes what it finds to a file.

mod simulators;
mod table;

use std::path::{Path, PathBuf};

use super::arguments::{CalibrateArguments, TableFormat};
use super::interrupt::Interrupt;
use super::surroundings::Surroundings;
use super::watch::Watch;
use super::{calibration, findings, output, scenario};
use crate::calibrate::{Bench, CalibrateError, Figures, MODEL, Part, Sizes};
use crate::foundation::files::{self, FilesError, Lock};
use crate::instruments::telemetry::calibration::Calibration;
use crate::results::Ending;
use crate::run::Signals as _;

/// Measures, writes, and shows.
pub fn run(arguments: &CalibrateArguments, surroundings: &Surroundings) -> Ending {
    let Some(out) = arguments
        .out
        .clone()
        .or_else(|| calibration::place(surroundings))
    else {
        output::error(
            "the environment names no cache to write the calibration to",
            Some("name a file with --out, or set HOME or XDG_CACHE_HOME"),
        );
        return Ending::Usage;
    };
    // What is wrong with it is better known before than after.
    let options = scenario::options(&[], false, surroundings);
    let planned = arguments
        .file
        .as_ref()
        .map(|file| scenario::plan(file, &options));
    let planned = match planned.transpose() {
        Ok(planned) => planned,
        Err(refused) => {
            findings::people(&refused.findings, surroundings);
            output::error(
                "what a calibration is held against is a scenario, and this one has no cells",
                Some("`--out FILE` names the file that is written"),
            );
            return Ending::Usage;
        }
    };
    let interrupt = match Interrupt::listen() {
        Ok(interrupt) => interrupt,
        Err(error) => {
            output::error(&format!("cannot listen for signals: {error}"), None);
            return Ending::Incomplete;
        }
    };
    match measure(&out, arguments, (surroundings, &interrupt)) {
        Ok(calibration) => {
            if let Some(mut planned) = planned {
                planned.hold_against(&calibration);
                findings::people(&planned.loaded.warnings, surroundings);
            }
            show(&calibration, &out, arguments, surroundings)
        }
        Err(error) => {
            output::error(&error.to_string(), Some(&error.help()));
            let endings = [Some(error.ending()), interrupt.ending()];
            Ending::of(endings.into_iter().flatten())
        }
    }
}

/// Measures part by part, and writes the file once all of them are done.
fn measure(
    out: &Path,
    arguments: &CalibrateArguments,
    (surroundings, interrupt): (&Surroundings, &Interrupt),
) -> Result<Calibration, CalibrateError> {
    let within = arguments.within.0;
    let workshop = Workshop::open(out)?;
    let model = workshop.folder.join("model.yaml");
    files::write_atomically(&model, MODEL.as_bytes())?;
    let simulators = simulators::start(&model).map_err(CalibrateError::Simulator)?;
    let servers: Vec<String> = simulators
        .iter()
        .map(|simulator| simulator.base_url().to_owned())
        .collect();
    let bench = Bench {
        servers: &servers,
        folder: &workshop.folder,
        sizes: Sizes::within(within),
    };
    let mut figures = Figures::default();
    for (number, part) in Part::ALL.into_iter().enumerate() {
        if !surroundings.global.quiet {
            let (number, all) = (number + 1, Part::ALL.len());
            output::words(&format!("part {number} of {all}: {}\n", part.title()));
        }
        let prepared = bench.prepare(part)?;
        let watch = Watch::new(surroundings, &prepared.plan);
        let run = bench.run(&prepared, &mut figures, (&watch, interrupt));
        watch.finish();
        run?;
    }
    let calibration =
        figures.calibration(u32::try_from(simulators.len()).unwrap_or(u32::MAX), within);
    drop(simulators);
    files::write_atomically(&workshop.out, calibration.to_json()?.as_bytes())?;
    Ok(calibration)
}

/// Shows what was found. A machine that offers nothing truthfully is told by the exit code too.
fn show(
    calibration: &Calibration,
    out: &Path,
    arguments: &CalibrateArguments,
    surroundings: &Surroundings,
) -> Ending {
    match arguments.format {
        TableFormat::Table => output::data(&table::table(calibration)),
        TableFormat::Json => match calibration.to_json() {
            Ok(json) => output::data(&json),
            Err(error) => {
                let error = CalibrateError::from(error);
                output::error(&error.to_string(), Some(&error.help()));
                return error.ending();
            }
        },
    }
    if !surroundings.global.quiet {
        output::words(&format!("\ncalibration: {}\n", out.display()));
    }
    if calibration.highest_rate.is_some() {
        return Ending::Well;
    }
    let least = calibration.rates.first();
    let why =
        least.and_then(|least| Some(format!(": at {}/s {}", least.rate, least.first_reason()?)));
    output::error(
        &format!(
            "this machine offered no rate truthfully{}",
            why.unwrap_or_default()
        ),
        Some("calibrate while nothing else runs on it, or give it longer (`--within 120s`)"),
    );
    Ending::Void
}

/// The folder beside the file in which it is measured: held against a second calibration, and gone afterwards.
struct Workshop {
    /// The file.
    out: PathBuf,
    folder: PathBuf,
    _lock: Lock,
}

impl Workshop {
    fn open(out: &Path) -> Result<Self, FilesError> {
        let write = |path: &Path| {
            let path = path.to_owned();
            move |source| FilesError::Write { path, source }
        };
        let out = std::path::absolute(out).map_err(write(out))?;
        if let Some(parent) = out.parent() {
            std::fs::create_dir_all(parent).map_err(write(parent))?;
        }
        let beside = |suffix: &str| {
            let mut name = out.file_name().unwrap_or_default().to_owned();
            name.push(suffix);
            out.with_file_name(name)
        };
        let lock = Lock::acquire(&beside(".lock"))?;
        let folder = beside(".part");
        // What a calibration that was killed has left.
        if folder.exists() {
            std::fs::remove_dir_all(&folder).map_err(write(&folder))?;
        }
        std::fs::create_dir(&folder).map_err(write(&folder))?;
        Ok(Self {
            out,
            folder,
            _lock: lock,
        })
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next calibration.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
