//! Parts without a subject of their own. Nothing here knows of scenarios, load or reports.

pub mod access;
pub mod clock;
pub mod cores;
pub mod diagnostic;
pub mod files;
pub mod kinds;
pub mod secret;
pub mod seed;
pub mod socket;
pub mod template;
pub mod units;
