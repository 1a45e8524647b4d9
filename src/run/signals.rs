//! What signals do to a run; who listens for them is not known here.

use crate::load::Stop;
use crate::results::Ending;

/// Signals as they come while a run is going on.
pub trait Signals: Sync {
    /// What tells the run to stop.
    fn stop(&self) -> &Stop;

    /// By which signal the run was stopped, if it was.
    fn ending(&self) -> Option<Ending>;

    /// How often the process was stopped (SIGTSTP, SIGSTOP) and continued so far.
    fn suspensions(&self) -> u32;
}
