//! Logs of this process, to stderr. What is logged is chosen in [`config`](crate::config); nothing secret is ever logged.

use tracing_subscriber::EnvFilter;

/// Starts logging with a level or filter. A second call does nothing, so that many nodes can live in one process.
pub fn start(log: &str, is_json: bool) {
    let filter = filter(log).unwrap_or_else(|| EnvFilter::new("warn"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // An error means that a subscriber is there already.
    let _ = if is_json { builder.json().try_init() } else { builder.with_target(false).try_init() };
}

/// A filter from one of the words that a person uses, or from a filter expression of `tracing-subscriber`; a bare level is
/// that of Tidings itself, while its libraries only warn.
pub fn filter(log: &str) -> Option<EnvFilter> {
    let log = log.trim().to_lowercase();
    match log.as_str() {
        "" => None,
        "off" | "error" | "warn" => EnvFilter::try_new(&log).ok(),
        "info" | "debug" | "trace" => EnvFilter::try_new(format!("warn,tidings={log}")).ok(),
        // A word that is no level would pass as the name of a module that nobody has.
        filter if filter.contains('=') => EnvFilter::try_new(filter).ok(),
        _ => None,
    }
}
