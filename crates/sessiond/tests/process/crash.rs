//! SIGKILL at any moment: every acknowledged change is there afterwards.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::support::{Server, command};
use serde_json::json;
use sqlx::{ConnectOptions as _, Row as _};

/// What the server acknowledged about one session.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Acknowledged {
    Live {
        extensions: i64,
    },
    /// An extension was sent and not answered: it may or may not have happened.
    Unsure,
    Ended,
}

struct Noted {
    token: String,
    expires_at: i64,
    state: Acknowledged,
}

const WRITERS: u64 = 8;

/// Requirement 52, in the quick part of the suite.
#[test]
fn every_acknowledged_change_survives_a_few_kills() {
    kill_rounds(12);
}

/// Requirement 52: at least 200 rounds.
#[test]
#[ignore = "slow: 200 starts of the server"]
fn every_acknowledged_change_survives_200_kills() {
    kill_rounds(200);
}

fn kill_rounds(rounds: u64) {
    let folder = tempfile::tempdir().expect("a folder");
    let users = AtomicU64::new(0);
    let mut checked = 0;
    let mut before: Vec<Noted> = Vec::new();
    for round in 0..rounds {
        let server = Server::start(&mut command(folder.path()));
        // What was acknowledged in the round before, now that the file has been recovered.
        checked += check(&server, before);
        before = write_until_killed(server, &users, pause_before_kill(round));
    }
    let server = Server::start(&mut command(folder.path()));
    checked += check(&server, before);
    let (status, log) = server.stop("TERM");
    assert!(status.success(), "{log}");
    assert_eq!(integrity(&folder.path().join("sessions.db")), "ok");
    println!("{rounds} rounds, {checked} acknowledged sessions looked up");
    assert!(
        checked > rounds * 2,
        "the rounds were too short to say anything: {checked}"
    );
}

/// From 2 to 42 ms, in an order without a pattern, the same in every run.
fn pause_before_kill(round: u64) -> Duration {
    Duration::from_micros(2000 + round.wrapping_mul(0x9E37_79B9_7F4A_7C15) % 40_000)
}

fn write_until_killed(server: Server, users: &AtomicU64, pause: Duration) -> Vec<Noted> {
    let (noted, collected) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..WRITERS {
            let noted = noted.clone();
            // Connected before the clock runs: the kill must meet writes, not connections.
            let mut client = server.connect();
            scope.spawn(move || {
                // Ends when the server is gone.
                while let Some(session) =
                    one_life(&mut client, users.fetch_add(1, Ordering::Relaxed))
                {
                    let goes_on = session.state != Acknowledged::Unsure;
                    noted.send(session).expect("collected below");
                    if !goes_on {
                        break;
                    }
                }
            });
        }
        thread::sleep(pause);
        server.kill();
    });
    drop(noted);
    collected.into_iter().collect()
}

/// Create, extend once or twice, end every third; as far as it is acknowledged.
fn one_life(client: &mut crate::support::Client, user: u64) -> Option<Noted> {
    let (status, body) =
        client.post("/sessions/create", &json!({"user_id": format!("u{user}")}))?;
    assert_eq!(status, 200, "{body}");
    let token = body["session_id"].as_str().expect("a token").to_owned();
    let expires_at = seconds(&body["expires_at"]);
    let mut session = Noted {
        token,
        expires_at,
        state: Acknowledged::Live { extensions: 0 },
    };
    for extensions in 1..=(1 + user.cast_signed() % 2) {
        let path = format!("/sessions/{}/extend", session.token);
        match client.post(&path, &json!({"additional_seconds": 60})) {
            Some((200, _)) => session.state = Acknowledged::Live { extensions },
            Some((status, body)) => panic!("extend answered {status}: {body}"),
            None => {
                session.state = Acknowledged::Unsure;
                return Some(session);
            }
        }
    }
    if user.is_multiple_of(3) {
        match client.delete(&format!("/sessions/{}", session.token)) {
            Some((200, _)) => session.state = Acknowledged::Ended,
            Some((status, body)) => panic!("delete answered {status}: {body}"),
            None => session.state = Acknowledged::Unsure,
        }
    }
    Some(session)
}

fn check(server: &Server, before: Vec<Noted>) -> u64 {
    let mut client = server.connect();
    let mut count = 0;
    for session in before {
        let (status, body) = client.validate(&session.token).expect("the server is up");
        match session.state {
            Acknowledged::Live { extensions } => {
                assert_eq!(status, 200, "an acknowledged session is lost: {body}");
                let expected = session.expires_at + 60 * extensions;
                assert_eq!(
                    seconds(&body["expires_at"]),
                    expected,
                    "an extension is lost"
                );
            }
            Acknowledged::Ended => {
                assert_eq!(status, 401, "an ended session came back: {body}");
                assert_eq!(body["code"], "session_revoked");
            }
            Acknowledged::Unsure => assert!(status == 200 || status == 401, "{body}"),
        }
        count += 1;
    }
    count
}

fn seconds(time: &serde_json::Value) -> i64 {
    let time: chrono::DateTime<chrono::Utc> = time
        .as_str()
        .and_then(|time| time.parse().ok())
        .expect("a time");
    time.timestamp()
}

/// What `PRAGMA integrity_check` says, and that the counters agree with the rows.
fn integrity(database: &std::path::Path) -> String {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(database);
        let mut connection = options.connect().await.expect("the database opens");
        let mut counts = HashMap::new();
        for (name, sql) in [
            (
                "total",
                "SELECT total - (SELECT count(*) FROM sessions) FROM totals",
            ),
            (
                "live",
                "SELECT live - (SELECT count(*) FROM sessions WHERE state < 2) FROM totals",
            ),
            (
                "users",
                "SELECT users - (SELECT count(DISTINCT user_id) FROM sessions WHERE state < 2)
                 FROM totals",
            ),
            (
                "per user",
                "SELECT count(*) FROM user_counts WHERE live != (SELECT count(*) FROM sessions
                 WHERE sessions.user_id = user_counts.user_id AND state < 2)",
            ),
        ] {
            let row = sqlx::query(sql)
                .fetch_one(&mut connection)
                .await
                .expect(name);
            counts.insert(name, row.get::<i64, _>(0));
        }
        assert!(
            counts.values().all(|difference| *difference == 0),
            "{counts:?}"
        );
        let row = sqlx::query("PRAGMA integrity_check")
            .fetch_one(&mut connection)
            .await;
        row.expect("the check runs").get(0)
    })
}
