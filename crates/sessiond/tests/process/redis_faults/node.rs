//! A server over a Redis that the test has for itself.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Client, SERVICE_KEY, Server, Whole, command};

pub(super) const ADMIN_KEY: &str = "adm_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG";

/// The time, to measure how long others wait.
#[expect(
    clippy::disallowed_methods,
    reason = "how long others wait is looked at"
)]
pub(super) fn now() -> Instant {
    Instant::now()
}

/// A server, and what it writes.
pub(super) struct Node {
    pub(super) server: Server,
    folder: TempDir,
}

impl Node {
    pub(super) fn start(url: &str, settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = node_command(folder.path(), url);
        // A pipe that nobody reads would hold the server up.
        let log = File::create(log_of(folder.path())).expect("a file");
        command.envs(settings.iter().copied()).stderr(log);
        let server = Server::start(&mut command);
        Self { server, folder }
    }

    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(log_of(self.folder.path())).expect("text")
    }

    /// SIGTERM; how it ended, how long that took, and what it wrote.
    pub(super) fn stop(self) -> (std::process::ExitStatus, Duration, String) {
        let begun = now();
        let (status, _) = self.server.stop("TERM");
        let log = std::fs::read_to_string(log_of(self.folder.path())).expect("text");
        (status, begun.elapsed(), log)
    }
}

fn log_of(folder: &Path) -> PathBuf {
    folder.join("log")
}

pub(super) fn node_command(folder: &Path, url: &str) -> Command {
    let mut command = command(folder);
    command
        .env("REDIS_URL", url)
        .env("SESSION_KEY_PREFIX", "faults")
        .env("SECRET_KEY", "a secret that all nodes of the tests share")
        .env("SESSION_ADMIN_KEYS", ADMIN_KEY);
    command
}

/// A request of a backend.
pub(super) fn service(
    client: &mut Client,
    method: &str,
    path: &str,
    body: Option<&Value>,
) -> Whole {
    let key = format!("Authorization: Bearer {SERVICE_KEY}\r\n");
    let answer = client.exchange(method, path, &key, body);
    answer.expect("the server answers")
}

pub(super) fn create(client: &mut Client, user: &str) -> Whole {
    let body = json!({"user_id": user});
    service(client, "POST", "/sessions/create", Some(&body))
}

pub(super) fn token_in(answer: &Whole) -> String {
    assert_eq!(answer.status, 200, "{}", answer.body);
    let body: Value = serde_json::from_str(&answer.body).expect("JSON");
    body["session_id"].as_str().expect("a token").to_owned()
}

pub(super) fn created(client: &mut Client, user: &str) -> String {
    token_in(&create(client, user))
}

pub(super) fn validate(client: &mut Client, token: &str) -> Whole {
    let headers = format!("Authorization: Bearer {SERVICE_KEY}\r\nX-Session-ID: {token}\r\n");
    let answer = client.exchange("GET", "/sessions/validate", &headers, None);
    answer.expect("the server answers")
}

/// What a browser sends.
pub(super) fn with_cookie(client: &mut Client, method: &str, path: &str, token: &str) -> Whole {
    let cookies = [
        format!("Cookie: __Host-session={token}\r\n"),
        format!("Cookie: session_id={token}\r\n"),
    ];
    // One of the two is the name; the other is nothing to the server.
    let answer = client.exchange(method, path, &cookies.concat(), None);
    answer.expect("the server answers")
}

pub(super) fn events(client: &mut Client, action: &str) -> Vec<Value> {
    let path = format!("/admin/audit?action={action}");
    let key = format!("Authorization: Bearer {ADMIN_KEY}\r\n");
    let answer = client.exchange("GET", &path, &key, None);
    let answer = answer.expect("the server answers");
    assert_eq!(answer.status, 200, "{}", answer.body);
    let body: Value = serde_json::from_str(&answer.body).expect("JSON");
    body["events"].as_array().expect("events").clone()
}

/// Waits until everything that this node did is in the audit log: events are appended behind requests, in
/// their order.
pub(super) fn until_recorded(client: &mut Client) {
    let user = format!("marker {:?}", now());
    created(client, &user);
    let begun = now();
    let is_recorded = |event: &Value| event["user_id"] == user.as_str();
    while !events(client, "session_created").iter().any(is_recorded) {
        assert!(begun.elapsed() < Duration::from_secs(5), "it is recorded");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Asks until it is answered so; how long that took.
pub(super) fn until_answered(
    limit: Duration,
    status: u16,
    mut ask: impl FnMut() -> u16,
) -> Duration {
    let begun = now();
    loop {
        let answered = ask();
        if answered == status {
            return begun.elapsed();
        }
        assert!(begun.elapsed() < limit, "still {answered} after {limit:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
