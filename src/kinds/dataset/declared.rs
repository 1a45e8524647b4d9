//! The datasets that a scenario declares, made from one line a kind in this room's [`mod.rs`](super).

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Common, Source};

/// What a kind of dataset owns: its options as written are a type that has this.
pub trait Owned {
    /// Whether its rows never end by themselves.
    const ENDLESS: bool = false;
    /// Whether its rows begin again after the last, unless the scenario says otherwise.
    const CYCLES: bool = true;
    /// Whether it is nothing without a `path` or `rows`.
    const NEEDS_ROWS: bool = false;

    /// What opens the dataset.
    fn source(self, common: &Common) -> Box<dyn Source>;
}

/// What every kind has, beside a kind's own.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Of<T> {
    /// What every kind has.
    #[serde(flatten)]
    pub common: Common,
    /// The kind's own.
    #[serde(flatten)]
    pub options: T,
}

/// What is known of a kind before its options are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// The name as written in a scenario.
    pub name: &'static str,
    /// Whether its rows never end by themselves.
    pub endless: bool,
    /// Whether its rows begin again after the last, unless the scenario says otherwise.
    pub cycles: bool,
    /// Whether it is nothing without a `path` or `rows`.
    pub needs_rows: bool,
}

impl Kind {
    /// The kind whose options are `O`.
    pub(super) const fn of<O: Owned>(name: &'static str) -> Self {
        Self {
            name,
            endless: O::ENDLESS,
            cycles: O::CYCLES,
            needs_rows: O::NEEDS_ROWS,
        }
    }
}

/// Declares the datasets from one line a kind: its documentation, variant, name as written and options.
macro_rules! datasets {
    ($( $(#[doc = $doc:literal])* $Variant:ident = $name:literal => $Options:ty ),+ $(,)?) => {
        /// Where requests come from.
        #[derive(Debug, Clone, serde::Deserialize, schemars::JsonSchema)]
        #[serde(tag = "kind")]
        pub enum Dataset {
            $( $(#[doc = $doc])* #[serde(rename = $name)] $Variant(Of<$Options>) ),+
        }

        /// The kinds, in the order of the documentation.
        pub const KINDS: [Kind; [$($name),+].len()] = [$( Kind::of::<$Options>($name) ),+];

        impl Dataset {
            /// Its kind.
            pub const fn kind(&self) -> Kind {
                match self {
                    $( Self::$Variant(_) => Kind::of::<$Options>($name) ),+
                }
            }

            /// What every kind has, and what opens it.
            pub fn opener(self) -> (Common, Box<dyn Source>) {
                match self {
                    $( Self::$Variant(of) => {
                        let source = of.options.source(&of.common);
                        (of.common, source)
                    } ),+
                }
            }
        }
    };
}
pub(super) use datasets;
