//! How findings are shown: for people, as JSON, as GitHub annotations, as SARIF.
