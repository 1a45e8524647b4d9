//! Barrier batches: so many at once, then the next when all have ended. Their times follow from the answers, so there is
//! no process to draw from; `load`'s barrier sets them.

use super::About;

pub(super) const ABOUT: About = About {
    sets_own_times: true,
    open: |_| Ok(None),
};
