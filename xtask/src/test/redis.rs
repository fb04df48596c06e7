//! The Redis servers that tests share.

use std::process::Command;

use real_redis::TlsFiles;
use real_redis::install::{self, Absent, Programs};
use real_redis::shared::Servers;

use crate::process::{self, Failure, Outcome};

/// Whether the tests against real Redis servers run. The programs are fetched before any test, so
/// that none waits for them, and none tries again what has failed here.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Redis {
    Run { version: String },
    Skipped { why: String },
}

impl Redis {
    pub(super) fn found() -> Outcome<Self> {
        Self::of(install::ensure(), install::is_needed())
    }

    fn of(found: Result<Programs, Absent>, is_needed: bool) -> Outcome<Self> {
        match found {
            Ok(found) => Ok(Self::Run {
                version: found.version,
            }),
            Err(why) if is_needed => Err(Failure::new(format!(
                "{} is set, and there is no Redis server: {why}",
                install::NEED
            ))),
            Err(why) => Ok(Self::Skipped {
                why: why.to_string(),
            }),
        }
    }

    pub(super) fn told(&self) -> String {
        match self {
            Self::Run { version } => format!("{version}: the tests against real servers run"),
            Self::Skipped { why } => {
                format!("the tests against real Redis servers are SKIPPED: {why}")
            }
        }
    }

    /// Starts the servers; they end with the value, and with this process.
    pub(super) fn start(&self) -> Outcome<Option<Servers>> {
        if matches!(self, Self::Skipped { .. }) {
            return Ok(None);
        }
        certificates()?;
        // A server that does not start panics, as it does in a test.
        std::panic::catch_unwind(|| Some(Servers::start()))
            .map_err(|_| Failure::new("the Redis servers did not start; the reason is above"))
    }

    pub(super) fn set(&self, servers: Option<&Servers>, tests: &mut Command) {
        if let Self::Skipped { why } = self {
            tests.env(install::SKIP, why);
        }
        tests.envs(servers.map(Servers::environment).unwrap_or_default());
    }
}

/// Makes the certificates of servers with TLS, once. What makes them is compiled for the tests
/// anyway, and no chore but this one has to wait for it.
fn certificates() -> Outcome {
    if TlsFiles::found().is_some() {
        return Ok(());
    }
    process::run(process::cargo().args([
        "run",
        "--quiet",
        "--package=real-redis",
        "--all-features",
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_not_there_is_told_of_and_no_test_looks_again() {
        let redis = Redis::of(absent(), false).expect("it is not needed");
        let told = redis.told();
        assert!(
            told.starts_with("the tests against real Redis servers are SKIPPED: neither"),
            "{told}"
        );
        let servers = redis.start().expect("there is nothing to start");
        assert!(servers.is_none());
        let mut tests = Command::new("tests");
        redis.set(servers.as_ref(), &mut tests);
        let set: Vec<_> = tests.get_envs().collect();
        let why = absent().expect_err("it is absent").to_string();
        assert_eq!(set, [(install::SKIP.as_ref(), Some(why.as_ref()))]);
    }

    #[test]
    fn a_server_that_is_needed_and_not_there_is_a_failure() {
        let failure = Redis::of(absent(), true).expect_err("it is needed");
        let told = failure.to_string();
        assert!(
            told.starts_with("SESSIOND_NEEDS_REDIS is set, and there is no Redis server: neither"),
            "{told}"
        );
    }

    #[test]
    fn a_server_that_is_there_is_used() {
        let redis = Redis::Run {
            version: "Redis 7.0.15".to_owned(),
        };
        assert_eq!(
            redis.told(),
            "Redis 7.0.15: the tests against real servers run"
        );
        let mut tests = Command::new("tests");
        redis.set(None, &mut tests);
        assert_eq!(tests.get_envs().count(), 0);
    }

    fn absent() -> Result<Programs, Absent> {
        let search = install::Search {
            path: "/no such folder".into(),
            ..install::Search::default()
        };
        search.ensure()
    }
}
