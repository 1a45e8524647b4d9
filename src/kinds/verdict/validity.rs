//! Validity: VALID, INVALID or CLIENT_LIMITED, by what the generator saw of itself.
