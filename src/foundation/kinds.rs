//! A closed set of kinds that a scenario names, declared by one line a kind.
//!
//! The line gives a kind's documentation, variant, name as written, and what its own file says of it; everything that
//! would have to be repeated for every kind is made from these lines. Knows nothing of what the kinds are.

/// Declares the enum of a set of kinds from one line each: `Poisson = "poisson" => poisson::ABOUT,`.
///
/// Beside the variants it has `ALL` (in the order of the lines), `name` (as written in a scenario), `named` (the
/// way back) and, private to the room, `about` (the value that the kind's file gives, of the type after the enum's name).
macro_rules! kinds {
    ($(#[$meta:meta])* $visibility:vis enum $Kind:ident: $About:ty {
        $( $(#[$line:meta])* $Variant:ident = $name:literal => $about:expr ),+ $(,)?
    }) => {
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord,
            serde::Serialize, serde::Deserialize, schemars::JsonSchema,
        )]
        $(#[$meta])*
        $visibility enum $Kind {
            $( $(#[$line])* #[serde(rename = $name)] $Variant ),+
        }

        impl $Kind {
            /// Every kind, in the order of the documentation.
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$Variant),+];

            /// The name as written in a scenario.
            pub const fn name(self) -> &'static str {
                match self {
                    $( Self::$Variant => $name ),+
                }
            }

            /// The kind of that name.
            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|kind| kind.name() == name)
            }

            const fn about(self) -> &'static $About {
                match self {
                    $( Self::$Variant => &$about ),+
                }
            }
        }
    };
}
pub(crate) use kinds;
