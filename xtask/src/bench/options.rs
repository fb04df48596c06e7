//! What the caller of `cargo xtask bench` may choose.

use std::path::PathBuf;
use std::time::Duration;

use crate::process::{Failure, Outcome};

const ROUNDS: usize = 5;
const SECONDS: u64 = 3;

#[derive(Debug)]
pub(super) struct Options {
    pub(super) full: bool,
    pub(super) rounds: usize,
    /// How long each path is measured in each round.
    pub(super) span: Duration,
    /// Whether `docs/benchmarks.md` is written: shortened runs are too coarse to be kept.
    pub(super) write: bool,
    /// Whether wrk may be used, where it is present.
    pub(super) wrk: bool,
    /// A server built beforehand, to measure another version.
    pub(super) server: Option<PathBuf>,
}

impl Options {
    pub(super) fn parse(args: &[String]) -> Outcome<Self> {
        let mut options = Self {
            full: false,
            rounds: ROUNDS,
            span: Duration::from_secs(SECONDS),
            write: false,
            wrk: true,
            server: None,
        };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let mut value = || {
                args.next()
                    .ok_or_else(|| Failure::new(format!("`{arg}` takes a value")))
            };
            match arg.as_str() {
                "--full" => options.full = true,
                "--write" => options.write = true,
                "--no-wrk" => options.wrk = false,
                "--rounds" => options.rounds = usize::try_from(number(arg, value()?)?).unwrap_or(1),
                "--seconds" => options.span = Duration::from_secs(number(arg, value()?)?),
                "--server" => options.server = Some(PathBuf::from(value()?)),
                unknown => return Err(Failure::new(format!("unknown option `{unknown}`"))),
            }
        }
        options.write |= options.rounds == ROUNDS
            && options.span == Duration::from_secs(SECONDS)
            && options.server.is_none();
        Ok(options)
    }
}

fn number(option: &str, value: &str) -> Outcome<u64> {
    value
        .parse()
        .ok()
        .filter(|number| (1..=3600).contains(number))
        .ok_or_else(|| Failure::new(format!("`{option}` takes a number from 1 to 3600")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Outcome<Options> {
        let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Options::parse(&args)
    }

    #[test]
    fn only_a_run_of_the_usual_length_is_kept_unless_asked_for() {
        assert!(parse("").unwrap().write);
        assert!(!parse("--rounds 1").unwrap().write);
        assert!(!parse("--server target/old").unwrap().write);
        assert!(parse("--rounds 1 --write").unwrap().write);
    }

    #[test]
    fn nonsense_is_refused() {
        for line in ["--rounds", "--rounds 0", "--seconds x", "--fast"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
