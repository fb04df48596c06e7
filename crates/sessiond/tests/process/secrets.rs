//! No token that was handed out stands anywhere in the data folder or the log.

use std::fs;

use crate::support::{SERVICE_KEY, Server, command};
use serde_json::{Value, json};

/// Requirements 4 and 7.
#[test]
fn no_token_is_found_in_the_database_its_wal_or_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let mut loud = command(folder.path());
    let log_file = tempfile::NamedTempFile::new().unwrap();
    loud.env("SESSION_LOG_LEVEL", "TRACE")
        .env("SESSION_LOG_REQUESTS", "true");
    // A file, since a pipe that nobody reads would fill up.
    loud.stderr(log_file.reopen().unwrap());
    let server = Server::start(&mut loud);
    let mut client = server.connect();
    let mut tokens = Vec::new();
    for user in 0..50 {
        let body = json!({"user_id": format!("user-{user}"), "metadata": {"n": user}});
        let (status, created) = client.post("/sessions/create", &body).unwrap();
        assert_eq!(status, 200, "{created}");
        let token = created["session_id"].as_str().unwrap().to_owned();
        assert_eq!(client.validate(&token).unwrap().0, 200);
        assert_eq!(client.get(&format!("/sessions/{token}")).unwrap().0, 200);
        let extend = json!({"additional_seconds": 60});
        assert_eq!(
            client
                .post(&format!("/sessions/{token}/extend"), &extend)
                .unwrap()
                .0,
            200
        );
        let activity = client.post(&format!("/sessions/{token}/activity"), &json!({}));
        assert_eq!(activity.unwrap().0, 200);
        // And ways that fail.
        let except = format!("/sessions/user/nobody?except={token}");
        assert_eq!(client.delete(&except).unwrap().0, 400);
        let in_body = json!({"user_id": 1, "metadata": {"stray": token}});
        assert_eq!(client.post("/sessions/create", &in_body).unwrap().0, 400);
        assert_eq!(
            client.get(&format!("/no/such/path/{token}")).unwrap().0,
            404
        );
        if user % 2 == 0 {
            assert_eq!(client.delete(&format!("/sessions/{token}")).unwrap().0, 200);
        }
        tokens.push(token);
    }
    // While the server runs, the write-ahead log holds what is not in the database yet.
    search(folder.path(), &tokens);
    server.stop("TERM");
    search(folder.path(), &tokens);
    let log = fs::read(log_file.path()).unwrap();
    assert!(log.len() > 10_000, "the log was on: {} bytes", log.len());
    for needle in needles(&tokens) {
        assert!(!contains(&log, &needle), "a secret stands in the log");
    }
}

/// The same of logins: passwords, session tokens that were replaced and access tokens.
#[test]
fn no_password_is_found_in_the_database_its_wal_or_the_log() {
    const PASSWORD: &str = "a long and unusual sentence";
    const GUESS: &str = "some other guess of mine";
    let folder = tempfile::tempdir().unwrap();
    let log_file = tempfile::NamedTempFile::new().unwrap();
    let mut loud = command(folder.path());
    loud.env("SESSION_LOG_LEVEL", "TRACE")
        .env("SESSION_LOG_REQUESTS", "true")
        .env("SESSION_REGISTRATION", "true");
    loud.stderr(log_file.reopen().unwrap());
    let server = Server::start(&mut loud);
    let mut client = server.connect();
    let person = |password: &str| json!({"email": "ada@example.org", "password": password});
    let mut post = |path: &str, headers: &str, body: Value| {
        let answer = client.exchange("POST", path, headers, Some(&body)).unwrap();
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        (answer.status, body)
    };
    assert_eq!(post("/auth/register", "", person(PASSWORD)).0, 201);
    let login = "/auth/sessions/enhanced-login";
    assert_eq!(post(login, "", person(GUESS)).0, 401);
    let (mut tokens, mut texts) = (Vec::new(), vec![PASSWORD.to_owned(), GUESS.to_owned()]);
    let mut keep = |body: &Value| {
        let token = body["session_id"].as_str().unwrap().to_owned();
        let access = body["access_token"].as_str().unwrap();
        texts.push(access.rsplit_once('.').unwrap().1.to_owned());
        tokens.push(token.clone());
        token
    };
    for _ in 0..5 {
        let (status, body) = post(login, "", person(PASSWORD));
        assert_eq!(status, 200, "{body}");
        let mut token = keep(&body);
        for _ in 0..5 {
            let body = json!({"session_id": token, "rotate": true});
            let (status, body) = post("/auth/sessions/refresh", "", body);
            assert_eq!(status, 200, "{body}");
            token = keep(&body);
        }
        let change = json!({"current_password": PASSWORD, "new_password": "short"});
        let headers = format!("X-Session-ID: {token}\r\n");
        assert_eq!(post("/auth/password", &headers, change).0, 400);
    }
    search(folder.path(), &tokens);
    server.stop("TERM");
    search(folder.path(), &tokens);
    let log = fs::read(log_file.path()).unwrap();
    for needle in needles(&tokens) {
        assert!(!contains(&log, &needle), "a secret stands in the log");
    }
    let mut files = vec![log];
    for file in fs::read_dir(folder.path()).unwrap() {
        files.push(fs::read(file.unwrap().path()).unwrap());
    }
    for text in texts {
        for file in &files {
            assert!(!contains(file, text.as_bytes()), "{text}");
        }
    }
}

fn search(folder: &std::path::Path, tokens: &[String]) {
    let mut searched = 0;
    for file in fs::read_dir(folder).unwrap() {
        let bytes = fs::read(file.unwrap().path()).unwrap();
        searched += bytes.len();
        for needle in needles(tokens) {
            assert!(
                !contains(&bytes, &needle),
                "a secret stands in the data folder"
            );
        }
    }
    assert!(
        searched > 10_000,
        "there was something to search: {searched} bytes"
    );
}

/// The secrets in each form in which they could have been written: as text and as bytes.
fn needles(tokens: &[String]) -> Vec<Vec<u8>> {
    use base64::Engine as _;
    let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let secrets = tokens
        .iter()
        .map(|token| token.split_once('.').expect("a token").1);
    secrets
        .flat_map(|text| {
            [
                text.as_bytes().to_vec(),
                engine.decode(text).expect("base64url"),
            ]
        })
        .chain([SERVICE_KEY.as_bytes().to_vec()])
        .collect()
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack
        .windows(needle.len())
        .any(|window| window == needle)
}
