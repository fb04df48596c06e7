//! Requirement 46: whoever edits, removes, inserts or moves audit records in the file is found.

#![expect(
    clippy::expect_used,
    reason = "tests fail by panicking, and so do the functions that they share"
)]

use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use session_core::ports::{AuditLog, SessionStore as _};
use session_core::{
    Anchor, AuditAction, AuditEvent, AuditFilter, AuditOrder, BrokenRecord, EventId, Fault,
    PageRequest, UserId, Verified,
};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};
use store_sqlite::{Options, SqliteStore, verify_audit_log};
use tempfile::TempDir;

const RECORDS: u64 = 12;

fn at(minutes: i64) -> DateTime<Utc> {
    let start = DateTime::from_timestamp_millis(1_750_000_000_000).expect("a time");
    start + TimeDelta::minutes(minutes)
}

fn event(n: u64) -> AuditEvent {
    let mut tail = [0; 10];
    tail[2..].copy_from_slice(&n.to_be_bytes());
    let at = at(i64::try_from(n).expect("small"));
    let id = EventId::at(at, tail);
    AuditEvent {
        user_id: Some(UserId::new("ada").expect("a user")),
        details: format!("event {n} \u{fffd}").into(),
        ..AuditEvent::new(id, at, AuditAction::LoginFailure)
    }
}

/// A file with a log of twelve records, of which the oldest `forgotten` were forgotten.
async fn log(forgotten: i64) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("sessions.db");
    let store = SqliteStore::open(Options::new(&path))
        .await
        .expect("it opens");
    let events: Vec<_> = (1..=RECORDS).map(event).collect();
    store.append(&events).await.expect("it takes events");
    let done = store.forget_events(at(forgotten + 1), 100).await;
    done.expect("it forgets");
    store.close().await;
    (folder, path)
}

async fn sql(path: &Path, statements: &str) {
    let mut file: SqliteConnection = SqliteConnectOptions::new()
        .filename(path)
        .connect()
        .await
        .expect("it opens");
    sqlx::raw_sql(sqlx::AssertSqlSafe(statements.to_owned()))
        .execute(&mut file)
        .await
        .expect("the statement does what it says");
    file.close().await.expect("it closes");
}

async fn verify(path: &Path, noted: Option<Anchor>) -> Result<Verified, BrokenRecord> {
    verify_audit_log(path, noted).await.expect("it can be read")
}

/// After these statements the check names this record, and the fault.
async fn is_found(forgotten: i64, statements: &str, sequence: u64, fault: Fault) {
    let (_folder, path) = log(forgotten).await;
    let intact = verify(&path, None).await.expect("it is whole");
    assert_eq!(intact.records, RECORDS - forgotten.unsigned_abs());
    sql(&path, statements).await;
    let broken = verify(&path, None).await.expect_err(statements);
    assert_eq!(
        (broken.sequence, broken.fault),
        (sequence, fault),
        "{statements}"
    );
    // The server itself finds the same, and goes on.
    let store = SqliteStore::open(Options::new(&path))
        .await
        .expect("it opens");
    let verdict = store.verify(None).await.expect("it can be read");
    assert_eq!(verdict, Err(broken), "{statements}");
    store.append(&[event(99)]).await.expect("it takes events");
    let verdict = store.verify(None).await.expect("it can be read");
    verdict.expect_err(statements);
    store.close().await;
}

const EDITS: [&str; 6] = [
    "json_set(event, '$.success', json('false'))",
    "json_set(event, '$.user_id', 'eve')",
    "json_set(event, '$.timestamp', '2025-06-15T15:06:41.000Z')",
    "json_remove(event, '$.details')",
    "event || ' '",
    // Bytes that are no text, which a reader might take for the sign that stands for such bytes.
    "CAST(unhex(replace(hex(event), 'EFBFBD', 'FF')) AS TEXT)",
];

#[tokio::test]
async fn an_edited_record_is_found_and_named() {
    for edit in EDITS {
        for n in [1, 5, RECORDS] {
            let statement = format!("UPDATE audit SET event = {edit} WHERE sequence = {n}");
            is_found(0, &statement, n, Fault::Hash).await;
        }
    }
    for n in [1, 5, RECORDS] {
        let statement = format!("UPDATE audit SET hash = zeroblob(32) WHERE sequence = {n}");
        is_found(0, &statement, n, Fault::Hash).await;
    }
    let (_folder, path) = log(0).await;
    sql(
        &path,
        "UPDATE audit SET event = json_set(event, '$.actor', 'eve') WHERE sequence = 5",
    )
    .await;
    let broken = verify(&path, None).await.expect_err("it was edited");
    assert_eq!(broken.event, Some(event(5).id));
    let told = broken.to_string();
    assert!(
        told.starts_with(&format!("record 5 (event {}): was edited", event(5).id)),
        "{told}"
    );
}

#[tokio::test]
async fn a_removed_record_is_found_and_named() {
    for n in [1, 2, 7, RECORDS] {
        let statement = format!("DELETE FROM audit WHERE sequence = {n}");
        is_found(0, &statement, n, Fault::Missing).await;
    }
    is_found(
        0,
        "DELETE FROM audit WHERE sequence > 9",
        10,
        Fault::Missing,
    )
    .await;
    is_found(0, "DELETE FROM audit", 1, Fault::Missing).await;
    // Closing the gap does not help.
    let closed = "DELETE FROM audit WHERE sequence = 5;
        UPDATE audit SET sequence = sequence - 1 WHERE sequence = 6;
        UPDATE audit SET sequence = sequence - 1 WHERE sequence = 7";
    is_found(0, closed, 5, Fault::Hash).await;
}

#[tokio::test]
async fn an_inserted_record_is_found_and_named() {
    let copy = |n: &str, event: &str| {
        format!(
            "INSERT INTO audit (sequence, event, hash)
             SELECT {n}, {event}, hash FROM audit WHERE sequence = 3"
        )
    };
    let other = "json_set(event, '$.id', '019a9c2e-7c00-7000-8000-000000000000')";
    for outside in [0, -1, -5, i64::MIN] {
        is_found(0, &copy(&outside.to_string(), other), 0, Fault::Extra).await;
    }
    is_found(0, &copy("13", other), 13, Fault::Extra).await;
    is_found(0, &copy("9000", other), 9000, Fault::Extra).await;
    let last = i64::MAX.to_string();
    is_found(0, &copy(&last, other), i64::MAX as u64, Fault::Extra).await;
    let between = format!(
        "UPDATE audit SET sequence = -sequence WHERE sequence > 6;
         UPDATE audit SET sequence = 1 - sequence WHERE sequence < 0;
         {};
         UPDATE audit_anchors SET head_sequence = 13",
        copy("7", other)
    );
    is_found(0, &between, 7, Fault::Hash).await;
}

#[tokio::test]
async fn swapped_records_are_found_and_named() {
    for (a, b) in [(1, 2), (4, 9), (1, RECORDS)] {
        let whole = format!(
            "UPDATE audit SET sequence = -1 WHERE sequence = {a};
             UPDATE audit SET sequence = {a} WHERE sequence = {b};
             UPDATE audit SET sequence = {b} WHERE sequence = -1"
        );
        is_found(0, &whole, a, Fault::Hash).await;
    }
}

/// After retention it still verifies, and is still found.
#[tokio::test]
async fn after_the_oldest_were_forgotten_the_rest_is_still_checked() {
    let (_folder, path) = log(5).await;
    let verified = verify(&path, None).await.expect("it is whole");
    assert_eq!((verified.base.sequence, verified.records), (5, 7));
    let edit = "UPDATE audit SET event = json_set(event, '$.actor', 'eve') WHERE sequence = ";
    for n in [6, 9, RECORDS] {
        is_found(5, &format!("{edit}{n}"), n, Fault::Hash).await;
        let delete = format!("DELETE FROM audit WHERE sequence = {n}");
        is_found(5, &delete, n, Fault::Missing).await;
    }
    let back = "INSERT INTO audit (sequence, event, hash)
        SELECT 5, json_set(event, '$.id', '019a9c2e-7c00-7000-8000-000000000000'), hash
        FROM audit WHERE sequence = 6";
    is_found(5, back, 5, Fault::Extra).await;
    let anchor = "UPDATE audit_anchors SET base_hash = zeroblob(32)";
    is_found(5, anchor, 6, Fault::Hash).await;
    let anchor = "UPDATE audit_anchors SET head_hash = zeroblob(32)";
    is_found_at_rest(5, anchor, RECORDS, Fault::Hash).await;
}

/// Retention does not sweep away what tells of a tampering: it stops before it, and goes on behind
/// nothing that is missing.
#[tokio::test]
async fn what_was_tampered_with_is_not_forgotten() {
    let old = "UPDATE audit SET event = json_set(event, '$.timestamp', '2001-01-01T00:00:00.000Z')";
    for (statements, kept, sequence, fault) in [
        ("DELETE FROM audit WHERE sequence = 8", 4, 8, Fault::Missing),
        ("DELETE FROM audit WHERE sequence = 6", 6, 6, Fault::Missing),
        (
            &format!("DELETE FROM audit WHERE sequence < 9; {old} WHERE sequence = 9"),
            4,
            6,
            Fault::Missing,
        ),
        (&format!("{old} WHERE sequence = 7"), 6, 7, Fault::Hash),
        (
            "INSERT INTO audit (sequence, event, hash)
             SELECT 3, json_set(event, '$.id', '019a9c2e-7c00-7000-8000-000000000000'), hash
             FROM audit WHERE sequence = 6",
            1,
            3,
            Fault::Extra,
        ),
    ] {
        let (_folder, path) = log(5).await;
        sql(&path, statements).await;
        let store = SqliteStore::open(Options::new(&path))
            .await
            .expect("it opens");
        for _ in 0..2 {
            let done = store.forget_events(at(100), 100).await;
            assert!(!done.expect("it answers").more, "{statements}");
        }
        let all = AuditFilter::default();
        let rest = store
            .page(&all, AuditOrder::OldestFirst, PageRequest::default())
            .await;
        let rest = rest.expect("it lists").items.len();
        assert_eq!(rest, kept, "{statements}");
        store.close().await;
        let broken = verify(&path, None).await.expect_err(statements);
        let found = (broken.sequence, broken.fault);
        assert_eq!(found, (sequence, fault), "{statements}");
    }
}

/// As `is_found`, for what the next append would make part of the chain.
async fn is_found_at_rest(forgotten: i64, statements: &str, sequence: u64, fault: Fault) {
    let (_folder, path) = log(forgotten).await;
    sql(&path, statements).await;
    let broken = verify(&path, None).await.expect_err(statements);
    assert_eq!((broken.sequence, broken.fault), (sequence, fault));
}

/// Whoever can write the file can also rewrite the whole chain: what was noted elsewhere tells.
#[tokio::test]
async fn a_rewritten_log_is_found_by_a_head_that_was_noted() {
    let (_folder, path) = log(0).await;
    let noted = verify(&path, None).await.expect("it is whole").head;
    let (_other_folder, other) = log(0).await;
    let mut chain = Anchor::START;
    let mut statements = String::from("DELETE FROM audit;");
    for n in 1..=RECORDS {
        let forged = AuditEvent {
            actor: "nobody".into(),
            ..event(n)
        };
        let line = forged.to_line();
        chain = chain.next(line.as_bytes());
        let text = line.replace('\'', "''");
        statements += &format!(
            "INSERT INTO audit (sequence, event, hash) VALUES ({n}, '{text}', x'{}');",
            chain.hash
        );
    }
    statements += &format!("UPDATE audit_anchors SET head_hash = x'{}'", chain.hash);
    sql(&other, &statements).await;
    verify(&other, None).await.expect("by itself it is whole");
    let broken = verify(&other, Some(noted))
        .await
        .expect_err("it was rewritten");
    assert_eq!((broken.sequence, broken.fault), (RECORDS, Fault::Rewritten));
    verify(&path, Some(noted))
        .await
        .expect("the true one passes");
}

/// Checking beside a running server, and refusing what is no log of ours.
#[tokio::test]
async fn checking_reads_only() {
    let (folder, path) = log(0).await;
    let store = SqliteStore::open(Options::new(&path))
        .await
        .expect("it opens");
    store.append(&[event(50)]).await.expect("it takes events");
    let verified = verify(&path, None).await.expect("it is whole");
    assert_eq!(verified.records, RECORDS + 1);
    store.close().await;
    let missing = folder.path().join("missing.db");
    verify_audit_log(&missing, None)
        .await
        .expect_err("there is none");
    assert!(!missing.exists());
    let foreign = folder.path().join("foreign.db");
    sqlx::raw_sql("CREATE TABLE theirs (a)")
        .execute(
            &mut SqliteConnectOptions::new()
                .filename(&foreign)
                .create_if_missing(true)
                .connect()
                .await
                .expect("it opens"),
        )
        .await
        .expect("it is made");
    let error = verify_audit_log(&foreign, None)
        .await
        .expect_err("not ours");
    assert!(error.to_string().contains("another program"), "{error}");
}
