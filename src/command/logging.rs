//! `tracing` for developers: on stderr, quiet by default, never per request.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

use super::arguments::LogFormat;
use super::surroundings::Surroundings;

/// Starts logging as `-v`, `-q`, `--log-format` and `PLIMSOLL_LOG` say.
pub fn start(surroundings: &Surroundings) {
    let level = match (surroundings.global.quiet, surroundings.global.verbose) {
        (true, _) => "off",
        (false, 0) => "plimsoll=warn",
        (false, 1) => "plimsoll=info",
        (false, 2) => "plimsoll=debug",
        (false, _) => "plimsoll=trace,hyper=debug",
    };
    let directives = surroundings
        .environment
        .get("PLIMSOLL_LOG")
        .map_or(level, String::as_str);
    let builder = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::builder().parse_lossy(directives))
        .with_writer(std::io::stderr)
        .with_span_events(FmtSpan::NONE)
        .with_ansi(false);
    // A second start (tests) is no error.
    let _ = match surroundings.global.log_format {
        LogFormat::Text => builder.without_time().try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
}
