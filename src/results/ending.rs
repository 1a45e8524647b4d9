//! How a run or a comparison ended, and the exit code that says so (cli.md, "Exit codes").
//!
//! The codes stand here, not in `command`, because `results.json` and JUnit carry them as data.

use std::fmt;

/// One reason for an exit code. Where several hold, the first in the order of declaration wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ending {
    /// A bug of ours.
    Bug,
    /// Stopped by SIGINT.
    Interrupted,
    /// Stopped by SIGTERM.
    Terminated,
    /// Bad usage or an invalid scenario.
    Usage,
    /// A target could not be reached, or every request of a cell failed.
    Unreachable,
    /// The measurement is void: the generator or the machine was the limit, or a gate was refused.
    Void,
    /// Not every cell was executed, or what came of it could not be written, and no signal was the reason.
    Incomplete,
    /// An objective was missed or a regression found.
    Missed,
    /// Inconclusive, with `--strict`.
    Inconclusive,
    /// All well.
    Well,
}

impl Ending {
    /// The process's exit code.
    pub const fn code(self) -> u8 {
        match self {
            Self::Well => 0,
            Self::Missed => 1,
            Self::Usage => 2,
            Self::Void => 3,
            Self::Inconclusive => 4,
            Self::Unreachable => 5,
            Self::Incomplete => 6,
            Self::Bug => 70,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }

    /// The one that wins where several hold.
    pub fn of(endings: impl IntoIterator<Item = Self>) -> Self {
        endings.into_iter().min().unwrap_or(Self::Well)
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Well => "all well",
            Self::Missed => "an objective was missed or a regression found",
            Self::Usage => "bad usage or an invalid scenario",
            Self::Void => "the measurement is void",
            Self::Inconclusive => "inconclusive",
            Self::Unreachable => "a target could not be reached, or every request of a cell failed",
            Self::Incomplete => "incomplete",
            Self::Bug => "a bug of plimsoll",
            Self::Interrupted => "interrupted",
            Self::Terminated => "terminated",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_endings_the_one_named_first_by_the_contract_wins() {
        // cli.md: the first of 70, 130 / 143, 2, 5, 3, 6, 1, 4, 0.
        let order = [70, 130, 143, 2, 5, 3, 6, 1, 4, 0];
        let all = [
            Ending::Well,
            Ending::Missed,
            Ending::Usage,
            Ending::Void,
            Ending::Inconclusive,
            Ending::Unreachable,
            Ending::Incomplete,
            Ending::Bug,
            Ending::Interrupted,
            Ending::Terminated,
        ];
        for (i, first) in order.iter().enumerate() {
            let rest = all
                .iter()
                .copied()
                .filter(|e| order[i..].contains(&e.code()));
            assert_eq!(Ending::of(rest).code(), *first);
        }
    }
}
