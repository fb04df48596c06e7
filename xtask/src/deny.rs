//! `cargo xtask deny`: what we build upon, held to `deny.toml`.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::process::{self, Outcome};

/// Pinned, so that a new release of the tool cannot turn a landing red.
const VERSION: &str = "0.20.2";

/// An honest download of the advisory database takes a few seconds.
const FETCH_LIMIT: Duration = Duration::from_secs(60);

pub(crate) fn run() -> Outcome {
    let tool = tool()?;
    process::run(deny(&tool).args(["check", "bans", "licenses", "sources"]))?;
    // Fetched on its own first: then whatever the check itself finds is a finding, not a network
    // that was down.
    if !process::succeeds_within(deny(&tool).args(["fetch", "db"]), FETCH_LIMIT) {
        println!("advisories: SKIPPED, since the advisory database could not be reached");
        return Ok(());
    }
    process::run(deny(&tool).args(["check", "--disable-fetch", "advisories"]))
}

fn deny(tool: &PathBuf) -> Command {
    let mut command = Command::new(tool);
    command.current_dir(process::root()).arg("--all-features");
    command
}

/// From the path if it is the pinned version there, else from `target/tools`, built if need be.
fn tool() -> Outcome<PathBuf> {
    let tools = process::root().join("target/tools");
    let own = tools.join("bin/cargo-deny");
    for known in [PathBuf::from("cargo-deny"), own.clone()] {
        if is_pinned(&known) {
            return Ok(known);
        }
    }
    println!("cargo-deny {VERSION} is not present; it is built once, in target/tools");
    process::run(
        process::cargo()
            // Unoptimised: it compiles in a third of the time, and runs for two seconds.
            .args(["install", "--locked", "--debug", "--force"])
            .arg(format!("cargo-deny@{VERSION}"))
            .args([
                "--root",
                "target/tools",
                "--target-dir",
                "target/tools/build",
            ]),
    )?;
    // Half a gigabyte that nothing reads again.
    let _ = std::fs::remove_dir_all(tools.join("build"));
    Ok(own)
}

fn is_pinned(tool: &PathBuf) -> bool {
    process::answer(Command::new(tool).arg("--version"))
        .is_some_and(|said| said.split_whitespace().last() == Some(VERSION))
}
