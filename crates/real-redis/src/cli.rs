//! Commands over TLS, which `redis-cli` speaks and this crate does not.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use crate::configuration::{ADMIN, Secured};
use crate::install::Programs;
use crate::waiting::within;

/// As for commands without TLS. Answers are shorter than what a pipe holds.
const LIMIT: Duration = Duration::from_secs(5);

/// What comes back for one command of the administrator's.
pub(crate) fn ask(
    programs: &Programs,
    port: u16,
    secured: &Secured,
    words: &[&str],
) -> io::Result<String> {
    let mut child = programs
        .cli_command()?
        .args(["-h", "127.0.0.1", "--raw", "--tls", "--cacert"])
        .arg(&secured.tls.ca)
        .arg("--cert")
        .arg(&secured.tls.client_cert)
        .arg("--key")
        .arg(&secured.tls.client_key)
        .args(["--user", ADMIN, "-p", &port.to_string()])
        .args(words)
        // No list of processes shows it there.
        .env("REDISCLI_AUTH", &secured.admin.0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    if within(LIMIT, || child.try_wait().transpose()).is_none() {
        // Fails only where it has just ended by itself.
        let _ = child.kill();
        let _ = child.wait();
        return Err(io::ErrorKind::TimedOut.into());
    }
    let output = child.wait_with_output()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let answer = text(&output.stdout);
    // An error that the server answers ends well, too.
    if !output.status.success() || answer.is_empty() {
        return Err(io::Error::other(text(&output.stderr).trim().to_owned()));
    }
    Ok(answer.strip_suffix('\n').unwrap_or(&answer).to_owned())
}
