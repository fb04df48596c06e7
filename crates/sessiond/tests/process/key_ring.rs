//! `sessiond keys`: the keys that sign access tokens, replaced while a server runs.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::support::{Client, Server, command};
use crate::users::{add_ada, sign_in};

fn own_keys(folder: &Path) -> Command {
    let mut command = command(folder);
    command.env_remove("SESSION_SERVICE_KEYS");
    command
}

fn keys(command: &mut Command, what: &str) -> Result<String, String> {
    let output = command.args(["keys", what]).output().expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    if output.status.success() {
        Ok(text(output.stdout))
    } else {
        assert!(output.stdout.is_empty());
        Err(text(output.stderr))
    }
}

fn rotate(folder: &Path) -> String {
    let told = keys(&mut own_keys(folder), "rotate").unwrap();
    let (first, second) = told.split_once('\n').unwrap();
    assert_eq!(second, "a running server signs with it within 5 seconds\n");
    first.strip_prefix("new key ").unwrap().to_owned()
}

/// The names of the keys, the one that signs first.
fn listed(folder: &Path) -> Vec<String> {
    let told = keys(&mut own_keys(folder), "list").unwrap();
    let mut kids = Vec::new();
    for (at, line) in told.lines().enumerate() {
        let [kid, created_at, what] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        assert_eq!(created_at.len(), "2026-01-01T12:00:00Z".len());
        assert_eq!(what, if at == 0 { "signs" } else { "verifies" });
        kids.push(kid.to_owned());
    }
    kids
}

fn published(client: &mut Client) -> Vec<String> {
    let (status, set) = client.get("/.well-known/jwks.json").unwrap();
    assert_eq!(status, 200);
    let keys = set["keys"].as_array().unwrap().iter();
    keys.map(|key| key["kid"].as_str().unwrap().to_owned())
        .collect()
}

fn access_token(signed_in: &Value) -> String {
    signed_in["access_token"].as_str().unwrap().to_owned()
}

/// Whether the server knows who bears the token.
fn knows(client: &mut Client, token: &str) -> bool {
    let headers = format!("Authorization: Bearer {token}\r\n");
    let (status, me) = client.request("GET", "/auth/me", &headers, None).unwrap();
    status == 200 && me["email"] == "ada@example.org"
}

/// The name of the key that signed it.
fn kid_of(token: &str) -> String {
    use base64::Engine as _;
    let head = token.split('.').next().unwrap();
    let head = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(head);
    let head: Value = serde_json::from_slice(&head.unwrap()).unwrap();
    head["kid"].as_str().unwrap().to_owned()
}

#[test]
fn a_running_server_takes_a_new_key_over_and_keeps_the_old_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&mut own_keys(folder.path()));
    add_ada(folder.path());
    let mut client = server.connect().without_key();
    let old = access_token(&sign_in(&mut client));
    assert_eq!(listed(folder.path()), [kid_of(&old)]);
    let kid = rotate(folder.path());
    assert_eq!(listed(folder.path()), [kid.clone(), kid_of(&old)]);
    let mut tries = 0;
    while published(&mut client).len() < 2 {
        tries += 1;
        assert!(tries < 100, "not within ten seconds");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(knows(&mut client, &old));
    let new = access_token(&sign_in(&mut client));
    assert_eq!(kid_of(&new), kid);
    assert_ne!(kid_of(&old), kid);
    assert!(knows(&mut client, &new));
    server.stop("TERM");

    let server = Server::start(&mut own_keys(folder.path()));
    let mut client = server.connect().without_key();
    assert!(knows(&mut client, &old) && knows(&mut client, &new));
    assert_eq!(kid_of(&access_token(&sign_in(&mut client))), kid);
    assert_eq!(published(&mut client).len(), 2);
}

#[test]
fn rotations_at_the_same_time_lose_no_key() {
    let folder = tempfile::tempdir().unwrap();
    let first = rotate(folder.path());
    let made = std::thread::scope(|scope| {
        let rotations: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| rotate(folder.path())))
            .collect();
        let made = rotations.into_iter().map(|one| one.join().unwrap());
        made.collect::<Vec<_>>()
    });
    let kept = listed(folder.path());
    assert_eq!(kept.len(), 9);
    for kid in made.iter().chain([&first]) {
        assert!(kept.contains(kid));
    }
}

#[test]
fn no_secret_is_shown_and_what_cannot_be_rotated_is_said_plainly() {
    let folder = tempfile::tempdir().unwrap();
    assert!(listed(folder.path()).is_empty(), "and none is made");
    rotate(folder.path());
    let ring = std::fs::read_to_string(folder.path().join("access-token.keys")).unwrap();
    let ring: Value = serde_json::from_str(&ring).unwrap();
    let seed = ring["keys"][0]["seed"].as_str().unwrap();
    let told = keys(&mut own_keys(folder.path()), "list").unwrap();
    assert!(!told.contains(seed));
    let mut shared = own_keys(folder.path());
    shared.env("SECRET_KEY", "0123456789abcdefghijklmnopqrstuvwxyz");
    for (what, expected) in [
        (
            "rotate",
            "signed with SECRET_KEY, and there is no key ring to rotate",
        ),
        (
            "list",
            "signed with SECRET_KEY, and there are no keys to list",
        ),
    ] {
        let told = keys(&mut shared, what).unwrap_err();
        assert!(told.contains(expected), "{told}");
        shared = own_keys(folder.path());
        shared.env("SECRET_KEY", "0123456789abcdefghijklmnopqrstuvwxyz");
    }
    let mut given = own_keys(folder.path());
    given.env("SESSION_ACCESS_TOKEN_KEYS", ring.to_string());
    let told = keys(&mut given, "rotate").unwrap_err();
    assert!(told.contains("SESSION_ACCESS_TOKEN_KEYS"), "{told}");
    assert!(!told.contains(seed), "{told}");
}
