//! Keys: the ones that the page makes are good, and the placeholders are not.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::files::{at, object};
use super::page::{commands, made_settings};
use crate::start_and_stop::one_line;
use crate::support::{Server, command};

/// A program that the page calls, in a folder. Its own settings are not those of these tests.
fn as_on_the_page(words: &[String], folder: &Path) -> Command {
    let mut run = command(folder);
    for setting in ["SESSION_SERVICE_KEYS", "SESSION_LISTEN", "SESSION_DATA_DIR"] {
        run.env_remove(setting);
    }
    let mut words = words.iter();
    for word in words.by_ref() {
        match word.split_once('=') {
            Some((name, value)) => run.env(name, value),
            None => break,
        };
    }
    run.args(words).current_dir(folder);
    run
}

/// Does what the page says; the settings that come of it.
fn make(folder: &Path) -> Vec<(String, String)> {
    let [start] = &commands("SESSION_STORE=memory sessiond ")[..] else {
        panic!("one command makes the keys")
    };
    Server::start(&mut as_on_the_page(start, folder)).stop("INT");
    read(folder)
}

fn read(folder: &Path) -> Vec<(String, String)> {
    let settings = made_settings().into_iter();
    settings
        .map(|(name, file)| {
            let key = fs::read_to_string(folder.join("keys").join(file)).unwrap();
            // As a shell takes it, and as it stands in a line of a file.
            let key = key.trim_end().to_owned();
            assert!(!key.contains(['\n', '$', ' ', '\'']), "{name}");
            (name, key)
        })
        .collect()
}

/// A node with these settings, which keeps nothing.
fn node(folder: &Path, settings: &[(String, String)]) -> Command {
    let mut node = command(folder);
    node.env("SESSION_STORE", "memory");
    node.envs(settings.iter().map(|(name, value)| (name, value)));
    node
}

#[test]
fn with_the_keys_of_the_page_a_node_makes_none_of_its_own() {
    let (made, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let settings = make(made.path());
    Server::start(node(data.path(), &settings).args(["--listen", "0.0.0.0:0"])).stop("TERM");
    let left = fs::read_dir(data.path()).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["sessiond.lock"]);
}

#[test]
fn with_a_placeholder_no_server_starts() {
    let (made, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let settings = make(made.path());
    let secret = object("Secret", "sessiond");
    let placeholders = at(&secret, "/stringData").as_object().unwrap();
    let mut tried = 0;
    for (name, placeholder) in placeholders {
        assert_eq!(*placeholder, "replace-me", "{name}");
        // Redis alone can tell that this is wrong.
        if name != "REDIS_PASSWORD" {
            let mut node = node(data.path(), &settings);
            let line = one_line(node.env(name, placeholder.as_str().unwrap()));
            assert!(line.contains(name), "{line}");
            tried += 1;
        }
    }
    assert_eq!(
        tried,
        settings.len(),
        "a setting of the page is not in the Secret"
    );
}

#[test]
fn the_keys_of_the_page_are_rotated_as_it_says() {
    let made = tempfile::tempdir().unwrap();
    let before = make(made.path());
    let rotations = commands("sessiond keys rotate ");
    assert_eq!(rotations.len(), 2);
    for words in rotations {
        let done = as_on_the_page(&words, made.path()).output().unwrap();
        assert!(done.status.success(), "{words:?}");
    }
    let after = read(made.path());
    let changed = before
        .iter()
        .zip(&after)
        .filter(|(before, after)| before != after);
    let changed: Vec<_> = changed.map(|((name, _), _)| name.as_str()).collect();
    assert_eq!(
        changed,
        ["SESSION_ACCESS_TOKEN_KEYS", "SESSION_ENCRYPTION_KEYS"]
    );
    let data = tempfile::tempdir().unwrap();
    Server::start(&mut node(data.path(), &after)).stop("TERM");
}
