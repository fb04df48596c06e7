//! The audit log of a real server: checked beside it and after it, and what hostile text does to it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use sqlx::ConnectOptions as _;
use sqlx::sqlite::SqliteConnectOptions;

use crate::support::{SERVICE_KEY, Server, command};

fn verify(folder: &Path, noted: Option<&str>) -> Output {
    let mut verify = Command::new(env!("CARGO_BIN_EXE_sessiond"));
    verify
        .env_clear()
        .args(["audit", "verify", "--data-dir"])
        .arg(folder);
    if let Some(noted) = noted {
        verify.args(["--noted", noted]);
    }
    verify.output().expect("the command runs")
}

/// What an intact log was told to hold, and its head.
fn intact(output: &Output) -> (String, String) {
    assert!(output.status.success(), "{output:?}");
    let told = String::from_utf8(output.stdout.clone()).expect("text");
    let mut lines = told.lines();
    let (first, head) = (
        lines.next().expect("a line"),
        lines.next().expect("another"),
    );
    (
        first.to_owned(),
        head.strip_prefix("head ").expect("the head").to_owned(),
    )
}

fn broken(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(output.stdout.is_empty());
    String::from_utf8(output.stderr.clone()).expect("text")
}

pub(crate) fn sql(path: &Path, statement: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let options = SqliteConnectOptions::new().filename(path);
        let mut file = options.connect().await.expect("it opens");
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement.to_owned()))
            .execute(&mut file)
            .await
            .expect("it is done");
    });
}

/// Requirement 46, through the command.
#[test]
fn the_command_tells_an_intact_log_from_a_broken_one() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&mut command(folder.path()));
    let mut client = server.connect();
    for n in 0..20 {
        let body = json!({"user_id": format!("user {n}")});
        assert_eq!(client.post("/sessions/create", &body).unwrap().0, 200);
    }
    // Events are written behind the answers: an operator's question waits for them.
    let listed = client.get("/admin/audit");
    assert_eq!(listed.unwrap().0, 403, "and is not for a backend to ask");
    server.stop("TERM");
    let (told, head) = intact(&verify(folder.path(), None));
    // The start itself, twenty sessions, one refusal.
    assert_eq!(told, "the audit log is intact: 22 records, from 1 to 22");

    let server = Server::start(&mut command(folder.path()));
    let (_, later) = intact(&verify(folder.path(), Some(&head)));
    assert!(
        later.starts_with("22:") || later.starts_with("23:"),
        "beside a server: {later}"
    );
    server.stop("TERM");
    let forged = format!("5:{}", "0".repeat(64));
    let told = broken(&verify(folder.path(), Some(&forged)));
    assert!(told.contains("record 5 (event "), "{told}");
    assert!(told.contains("the log was rewritten"), "{told}");

    // What retention does: the noted record is gone, and nothing tells what it was.
    let path = folder.path().join("sessions.db");
    let (third, fifth) = (head_at(&path, 3), head_at(&path, 5));
    sql(
        &path,
        "UPDATE audit_anchors SET (base_sequence, base_hash) =
             (SELECT sequence, hash FROM audit WHERE sequence = 4);
         DELETE FROM audit WHERE sequence <= 4",
    );
    intact(&verify(folder.path(), Some(&fifth)));
    let untold = verify(folder.path(), Some(&third));
    assert_eq!(untold.status.code(), Some(1), "{untold:?}");
    let told = String::from_utf8(untold.stdout).expect("text");
    assert!(
        told.contains("intact: ") && told.contains("\nhead "),
        "{told}"
    );
    let told = String::from_utf8(untold.stderr).expect("text");
    assert!(
        told.contains("record 3, which was noted, is older"),
        "{told}"
    );

    sql(
        &path,
        "UPDATE audit SET event = json_set(event, '$.user_id', 'eve') WHERE sequence = 7",
    );
    let told = broken(&verify(folder.path(), None));
    assert!(
        told.contains("the audit log is broken: record 7 (event "),
        "{told}"
    );
    assert!(told.contains("was edited, moved or inserted"), "{told}");
    sql(&path, "DELETE FROM audit WHERE sequence = 6");
    let told = broken(&verify(folder.path(), None));
    assert!(told.contains("record 6: is missing"), "{told}");
}

#[test]
fn what_cannot_be_checked_is_said_plainly() {
    let folder = tempfile::tempdir().unwrap();
    let told = broken(&verify(folder.path(), None));
    assert!(told.contains("sessions.db"), "{told}");
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        0,
        "nothing was made"
    );
    let told = broken(&verify(folder.path(), Some("nonsense")));
    assert!(told.contains("--noted: `anchor` must be"), "{told}");
    let mut memory = Command::new(env!("CARGO_BIN_EXE_sessiond"));
    memory
        .env_clear()
        .env("SESSION_STORE", "memory")
        .args(["audit", "verify"]);
    let told = broken(&memory.output().unwrap());
    assert!(
        told.contains("the memory store keeps no audit log"),
        "{told}"
    );
}

/// Requirement 45: a line of the log, a header or an e-mail with control characters, ANSI or quotes
/// stays one record that can be read.
#[test]
fn hostile_text_stays_inside_of_its_record() {
    let folder = tempfile::tempdir().unwrap();
    let log_file = tempfile::NamedTempFile::new().unwrap();
    let mut loud = command(folder.path());
    loud.env("SESSION_LOG_LEVEL", "TRACE")
        .env("SESSION_LOG_REQUESTS", "true");
    loud.stderr(log_file.reopen().unwrap());
    let server = Server::start(&mut loud);
    let mut client = server.connect();
    let nasty = "\r\n2026-01-01T00:00:00Z ERROR sessiond: forged\r\n\u{1b}[2J\u{7}\"'\\ {}\u{2028}";
    let email = "eve\"'\\@example.org";
    let body = json!({"user_id": email, "user_agent": nasty, "metadata": {"name": nasty},
        "device_fingerprint": {"fingerprint_id": nasty}});
    let (status, _) = client.post("/sessions/create", &body).unwrap();
    assert_eq!(status, 200);
    let wrong = json!({"user_id": nasty});
    assert_eq!(client.post("/sessions/create", &wrong).unwrap().0, 400);
    // What a header may hold (RFC 9110 §5.5): tabs, quotes, bytes that are no ASCII.
    let headers = "X-Request-ID: a\tb \"c\"\r\nUser-Agent: \t\"quoted\" \u{9b}31m\r\n";
    let denied = client.request("GET", "/admin/audit", headers, None);
    assert_eq!(denied.unwrap().0, 403);
    let odd = client.request("GET", "/no%0d%0asuch/%1b[31mroute", headers, None);
    assert_eq!(odd.unwrap().0, 404);
    server.stop("TERM");

    let log = fs::read_to_string(log_file.path()).unwrap();
    assert!(log.lines().count() > 3, "the log was on");
    for line in log.lines() {
        let control = line.chars().find(|c| c.is_control() && *c != '\t');
        assert_eq!(control, None, "{line:?}");
        let time = line.split_whitespace().next().unwrap();
        assert!(
            time.len() == 27 && time.ends_with('Z'),
            "each line is one of ours: {line:?}"
        );
        assert!(!line.contains(" ERROR sessiond: forged"), "{line:?}");
    }
    let records = lines_of(folder.path());
    assert_eq!(records.len(), 3);
    let created = &records[1];
    assert_eq!(
        (&created["user_agent"], &created["user_id"]),
        (&json!(nasty), &json!(email))
    );
    assert_eq!(created["fingerprint_id"], nasty);
    assert_eq!(records[2]["action"], "access_denied");
    intact(&verify(folder.path(), None));
}

/// The records as they stand in the file: each one line that can be read.
fn lines_of(folder: &Path) -> Vec<Value> {
    use sqlx::Row as _;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let options = SqliteConnectOptions::new().filename(folder.join("sessions.db"));
        let mut file = options.connect().await.expect("it opens");
        let rows = sqlx::query("SELECT event FROM audit ORDER BY sequence")
            .fetch_all(&mut file)
            .await
            .expect("it reads");
        let lines = rows.iter().map(|row| row.get::<String, _>(0));
        lines
            .map(|line| {
                assert!(!line.chars().any(|c| c.is_ascii_control()), "{line:?}");
                serde_json::from_str(&line).expect("one record")
            })
            .collect()
    })
}

/// Whoever hangs up on a request that is being carried out neither stops it half way nor keeps it out of
/// the log.
#[test]
fn a_client_that_hangs_up_leaves_no_gap() {
    use std::io::Write as _;

    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&mut command(folder.path()));
    let mut client = server.connect();
    let mut tokens = Vec::new();
    for n in 0..300 {
        let body = json!({"user_id": format!("user {n}")});
        let (_, created) = client.post("/sessions/create", &body).unwrap();
        tokens.push(created["session_id"].as_str().unwrap().to_owned());
    }
    for token in &tokens {
        let request = format!(
            "DELETE /sessions/{token} HTTP/1.1\r\nHost: test\r\n\
             Authorization: Bearer {SERVICE_KEY}\r\n\r\n"
        );
        let mut stream = std::net::TcpStream::connect(server.address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        // And gone, with the answer unread.
    }
    server.stop("TERM");
    let count = |statement: &str| value::<i64>(&folder.path().join("sessions.db"), statement);
    let ended = count("SELECT count(*) FROM sessions WHERE state = 3");
    assert!(ended > 0, "some requests were begun");
    assert_eq!(count("SELECT count(*) FROM revocations"), ended);
    assert_eq!(
        count("SELECT count(*) FROM audit WHERE action = 'session_revoked'"),
        ended
    );
}

/// What an operator would have noted when the log ended here.
fn head_at(path: &Path, sequence: u64) -> String {
    value(
        path,
        &format!(
            "SELECT sequence || ':' || lower(hex(hash)) FROM audit WHERE sequence = {sequence}"
        ),
    )
}

/// The first column of the first row.
fn value<T>(path: &Path, statement: &str) -> T
where
    T: for<'a> sqlx::Decode<'a, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
{
    use sqlx::Row as _;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let options = SqliteConnectOptions::new().filename(path);
        let mut file = options.connect().await.expect("it opens");
        let row = sqlx::query(sqlx::AssertSqlSafe(statement.to_owned()))
            .fetch_one(&mut file)
            .await;
        row.expect("there is a row").get(0)
    })
}
