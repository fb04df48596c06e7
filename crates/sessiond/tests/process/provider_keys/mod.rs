//! With what provider tokens are encrypted: keys that are never replaced in silence, and that go when
//! nothing needs them any more.

mod changes;
mod reencryption;
mod start;
mod vault;

use std::path::Path;
use std::process::{Command, Output};

use vault::{own_keys, secrets};

/// What `sessiond keys` prints, or its last words. No secret is in either.
fn keys_of(command: &mut Command, folder: &Path, args: &[&str]) -> Result<String, String> {
    let Output {
        status,
        stdout,
        stderr,
    } = command.arg("keys").args(args).output().unwrap();
    let (out, err) = (
        String::from_utf8(stdout).unwrap(),
        String::from_utf8(stderr).unwrap(),
    );
    if folder.join(vault::FILE).exists() {
        for secret in secrets(folder) {
            assert!(!out.contains(&secret) && !err.contains(&secret));
        }
    }
    if status.success() { Ok(out) } else { Err(err) }
}

fn keys(folder: &Path, args: &[&str]) -> Result<String, String> {
    keys_of(&mut own_keys(folder), folder, args)
}

fn rotate(folder: &Path) -> String {
    let told = keys(folder, &["rotate", "--of", "provider-tokens"]).unwrap();
    let (first, second) = told.split_once('\n').unwrap();
    assert_eq!(
        second,
        "a running server encrypts with it within 5 seconds\n"
    );
    first.strip_prefix("new key ").unwrap().to_owned()
}

/// Name, what it does, how many grants it has, of each key.
fn listed(folder: &Path) -> Vec<(String, String, String)> {
    let told = keys(folder, &["list", "--of", "provider-tokens"]).unwrap();
    let row = |line: &str| {
        let [key, created_at, what, count] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        let length = if what == "missing" { 1 } else { 20 };
        assert_eq!(created_at.len(), length, "{line}");
        (key.to_owned(), what.to_owned(), count.to_owned())
    };
    told.lines().map(row).collect()
}

fn row(key: &str, what: &str, count: u32) -> (String, String, String) {
    (key.to_owned(), what.to_owned(), count.to_string())
}
