//! A whole plan: set-up, readiness, repeats in order, journal, publication.
