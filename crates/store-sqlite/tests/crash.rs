//! SIGKILL in the middle of refreshes: the tokens are the old ones or the new ones, and the record tells
//! which.

#![expect(clippy::expect_used, reason = "tests fail by panicking")]

use std::collections::HashMap;
use std::env;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use chrono::TimeDelta;
use session_core::ports::{
    GrantStore as _, RefreshBegin, RefreshBegun, RefreshEnd, RefreshFinished, SessionStore as _,
};
use session_core::{
    Grant, PageRequest, ProviderTokenHash, RefreshId, RefreshOutcome, RefreshRecord, SealedTokens,
    SessionId,
};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Row as _};
use store_contract::samples::{attempt, cipher_key, grant, minute, start};
use store_sqlite::{Options, SqliteStore};

/// Tells a process of this test that it is the one to be killed, and where to write.
const FOLDER: &str = "STORE_SQLITE_CRASH_FOLDER";
const GRANTS: i64 = 8;
const ROUNDS: u64 = 12;

async fn open(folder: &Path) -> Arc<SqliteStore> {
    let store = SqliteStore::open(Options::new(folder.join("sessions.db"))).await;
    Arc::new(store.expect("it opens"))
}

/// The tokens after so many rotations: large enough for several pages, and each of one kind of byte, so
/// that two halves of different ones are told from a whole.
fn tokens(rotations: u64) -> SealedTokens {
    let byte = u8::try_from(rotations % 251).expect("small");
    let sealed = |kind: u8| -> Box<[u8]> { vec![byte ^ kind; 9000].into() };
    SealedTokens {
        key: cipher_key(&format!("k{}", rotations % 3)),
        access: sealed(0),
        refresh: Some(sealed(0x80)),
        id: Some(sealed(0x40)),
    }
}

fn hash_of(rotations: u64) -> ProviderTokenHash {
    let mut hash = [0; 32];
    hash[..8].copy_from_slice(&rotations.to_be_bytes());
    ProviderTokenHash::from_bytes(hash)
}

fn of_rotation(grant: &Grant, rotations: u64) -> Grant {
    Grant {
        tokens: tokens(rotations),
        access_hash: hash_of(rotations),
        rotation_count: rotations,
        ..grant.clone()
    }
}

/// Renews one grant over and over, and says so on standard output: "b" and "f" with the session and the
/// number of rotations, once a begin or an end was answered.
async fn renew(store: Arc<SqliteStore>, mut present: Grant) {
    let say = |what: char, grant: &Grant, rotations: u64| {
        // One call, so that lines of several tasks stay apart.
        let line = format!("\n{what} {} {rotations}\n", grant.session_id);
        std::io::stdout()
            .write_all(line.as_bytes())
            .expect("somebody listens");
    };
    loop {
        // The clock goes on from one process to the next, so what the one before had is free again.
        let now = start() + TimeDelta::minutes(10) * i32::try_from(present.version).expect("small");
        let rotations = present.rotation_count + 1;
        // Another process counts from the same number on: the id is made of what is its own.
        let mut own = [0; 10];
        own.copy_from_slice(&present.session_id.as_bytes()[6..]);
        let record = RefreshRecord {
            id: RefreshId::at(now, own),
            rotation_count: rotations,
            new_access_token: Some(hash_of(rotations)),
            ..attempt(&present, now)
        };
        let begin = RefreshBegin {
            expected_version: present.version,
            until: now + TimeDelta::minutes(5),
            record: record.clone(),
        };
        let begun = store.begin_refresh(begin).await.expect("it begins");
        let RefreshBegun::Begun(held) = begun else {
            unreachable!("nobody else renews it: {begun:?}")
        };
        say('b', &held, rotations);
        let end = RefreshEnd {
            grant: of_rotation(&held, rotations),
            record: RefreshRecord {
                outcome: RefreshOutcome::Success,
                finished_at: Some(now),
                ..record
            },
        };
        let finished = store.finish_refresh(end).await.expect("it ends");
        let RefreshFinished::Stored(stored) = finished else {
            unreachable!("nobody has taken over: {finished:?}")
        };
        say('f', &stored, rotations);
        present = Grant::clone(&stored);
    }
}

/// Not a test: what the process does that is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "started by the test below"]
async fn renews_until_it_is_killed() {
    let Some(folder) = env::var_os(FOLDER) else {
        return;
    };
    let store = open(Path::new(&folder)).await;
    let due = store.claim_due(minute(1_000_000), minute(1), 100).await;
    let tasks: Vec<_> = due
        .expect("it answers")
        .into_iter()
        .map(|due| tokio::spawn(renew(Arc::clone(&store), Grant::clone(&due))))
        .collect();
    for task in tasks {
        task.await.expect("it goes on");
    }
}

/// What a process said before it was killed: the last rotation that was begun and that was finished, by
/// session.
type Said = HashMap<String, (u64, u64)>;

fn run_until_killed(folder: &Path, answers: usize, pause: Duration) -> Said {
    let program = env::current_exe().expect("this test has a file");
    let mut child = Command::new(program)
        .args(["--exact", "renews_until_it_is_killed", "--ignored"])
        .args(["--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let mut said = Said::new();
    let mut note = |line: &str| -> bool {
        let words: Vec<_> = line.split(' ').collect();
        let &[what @ ("b" | "f"), id, rotations] = words.as_slice() else {
            return false;
        };
        let rotations = rotations.parse().expect("a number");
        let last = said.entry(id.to_owned()).or_default();
        *if what == "b" {
            &mut last.0
        } else {
            &mut last.1
        } = rotations;
        true
    };
    // Once it is at work, at any moment.
    let mut count = 0;
    while count < answers {
        let line = lines.next().expect("it is at work").expect("a line");
        count += usize::from(note(&line));
    }
    thread::sleep(pause);
    child.kill().expect("it is killed");
    child.wait().expect("it is gone");
    for line in lines {
        note(&line.expect("a line"));
    }
    said
}

#[tokio::test]
async fn a_kill_leaves_old_or_new_tokens_and_a_record_that_tells_which() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await;
    for n in 0..GRANTS {
        let given = of_rotation(&grant("ada", minute(n)), 0);
        store.add_grant(given).await.expect("it is added");
    }
    store.close().await;
    drop(store);

    let (mut interrupted, mut renewed) = (0, 0);
    for round in 0..ROUNDS {
        let pause = Duration::from_micros(round * 1237 % 9000);
        let said = run_until_killed(folder.path(), 40, pause);
        assert_eq!(said.len(), usize::try_from(GRANTS).expect("small"));
        let store = open(folder.path()).await;
        for (id, (begun, finished)) in said {
            let id: SessionId = id.parse().expect("an id");
            renewed += finished;
            interrupted += check(&store, id, begun, finished).await;
        }
        store.close().await;
    }
    assert!(interrupted > 0, "no kill met a refresh");
    assert!(renewed > ROUNDS * 10, "they were hardly at work: {renewed}");
    integrity(folder.path()).await;
}

/// Of one grant: what was answered happened, nothing is half done, and the records agree with it. How
/// many refreshes were under way.
async fn check(store: &SqliteStore, id: SessionId, begun: u64, finished: u64) -> u64 {
    let found = store.find_grant(id).await.expect("it answers");
    let found = found.expect("it is there");
    let rotations = found.rotation_count;
    assert!(rotations >= finished, "an end that was answered is lost");
    assert!(rotations <= finished.max(begun) + 1);
    let expected = of_rotation(&found, rotations);
    assert!(*found == expected, "the grant is of one piece");

    let page = PageRequest::new(Some(10), None).expect("a page request");
    let page = store.refreshes(id, page).await.expect("it answers");
    let records = page.items;
    // The newest is the one under way, if any is; all others are over.
    let pending = u64::from(found.lease.is_some());
    for (n, record) in records.iter().enumerate() {
        let is_pending = record.outcome == RefreshOutcome::Pending;
        assert_eq!(is_pending, n == 0 && pending == 1, "{record:?}");
        assert_eq!(record.finished_at.is_none(), is_pending);
    }
    let newest = records.first().expect("there is one");
    if let Some(lease) = found.lease {
        assert_eq!(lease.record, newest.id);
        assert_eq!(
            newest.rotation_count,
            rotations + 1,
            "the tokens are the old ones"
        );
    } else {
        assert_eq!(newest.outcome, RefreshOutcome::Success);
        assert_eq!(
            newest.rotation_count, rotations,
            "the tokens are the new ones"
        );
        assert_eq!(newest.new_access_token, Some(found.access_hash));
    }
    assert!(
        begun <= rotations + pending,
        "a begin that was answered is lost"
    );
    // Whoever died in an earlier round was found out by the next.
    for record in records.iter().skip(1) {
        assert!(matches!(
            record.outcome,
            RefreshOutcome::Success | RefreshOutcome::Interrupted
        ));
    }
    pending
}

/// The file is whole, and each grant has its tokens and no others.
async fn integrity(folder: &Path) {
    let options = SqliteConnectOptions::new().filename(folder.join("sessions.db"));
    let mut file = options.connect().await.expect("it opens");
    let row = sqlx::query(
        "SELECT (SELECT integrity_check FROM pragma_integrity_check),
                (SELECT count(*) FROM grants FULL JOIN grant_tokens USING (session_id)
                 WHERE grants.session_id IS NULL OR grant_tokens.session_id IS NULL)",
    )
    .fetch_one(&mut file)
    .await
    .expect("it answers");
    assert_eq!((row.get::<&str, _>(0), row.get::<i64, _>(1)), ("ok", 0));
}
