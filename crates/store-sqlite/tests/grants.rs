//! Grants in a file that other hands were at, and what of them is in it.

#![expect(clippy::expect_used, reason = "tests fail by panicking")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use session_core::ports::{
    GrantStore as _, RefreshBegin, RefreshBegun, RefreshEnd, RefreshFinished, SessionStore as _,
    StoreErrorKind,
};
use session_core::{Grant, PageRequest, RefreshOutcome, RefreshRecord};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Row as _, SqliteConnection};
use store_contract::parallel;
use store_contract::samples::{attempt, cipher_key, grant, minute, sealed, start};
use store_sqlite::{Options, SqliteStore};
use tempfile::TempDir;

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("sessions.db");
    (folder, path)
}

async fn open(path: &Path) -> Arc<SqliteStore> {
    let store = SqliteStore::open(Options::new(path)).await;
    Arc::new(store.expect("it opens"))
}

async fn connect(path: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(path);
    options.connect().await.expect("it opens")
}

async fn sql(path: &Path, statements: String) {
    let mut file = connect(path).await;
    sqlx::raw_sql(sqlx::AssertSqlSafe(statements))
        .execute(&mut file)
        .await
        .expect("the statements do what they say");
    file.close().await.expect("it closes");
}

fn begin(grant: &Grant) -> RefreshBegin {
    RefreshBegin {
        expected_version: grant.version,
        until: minute(105),
        record: attempt(grant, minute(100)),
    }
}

const DAMAGES: [&str; 6] = [
    "grants SET scopes = '{'",
    "grants SET version = -1",
    "grants SET provider = 'Corp'",
    "grants SET user_id = ''",
    "grants SET due_at = -9223372036854775808",
    "grant_tokens SET key_id = 'ä'",
];

/// Forty grants, of which the first are damaged, each in a way of its own.
async fn damaged() -> (TempDir, Arc<SqliteStore>, Vec<Grant>) {
    let (folder, path) = folder();
    let store = open(&path).await;
    let mut given = Vec::new();
    for n in 0..40 {
        given.push(grant("ada", minute(n)));
        let added = store.add_grant(given[given.len() - 1].clone()).await;
        added.expect("it is added");
    }
    store.close().await;
    for (damage, grant) in DAMAGES.into_iter().zip(&given) {
        let id = grant.session_id.to_string().replace('-', "");
        sql(&path, format!("UPDATE {damage} WHERE session_id = x'{id}'")).await;
    }
    (folder, open(&path).await, given)
}

/// What one request stumbles over costs the others that share its transaction nothing.
#[tokio::test]
async fn a_damaged_grant_fails_its_own_requests_only() {
    let (_folder, store, given) = damaged().await;
    for (n, grant) in given.iter().enumerate() {
        match store.find_grant(grant.session_id).await {
            Ok(found) => assert!(n >= DAMAGES.len() && found.as_deref() == Some(grant), "{n}"),
            Err(error) => assert_eq!(
                (n < DAMAGES.len(), error.kind()),
                (true, StoreErrorKind::Corrupt)
            ),
        }
    }
    let outcomes = parallel::all(given.iter().map(|grant| {
        let (store, begin) = (Arc::clone(&store), begin(grant));
        async move {
            let end = begin.record.clone();
            (end, store.begin_refresh(begin).await)
        }
    }))
    .await;
    let mut ends = Vec::new();
    for (n, (record, outcome)) in outcomes.into_iter().enumerate() {
        match outcome {
            Ok(RefreshBegun::Begun(held)) => {
                assert!(n >= DAMAGES.len(), "{n}");
                ends.push((Grant::clone(&held), record));
            }
            Ok(outcome) => unreachable!("{n}: {outcome:?}"),
            Err(error) => {
                assert!(n < DAMAGES.len(), "{n}: {error}");
                assert_eq!(error.kind(), StoreErrorKind::Corrupt);
                ends.push((given[n].clone(), record));
            }
        }
    }
    let outcomes = parallel::all(ends.into_iter().map(|(grant, record)| {
        let store = Arc::clone(&store);
        let record = RefreshRecord {
            outcome: RefreshOutcome::Success,
            ..record
        };
        async move { store.finish_refresh(RefreshEnd { grant, record }).await }
    }))
    .await;
    for (n, outcome) in outcomes.into_iter().enumerate() {
        match outcome {
            Ok(outcome) => assert!(
                n >= DAMAGES.len() && matches!(outcome, RefreshFinished::Stored(_)),
                "{n}"
            ),
            Err(error) => assert_eq!(
                (n < DAMAGES.len(), error.kind()),
                (true, StoreErrorKind::Corrupt)
            ),
        }
    }
}

/// One that is damaged neither keeps the others from being renewed nor is in the way of its removal.
#[tokio::test]
async fn a_damaged_grant_stands_in_nobodys_way() {
    let (_folder, store, given) = damaged().await;
    let claimed = store.claim_due(minute(200), minute(300), 8).await;
    let claimed = claimed.expect("it answers");
    // The damaged ones are due longest, and one of them is mended by being moved.
    assert_eq!(claimed.len(), 3);
    let claimed = store.claim_due(minute(200), minute(300), 100).await;
    assert_eq!(claimed.expect("it answers").len(), 32);
    let claimed = store.claim_due(minute(200), minute(300), 100).await;
    assert_eq!(claimed.expect("it answers"), [], "they were moved as well");

    for (n, grant) in given.iter().enumerate().take(10) {
        let removed = store.remove_grant(grant.session_id).await;
        let is_damaged = n < DAMAGES.len() && !DAMAGES[n].contains("due_at");
        let removed = removed.expect("it can go");
        assert_eq!(removed.is_none(), is_damaged, "{n}");
        let found = store.find_grant(grant.session_id).await;
        assert_eq!(found.expect("it answers"), None);
    }
    let counts = store.count_by_key().await.expect("it answers");
    assert_eq!(counts, [(cipher_key("k1"), 30)]);
}

/// A record that is damaged fails the list that it is in and the end that completes it.
#[tokio::test]
async fn a_damaged_record_says_so() {
    let (_folder, path) = folder();
    let store = open(&path).await;
    let mut held = Vec::new();
    for n in 0..2 {
        let given = grant("ada", minute(n));
        store.add_grant(given.clone()).await.expect("it is added");
        let begin = begin(&given);
        let record = begin.record.clone();
        let outcome = store.begin_refresh(begin).await.expect("it begins");
        let RefreshBegun::Begun(grant) = outcome else {
            unreachable!("{outcome:?}")
        };
        held.push((Grant::clone(&grant), record));
    }
    store.close().await;
    let id = held[0].1.id.to_string().replace('-', "");
    sql(
        &path,
        format!("UPDATE refreshes SET outcome = 'fine' WHERE id = x'{id}'"),
    )
    .await;

    let store = open(&path).await;
    let page = store
        .refreshes(held[0].0.session_id, PageRequest::default())
        .await;
    let error = page.expect_err("it cannot be read");
    assert_eq!(error.kind(), StoreErrorKind::Corrupt);
    let outcomes = parallel::all(held.into_iter().map(|(grant, record)| {
        let store = Arc::clone(&store);
        async move { store.finish_refresh(RefreshEnd { grant, record }).await }
    }))
    .await;
    let kinds: Vec<_> = outcomes
        .into_iter()
        .map(|outcome| outcome.map(drop).map_err(|error| error.kind()))
        .collect();
    assert_eq!(kinds, [Err(StoreErrorKind::Corrupt), Ok(())]);
}

/// Tokens are in the file where sealed tokens belong and nowhere else, in any spelling; those before are
/// in no row.
#[tokio::test]
async fn sealed_tokens_are_where_they_belong_only() {
    let (_folder, path) = folder();
    let store = open(&path).await;
    let with_id = |mut tokens: session_core::SealedTokens| {
        tokens.id = Some([&tokens.access[..], b" id"].concat().into());
        tokens
    };
    let first = Grant {
        tokens: with_id(sealed("k1")),
        ..grant("ada", start())
    };
    store.add_grant(first.clone()).await.expect("it is added");
    let begin = begin(&first);
    let record = begin.record.clone();
    let outcome = store.begin_refresh(begin).await.expect("it begins");
    let RefreshBegun::Begun(held) = outcome else {
        unreachable!("{outcome:?}")
    };
    let after = Grant {
        tokens: with_id(sealed("k2")),
        ..Grant::clone(&held)
    };
    let end = RefreshEnd {
        grant: after.clone(),
        record: RefreshRecord {
            outcome: RefreshOutcome::Success,
            ..record
        },
    };
    store.finish_refresh(end).await.expect("it ends");
    store.close().await;

    let mut file = connect(&path).await;
    let columns = sqlx::query(
        "SELECT t.name, c.name FROM sqlite_schema AS t, pragma_table_xinfo(t.name) AS c
         WHERE t.type = 'table' ORDER BY 1, 2",
    )
    .fetch_all(&mut file)
    .await
    .expect("it answers");
    assert!(columns.len() > 80, "all of the file");
    let tokens = [("now", &after.tokens), ("before", &first.tokens)];
    let mut found = Vec::new();
    for column in &columns {
        let (table, column): (&str, &str) = (column.get(0), column.get(1));
        for (when, tokens) in tokens {
            let fields = [
                ("access", Some(&tokens.access)),
                ("refresh", tokens.refresh.as_ref()),
                ("id", tokens.id.as_ref()),
            ];
            for (field, bytes) in fields {
                let statement = format!(
                    "SELECT count(*) FROM {table} WHERE instr(CAST({column} AS BLOB), ?1)
                         OR instr(upper(CAST({column} AS TEXT)), hex(?1))"
                );
                let count: i64 = sqlx::query(sqlx::AssertSqlSafe(statement))
                    .bind(bytes.expect("there is one").to_vec())
                    .fetch_one(&mut file)
                    .await
                    .expect("it answers")
                    .get(0);
                if count > 0 {
                    found.push(format!("{table}.{column}: {field} {when}"));
                }
            }
        }
    }
    let expected = [
        "grant_tokens.access: access now",
        // The ID token of this test begins like the access token.
        "grant_tokens.id_token: access now",
        "grant_tokens.id_token: id now",
        "grant_tokens.refresh: refresh now",
    ];
    assert_eq!(found, expected);
}
