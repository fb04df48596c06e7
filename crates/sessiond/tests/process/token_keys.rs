//! With what access tokens are signed: keys of the data folder, keys of the settings, a shared secret.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::support::{Server, command};

const SECRET: &str = "a secret that is shared with another backend";

/// Somebody signs in; their access token, and its header.
fn access_token(server: &Server) -> (String, Value) {
    let mut client = server.connect();
    let person = json!({"email": "ada@example.org", "password": "a long and unusual sentence"});
    // The account may be there already.
    let registered = client.exchange("POST", "/auth/register", "", Some(&person));
    assert!([201, 409].contains(&registered.unwrap().status));
    let path = "/auth/sessions/enhanced-login";
    let answer = client.exchange("POST", path, "", Some(&person)).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body);
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    let token = body["access_token"].as_str().unwrap().to_owned();
    let header = URL_SAFE_NO_PAD.decode(token.split_once('.').unwrap().0);
    let header = serde_json::from_slice(&header.unwrap()).unwrap();
    (token, header)
}

fn is_let_in(server: &Server, token: &str) -> bool {
    let bearer = format!("Authorization: Bearer {token}\r\n");
    let answer = server.connect().exchange("GET", "/auth/me", &bearer, None);
    match answer.unwrap().status {
        200 => true,
        401 => false,
        other => panic!("neither in nor out: {other}"),
    }
}

fn public_keys(server: &Server) -> Vec<Value> {
    let answer = server
        .connect()
        .exchange("GET", "/.well-known/jwks.json", "", None);
    let body: Value = serde_json::from_str(&answer.unwrap().body).unwrap();
    body["keys"].as_array().unwrap().clone()
}

fn open(folder: &std::path::Path) -> Command {
    let mut open = command(folder);
    open.env("SESSION_REGISTRATION", "true");
    open
}

#[test]
fn keys_are_made_once_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&mut open(folder.path()));
    let file = folder.path().join("access-token.keys");
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let (token, header) = access_token(&server);
    assert_eq!(
        (&header["alg"], &header["typ"]),
        (&json!("EdDSA"), &json!("at+jwt"))
    );
    let keys = public_keys(&server);
    assert_eq!(keys.len(), 1);
    assert_eq!(keys[0]["kid"], header["kid"]);
    server.kill();
    let server = Server::start(&mut open(folder.path()));
    assert!(is_let_in(&server, &token), "a restart signs nobody out");
    server.stop("TERM");

    // The same ring by the settings, in another folder: what signed there signs here.
    let ring = fs::read_to_string(&file).unwrap();
    let other = tempfile::tempdir().unwrap();
    let server = Server::start(open(other.path()).env("SESSION_ACCESS_TOKEN_KEYS", ring.trim()));
    assert_eq!(public_keys(&server), keys);
    assert!(!other.path().join("access-token.keys").exists());
    assert!(!is_let_in(&server, &token), "its session is not here");
}

#[test]
fn a_shared_secret_signs_instead_of_keys() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(open(folder.path()).env("SECRET_KEY", SECRET));
    let (token, header) = access_token(&server);
    assert_eq!(header, json!({"alg": "HS256", "typ": "at+jwt"}));
    assert!(is_let_in(&server, &token));
    assert_eq!(public_keys(&server), Vec::<Value>::new());
    assert!(!folder.path().join("access-token.keys").exists());
    server.stop("TERM");
    // Never both: what the secret signed is worth nothing to keys.
    let server = Server::start(&mut open(folder.path()));
    assert!(!is_let_in(&server, &token));
}

#[test]
fn keys_that_are_no_good_stop_the_start_without_being_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |name: &str, value: &str| {
        let output = open(folder.path()).env(name, value).output().unwrap();
        assert!(!output.status.success());
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(!told.contains(value) && told.lines().count() == 1, "{told}");
        told
    };
    let told = refused("SECRET_KEY", "changeme");
    assert!(
        told.contains("SECRET_KEY takes at least 32 bytes"),
        "{told}"
    );
    let told = refused("SECRET_KEY", &"ab".repeat(30));
    assert!(
        told.contains("SECRET_KEY takes at least 32 bytes"),
        "{told}"
    );
    let told = refused("SESSION_ACCESS_TOKEN_KEYS", "nonsense");
    assert!(told.contains("SESSION_ACCESS_TOKEN_KEYS"), "{told}");
    let both = open(folder.path())
        .env("SECRET_KEY", SECRET)
        .env("SESSION_ACCESS_TOKEN_KEYS", "{}")
        .output()
        .unwrap();
    let told = String::from_utf8(both.stderr).unwrap();
    assert!(
        !both.status.success() && told.contains("give one of the two"),
        "{told}"
    );
    fs::write(folder.path().join("access-token.keys"), "damaged").unwrap();
    let damaged = open(folder.path()).output().unwrap();
    let told = String::from_utf8(damaged.stderr).unwrap();
    assert!(
        !damaged.status.success() && told.contains("access-token.keys"),
        "{told}"
    );
    assert!(!told.contains("damaged"), "{told}");
}
