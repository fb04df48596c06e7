//! Names of settings: a misspelt one would be passed over, or believed by whoever reads the file.

use std::collections::BTreeSet;
use std::process::Command;

use super::files::{self, at, keys, list, word};

/// The settings that the program itself lists.
fn known() -> BTreeSet<String> {
    let help = Command::new(env!("CARGO_BIN_EXE_sessiond"))
        .env_clear()
        .arg("--help")
        .output()
        .unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let (_, help) = help
        .split_once("Settings, as environment variables:")
        .unwrap();
    let (settings, _) = help.split_once("Settings of an outside provider").unwrap();
    let named = settings.lines().filter_map(|line| line.strip_prefix("  "));
    let named = named.filter(|line| line.starts_with(|first: char| first.is_ascii_uppercase()));
    let known: BTreeSet<_> = named
        .map(|line| line.split(' ').next().unwrap().to_owned())
        .collect();
    assert!(known.len() > 50, "{known:?}");
    known
}

/// Comments and prose included.
#[test]
fn every_name_that_is_written_down_is_a_setting() {
    let known = known();
    for file in files::all() {
        let text = files::text(&file);
        let words =
            text.split(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'));
        let looks_like_one = |word: &&str| {
            ["SESSION_", "REDIS_", "PROVIDER_", "RATE_LIMIT_", "KV_"]
                .iter()
                .any(|prefix| word.starts_with(prefix) && word.len() > prefix.len())
        };
        for word in words.filter(looks_like_one) {
            assert!(known.contains(word), "{file}: there is no setting {word}");
        }
    }
}

/// Whatever they are called.
#[test]
fn everything_that_the_server_is_given_is_a_setting() {
    let mut given: Vec<String> = files::image_environment().into_keys().collect();
    given.extend(keys(at(
        &files::compose(),
        "/services/sessiond/environment",
    )));
    given.extend(
        super::page::made_settings()
            .into_iter()
            .map(|(name, _)| name),
    );
    given.extend(keys(at(&files::object("ConfigMap", "sessiond"), "/data")));
    given.extend(keys(at(
        &files::object("Secret", "sessiond"),
        "/stringData",
    )));
    let deployment = files::object("Deployment", "sessiond");
    for variable in list(&deployment, "/spec/template/spec/containers/0/env") {
        given.push(word(variable, "/name").to_owned());
        // Under another name, a setting's value would be another setting's.
        let key = word(variable, "/valueFrom/secretKeyRef/key");
        assert_eq!(variable["name"], key);
    }
    let known = known();
    for name in given {
        assert!(known.contains(&name), "there is no setting {name}");
    }
}

#[test]
fn all_nodes_use_one_redis() {
    for settings in [
        at(&files::compose(), "/services/sessiond/environment"),
        at(&files::object("ConfigMap", "sessiond"), "/data"),
    ] {
        assert_eq!(settings["SESSION_STORE"], "redis");
        // The password has a place of its own.
        assert!(!word(settings, "/REDIS_URL").contains('@'));
    }
}

#[test]
fn secrets_come_from_elsewhere() {
    let compose = files::compose();
    let compose = keys(at(&compose, "/services/sessiond/environment"));
    let map = keys(at(&files::object("ConfigMap", "sessiond"), "/data"));
    let image = files::image_environment().into_keys();
    for name in compose.into_iter().chain(map).chain(image) {
        let is_secret = ["KEY", "SECRET", "PASSWORD"]
            .iter()
            .any(|word| name.contains(word));
        assert!(
            !is_secret || name == "SESSION_KEY_PREFIX",
            "{name} is in a file"
        );
    }
}
