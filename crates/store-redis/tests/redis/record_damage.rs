//! Records of refreshes that other hands were at.

use session_core::ports::{GrantStore as _, RefreshFinished, StoreErrorKind};
use session_core::{Grant, PageRequest, RefreshOutcome, RefreshRecord};
use store_contract::samples::{grant, minute, start};
use store_redis::RedisStore;

use crate::grant_keys::{begun, end};
use crate::raw::Raw;

/// What is written over the front of a record; nothing stands for its end being cut off.
const DAMAGES: [&[u8]; 5] = [
    // A newer form, and outcomes and ways of having ended that there are not.
    b"\x02",
    b"\x01\x0b",
    b"\x01\xff",
    b"\x01\x00\x02",
    b"",
];

async fn held(store: &RedisStore) -> (Grant, RefreshRecord) {
    let given = grant("ada", start());
    store.add_grant(given.clone()).await.expect("it is added");
    begun(store, &given, minute(1), minute(2)).await
}

async fn damage(raw: &Raw, record: &RefreshRecord, front: &[u8]) {
    let key = raw.key("gr:", record.id.as_bytes());
    let mut bytes: Vec<u8> = raw.on("GET", &key, &[]).await;
    if front.is_empty() {
        bytes.pop();
    }
    bytes[..front.len()].copy_from_slice(front);
    raw.on("SET", &key, &[&bytes]).await
}

/// A record that cannot be read fails the list that it is in.
#[tokio::test]
async fn a_damaged_record_is_corrupt() {
    let raw = Raw::new().await;
    let store = raw.store().await;
    for front in DAMAGES {
        let (held, record) = held(&store).await;
        damage(&raw, &record, front).await;
        let listed = store.refreshes(held.session_id, PageRequest::default());
        let error = listed.await.expect_err("it cannot be read");
        assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{front:?}");
    }
    let (held, record) = held(&store).await;
    let key = raw.key("gr:", record.id.as_bytes());
    let bytes: Vec<u8> = raw.on("GET", &key, &[]).await;
    for length in 1..bytes.len() {
        raw.on::<()>("SET", &key, &[&bytes[..length]]).await;
        let listed = store.refreshes(held.session_id, PageRequest::default());
        let error = listed.await.expect_err("it cannot be read");
        assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{length}");
    }
    raw.on::<()>("SET", &key, &[&[&bytes[..], b"\0"].concat()])
        .await;
    let listed = store.refreshes(held.session_id, PageRequest::default());
    let error = listed.await.expect_err("it cannot be read");
    assert_eq!(error.kind(), StoreErrorKind::Corrupt);
}

/// An end whose record cannot be judged changes nothing; whoever takes over is none the worse for it, and
/// leaves it as it is.
#[tokio::test]
async fn a_damaged_record_is_not_written_over() {
    let raw = Raw::new().await;
    let store = raw.store().await;
    for front in &DAMAGES[..3] {
        let (held, record) = held(&store).await;
        damage(&raw, &record, front).await;
        let before = raw.everything().await;
        let ended = store.finish_refresh(end(&held, &record)).await;
        let error = ended.expect_err("it cannot be judged");
        assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{front:?}");
        assert!(raw.everything().await == before, "{front:?}");

        let key = raw.key("gr:", record.id.as_bytes());
        let before: Vec<u8> = raw.on("GET", &key, &[]).await;
        let (taken, other) = begun(&store, &held, minute(2), minute(3)).await;
        let after: Vec<u8> = raw.on("GET", &key, &[]).await;
        assert_eq!(after, before);
        let ended = store.finish_refresh(end(&taken, &other)).await;
        assert!(matches!(ended, Ok(RefreshFinished::Stored(_))));
    }
}

/// What is no text of bytes at all is damaged, too, and in nobody's way.
#[tokio::test]
async fn a_record_of_another_type_is_corrupt() {
    let raw = Raw::new().await;
    let store = raw.store().await;
    let (held, record) = held(&store).await;
    let key = raw.key("gr:", record.id.as_bytes());
    raw.on::<()>("DEL", &key, &[]).await;
    raw.on::<()>("SADD", &key, &[b"x"]).await;
    let listed = store.refreshes(held.session_id, PageRequest::default());
    let error = listed.await.expect_err("it cannot be read");
    assert_eq!(error.kind(), StoreErrorKind::Corrupt);
    let ended = store.finish_refresh(end(&held, &record)).await;
    let error = ended.expect_err("it cannot be judged");
    assert_eq!(error.kind(), StoreErrorKind::Corrupt);
    begun(&store, &held, minute(2), minute(3)).await;
    let forgotten = store.forget_refreshes(minute(9), 9).await;
    assert_eq!(forgotten.expect("it forgets").count, 2);
}

/// What was completed is not taken for a death, and the completion of who died keeps all else.
#[tokio::test]
async fn an_interruption_is_written_in_place() {
    let raw = Raw::new().await;
    let store = raw.store().await;
    let (held, record) = held(&store).await;
    let key = raw.key("gr:", record.id.as_bytes());
    let before: Vec<u8> = raw.on("GET", &key, &[]).await;
    begun(&store, &held, minute(2), minute(3)).await;
    let after: Vec<u8> = raw.on("GET", &key, &[]).await;
    assert_eq!((after.len(), &after[11..]), (before.len(), &before[11..]));
    let listed = store.refreshes(held.session_id, PageRequest::default());
    let listed = listed.await.expect("it answers").items;
    let expected = RefreshRecord {
        outcome: RefreshOutcome::Interrupted,
        finished_at: Some(minute(2)),
        ..record
    };
    assert_eq!(*listed[1], expected);
}
