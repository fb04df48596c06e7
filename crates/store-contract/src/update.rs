//! Changing metadata and fingerprints.

use std::sync::Arc;

use chrono::TimeDelta;
use serde_json::{Value, json};
use session_core::ports::{SessionChange, SessionStore, UpdateOutcome};
use session_core::{DeviceFingerprint, Metadata, Rotation, Session, SessionId, SessionSecret};

use crate::parallel;
use crate::samples::{found, idling, minute, revoked, session, start, stored};

fn metadata(value: &Value) -> SessionChange {
    let metadata = Metadata::new(value.as_object().expect("an object")).expect("metadata");
    SessionChange {
        metadata: Some(metadata),
        ..SessionChange::default()
    }
}

fn fingerprint(platform: &str) -> SessionChange {
    let fingerprint = DeviceFingerprint {
        platform: Some(platform.to_owned()),
        ..DeviceFingerprint::default()
    };
    SessionChange {
        device_fingerprint: Some(fingerprint),
        ..SessionChange::default()
    }
}

/// Another secret, in place of the one made of `n`; used since for the even ones.
pub(crate) fn secret(id: SessionId, n: u8) -> SessionChange {
    let old = SessionSecret::from_bytes([n; SessionSecret::BYTES]);
    let (new, rotation) = Rotation::of(id, &old, &[n + 100; Rotation::FRESH_BYTES]);
    let rotation = if n.is_multiple_of(2) {
        rotation.used(minute(n.into()))
    } else {
        rotation
    };
    SessionChange {
        secret: Some((new.hash(), Box::new(rotation))),
        ..SessionChange::default()
    }
}

/// What is named is replaced whole, the rest stays; the version is raised.
pub async fn parts_are_replaced(store: Arc<dyn SessionStore>) {
    let mut expected = Session::clone(&*stored(&store, session("ada", start())).await);
    let all = SessionChange {
        metadata: metadata(&json!({"a": 1})).metadata,
        device_fingerprint: fingerprint("Mac").device_fingerprint,
        secret: secret(expected.id, 1).secret,
    };
    let changes = [
        metadata(&json!({"role": "admin", "x": "é'\""})),
        fingerprint("Linux"),
        secret(expected.id, 2),
        secret(expected.id, 3),
        all,
        SessionChange::default(),
    ];
    for change in changes {
        let outcome = store
            .update(expected.id, expected.version, change.clone(), minute(1))
            .await;
        let UpdateOutcome::Updated(after) = outcome.expect("the store answers") else {
            panic!("the version is right and the session live")
        };
        assert!(after.version > expected.version);
        expected.version = after.version;
        if let Some(metadata) = change.metadata {
            expected.metadata = metadata;
        }
        if let Some(fingerprint) = change.device_fingerprint {
            expected.client.device_fingerprint = Some(Box::new(fingerprint));
        }
        if let Some((secret_hash, rotation)) = change.secret {
            expected.secret_hash = secret_hash;
            expected.rotation = Some(rotation);
        }
        assert_eq!(*after, expected);
        assert_eq!(*found(&store, expected.id).await, expected);
    }
}

/// Whoever read before someone else wrote, writes nothing.
pub async fn an_outdated_version_changes_nothing(store: Arc<dyn SessionStore>) {
    let before = stored(&store, session("ada", start())).await;
    let first = store
        .update(before.id, before.version, fingerprint("first"), minute(1))
        .await;
    let UpdateOutcome::Updated(first) = first.expect("the store answers") else {
        panic!("nobody else wrote")
    };
    for version in [before.version, first.version + 1] {
        let second = store
            .update(before.id, version, fingerprint("second"), minute(1))
            .await;
        assert_eq!(
            second.expect("the store answers"),
            UpdateOutcome::VersionConflict
        );
    }
    assert_eq!(found(&store, before.id).await, first);
}

/// Requirement 14: ended, past either deadline, or unknown.
pub async fn what_is_not_live_is_not_updated(store: Arc<dyn SessionStore>) {
    let ended = stored(&store, session("ada", start())).await;
    store
        .end(ended.id, revoked(minute(1)))
        .await
        .expect("the store ends it");
    let ended = found(&store, ended.id).await;
    let old = stored(&store, session("ada", start())).await;
    let idle = stored(
        &store,
        idling(session("ada", start()), TimeDelta::minutes(5)),
    )
    .await;
    let unknown = session("nobody", start());
    for (session, now) in [
        (&*ended, minute(2)),
        (&*old, minute(60)),
        (&*idle, minute(5)),
        (&unknown, start()),
    ] {
        let outcome = store
            .update(session.id, session.version, fingerprint("x"), now)
            .await;
        assert_eq!(outcome.expect("the store answers"), UpdateOutcome::NotLive);
    }
    for session in [ended, old, idle] {
        assert_eq!(found(&store, session.id).await, session);
    }
}

/// Fifty writers, each of a member of its own, each trying again until it succeeds.
pub async fn parallel_updates_lose_nothing(store: Arc<dyn SessionStore>) {
    let id = stored(&store, session("ada", start())).await.id;
    parallel::all((0..50).map(|n| {
        let store = Arc::clone(&store);
        async move {
            let member = json!({format!("m{n}"): n});
            loop {
                let before = found(&store, id).await;
                let merged = before
                    .metadata
                    .merged(member.as_object().expect("an object"));
                let change = SessionChange {
                    metadata: Some(merged.expect("small")),
                    ..SessionChange::default()
                };
                let outcome = store.update(id, before.version, change, minute(1)).await;
                match outcome.expect("the store answers") {
                    UpdateOutcome::Updated(_) => break,
                    UpdateOutcome::VersionConflict => {}
                    UpdateOutcome::NotLive => panic!("it is live"),
                }
            }
        }
    }))
    .await;
    let after = found(&store, id).await;
    let members: Value = serde_json::from_str(after.metadata.as_json()).expect("JSON");
    assert_eq!(members.as_object().expect("an object").len(), 50);
}
