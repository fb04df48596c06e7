//! Keys that are added and taken away, with a server and without one.

use std::time::Duration;

use serde_json::Value;

use super::vault::{FILE, age, ids, own_keys, readable, ring_text, secrets, store_grants};
use super::{keys, keys_of, listed, rotate, row};
use crate::support::Server;

/// What the server encrypts with.
fn sealing_key(server: &Server, folder: &std::path::Path) -> String {
    let key = std::fs::read_to_string(folder.join("admin.key")).unwrap();
    let headers = format!("Authorization: Bearer {}\r\n", key.trim());
    let mut client = server.connect().without_key();
    let (status, keys) = client
        .request("GET", "/admin/encryption-keys", &headers, None)
        .unwrap();
    assert_eq!(status, 200, "{keys}");
    assert!(
        secrets(folder)
            .iter()
            .all(|secret| !keys.to_string().contains(secret))
    );
    keys["sealing_key"].as_str().unwrap().to_owned()
}

#[test]
fn a_running_server_takes_a_new_key_over_and_opens_what_the_old_one_sealed() {
    let folder = tempfile::tempdir().unwrap();
    let told = keys(folder.path(), &["rotate", "--of", "provider-tokens"]).unwrap_err();
    assert!(told.contains("no keys of provider tokens yet"), "{told}");
    assert_eq!(listed(folder.path()), []);
    Server::start(&mut own_keys(folder.path())).stop("TERM");
    store_grants(folder.path(), 0..2);
    let log = tempfile::NamedTempFile::new().unwrap();
    let server = Server::start(own_keys(folder.path()).stderr(log.reopen().unwrap()));
    let first = ids(folder.path()).remove(0);
    assert_eq!(sealing_key(&server, folder.path()), first);
    let signing = std::fs::read(folder.path().join("access-token.keys")).unwrap();
    let second = rotate(folder.path());
    assert_eq!(ids(folder.path()), [second.clone(), first.clone()]);
    let expected = [row(&second, "encrypts", 0), row(&first, "decrypts", 2)];
    assert_eq!(listed(folder.path()), expected, "as the server says");
    let mut tries = 0;
    while sealing_key(&server, folder.path()) != second {
        tries += 1;
        assert!(tries < 100, "not within ten seconds");
        std::thread::sleep(Duration::from_millis(100));
    }
    // A ring that lacks a key is taken over too, and told of.
    let whole = ring_text(folder.path());
    let alone = whole.split_once("},{").unwrap().0.to_owned() + "}]}";
    std::fs::write(folder.path().join(super::vault::FILE), alone).unwrap();
    let mut tries = 0;
    let is_told = format!("2 grants (key {first})");
    while !std::fs::read_to_string(log.path())
        .unwrap()
        .contains(&is_told)
    {
        tries += 1;
        assert!(tries < 100, "not within ten seconds");
        std::thread::sleep(Duration::from_millis(100));
    }
    std::fs::write(folder.path().join(super::vault::FILE), whole).unwrap();
    server.stop("TERM");
    assert_eq!(listed(folder.path()), expected, "as the store says");
    assert_eq!(readable(folder.path(), 0..2), 2);
    let after = std::fs::read(folder.path().join("access-token.keys")).unwrap();
    assert_eq!(after, signing, "the other keys are as they were");
}

#[test]
fn rotations_at_the_same_time_lose_no_key() {
    let folder = tempfile::tempdir().unwrap();
    Server::start(&mut own_keys(folder.path())).stop("TERM");
    let mut expected = ids(folder.path());
    std::thread::scope(|scope| {
        let rotations: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| rotate(folder.path())))
            .collect();
        expected.extend(rotations.into_iter().map(|one| one.join().unwrap()));
    });
    let mut kept = ids(folder.path());
    expected.sort_unstable();
    kept.sort_unstable();
    assert_eq!(kept, expected);
}

#[test]
fn a_key_is_forgotten_only_when_nothing_needs_it() {
    for beside_a_server in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let forget = |key: &str| keys(folder.path(), &["forget", key, "--of", "provider-tokens"]);
        Server::start(&mut own_keys(folder.path())).stop("TERM");
        store_grants(folder.path(), 0..3);
        let first = ids(folder.path()).remove(0);
        let second = rotate(folder.path());
        let server = beside_a_server.then(|| Server::start(&mut own_keys(folder.path())));

        let told = forget(&second).unwrap_err();
        assert!(told.contains("is the one that seals"), "{told}");
        let told = forget("ffff").unwrap_err();
        assert!(told.contains("ffff is not among"), "{told}");
        let told = forget("-/-").unwrap_err();
        assert!(told.contains("short plain name"), "{told}");
        let told = forget(&first).unwrap_err();
        assert!(told.contains("replaced just now"), "{told}");
        let seconds = told.rsplit_once(" seconds").unwrap().0.rsplit_once(' ');
        let seconds: i64 = seconds.unwrap().1.parse().unwrap();
        assert!((800..=900).contains(&seconds), "{told}");
        age(folder.path());
        let told = forget(&first).unwrap_err();
        assert!(told.contains("3 grants are encrypted"), "{told}");
        assert_eq!(ids(folder.path()), [second.clone(), first.clone()]);

        keys(folder.path(), &["reencrypt"]).unwrap();
        assert_eq!(forget(&first).unwrap(), format!("key {first} forgotten\n"));
        assert_eq!(ids(folder.path()), std::slice::from_ref(&second));
        assert_eq!(listed(folder.path()), [row(&second, "encrypts", 3)]);
        let told = forget(&first).unwrap_err();
        assert!(told.contains("is not among"), "{told}");
        if let Some(server) = server {
            server.stop("TERM");
        }
        assert_eq!(readable(folder.path(), 0..3), 3);
    }
}

#[test]
fn a_key_stays_while_the_server_does_not_go_by_the_file() {
    let folder = tempfile::tempdir().unwrap();
    Server::start(&mut own_keys(folder.path())).stop("TERM");
    let given = ring_text(folder.path());
    let first = ids(folder.path()).remove(0);
    rotate(folder.path());
    age(folder.path());
    // It still encrypts with the first.
    let _server = Server::start(own_keys(folder.path()).env("SESSION_ENCRYPTION_KEYS", given));
    let args = ["forget", &first, "--of", "provider-tokens"];
    let told = keys(folder.path(), &args).unwrap_err();
    assert!(told.contains("encrypts with another key"), "{told}");
    assert_eq!(ids(folder.path()).len(), 2);
}

#[test]
fn what_cannot_be_changed_is_said_plainly() {
    let folder = tempfile::tempdir().unwrap();
    Server::start(&mut own_keys(folder.path())).stop("TERM");
    let (text, first) = (ring_text(folder.path()), ids(folder.path()).remove(0));
    for args in [
        &["rotate", "--of", "provider-tokens"][..],
        &["forget", &first, "--of", "provider-tokens"],
    ] {
        let mut given = own_keys(folder.path());
        given.env("SESSION_ENCRYPTION_KEYS", &text);
        let told = keys_of(&mut given, folder.path(), args).unwrap_err();
        assert!(
            told.contains("SESSION_ENCRYPTION_KEYS: change them"),
            "{told}"
        );
    }
    let told = keys(folder.path(), &["forget", &first]).unwrap_err();
    assert!(told.contains("go by themselves"), "{told}");
    let told = keys(folder.path(), &["list", "--of", "coins"]).unwrap_err();
    assert!(told.contains("provider-tokens"), "{told}");
    assert_eq!(ring_text(folder.path()), text);
}

/// A server whose admin face cannot be used is no reason to hide the keys.
#[test]
fn keys_are_listed_although_the_server_cannot_be_asked() {
    let folder = tempfile::tempdir().unwrap();
    // With a service key alone there is no admin key.
    let server = Server::start(&mut crate::support::command(folder.path()));
    let first = ids(folder.path()).remove(0);
    let output = own_keys(folder.path())
        .args(["keys", "list", "--of", "provider-tokens"])
        .output()
        .unwrap();
    assert!(output.status.success());
    let (out, err) = (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    );
    assert!(
        out.starts_with(&first) && out.ends_with("\tencrypts\t?\n"),
        "{out}"
    );
    assert!(err.contains("SESSION_ADMIN_KEYS"), "{err}");
    let told = keys(folder.path(), &["reencrypt"]).unwrap_err();
    assert!(told.contains("SESSION_ADMIN_KEYS"), "{told}");
    drop(server);
    let _: Value = serde_json::from_str(&ring_text(folder.path())).unwrap();
}

/// What is encrypted from then on is lost with the process, unless somebody hears of it.
#[test]
fn a_file_of_keys_that_disappears_is_an_error_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let log = tempfile::NamedTempFile::new().unwrap();
    let mut command = own_keys(folder.path());
    let server = Server::start(command.stderr(log.reopen().unwrap()));
    std::fs::remove_file(folder.path().join(FILE)).unwrap();
    let told = || {
        let log = std::fs::read_to_string(log.path()).unwrap();
        log.matches("in this process' memory alone").count()
    };
    let mut looks = 0;
    while told() == 0 {
        looks += 1;
        assert!(looks < 200, "nobody is told");
        std::thread::sleep(Duration::from_millis(100));
    }
    server.stop("TERM");
    assert_eq!(told(), 1, "once");
}
