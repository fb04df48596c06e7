//! Starting, refusing to start, and stopping.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use crate::support::{Server, command};
use serde_json::json;

/// Runs a start that must fail: exactly one line on standard error (or one for each bad setting).
fn refused(command: &mut Command) -> Vec<String> {
    let output = command.output().expect("the server can be started");
    assert!(!output.status.success(), "the server must refuse to start");
    assert!(output.stdout.is_empty(), "no banner");
    let text = String::from_utf8(output.stderr).expect("text");
    assert!(!text.contains("panicked"), "{text}");
    text.lines().map(str::to_owned).collect()
}

pub(crate) fn one_line(command: &mut Command) -> String {
    let lines = refused(command);
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines[0].clone()
}

#[test]
fn a_second_server_on_the_folder_is_refused_and_told_of_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let first = Server::start(&mut command(folder.path()));
    let line = one_line(&mut command(folder.path()));
    let holder = format!(
        "in use by process {} at http://{}",
        first.pid(),
        first.address
    );
    assert!(line.contains(&holder), "{line}");
    first.kill();
    Server::start(&mut command(folder.path())).kill();
}

#[test]
fn a_second_server_on_the_database_is_refused_though_its_folder_is_another() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first = Server::start(&mut command(folder.path()));
    let database = folder.path().join("sessions.db");
    let line = one_line(command(other.path()).env("SESSION_DB_PATH", &database));
    assert!(line.contains("the database is in use by process"), "{line}");
    drop(first);
}

#[test]
fn a_port_in_use_is_one_clear_line() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let line = one_line(command(folder.path()).args(["--listen", &address]));
    assert!(
        line.contains(&address) && line.contains("port is in use"),
        "{line}"
    );
}

#[test]
fn a_folder_that_cannot_be_made_is_one_clear_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a file");
    fs::write(&file, "").unwrap();
    let line = one_line(&mut command(&file.join("data")));
    assert!(
        line.contains("data folder") && line.contains("a file"),
        "{line}"
    );
}

#[test]
fn what_is_no_database_is_one_clear_line_and_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("sessions.db");
    let garbage = "this is no database at all ".repeat(100);
    fs::write(&database, &garbage).unwrap();
    let line = one_line(&mut command(folder.path()));
    assert!(
        line.contains("sessions.db") && line.contains("not a database"),
        "{line}"
    );
    assert_eq!(fs::read_to_string(&database).unwrap(), garbage);
}

/// Requirement 58.
#[test]
fn a_database_of_a_newer_version_is_one_clear_line() {
    let folder = tempfile::tempdir().unwrap();
    Server::start(&mut command(folder.path())).stop("TERM");
    sql(
        &folder.path().join("sessions.db"),
        "PRAGMA user_version = 999",
    );
    let line = one_line(&mut command(folder.path()));
    assert!(
        line.contains("schema version 999") && line.contains("newer version"),
        "{line}"
    );
}

#[test]
fn a_database_of_another_program_is_one_clear_line() {
    let folder = tempfile::tempdir().unwrap();
    sql(
        &folder.path().join("sessions.db"),
        "CREATE TABLE theirs (x)",
    );
    let line = one_line(&mut command(folder.path()));
    assert!(line.contains("another program"), "{line}");
}

#[test]
fn all_bad_settings_are_told_at_once_without_their_values() {
    let folder = tempfile::tempdir().unwrap();
    let lines = refused(
        command(folder.path())
            .env("SESSION_DEFAULT_TIMEOUT", "hunter2")
            .env("SESSION_CACHE", "hunter2")
            .env("MAX_SESSIONS_PER_USER", "0"),
    );
    assert_eq!(lines.len(), 3, "{lines:?}");
    for name in [
        "SESSION_DEFAULT_TIMEOUT",
        "SESSION_CACHE",
        "MAX_SESSIONS_PER_USER",
    ] {
        assert!(
            lines.iter().any(|line| line.contains(name)),
            "{name}: {lines:?}"
        );
    }
    assert!(!lines.concat().contains("hunter2"));
}

#[test]
fn a_store_of_a_later_version_is_never_swapped_for_another() {
    let folder = tempfile::tempdir().unwrap();
    let line = one_line(command(folder.path()).env("KV_REST_API_URL", "https://127.0.0.1:1"));
    assert!(
        line.contains("KV_REST_API_URL") && line.contains("SESSION_STORE"),
        "{line}"
    );
    let mut chosen = command(folder.path());
    Server::start(
        chosen
            .env("KV_REST_API_URL", "https://127.0.0.1:1")
            .env("SESSION_STORE", "sqlite"),
    );
}

#[test]
fn a_redis_that_is_not_there_stops_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let line = one_line(command(folder.path()).env("REDIS_URL", "redis://:hunter2@127.0.0.1:1"));
    assert!(line.contains("redis could not be reached"), "{line}");
    assert!(line.contains("refused"), "the cause is told: {line}");
    assert!(!line.contains("hunter2"), "{line}");
    let mut chosen = command(folder.path());
    Server::start(
        chosen
            .env("REDIS_URL", "redis://127.0.0.1:1")
            .env("SESSION_STORE", "sqlite"),
    );
}

/// Requirement 8.
#[test]
fn weak_keys_stop_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let repeated = format!("{0},{0}", crate::support::SERVICE_KEY);
    let weak = format!("svc_{}", "a".repeat(43));
    for keys in ["svc_short", "changeme", &weak, &repeated] {
        let line = one_line(command(folder.path()).env("SESSION_SERVICE_KEYS", keys));
        assert!(
            line.contains("SESSION_SERVICE_KEYS") && !line.contains(keys),
            "{line}"
        );
    }
}

#[test]
fn without_keys_it_refuses_to_listen_beyond_loopback() {
    let folder = tempfile::tempdir().unwrap();
    let mut open = command(folder.path());
    let line = one_line(
        open.env_remove("SESSION_SERVICE_KEYS")
            .args(["--listen", "0.0.0.0:0"]),
    );
    assert!(line.contains("SESSION_SERVICE_KEYS"), "{line}");
}

/// Requirement 43: there is no default account, and nobody else can read the keys.
#[test]
fn on_loopback_keys_are_made_once_and_are_private() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let start = || Server::start(command(&data).env_remove("SESSION_SERVICE_KEYS"));
    let first = start();
    assert!(first.banner.contains("service.key"), "{}", first.banner);
    first.stop("TERM");
    let key = fs::read_to_string(data.join("service.key")).unwrap();
    assert!(
        key.starts_with("svc_") && key.trim().len() == 47,
        "a key of 32 bytes"
    );
    start().stop("TERM");
    assert_eq!(
        fs::read_to_string(data.join("service.key")).unwrap(),
        key,
        "kept"
    );
    for file in fs::read_dir(&data).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", file.file_name());
    }
}

/// Requirement 57: what was only buffered is on the disk after an orderly stop.
#[test]
fn a_stop_by_either_signal_is_orderly_and_keeps_the_latest_activity() {
    for signal in ["TERM", "INT"] {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(&mut command(folder.path()));
        let mut client = server.connect();
        let (_, created) = client
            .post("/sessions/create", &json!({"user_id": "ada"}))
            .unwrap();
        let token = created["session_id"].as_str().unwrap().to_owned();
        std::thread::sleep(std::time::Duration::from_millis(20));
        let (status, touched) = client
            .post(&format!("/sessions/{token}/activity"), &json!({}))
            .unwrap();
        assert_eq!(status, 200);
        assert_ne!(touched["last_activity"], created["last_activity"]);
        let (status, log) = server.stop(signal);
        assert!(status.success(), "{log}");
        assert!(log.contains("stopped"), "{log}");

        let server = Server::start(&mut command(folder.path()));
        let (_, found) = server.connect().get(&format!("/sessions/{token}")).unwrap();
        assert_eq!(found["last_activity"], touched["last_activity"]);
    }
}

#[test]
fn the_settings_file_is_read_and_the_environment_wins_over_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("settings.toml");
    fs::write(
        &file,
        "default_timeout = 600\nmin_timeout = 60\nstore = 'memory'\n",
    )
    .unwrap();
    let mut with_file = command(folder.path());
    with_file
        .arg("--config")
        .arg(&file)
        .env("SESSION_MIN_TIMEOUT", "500");
    let server = Server::start(&mut with_file);
    assert!(server.banner.contains("memory"), "{}", server.banner);
    let mut client = server.connect();
    let (status, _) = client
        .post(
            "/sessions/create",
            &json!({"user_id": "ada", "timeout": 499}),
        )
        .unwrap();
    assert_eq!(status, 400);
    fs::write(&file, "defualt_timeout = 600\n").unwrap();
    drop(server);
    let line = one_line(&mut with_file);
    assert!(line.contains("defualt_timeout"), "{line}");
}

fn sql(database: &Path, statement: &'static str) {
    use sqlx::ConnectOptions as _;
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let options = sqlx::sqlite::SqliteConnectOptions::new()
            .filename(database)
            .create_if_missing(true);
        let mut connection = options.connect().await.unwrap();
        sqlx::raw_sql(statement)
            .execute(&mut connection)
            .await
            .unwrap();
        sqlx::Connection::close(connection).await.unwrap();
    });
}
