use std::io::IsTerminal as _;

use tracing_subscriber::filter::EnvFilter;

/// Sends the log to standard error: standard output is for the banner.
pub(crate) fn start(level: &str) {
    // Libraries below ours speak up from warnings on.
    let directives = format!(
        "warn,sessiond={level},app={level},http_api={level},\
                              store_sqlite={level},store_redis={level},store_memory={level}"
    );
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(directives))
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
}
