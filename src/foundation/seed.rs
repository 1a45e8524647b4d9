//! Seeds: every random choice of a cell is drawn from one, derived from what the choice is for.
//!
//! A seed is a hash, so that adding an axis value or reordering axes changes no other cell's draws, and the same seed
//! draws the same numbers on every platform. This is the only file that names `rand`'s generators.

use rand_pcg::Pcg64;
use sha2::{Digest, Sha256};

/// The generator that draws are made with: PCG-64, whose stream is fixed across versions and platforms.
pub type Generator = Pcg64;

/// A seed from which further seeds and generators are derived by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Seed([u8; 32]);

impl Seed {
    /// The root of a scenario's seeds: `load.seed`.
    pub fn root(seed: u64) -> Self {
        Self(Sha256::digest(seed.to_le_bytes()).into())
    }

    /// The seed for one part: a cell's axis values, `repeat`, a purpose such as `arrivals`.
    #[must_use]
    pub fn derive(self, part: &str) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(self.0);
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
        Self(hasher.finalize().into())
    }

    /// The seed for the item of that number: a repeat, a request.
    #[must_use]
    pub fn index(self, index: u64) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(self.0);
        hasher.update(index.to_le_bytes());
        Self(hasher.finalize().into())
    }

    /// A generator that draws from this seed.
    pub fn generator(self) -> Generator {
        use rand::SeedableRng as _;
        Pcg64::from_seed(self.0)
    }

    /// The seed as one number, for what takes only that (a request's `seed` parameter, an attempt's issue).
    pub fn as_u64(self) -> u64 {
        self.0
            .first_chunk()
            .map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }
}
