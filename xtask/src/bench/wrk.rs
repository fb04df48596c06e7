//! wrk as the load generator, where it is present.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::interrupt;
use super::load::{CONNECTIONS, Tally};
use super::traffic::{DIGITS, Part, Traffic};
use crate::process::{Failure, Outcome};

const SCRIPT: &str = include_str!("requests.lua");

pub(super) fn is_present() -> bool {
    // It prints its version with a failing exit code.
    let silent = Command::new("wrk")
        .arg("-v")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    silent.is_ok()
}

/// Sends `traffic` for `span`. `folder` takes the script and what it reads.
pub(super) fn run(
    folder: &Path,
    address: SocketAddr,
    traffic: &Traffic,
    span: Duration,
    seed: usize,
) -> Outcome<Tally> {
    let parts = match &traffic.part {
        Part::Random(parts) | Part::Once(parts) => parts.join("\n"),
        Part::Fresh => String::new(),
    };
    fs::create_dir_all(folder)?;
    for (name, text) in [
        ("requests.lua", SCRIPT),
        ("head", &traffic.head),
        ("tail", &traffic.tail),
        ("parts", &parts),
    ] {
        fs::write(folder.join(name), text)?;
    }
    let child = Command::new("wrk")
        .args(["--threads", "2", "--connections", &CONNECTIONS.to_string()])
        .args(["--duration", &format!("{}s", span.as_secs()), "--script"])
        .arg(folder.join("requests.lua"))
        .arg(format!("http://{address}"))
        .arg("--")
        .arg(folder)
        .args([seed.to_string(), DIGITS.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let _guard = interrupt::ends(child.id());
    let output = child.wait_with_output()?;
    tally(&String::from_utf8_lossy(&output.stdout))
        .ok_or_else(|| Failure::new(format!("wrk ended with {} and no figures", output.status)))
}

/// The script's closing line: `figures <requests> <µs> <errors> <p50 µs> <p99 µs>`.
fn tally(output: &str) -> Option<Tally> {
    let line = output
        .lines()
        .find_map(|line| line.strip_prefix("figures "))?;
    let figures: Vec<f64> = line
        .split(' ')
        .filter_map(|figure| figure.parse().ok())
        .collect();
    let &[requests, micros, errors, p50, p99] = figures.as_slice() else {
        return None;
    };
    Some(Tally {
        requests: requests as u64,
        seconds: micros / 1e6,
        errors: errors as u64,
        p50: p50 / 1000.0,
        p99: p99 / 1000.0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closing_line_is_read() {
        let tally = tally("Running\nfigures 300 3000000 2 900 4500\n").unwrap();
        assert_eq!((tally.requests, tally.errors), (300, 2));
        assert_eq!(
            (tally.per_second(), tally.p50, tally.p99),
            (100.0, 0.9, 4.5)
        );
    }
}
