//! `cargo xtask test`: every test of the workspace.

mod flows;
mod redis;

use std::process::Command;

use self::flows::Flows;
use self::redis::Redis;
use crate::process::{self, Outcome};

/// What takes long, such as killing a server some hundred times, is marked `#[ignore]` with a
/// reason. A plain `cargo test` leaves it out; this chore runs it, but for `--fast`.
pub(crate) fn run(args: &[String]) -> Outcome {
    let wish = Wish::from(args);
    let flows = Flows::found()?;
    println!("{}", flows.told());
    let redis = Redis::found()?;
    println!("{}", redis.told());
    // They end when this function does, and when this process does.
    let servers = redis.start()?;
    let set = |mut tests: Command| {
        flows.set(&mut tests);
        redis.set(servers.as_ref(), &mut tests);
        tests
    };
    if process::answer(process::cargo().args(["nextest", "--version"])).is_none() {
        println!("cargo-nextest is not present, so `cargo test` runs the tests");
        return process::run(&mut set(cargo_test(&wish)));
    }
    // nextest knows no documentation tests. They come first, so that the run ends on its summary.
    if wish.args.is_empty() {
        process::run(process::cargo().args(["test", "--doc", "--workspace", "--all-features"]))?;
    }
    process::run(&mut set(nextest(&wish)))
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
    fn a_named_package_replaces_the_whole_workspace() {
        let words = words(&nextest(&wish(&["-p", "app"])));
        assert!(!words.contains(&"--workspace".to_owned()));
        assert!(words.ends_with(&["-p".into(), "app".into()]));
    }
}
