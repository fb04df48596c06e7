//! `cargo xtask test`: every test of the workspace.

use std::process::Command;

use real_provider::install::{self, Absent, Installed};
use real_provider::node;

use crate::process::{self, Failure, Outcome};

/// What takes long, such as killing a server some hundred times, is marked `#[ignore]` with a
/// reason. A plain `cargo test` leaves it out; this chore runs it, but for `--fast`.
pub(crate) fn run(args: &[String]) -> Outcome {
    let wish = Wish::from(args);
    let flows = Flows::of(install::ensure(), node::is_needed())?;
    println!("{}", flows.told());
    if process::answer(process::cargo().args(["nextest", "--version"])).is_none() {
        println!("cargo-nextest is not present, so `cargo test` runs the tests");
        return process::run(flows.set(&mut cargo_test(&wish)));
    }
    // nextest knows no documentation tests. They come first, so that the run ends on its summary.
    if wish.args.is_empty() {
        process::run(process::cargo().args(["test", "--doc", "--workspace", "--all-features"]))?;
    }
    process::run(flows.set(&mut nextest(&wish)))
}

/// Whether the flows against a real OpenID provider run. It is installed before any test, so that none
/// waits for npm, and none tries again what has failed here.
#[derive(Debug, PartialEq, Eq)]
enum Flows {
    Run { node: String },
    Skipped { why: String },
}

impl Flows {
    fn of(found: Result<Installed, Absent>, is_needed: bool) -> Outcome<Self> {
        match found {
            Ok(found) => Ok(Self::Run { node: found.node }),
            Err(why) if is_needed => Err(Failure::new(format!(
                "SESSIOND_NEEDS_NODE is set, and there is no real OpenID provider: {why}"
            ))),
            Err(why) => Ok(Self::Skipped {
                why: why.to_string(),
            }),
        }
    }

    fn told(&self) -> String {
        match self {
            Self::Run { node } => {
                format!("node {node}: the flows against a real OpenID provider run")
            }
            Self::Skipped { why } => {
                format!("the flows against a real OpenID provider are SKIPPED: {why}")
            }
        }
    }

    fn set<'a>(&self, tests: &'a mut Command) -> &'a mut Command {
        match self {
            Self::Run { .. } => tests,
            Self::Skipped { why } => tests.env(install::SKIP, why),
        }
    }
}

struct Wish {
    fast: bool,
    args: Vec<String>,
}

impl From<&[String]> for Wish {
    fn from(args: &[String]) -> Self {
        let args: Vec<String> = args.to_vec();
        let fast = args.iter().any(|arg| arg == "--fast");
        Self {
            fast,
            args: args.into_iter().filter(|arg| arg != "--fast").collect(),
        }
    }
}

fn nextest(wish: &Wish) -> Command {
    let mut command = process::cargo();
    command.args(["nextest", "run", "--config-file", "xtask/nextest.toml"]);
    command.args(scope(wish));
    if !wish.fast {
        command.args(["--run-ignored", "all"]);
    }
    if in_ci() {
        command.arg("--no-fail-fast");
    }
    command.args(&wish.args);
    command
}

fn cargo_test(wish: &Wish) -> Command {
    let mut command = process::cargo();
    command.arg("test").args(scope(wish));
    if in_ci() {
        command.arg("--no-fail-fast");
    }
    command.args(&wish.args);
    if !wish.fast {
        if !wish.args.iter().any(|arg| arg == "--") {
            command.arg("--");
        }
        command.arg("--include-ignored");
    }
    command
}

/// The whole workspace, but where the caller names packages: cargo would pass over those.
fn scope(wish: &Wish) -> &'static [&'static str] {
    let named = |arg: &String| arg.starts_with("-p") || arg.starts_with("--package");
    if wish.args.iter().any(named) {
        &["--all-features"]
    } else {
        &["--workspace", "--all-features"]
    }
}

/// There, one run must show every failure; at one's desk the first is enough.
fn in_ci() -> bool {
    std::env::var_os("CI").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(command: &Command) -> Vec<String> {
        command
            .get_args()
            .map(|arg| arg.to_string_lossy().into_owned())
            .collect()
    }

    fn wish(args: &[&str]) -> Wish {
        let args: Vec<String> = args.iter().map(ToString::to_string).collect();
        Wish::from(args.as_slice())
    }

    #[test]
    fn slow_tests_run_unless_fast_is_asked_for() {
        assert!(words(&nextest(&wish(&[]))).contains(&"--run-ignored".to_owned()));
        assert!(
            words(&cargo_test(&wish(&[]))).ends_with(&["--".into(), "--include-ignored".into()])
        );
        for command in [nextest(&wish(&["--fast"])), cargo_test(&wish(&["--fast"]))] {
            let words = words(&command);
            assert!(
                !words
                    .iter()
                    .any(|word| word.contains("ignored") || word == "--fast")
            );
        }
    }

    #[test]
    fn a_provider_that_is_not_there_is_told_of_and_no_test_looks_again() {
        let mut tests = Command::new("tests");
        let flows = Flows::of(absent(), false).expect("it is not needed");
        assert_eq!(
            flows.told(),
            "the flows against a real OpenID provider are SKIPPED: node is not installed"
        );
        let set: Vec<_> = flows.set(&mut tests).get_envs().collect();
        let why = Some("node is not installed".as_ref());
        assert_eq!(set, [(install::SKIP.as_ref(), why)]);
    }

    #[test]
    fn a_provider_that_is_needed_and_not_there_is_a_failure() {
        let failure = Flows::of(absent(), true).expect_err("it is needed");
        let told = failure.to_string();
        assert!(told.ends_with(": node is not installed"), "{told}");
    }

    #[test]
    fn a_provider_that_is_there_is_used() {
        let found = Installed {
            node: "20.12.0".to_owned(),
            folder: "target/real-provider".into(),
        };
        let flows = Flows::of(Ok(found), true).expect("it is there");
        let told = flows.told();
        assert_eq!(
            told,
            "node 20.12.0: the flows against a real OpenID provider run"
        );
        let mut tests = Command::new("tests");
        assert_eq!(flows.set(&mut tests).get_envs().count(), 0);
    }

    fn absent() -> Result<Installed, Absent> {
        let nowhere = std::env::temp_dir();
        install::ensure_in(&nowhere, "no such program", "no such program")
    }

    #[test]
    fn a_named_package_replaces_the_whole_workspace() {
        let words = words(&nextest(&wish(&["-p", "app"])));
        assert!(!words.contains(&"--workspace".to_owned()));
        assert!(words.ends_with(&["-p".into(), "app".into()]));
    }
}
