//! What the caller of `cargo xtask bench` may choose.

use std::path::PathBuf;
use std::time::Duration;

use crate::process::{Failure, Outcome};

const ROUNDS: usize = 5;
const SECONDS: u64 = 3;

/// What takes minutes to set up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Full {
    /// After the rounds.
    All,
    /// What is about Redis, and nothing else: for whoever works on that.
    RedisAlone,
}

#[derive(Debug)]
pub(super) struct Options {
    pub(super) full: Option<Full>,
    pub(super) rounds: usize,
    /// How long each path is measured in each round.
    pub(super) span: Duration,
    /// Whether `docs/benchmarks.md` is written: shortened runs are too coarse to be kept.
    pub(super) write: bool,
    /// Whether wrk may be used, where it is present.
    pub(super) wrk: bool,
    /// Only paths with this in their names are measured.
    pub(super) only: Option<String>,
    /// A server built beforehand, to measure another version.
    pub(super) server: Option<PathBuf>,
}

impl Options {
    pub(super) fn parse(args: &[String]) -> Outcome<Self> {
        let mut options = Self {
            full: None,
            rounds: ROUNDS,
            span: Duration::from_secs(SECONDS),
            write: false,
            wrk: true,
            only: None,
            server: None,
        };
        let mut args = args.iter().peekable();
        while let Some(arg) = args.next() {
            let mut next = || args.next_if(|next| !next.starts_with("--"));
            let mut value = || next().ok_or_else(|| Failure::new(format!("`{arg}` takes a value")));
            match arg.as_str() {
                "--full" => options.full = Some(full(next())?),
                "--write" => options.write = true,
                "--no-wrk" => options.wrk = false,
                "--rounds" => options.rounds = usize::try_from(number(arg, value()?)?).unwrap_or(1),
                "--seconds" => options.span = Duration::from_secs(number(arg, value()?)?),
                "--only" => options.only = Some(value()?.clone()),
                "--server" => options.server = Some(PathBuf::from(value()?)),
                unknown => return Err(Failure::new(format!("unknown option `{unknown}`"))),
            }
        }
        options.write |= options.rounds == ROUNDS
            && options.span == Duration::from_secs(SECONDS)
            && options.server.is_none();
        // A part of it would take the place of the whole.
        options.write &= options.full != Some(Full::RedisAlone) && options.only.is_none();
        Ok(options)
    }
}

fn full(part: Option<&String>) -> Outcome<Full> {
    match part.map(String::as_str) {
        None => Ok(Full::All),
        Some("redis") => Ok(Full::RedisAlone),
        Some(unknown) => Err(Failure::new(format!(
            "`--full` takes `redis` or nothing, not `{unknown}`"
        ))),
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
    fn a_part_is_never_kept() {
        assert!(parse("--full").unwrap().write);
        assert_eq!(parse("--full --rounds 1").unwrap().full, Some(Full::All));
        let part = parse("--full redis --write").unwrap();
        assert!(part.full == Some(Full::RedisAlone) && !part.write);
        assert!(!parse("--only Redis --write").unwrap().write);
    }

    #[test]
    fn nonsense_is_refused() {
        for line in [
            "--rounds",
            "--rounds 0",
            "--seconds x",
            "--fast",
            "--full mysql",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
