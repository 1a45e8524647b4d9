//! Project root, atomic writes, locks.
