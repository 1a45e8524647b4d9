//! The calibration of this machine: where its file stands, and whether it can be used.

use std::path::{Path, PathBuf};

use super::output;
use super::surroundings::Surroundings;
use crate::instruments::telemetry::{self, calibration::Calibration};
use crate::results::Ending;

/// Where it stands below the user's cache.
const FILE: &str = "plimsoll/calibration.json";

/// Where the calibration stands unless another place is given; `None` where the environment names no cache.
pub fn place(surroundings: &Surroundings) -> Option<PathBuf> {
    let variable = |name: &str| surroundings.environment.get(name).map(Path::new);
    // The XDG base directory specification: what is not absolute is to be ignored.
    let absolute = |path: &&Path| path.is_absolute();
    let cache = variable("XDG_CACHE_HOME").filter(absolute);
    let home = || variable("HOME").filter(absolute);
    let cache = cache
        .map(Path::to_owned)
        .or_else(|| Some(home()?.join(".cache")))?;
    Some(cache.join(FILE))
}

/// The calibration that holds for this machine and this binary, if there is one. Why one that is there is not used, is
/// said; only one that was asked for must be there.
pub fn find(
    given: Option<&Path>,
    surroundings: &Surroundings,
) -> Result<Option<Calibration>, Ending> {
    let Some(file) = given.map(Path::to_owned).or_else(|| place(surroundings)) else {
        return Ok(None);
    };
    let found = match std::fs::read(&file) {
        Ok(bytes) => Calibration::parse(&bytes).map_err(|error| error.to_string()),
        Err(error) if given.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(None);
        }
        Err(error) => Err(error.to_string()),
    };
    let version = env!("CARGO_PKG_VERSION");
    match found {
        Err(why) if given.is_some() => {
            let message = format!("cannot use the calibration {}: {why}", file.display());
            output::error(&message, Some(HELP));
            Err(Ending::Usage)
        }
        Err(why) => {
            say_unused(&file, &why, surroundings);
            Ok(None)
        }
        Ok(calibration) => match calibration.misfit(&telemetry::host(), version) {
            Some(why) => {
                say_unused(&file, &why, surroundings);
                Ok(None)
            }
            None => Ok(Some(calibration)),
        },
    }
}

const HELP: &str = "`plimsoll calibrate --out FILE` writes one for this machine";

fn say_unused(file: &Path, why: &str, surroundings: &Surroundings) {
    if !surroundings.global.quiet {
        output::words(&format!(
            "note: the calibration {} is not used: {why}\n  help: `plimsoll calibrate` measures this machine\n",
            file.display()
        ));
    }
}
