//! A server that answers, and will not do it.

use std::fs;
use std::time::Duration;

use real_redis::{RedisServer, ServerOptions};
use session_core::ports::{SessionStore as _, StoreErrorKind};
use session_core::{Session, SessionId};
use store_contract::samples::{NO_LIMIT, minute, revoked, session, start};
use store_redis::RedisStore;

use super::life::whole_life;
use super::own::{self, chain, is_unavailable, timed, works_within};

const RETURN: Duration = Duration::from_secs(3);

fn told(server: &RedisServer, words: &[&str]) {
    let said = server.command(words);
    assert!(said.starts_with("OK"), "{words:?}: {said}");
}

/// A session that outlasts what else happens in a test.
async fn stored(store: &RedisStore) -> Session {
    let session = Session {
        expires_at: minute(1000),
        ..session("bob", start())
    };
    let created = store.create(session.clone(), NO_LIMIT).await;
    created.expect("it is stored");
    session
}

async fn assert_no_writes(store: &RedisStore, id: SessionId) {
    let created = store.create(session("ada", start()), NO_LIMIT).await;
    assert!(is_unavailable(&created), "{created:?}");
    let ended = store.end(id, revoked(minute(1))).await;
    assert!(is_unavailable(&ended), "{ended:?}");
}

async fn assert_writes(store: &RedisStore, kept: &Session) {
    works_within(RETURN, async || {
        store.create(session("ada", start()), NO_LIMIT).await
    })
    .await;
    let found = store.find(kept.id).await.expect("it answers");
    assert_eq!(*found.expect("it is kept"), *kept);
    whole_life(store, &mut |name, answer| answer.expect(name)).await;
}

/// Scripts are brought along again, whenever they were forgotten.
#[tokio::test]
async fn a_server_that_forgot_all_scripts_is_given_them() {
    let Some((mut server, store)) =
        own::server_and_store(&ServerOptions::default().append_only()).await
    else {
        return;
    };
    let mut calls = 0;
    whole_life(&store, &mut |name, answer| {
        answer.expect(name);
        told(&server, &["SCRIPT", "FLUSH"]);
        calls += 1;
    })
    .await;
    assert!(calls > 40);
    server.stop();
    server.start_again();
    works_within(RETURN, async || store.check().await).await;
    let stored = stored(&store).await;
    assert!(matches!(store.find(stored.id).await, Ok(Some(_))));
}

/// One that was made a replica knows what was true once: it is not asked any more, and neither written
/// to nor believed, until it is a primary again.
#[tokio::test(flavor = "multi_thread")]
async fn a_replica_is_not_believed() {
    let Some((server, store)) = own::server_and_store(&ServerOptions::default()).await else {
        return;
    };
    let kept = stored(&store).await;
    told(&server, &["REPLICAOF", "127.0.0.1", "1"]);
    assert_no_writes(&store, kept.id).await;
    // Looked at once a second.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let connections = || {
        let stats = server.command(&["INFO", "stats"]);
        let line = stats.lines().find_map(|line| {
            let count = line.strip_prefix("total_connections_received:")?;
            count.parse::<u64>().ok()
        });
        line.expect("it counts connections")
    };
    let before = connections();
    for _ in 0..200 {
        let found = store.find(kept.id).await;
        assert!(is_unavailable(&found), "{found:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // It is asked now and then what it is, with pauses.
    let asked = connections() - before;
    assert!(asked < 30, "{asked} connections in a second");
    let error = own::refused(own::options(&server.url())).await;
    assert!(error.contains("primary"), "{error}");

    told(&server, &["REPLICAOF", "NO", "ONE"]);
    assert_writes(&store, &kept).await;
}

/// Full: nothing new, and everything else goes on.
#[tokio::test]
async fn a_full_server_refuses_writes_alone() {
    let Some((server, store)) = own::server_and_store(&ServerOptions::default()).await else {
        return;
    };
    let kept = stored(&store).await;
    whole_life(&store, &mut |name, answer| answer.expect(name)).await;
    told(&server, &["CONFIG", "SET", "maxmemory", "100kb"]);
    let created = store.create(session("ada", start()), NO_LIMIT).await;
    assert!(is_unavailable(&created), "{created:?}");
    let said = chain(&created.expect_err("it is refused"));
    assert!(said.contains("OOM"), "{said}");
    whole_life(&store, &mut |name, answer| {
        if let Err(error) = answer {
            assert_eq!(
                error.kind(),
                StoreErrorKind::Unavailable,
                "{name}: {error:?}"
            );
        }
    })
    .await;
    for _ in 0..20 {
        let found = store.find(kept.id).await.expect("reads go on");
        assert_eq!(*found.expect("it is kept"), kept);
        let page = store.list(&kept.user_id, Default::default(), minute(1));
        assert_eq!(page.await.expect("reads go on").items.len(), 1);
    }
    told(&server, &["CONFIG", "SET", "maxmemory", "0"]);
    assert_writes(&store, &kept).await;
}

/// A snapshot that cannot be written: Redis takes no more writes until one can.
#[tokio::test]
async fn a_failed_snapshot_passes() {
    let Some((server, store)) = own::server_and_store(&ServerOptions::default()).await else {
        return;
    };
    let kept = stored(&store).await;
    // It cannot be replaced by a file.
    let dump = server.folder().join("dump.rdb");
    fs::create_dir(&dump).expect("it can be made");
    told(&server, &["CONFIG", "SET", "save", "3600 1"]);
    let saved_as = async |status: &str| {
        let wanted = format!("rdb_last_bgsave_status:{status}");
        for _ in 0..300 {
            let info = server.command(&["INFO", "persistence"]);
            let is_idle = info.lines().any(|line| line == "rdb_bgsave_in_progress:0");
            if is_idle && info.lines().any(|line| line == wanted) {
                return;
            }
            if is_idle {
                let _ = server.command(&["BGSAVE"]);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("no snapshot ends as {status}");
    };
    saved_as("err").await;
    assert_no_writes(&store, kept.id).await;
    let found = store.find(kept.id).await.expect("reads go on");
    assert_eq!(*found.expect("it is kept"), kept);

    fs::remove_dir(&dump).expect("it can be removed");
    saved_as("ok").await;
    assert_writes(&store, &kept).await;
}

/// Too few replicas for a write that is to last.
#[tokio::test]
async fn missing_replicas_pass() {
    let Some((server, store)) = own::server_and_store(&ServerOptions::default()).await else {
        return;
    };
    let kept = stored(&store).await;
    told(&server, &["CONFIG", "SET", "min-replicas-to-write", "1"]);
    assert_no_writes(&store, kept.id).await;
    told(&server, &["CONFIG", "SET", "min-replicas-to-write", "0"]);
    assert_writes(&store, &kept).await;
}

/// Somebody else's script that does not end: everybody waits, and nobody is told anything wrong.
#[tokio::test(flavor = "multi_thread")]
async fn a_busy_server_passes() {
    let options = ServerOptions::default().setting("busy-reply-threshold", "50");
    let Some((server, store)) = own::server_and_store(&options).await else {
        return;
    };
    let kept = stored(&store).await;
    let port = server.port();
    let endless = tokio::task::spawn_blocking(move || {
        // Its answer comes once it is killed.
        let client = redis::Client::open(("127.0.0.1", port)).expect("an address");
        let mut connection = client.get_connection().expect("it connects");
        let mut endless = redis::cmd("EVAL");
        endless.arg("while true do end").arg(0);
        endless.query::<()>(&mut connection).is_err()
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    for _ in 0..5 {
        let (found, took) = timed(store.find(kept.id)).await;
        assert!(is_unavailable(&found), "{found:?}");
        assert!(took < own::TIMEOUT + own::SLOW, "{took:?}");
    }
    told(&server, &["SCRIPT", "KILL"]);
    assert!(endless.await.expect("it ends"));
    assert_writes(&store, &kept).await;
}

/// No more clients: whoever comes back waits until there is room.
#[tokio::test]
async fn a_crowded_server_passes() {
    let Some((server, store)) = own::server_and_store(&ServerOptions::default()).await else {
        return;
    };
    let kept = stored(&store).await;
    told(&server, &["CONFIG", "SET", "maxclients", "1"]);
    told_any(&server, &["CLIENT", "KILL", "TYPE", "normal"]);
    // Another has the only place.
    let other = std::net::TcpStream::connect(("127.0.0.1", server.port()));
    let other = other.expect("it connects");
    for _ in 0..20 {
        let found = store.find(kept.id).await;
        if let Err(error) = &found {
            assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}");
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    drop(other);
    works_within(RETURN, async || store.find(kept.id).await).await;
}

fn told_any(server: &RedisServer, words: &[&str]) {
    // The connection that says it may be among those that end.
    let _ = server.try_command(words);
}
