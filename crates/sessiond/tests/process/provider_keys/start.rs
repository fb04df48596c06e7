//! Which keys a server starts with, and when it does not start.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use super::vault::{FILE, ids, own_keys, readable, ring_text, secrets, store_grants};
use super::{listed, rotate, row};
use crate::support::Server;

/// A data folder that a server has been on.
fn used_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    Server::start(&mut own_keys(folder.path())).stop("TERM");
    folder
}

/// The last words of a server that does not start.
fn refusal(command: &mut Command) -> String {
    let mut child = command.spawn().unwrap();
    let mut looks = 0;
    while child.try_wait().unwrap().is_none() {
        looks += 1;
        if looks == 200 {
            child.kill().unwrap();
            panic!("it runs");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let output = child.wait_with_output().unwrap();
    assert!(!output.status.success() && output.stdout.is_empty());
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(told.lines().count(), 1, "{told}");
    told
}

/// How a server ended that started well, and its log.
fn run(command: &mut Command) -> (ExitStatus, String) {
    Server::start(command).stop("TERM")
}

#[test]
fn keys_are_made_once_and_kept() {
    let folder = used_folder();
    let file = folder.path().join(FILE);
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let text = ring_text(folder.path());
    assert_eq!(ids(folder.path()).len(), 1);
    store_grants(folder.path(), 0..1);
    let (_, log) = run(&mut own_keys(folder.path()));
    assert!(!log.contains("ERROR"), "{log}");
    assert_eq!(ring_text(folder.path()), text);

    // The same ring by the settings, in a folder without the file.
    fs::remove_file(&file).unwrap();
    let (status, log) = run(own_keys(folder.path()).env("SESSION_ENCRYPTION_KEYS", &text));
    assert!(status.success() && !log.contains("ERROR"), "{log}");
    assert!(!file.exists());
}

#[test]
fn where_tokens_are_encrypted_and_no_key_is_there_nothing_starts() {
    let folder = used_folder();
    store_grants(folder.path(), 0..3);
    let second = rotate(folder.path());
    store_grants(folder.path(), 3..4);
    let first = ids(folder.path())[1].clone();
    let text = ring_text(folder.path());
    let file = folder.path().join(FILE);
    fs::remove_file(&file).unwrap();

    let told = refusal(&mut own_keys(folder.path()));
    for part in [
        &*file.display().to_string(),
        &format!("3 grants (key {first})"),
        &format!("1 grant (key {second})"),
        "put the file back, or set SESSION_ENCRYPTION_KEYS",
        "SESSION_ENCRYPTION_KEYS_LOST=accept",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    // Nor does any command make one in its place.
    for args in [
        &["users", "list"][..],
        &["keys", "rotate", "--of", "provider-tokens"],
        &["keys", "reencrypt"],
        &["keys", "forget", &first, "--of", "provider-tokens"],
    ] {
        refusal(own_keys(folder.path()).args(args));
    }
    assert!(!file.exists());
    let mut missing = vec![row(&first, "missing", 3), row(&second, "missing", 1)];
    missing.sort_unstable();
    assert_eq!(listed(folder.path()), missing);

    fs::write(&file, text).unwrap();
    let (_, log) = run(&mut own_keys(folder.path()));
    assert!(!log.contains("ERROR"), "{log}");
    assert_eq!(readable(folder.path(), 0..4), 4);
}

#[test]
fn the_loss_of_all_keys_can_be_accepted_and_nothing_is_deleted() {
    let folder = used_folder();
    store_grants(folder.path(), 0..2);
    let (first, text) = (ids(folder.path()).remove(0), ring_text(folder.path()));
    let file = folder.path().join(FILE);
    fs::remove_file(&file).unwrap();
    let (status, log) = run(own_keys(folder.path()).env("SESSION_ENCRYPTION_KEYS_LOST", "accept"));
    assert!(status.success());
    assert!(log.contains(&format!("2 grants (key {first})")), "{log}");
    let second = ids(folder.path()).remove(0);
    assert_ne!(first, second);
    assert_eq!(
        listed(folder.path()),
        [row(&second, "encrypts", 0), row(&first, "missing", 2)]
    );
    // From now on it is only told, with every start.
    let (_, log) = run(&mut own_keys(folder.path()));
    assert!(log.contains(&format!("2 grants (key {first})")), "{log}");
    fs::write(&file, text).unwrap();
    assert_eq!(readable(folder.path(), 0..2), 2);
}

#[test]
fn a_key_that_is_missing_among_others_is_an_error_in_the_log() {
    let folder = used_folder();
    store_grants(folder.path(), 0..2);
    rotate(folder.path());
    store_grants(folder.path(), 2..3);
    let first = ids(folder.path()).remove(1);
    let without: Vec<_> = ring_text(folder.path())
        .split_inclusive("},{")
        .map(str::to_owned)
        .collect();
    assert_eq!(without.len(), 2);
    let text = without[0].replace("},{", "}]}");
    fs::write(folder.path().join(FILE), text).unwrap();
    let (status, log) = run(&mut own_keys(folder.path()));
    assert!(status.success());
    let line = log.lines().find(|line| line.contains("ERROR")).unwrap();
    assert!(line.contains(&format!("2 grants (key {first})")), "{line}");
    assert_eq!(readable(folder.path(), 0..3), 1);
}

#[test]
fn keys_that_are_no_good_stop_the_start_without_being_repeated() {
    let folder = used_folder();
    let secret = secrets(folder.path()).remove(0);
    let damaged = ring_text(folder.path()).replace(&secret, &format!("{}A", &secret[1..]));
    let told = refusal(own_keys(folder.path()).env("SESSION_ENCRYPTION_KEYS", &damaged));
    assert!(told.contains("SESSION_ENCRYPTION_KEYS: "), "{told}");
    assert!(!told.contains(&secret[1..]), "{told}");
    fs::write(folder.path().join(FILE), &damaged).unwrap();
    let told = refusal(&mut own_keys(folder.path()));
    assert!(
        told.contains(FILE) && !told.contains(&secret[1..]),
        "{told}"
    );
    assert_eq!(ring_text(folder.path()), damaged);
    let told = refusal(own_keys(folder.path()).env("SESSION_ENCRYPTION_KEYS_LOST", "yes"));
    assert!(told.contains("SESSION_ENCRYPTION_KEYS_LOST takes `refuse` or `accept`"));
}

#[test]
fn no_key_of_the_file_is_found_anywhere_else() {
    let folder = used_folder();
    store_grants(folder.path(), 0..2);
    let (_, log) = run(own_keys(folder.path()).env("SESSION_LOG_LEVEL", "TRACE"));
    let secret = secrets(folder.path()).remove(0);
    assert!(log.contains("stopped") && !log.contains(&secret));
    for file in fs::read_dir(folder.path()).unwrap() {
        let path = file.unwrap().path();
        if path.file_name().unwrap() != FILE {
            assert!(!holds(&path, secret.as_bytes()), "{path:?}");
            assert!(!holds(&path, b"access-1"), "a token: {path:?}");
        }
    }
}

fn holds(path: &Path, needle: &[u8]) -> bool {
    memchr::memmem::find(&fs::read(path).unwrap(), needle).is_some()
}
