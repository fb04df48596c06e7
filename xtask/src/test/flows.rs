//! The real OpenID provider, for the tests that need one.

use std::process::Command;

use real_provider::install::{self, Absent, Installed};
use real_provider::node;

use crate::process::{Failure, Outcome};

/// Whether the flows against a real OpenID provider run. It is installed before any test, so that none
/// waits for npm, and none tries again what has failed here.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Flows {
    Run { node: String },
    Skipped { why: String },
}

impl Flows {
    pub(super) fn found() -> Outcome<Self> {
        Self::of(install::ensure(), node::is_needed())
    }

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

    pub(super) fn told(&self) -> String {
        match self {
            Self::Run { node } => {
                format!("node {node}: the flows against a real OpenID provider run")
            }
            Self::Skipped { why } => {
                format!("the flows against a real OpenID provider are SKIPPED: {why}")
            }
        }
    }

    pub(super) fn set(&self, tests: &mut Command) {
        if let Self::Skipped { why } = self {
            tests.env(install::SKIP, why);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_that_is_not_there_is_told_of_and_no_test_looks_again() {
        let mut tests = Command::new("tests");
        let flows = Flows::of(absent(), false).expect("it is not needed");
        assert_eq!(
            flows.told(),
            "the flows against a real OpenID provider are SKIPPED: node is not installed"
        );
        flows.set(&mut tests);
        let set: Vec<_> = tests.get_envs().collect();
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
        flows.set(&mut tests);
        assert_eq!(tests.get_envs().count(), 0);
    }

    fn absent() -> Result<Installed, Absent> {
        let nowhere = std::env::temp_dir();
        install::ensure_in(&nowhere, "no such program", "no such program")
    }
}
