//! Whether Node is there, and whether it has to be.

use std::process::{Command, Stdio};

/// What a program says to `--version`, or nothing where there is no such program.
#[must_use]
pub fn version(program: &str) -> Option<String> {
    let output = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let version = said.trim().trim_start_matches('v').to_owned();
    output.status.success().then_some(version)
}

/// True where `SESSIOND_NEEDS_NODE` is set. Without Node the tests that need it are skipped, since a
/// newcomer needs Rust alone; this variable makes that a failure.
#[must_use]
pub fn is_needed() -> bool {
    std::env::var_os("SESSIOND_NEEDS_NODE").is_some()
}
