//! The file as other versions, other hands and other folders left it.

#![expect(clippy::expect_used, reason = "tests fail by panicking")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use session_core::ports::{
    AccountChange, Addition, AuditLog as _, ChangeOutcome, GrantStore as _, OneTimeMarks as _,
    RateLimiter as _, RevocationList as _, SessionStore as _, StoreErrorKind, UserDirectory as _,
};
use session_core::{
    Account, Attempt, AuditAction, Grant, MarkHash, Metadata, PageRequest, RateRule, Session,
};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};
use store_contract::samples::{
    NO_LIMIT, account, email, event, grant, minute, revocation, session, start,
};
use store_sqlite::{Options, SqliteStore, VerifyError, verify_audit_log};
use tempfile::TempDir;

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("sessions.db");
    (folder, path)
}

async fn open(path: &Path) -> SqliteStore {
    let store = SqliteStore::open(Options::new(path)).await;
    store.expect("it opens")
}

async fn sql(path: &Path, statements: &str) {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true);
    let mut file: SqliteConnection = options.connect().await.expect("it opens");
    sqlx::raw_sql(sqlx::AssertSqlSafe(statements.to_owned()))
        .execute(&mut file)
        .await
        .expect("the statements do what they say");
    file.close().await.expect("it closes");
}

/// A file of an earlier schema with what it held goes on as one of today's.
#[tokio::test]
async fn an_earlier_file_is_brought_up_to_date() {
    let (_folder, today) = folder();
    let store = open(&today).await;
    let given = [
        session("ada", start()),
        session("ada", minute(1)),
        session("eve", minute(2)),
    ];
    for session in &given {
        let created = store.create(session.clone(), NO_LIMIT).await;
        created.expect("it is created");
    }
    store.close().await;

    let steps = [
        include_str!("../migrations/0001_sessions.sql"),
        include_str!("../migrations/0002_trust.sql"),
        include_str!("../migrations/0003_accounts.sql"),
    ];
    for taken in 1..=steps.len() {
        let (_folder, earlier) = folder();
        let columns = "id, user_id, secret_hash, state, version, created_at, last_activity,
            expires_at, idle_timeout, remember_me, ended_at, end_reason, metadata, details";
        let statements = format!(
            "{}; PRAGMA application_id = {}; PRAGMA user_version = {taken}; ATTACH '{}' AS today;
             INSERT INTO main.sessions ({columns}) SELECT {columns} FROM today.sessions;",
            steps[..taken].concat(),
            i32::from_be_bytes(*b"sesd"),
            today.display(),
        );
        sql(&earlier, &statements).await;
        is_brought_up_to_date(&earlier, &given).await;
    }
}

async fn is_brought_up_to_date(earlier: &Path, given: &[Session]) {
    let error = verify_audit_log(earlier, None).await;
    let error = error.expect_err("it is not of today").to_string();
    assert!(error.contains("start the server once"), "{error}");

    for opened in 0..2 {
        let store = open(earlier).await;
        for session in given {
            let found = store.find(session.id).await.expect("it answers");
            assert_eq!(found.as_deref(), Some(session));
        }
        assert_eq!(store.stats(minute(3)).await.expect("it counts").active, 3);
        let token = revocation("a token", minute(1));
        store.revoke(&[token]).await.expect("it takes revocations");
        let event = event("ada", AuditAction::Logout, minute(1));
        store.append(&[event]).await.expect("it takes events");
        let verdict = store.verify(None).await.expect("it answers");
        verdict.expect("the chain is whole");
        let added = store.add_account(account("ada@example.org", start())).await;
        let is_new = matches!(added.expect("it answers"), Addition::Added(_));
        assert_eq!(is_new, opened == 0);
        let of_first = Grant {
            session_id: given[0].id,
            ..grant("ada", start())
        };
        assert_eq!(store.add_grant(of_first).await.is_ok(), opened == 0);
        let mark = MarkHash::of("kind", "scope", "name");
        let first = store.mark_used(mark, minute(9), minute(1)).await;
        assert_eq!(first.expect("it answers"), opened == 0);
        store.close().await;
    }
    // Sessions have room for what is kept of their earlier secrets.
    let statement = "CREATE TEMP TABLE probe (n CHECK (n = 3));
        INSERT INTO probe SELECT count(*) FROM sessions WHERE rotation IS NULL;";
    sql(earlier, statement).await;
}

/// What one request stumbles over costs the others that share its transaction nothing.
#[tokio::test]
async fn a_damaged_row_fails_its_own_request_only() {
    let (_folder, path) = folder();
    let rule = RateRule::new("rule", 1, chrono::TimeDelta::minutes(1)).expect("a rule");
    let attempts: Vec<_> = (0..40)
        .map(|n| [Attempt::of(&rule, &format!("{n}"))])
        .collect();
    let store = open(&path).await;
    for attempt in &attempts {
        let decision = store.attempt(attempt, start(), 0.0).await;
        assert!(decision.expect("it answers").is_admitted());
    }
    store.close().await;
    let damaged = attempts[17][0].key.to_string();
    sql(
        &path,
        &format!("UPDATE rate_limits SET state = '{{' WHERE key = x'{damaged}'"),
    )
    .await;

    let store = Arc::new(open(&path).await);
    let mut asked = Vec::new();
    for attempt in attempts {
        let store = Arc::clone(&store);
        asked.push(tokio::spawn(async move {
            store.attempt(&attempt, start(), 0.0).await
        }));
    }
    for (n, asked) in (0..).zip(asked) {
        match asked.await.expect("it ends") {
            Ok(decision) => assert!(n != 17 && !decision.is_admitted(), "{n}"),
            Err(error) => assert_eq!((n, error.kind()), (17, StoreErrorKind::Corrupt)),
        }
    }
    // It means nothing after its time, like any other.
    store
        .forget_counts(minute(60), 100)
        .await
        .expect("it forgets");
    let again = [Attempt::of(&rule, "17")];
    let decision = store.attempt(&again, minute(60), 0.0).await;
    assert!(decision.expect("it answers").is_admitted());
}

/// An account whose row is damaged is known to be there, and stands in nobody's way but its own.
#[tokio::test]
async fn a_damaged_account_fails_its_own_requests_only() {
    let (_folder, path) = folder();
    let store = open(&path).await;
    let mut given = Vec::new();
    for n in 0..40 {
        let one = account(&format!("user{n}@x"), minute(n));
        store.add_account(one.clone()).await.expect("it is added");
        given.push(one);
    }
    store.close().await;
    let damages = [
        "metadata = '{' WHERE email = 'user17@x'",
        "email = 'User18@x' WHERE email = 'user18@x'",
        "version = -1 WHERE email = 'user19@x'",
        "metadata = CAST(x'ff' AS TEXT) WHERE email = 'user20@x'",
    ];
    for damage in damages {
        sql(&path, &format!("UPDATE accounts SET {damage}")).await;
    }
    let is_damaged = |n: usize| (17..=20).contains(&n);

    let store = Arc::new(open(&path).await);
    for (n, given) in given.iter().enumerate() {
        match store.find_account(given.id).await {
            Ok(found) => assert!(!is_damaged(n) && found.as_deref() == Some(given), "{n}"),
            Err(error) => assert!(is_damaged(n) && error.kind() == StoreErrorKind::Corrupt),
        }
    }
    let error = store.find_account_by_email(&email("user17@x")).await;
    let error = error.expect_err("it cannot be read");
    assert_eq!(error.kind(), StoreErrorKind::Corrupt);
    let error = store.list_accounts(PageRequest::default()).await;
    assert_eq!(
        error.expect_err("it cannot be read").kind(),
        StoreErrorKind::Corrupt
    );

    let outcomes = store_contract::parallel::all(given.iter().map(|account| {
        let (store, id) = (Arc::clone(&store), account.id);
        let change = AccountChange {
            is_disabled: Some(true),
            ..AccountChange::default()
        };
        async move { store.change_account(id, 1, change).await }
    }))
    .await;
    for (n, outcome) in outcomes.into_iter().enumerate() {
        match outcome {
            Ok(ChangeOutcome::Changed(after)) => assert!(!is_damaged(n) && after.is_disabled),
            Ok(outcome) => assert!(n == 19 && outcome == ChangeOutcome::VersionConflict, "{n}"),
            Err(error) => assert!(is_damaged(n) && error.kind() == StoreErrorKind::Corrupt),
        }
    }

    let taken = store.add_account(account("user17@x", start())).await;
    assert_eq!(taken.expect("it answers"), Addition::EmailTaken);
    let mended = AccountChange {
        metadata: Some(Metadata::default()),
        ..AccountChange::default()
    };
    let outcome = store.change_account(given[17].id, 1, mended).await;
    let expected = Account {
        version: 2,
        ..given[17].clone()
    };
    assert_eq!(
        outcome.expect("what was damaged is replaced"),
        ChangeOutcome::Changed(Arc::new(expected))
    );
    for account in &given[18..=20] {
        let removed = store.remove_account(account.id).await;
        assert!(removed.expect("it can go"), "{}", account.email);
    }
    let page = store.list_accounts(PageRequest::default()).await;
    assert_eq!(page.expect("all can be read").items.len(), 37);
}

/// A backup on a medium that cannot be written, here: where SQLite cannot make its own files.
#[tokio::test]
async fn a_log_is_verified_where_nothing_can_be_written() {
    let (_folder, path) = folder();
    let store = open(&path).await;
    let given = [
        event("ada", AuditAction::Logout, start()),
        event("ada", AuditAction::Logout, start()),
    ];
    store.append(&given).await.expect("it takes events");
    store.close().await;
    let (shared, log) = (path.with_extension("db-shm"), path.with_extension("db-wal"));
    assert!(!log.exists(), "a server that was stopped leaves nothing");
    // A name that leads to itself can be opened by nobody, not even by root.
    symlink(&shared, &shared).expect("it is made");
    let verdict = verify_audit_log(&path, None).await.expect("it can be read");
    assert_eq!(verdict.expect("it is whole").records, 2);

    // Not all is in the file: half a verdict would be a wrong one.
    fs::write(&log, "records").expect("it is written");
    let error = verify_audit_log(&path, None).await;
    assert!(
        matches!(&error, Err(VerifyError::Unfinished(name)) if *name == log),
        "{error:?}"
    );
}
