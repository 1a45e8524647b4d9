//! Kept texts, pictures and videos: of the first ok requests, as many as the report shows.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use crate::instruments::record::Sample;

/// What one request returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptSample {
    /// The request.
    pub index: u64,
    /// What it returned.
    pub sample: Sample,
}

/// How many requests' samples are still wanted, and those that were kept.
#[derive(Debug, Default)]
pub(super) struct Samples {
    left: AtomicU32,
    kept: Mutex<Vec<KeptSample>>,
}

impl Samples {
    pub(super) fn wanting(requests: u32) -> Self {
        Self {
            left: AtomicU32::new(requests),
            kept: Mutex::default(),
        }
    }

    pub(super) fn wanted(&self) -> bool {
        self.left.load(Relaxed) > 0
    }

    /// Keeps the samples of a request, if any are still wanted.
    pub(super) fn keep(&self, index: u64, samples: &mut Vec<Sample>) {
        if samples.is_empty()
            || self
                .left
                .try_update(Relaxed, Relaxed, |left| left.checked_sub(1))
                .is_err()
        {
            return;
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(samples.drain(..).map(|sample| KeptSample { index, sample }));
    }

    /// Those that were kept, by their request.
    pub(super) fn take(&self) -> Vec<KeptSample> {
        let mut kept =
            std::mem::take(&mut *self.kept.lock().unwrap_or_else(PoisonError::into_inner));
        kept.sort_by_key(|sample| sample.index);
        kept
    }
}
