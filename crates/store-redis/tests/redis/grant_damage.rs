//! Grants that other hands were at.

use session_core::ports::{GrantStore as _, RefreshBegin, StoreError, StoreErrorKind};
use session_core::{Grant, PageRequest};
use store_contract::samples::{attempt, cipher_key, grant, minute, provider, sealed, start};
use store_redis::RedisStore;

use crate::grant_keys::end;
use crate::raw::Raw;

/// What is done to the hash of a grant.
#[derive(Debug, Clone, Copy)]
enum Damage {
    /// A field is another.
    Set(&'static str, &'static [u8]),
    /// A field is gone.
    Unset(&'static str),
    /// The field that only this program reads ends so many bytes early.
    Cut(usize),
    /// The same with a byte behind.
    Longer,
    /// The same with another byte at a place.
    Byte(usize, u8),
    /// It is no hash.
    NoHash,
}
use Damage::{Byte, Cut, Longer, NoHash, Set, Unset};

/// What steps judge by: they see it, and write nothing.
const JUDGED: [Damage; 15] = [
    Set("f", b"2"),
    Set("f", b"1 "),
    Unset("f"),
    Set("v", b"x"),
    Set("v", b""),
    Unset("v"),
    Set("d", b"soon"),
    Set("d", b"nan"),
    Unset("d"),
    Set("u", b"1750000000000"),
    Set("l", b"0123456789abcdef"),
    Set("u", b"0x10"),
    Unset("p"),
    Unset("k"),
    NoHash,
];

/// What only reading finds out.
const READ: [Damage; 20] = [
    Set("v", b"01"),
    Set("v", b"-1"),
    Set("v", b"18446744073709551616"),
    Set("d", b"9223372036854775807"),
    Set("d", b"-0x1"),
    Set("p", b"Corp"),
    Set("p", b"\xff"),
    Set("s", b"\xff"),
    Set("k", b"\xc3\xa4"),
    Set("k", b""),
    Unset("a"),
    Unset("b"),
    Set("b", b""),
    Cut(1),
    Cut(20),
    Cut(60),
    Longer,
    // The status, and whether there is an end of the access token.
    Byte(0, 2),
    Byte(41, 2),
    // A token before that is not there.
    Byte(50, 1),
];

async fn damage(raw: &Raw, grant: &Grant, damage: Damage) {
    let key = raw.key("g:", grant.session_id.as_bytes());
    let rest = async || -> Vec<u8> { raw.on("HGET", &key, &[b"b"]).await };
    match damage {
        Set(field, value) => raw.on("HSET", &key, &[field.as_bytes(), value]).await,
        Unset(field) => raw.on("HDEL", &key, &[field.as_bytes()]).await,
        Cut(bytes) => {
            let rest = rest().await;
            let rest = &rest[..rest.len() - bytes];
            raw.on("HSET", &key, &[b"b", rest]).await
        }
        Longer => {
            let rest = [&rest().await[..], b"\0"].concat();
            raw.on("HSET", &key, &[b"b", &rest]).await
        }
        Byte(place, byte) => {
            let mut rest = rest().await;
            assert_ne!(rest[place], byte);
            rest[place] = byte;
            raw.on("HSET", &key, &[b"b", &rest]).await
        }
        NoHash => {
            raw.on::<()>("DEL", &key, &[]).await;
            raw.on("SET", &key, &[b"1"]).await
        }
    }
}

fn begin(grant: &Grant) -> RefreshBegin {
    RefreshBegin {
        expected_version: grant.version,
        until: minute(105),
        record: attempt(grant, minute(100)),
    }
}

fn assert_corrupt<T: std::fmt::Debug>(answer: Result<T, StoreError>, what: Damage) {
    let error = answer.expect_err("it is damaged");
    assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{what:?}: {error}");
}

async fn added(store: &RedisStore) -> Grant {
    let given = Grant {
        provider_session: Some("here".into()),
        ..grant("ada", start())
    };
    store.add_grant(given.clone()).await.expect("it is added");
    given
}

/// Whoever asks for one is told, never that there is none.
#[tokio::test]
async fn a_damaged_grant_is_corrupt() {
    let raw = Raw::new().await;
    let store = raw.store().await;
    let good = added(&store).await;
    for what in JUDGED.into_iter().chain(READ) {
        let given = added(&store).await;
        let id = given.session_id;
        damage(&raw, &given, what).await;
        assert_corrupt(store.find_grant(id).await, what);
        assert_corrupt(store.find_grants(&[good.session_id, id]).await, what);
        assert_corrupt(
            store
                .sealed_otherwise(&cipher_key("k2"), PageRequest::default())
                .await,
            what,
        );
        let again = store.add_grant(given).await;
        let kind = again.expect_err("there is one").kind();
        assert_eq!(kind, StoreErrorKind::Internal, "{what:?}");
        store.remove_grant(id).await.expect("it can go");
    }
    let found = store.find_grant(good.session_id).await;
    assert_eq!(found.expect("it answers"), Some(good.into()));
}

/// What cannot be judged is not changed, nor is anything else.
#[tokio::test]
async fn what_cannot_be_judged_is_not_changed() {
    let raw = Raw::new().await;
    let store = raw.store().await;
    for what in JUDGED {
        let given = added(&store).await;
        let id = given.session_id;
        damage(&raw, &given, what).await;
        let before = raw.everything().await;
        assert_corrupt(store.begin_refresh(begin(&given)).await, what);
        assert_corrupt(store.keep_lease(id, 1, minute(9)).await, what);
        let end = end(&given, &attempt(&given, minute(1)));
        assert_corrupt(store.finish_refresh(end).await, what);
        assert_corrupt(store.postpone(id, 1, minute(9)).await, what);
        assert_corrupt(store.reseal(id, 1, sealed("k2")).await, what);
        assert!(raw.everything().await == before, "{what:?}");
        store.remove_grant(id).await.expect("it can go");
    }
}

/// A begin whose grant turns out to be unreadable only then is no begin to whoever asked.
#[tokio::test]
async fn what_cannot_be_read_is_not_begun() {
    let raw = Raw::new().await;
    let store = raw.store().await;
    for what in READ {
        let given = added(&store).await;
        damage(&raw, &given, what).await;
        assert_corrupt(store.begin_refresh(begin(&given)).await, what);
        store
            .remove_grant(given.session_id)
            .await
            .expect("it can go");
    }
}

/// One that is damaged neither keeps the others from being renewed nor is in the way of its removal.
#[tokio::test]
async fn a_damaged_grant_stands_in_nobodys_way() {
    let raw = Raw::new().await;
    let store = raw.store().await;
    let mut damaged = Vec::new();
    // They are due longest.
    for what in JUDGED.into_iter().chain(READ) {
        let given = added(&store).await;
        damage(&raw, &given, what).await;
        damaged.push((given.session_id, what));
    }
    let gone = added(&store).await;
    raw.on::<()>("DEL", &raw.key("g:", gone.session_id.as_bytes()), &[])
        .await;
    let mut good = Vec::new();
    for n in 0..10 {
        let given = grant("ada", minute(n));
        good.push(given.session_id);
        store.add_grant(given).await.expect("it is added");
    }
    // Half a lease is in nobody's way either.
    let (now, next) = (minute(200), minute(300));
    let mut claimed = Vec::new();
    for _ in 0..5 {
        let some = store.claim_due(now, next, 10).await.expect("it answers");
        claimed.extend(some.iter().map(|grant| grant.session_id));
    }
    // The time that one is due at is mended by moving it.
    let mended = |what: &Damage| matches!(what, Set("d", b"9223372036854775807"));
    let mended: Vec<_> = damaged.iter().filter(|(_, what)| mended(what)).collect();
    assert_eq!(mended.len(), 1);
    good.insert(0, mended[0].0);
    assert_eq!(claimed, good);
    let left: Vec<(Vec<u8>, f64)> = raw
        .on("ZRANGE", &raw.key("gd", b""), &[b"0", b"-1", b"WITHSCORES"])
        .await;
    assert_eq!(
        left.len(),
        10 + damaged.len(),
        "what is not there is not due"
    );
    let moved = next.timestamp_millis() as f64;
    assert!(left.iter().all(|(_, due)| *due == moved));

    for (id, what) in damaged {
        let removed = store.remove_grant(id).await.expect("it can go");
        assert_eq!(removed.is_none(), id != good[0], "{what:?}");
        let found = store.find_grant(id).await;
        assert_eq!(found.expect("it answers"), None);
    }
    let counts = store.count_by_key().await.expect("it answers");
    assert_eq!(
        counts,
        [(cipher_key("k1"), 11)],
        "with the one that is not there"
    );
    let other = cipher_key("k2");
    let page = store.sealed_otherwise(&other, PageRequest::default()).await;
    let page = page.expect("it answers");
    assert_eq!(page.items.len(), 10, "without the one that is not there");
    let counts = store.count_by_key().await.expect("it answers");
    assert_eq!(counts, [(cipher_key("k1"), 10)]);
    let due: u64 = raw.on("ZCARD", &raw.key("gd", b""), &[]).await;
    assert_eq!(due, 10);
}

/// A grant of a newer version is moved where it is looked for, and itself left as it is.
#[tokio::test]
async fn a_newer_form_is_not_written_to() {
    let raw = Raw::new().await;
    let store = raw.store().await;
    let given = added(&store).await;
    damage(&raw, &given, Set("f", b"2")).await;
    let key = raw.key("g:", given.session_id.as_bytes());
    let before: Vec<u8> = raw.on("DUMP", &key, &[]).await;
    for expected in [0, 0] {
        let claimed = store.claim_due(minute(200), minute(300), 10).await;
        assert_eq!(claimed.expect("it answers").len(), expected);
    }
    let due: f64 = raw
        .on(
            "ZSCORE",
            &raw.key("gd", b""),
            &[given.session_id.as_bytes()],
        )
        .await;
    assert_eq!(due, minute(300).timestamp_millis() as f64);
    let after: Vec<u8> = raw.on("DUMP", &key, &[]).await;
    assert!(after == before);
    let error = store.find_grant(given.session_id).await;
    let error = error.expect_err("it cannot be read");
    let source = std::error::Error::source(&error).expect("a cause");
    assert_eq!(source.to_string(), "a grant was written by a newer version");
}

/// An index that is something else fails what it is asked for, and says so.
#[tokio::test]
async fn a_damaged_index_is_corrupt() {
    let raw = Raw::new().await;
    let store = raw.store().await;
    let corp = provider("corp");
    for kind in ["gp:corp:here", "gk", "gk:k1", "gd", "gb"] {
        raw.on::<()>("SET", &raw.key(kind, b""), &[b"1"]).await;
    }
    let id = grant("ada", start()).session_id;
    raw.on::<()>("SET", &raw.key("gs:", id.as_bytes()), &[b"1"])
        .await;
    let what = NoHash;
    assert_corrupt(store.sessions_at_provider(&corp, "here").await, what);
    assert_corrupt(store.count_by_key().await, what);
    assert_corrupt(
        store
            .sealed_otherwise(&cipher_key("k2"), PageRequest::default())
            .await,
        what,
    );
    assert_corrupt(store.claim_due(minute(1), minute(2), 9).await, what);
    assert_corrupt(store.refreshes(id, PageRequest::default()).await, what);
    assert_corrupt(store.forget_refreshes(minute(1), 9).await, what);
    // Members that are none of ours.
    for (kind, command, member) in [
        ("gp:corp:here", "SADD", &[&b"short"[..]][..]),
        ("gk", "SADD", &[&b"\xff"[..]][..]),
    ] {
        raw.on::<()>("DEL", &raw.key(kind, b""), &[]).await;
        raw.on::<()>("DEL", &raw.key("gk:k1", b""), &[]).await;
        raw.on::<()>(command, &raw.key(kind, b""), member).await;
    }
    assert_corrupt(store.sessions_at_provider(&corp, "here").await, what);
    assert_corrupt(store.count_by_key().await, what);
}
