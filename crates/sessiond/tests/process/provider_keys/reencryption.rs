//! Everything encrypted anew with the newest key, with a server and without one.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;

use super::vault::{FILE, age, ids, own_keys, readable, ring_text, store_grants};
use super::{keys, listed, rotate, row};
use crate::support::Server;

/// A data folder with grants under the first of two keys; the keys, the newest first.
fn folder_with(grants: u32) -> (tempfile::TempDir, String, String) {
    let folder = tempfile::tempdir().unwrap();
    Server::start(&mut own_keys(folder.path())).stop("TERM");
    store_grants(folder.path(), 0..grants);
    let first = ids(folder.path()).remove(0);
    let second = rotate(folder.path());
    (folder, second, first)
}

fn count_of(folder: &Path, key: &str) -> u32 {
    let rows = listed(folder);
    let row = rows.iter().find(|row| row.0 == key).unwrap();
    row.2.parse().unwrap()
}

#[test]
fn everything_is_encrypted_with_the_newest_key_and_counted() {
    for beside_a_server in [false, true] {
        let (folder, second, first) = folder_with(7);
        // It may not have the new key yet.
        let server = beside_a_server.then(|| {
            let new = ring_text(folder.path());
            fs::write(folder.path().join(FILE), without_newest(&new)).unwrap();
            let server = Server::start(&mut own_keys(folder.path()));
            fs::write(folder.path().join(FILE), new).unwrap();
            server
        });
        let told = keys(folder.path(), &["reencrypt"]).unwrap();
        let expected = format!("7 encrypted anew with the key {second}\n{second}\t7\n");
        assert_eq!(told, expected);
        let again = keys(folder.path(), &["reencrypt"]).unwrap();
        assert!(again.starts_with("0 encrypted anew"), "{again}");
        if let Some(server) = server {
            server.stop("TERM");
        }
        let expected = [row(&second, "encrypts", 7), row(&first, "decrypts", 0)];
        assert_eq!(listed(folder.path()), expected);
        assert_eq!(readable(folder.path(), 0..7), 7);
    }
}

/// The ring as it was before its newest key came.
fn without_newest(text: &str) -> String {
    let mut ring: serde_json::Value = serde_json::from_str(text).unwrap();
    ring["keys"].as_array_mut().unwrap().remove(0);
    ring.to_string()
}

#[test]
fn what_cannot_be_decrypted_is_told_and_left_as_it_is() {
    for beside_a_server in [false, true] {
        let (folder, second, first) = folder_with(2);
        store_grants(folder.path(), 2..5);
        let third = rotate(folder.path());
        // The first key is lost.
        let whole = ring_text(folder.path());
        let mut ring: serde_json::Value = serde_json::from_str(&whole).unwrap();
        ring["keys"].as_array_mut().unwrap().remove(2);
        fs::write(folder.path().join(FILE), ring.to_string()).unwrap();
        let server = beside_a_server.then(|| Server::start(&mut own_keys(folder.path())));
        let told = keys(folder.path(), &["reencrypt"]).unwrap_err();
        assert!(told.contains("2 cannot be decrypted"), "{told}");
        if let Some(server) = server {
            server.stop("TERM");
        }
        let expected = [
            row(&third, "encrypts", 3),
            row(&second, "decrypts", 0),
            row(&first, "missing", 2),
        ];
        assert_eq!(listed(folder.path()), expected);
        fs::write(folder.path().join(FILE), whole).unwrap();
        keys(folder.path(), &["reencrypt"]).unwrap();
        assert_eq!(count_of(folder.path(), &third), 5);
        assert_eq!(readable(folder.path(), 0..5), 5);
    }
}

#[test]
fn broken_off_it_is_begun_again_and_the_old_key_can_go() {
    const GRANTS: u32 = 1700;
    for beside_a_server in [false, true] {
        let (folder, mut second, mut first) = folder_with(GRANTS);
        let server = beside_a_server.then(|| Server::start(&mut own_keys(folder.path())));
        let mut left = break_off(folder.path(), &first);
        // A machine that is busy may be too slow to break it off.
        for _ in 0..5 {
            if left == 0 {
                (first, second) = (second, rotate(folder.path()));
                left = break_off(folder.path(), &first);
            }
        }
        assert!((1..=GRANTS - 500).contains(&left), "{left} are left");
        assert_eq!(count_of(folder.path(), &second), GRANTS - left);

        let told = keys(folder.path(), &["reencrypt"]).unwrap();
        let expected = format!("{left} encrypted anew with the key {second}\n{second}\t{GRANTS}\n");
        assert_eq!(told, expected);
        age(folder.path());
        let args = ["forget", &first, "--of", "provider-tokens"];
        keys(folder.path(), &args).unwrap();
        if let Some(server) = server {
            server.stop("TERM");
        }
        assert!(!ids(folder.path()).contains(&first));
        assert_eq!(readable(folder.path(), 0..GRANTS), GRANTS as usize);
    }
}

/// Kills a command as soon as it tells of its first batch; how many are left for the next.
fn break_off(folder: &Path, old: &str) -> u32 {
    let mut child = own_keys(folder)
        .args(["keys", "reencrypt"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut progress = String::new();
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    lines.read_line(&mut progress).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(progress, "500 encrypted anew\n");
    // What was asked of a server when the command died is carried out all the same.
    let mut left = count_of(folder, old);
    loop {
        std::thread::sleep(std::time::Duration::from_millis(100));
        let now = count_of(folder, old);
        if now == left {
            return left;
        }
        left = now;
    }
}
