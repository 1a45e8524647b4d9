//! The wall clock: when something happened, for people; never how long it took.

/// This moment as RFC 3339 in UTC, to the second.
pub fn utc_now() -> String {
    jiff::Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string()
}
