//! The servers that many tests share.

use std::process::Command;

use real_redis::shared;

/// Set where this program was started by the test below.
const LOOKS: &str = "REAL_REDIS_TEST_LOOKS";

#[test]
fn a_process_starts_its_own_once_where_none_is_named() {
    if std::env::var_os(shared::STANDALONE).is_some() {
        return;
    }
    let (first, second) = (shared::standalone(), shared::standalone());
    assert_eq!(first, second);
    let (first, second) = (shared::secured(), shared::secured());
    assert_eq!(first, second);
    if let Some(secured) = first {
        assert!(secured.url().starts_with("rediss://sessiond:"));
        assert!(secured.ca_file().is_some_and(|file| file.is_file()));
        assert!(!format!("{secured:?}").contains("rediss://"));
    }
}

#[test]
#[ignore = "slow: it starts all of them"]
fn those_that_were_started_are_found_by_the_tests() {
    let servers = shared::Servers::start();
    let set = servers.environment();
    let Some((_, url)) = set.iter().find(|(name, _)| *name == shared::STANDALONE) else {
        return;
    };
    assert_eq!(set.len(), 6);
    let found = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "sharing::looks_for_servers", "--nocapture"])
        .env(LOOKS, url)
        .envs(servers.environment())
        .output()
        .expect("this program runs");
    let said = String::from_utf8(found.stdout).expect("text");
    assert!(found.status.success(), "{said}");
    for (_, value) in &set {
        assert!(
            said.contains(value.to_str().expect("text")),
            "{value:?}: {said}"
        );
    }
}

#[test]
fn looks_for_servers() {
    if std::env::var_os(LOOKS).is_none() {
        return;
    }
    for found in [
        shared::standalone(),
        shared::secured(),
        shared::cluster(),
        shared::sentinel(),
    ] {
        let found = found.expect("it is named");
        println!(
            "{} {:?} {:?}",
            found.url(),
            found.ca_file(),
            found.service()
        );
    }
}
