//! The append-only journal: records in blocks, one commit a repeat.
