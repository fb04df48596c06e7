//! Creating and finding.

use std::sync::Arc;

use chrono::TimeDelta;
use serde_json::json;
use session_core::ports::{Extension, SessionChange, SessionStore, StoreErrorKind};
use session_core::{
    Activity, ClientDetails, DeviceFingerprint, MAX_METADATA_BYTES, Metadata, PageRequest, Scalar,
    Session, UpstreamDetails,
};

use crate::parallel;
use crate::samples::{NO_LIMIT, found, minute, revoked, session, start, stored, user};

/// Every field comes back as it was given, whatever it holds.
pub async fn what_was_created_is_found_whole(store: Arc<dyn SessionStore>) {
    let metadata = json!({"role": "admin", "permissions": ["read", "write"], "text": "é\"'\n\u{0}",
        "number": 1.5, "large": u64::MAX, "nested": {"list": [null, true]}});
    let full = Session {
        idle_timeout: Some(TimeDelta::milliseconds(90_500)),
        remember_me: true,
        metadata: Metadata::new(metadata.as_object().expect("an object")).expect("metadata"),
        client: ClientDetails {
            ip_address: Some("2001:db8::1".parse().expect("an address")),
            user_agent: Some("Mozilla/5.0 \"q\" 'a'\r\n\u{1b}[31m \u{1F600}".into()),
            device_fingerprint: Some(Box::new(DeviceFingerprint {
                platform: Some("Linux".to_owned()),
                fonts: Some(vec!["a".to_owned(), "b".to_owned()]),
                color_depth: Some(Scalar::Number(24.into())),
                cookies_enabled: Some(Scalar::Bool(true)),
                created_at: Some(start()),
                ..DeviceFingerprint::default()
            })),
        },
        upstream: Some(Box::new(UpstreamDetails {
            provider: Some("example".into()),
            scopes: vec!["openid".into(), "a b".into()],
        })),
        ..session("full \u{1F600} '; --", start())
    };
    let v4 = ClientDetails {
        ip_address: Some("192.0.2.1".parse().expect("an address")),
        ..ClientDetails::default()
    };
    let with_v4 = Session {
        client: v4,
        ..session("v4", start())
    };
    for given in [full, with_v4, session("bare", start())] {
        let created = stored(&store, given.clone()).await;
        assert_eq!(*created, given);
        assert_eq!(*found(&store, given.id).await, given);
        let page = store
            .list(&given.user_id, PageRequest::default(), start())
            .await;
        assert_eq!(*page.expect("the store answers").items[0], given);
    }
}

/// What is empty is not missing, an IPv4 address in IPv6 clothes is not an IPv4 address, the largest
/// values fit, and a list keeps its order and its doubles.
pub async fn values_at_the_edge_are_found_whole(store: Arc<dyn SessionStore>) {
    let blank = json!({"role": "", "permissions": [], "": "", "list": [i64::MIN, u64::MAX]});
    let padding = "x".repeat(MAX_METADATA_BYTES - r#"{"a":""}"#.len());
    let full = json!({ "a": padding });
    let empty = ClientDetails {
        ip_address: Some("::ffff:192.0.2.1".parse().expect("an address")),
        user_agent: Some("".into()),
        device_fingerprint: Some(Box::default()),
    };
    let wide = DeviceFingerprint {
        fonts: Some((0..200).map(|n| format!("Font {n} \u{1F600}")).collect()),
        plugins: Some(Vec::new()),
        ..DeviceFingerprint::default()
    };
    let sessions = [blank, full].map(|metadata| Session {
        metadata: Metadata::new(metadata.as_object().expect("an object")).expect("metadata"),
        client: empty.clone(),
        upstream: Some(Box::default()),
        ..session(&"é".repeat(127), start())
    });
    let mut scoped = session("scoped", start());
    scoped.client.device_fingerprint = Some(Box::new(wide));
    scoped.upstream = Some(Box::new(UpstreamDetails {
        provider: None,
        scopes: vec!["b".into(), "a".into(), "b".into(), "".into()],
    }));
    for given in sessions.into_iter().chain([scoped]) {
        let created = stored(&store, given.clone()).await;
        // The metadata apart from the rest, since a record's `Debug` form leaves most of it out.
        let back = found(&store, given.id).await;
        assert_eq!(back.metadata.as_json(), given.metadata.as_json());
        assert_eq!((&*created, &*back), (&given, &given));
    }
}

/// A fraction comes back as the same number to the last bit, and so does not drift a little further
/// with each time that it is read and written. Where numbers pass through `serde_json`, this takes its
/// feature `float_roundtrip`.
pub async fn fractions_are_found_to_the_last_bit(store: Arc<dyn SessionStore>) {
    let fractions = [92.421_325_128_135_95, 0.1 + 0.2, -0.0, 5e-324, f64::MAX];
    let metadata = json!({ "fractions": fractions });
    let mut given = session("ada", start());
    given.metadata = Metadata::new(metadata.as_object().expect("an object")).expect("metadata");
    let ratio = serde_json::Number::from_f64(fractions[0]).map(Scalar::Number);
    given.client.device_fingerprint = Some(Box::new(DeviceFingerprint {
        pixel_ratio: ratio,
        ..DeviceFingerprint::default()
    }));
    stored(&store, given.clone()).await;
    let back = found(&store, given.id).await;
    assert_eq!(back.metadata.as_json(), given.metadata.as_json());
    assert_eq!(*back, given);
}

/// "Not found" is no error.
pub async fn an_unknown_id_is_not_found(store: Arc<dyn SessionStore>) {
    let id = session("nobody", start()).id;
    assert_eq!(store.find(id).await.expect("the store answers"), None);
    assert_eq!(
        store
            .end(id, revoked(start()))
            .await
            .expect("the store answers"),
        None
    );
}

/// A second session of an id is an error, and the first stays as it is.
pub async fn an_id_is_taken_once(store: Arc<dyn SessionStore>) {
    let first = stored(&store, session("ada", start())).await;
    let second = Session {
        id: first.id,
        ..session("eve", minute(1))
    };
    let error = store
        .create(second, NO_LIMIT)
        .await
        .expect_err("the id is taken");
    assert_eq!(error.kind(), StoreErrorKind::Internal);
    assert_eq!(found(&store, first.id).await, first);
    let stats = store.stats(start()).await.expect("the store answers");
    assert_eq!((stats.total, stats.unique_users), (1, 1));
}

/// Whatever a store does with parallel requests, the fault of one is not that of the others.
pub async fn a_taken_id_does_not_spoil_its_neighbours(store: Arc<dyn SessionStore>) {
    let first = stored(&store, session("ada", start())).await;
    let outcomes = parallel::all((0..50).map(|n| {
        let store = Arc::clone(&store);
        let mut new = session(&format!("user {n}"), start());
        if n % 10 == 5 {
            new.id = first.id;
        }
        async move { (n, store.create(new, NO_LIMIT).await.is_ok()) }
    }))
    .await;
    for (n, is_stored) in outcomes {
        assert_eq!(is_stored, n % 10 != 5, "create number {n}");
    }
    assert_eq!(
        store.stats(start()).await.expect("the store answers").total,
        46
    );
}

/// A sign of life while open; afterwards an error that says so, and never an empty answer.
pub async fn a_closed_store_says_so(store: Arc<dyn SessionStore>) {
    let session_before = stored(&store, session("ada", start())).await;
    store.check().await.expect("an open store answers");
    store.close().await;
    store.close().await;
    let (id, now) = (session_before.id, start());
    let extension = Extension {
        by: TimeDelta::minutes(1),
        not_past: minute(100),
    };
    let kinds = [
        store.check().await.map(drop),
        store.find(id).await.map(drop),
        store.create(session("eve", now), NO_LIMIT).await.map(drop),
        store.end(id, revoked(now)).await.map(drop),
        store.suspend(id, true, now).await.map(drop),
        store.touch(&[Activity { id, at: minute(1) }]).await,
        store.extend(id, extension, now).await.map(drop),
        store
            .update(id, 1, SessionChange::default(), now)
            .await
            .map(drop),
        store
            .list(&user("ada"), PageRequest::default(), now)
            .await
            .map(drop),
        store
            .end_user_sessions(&user("ada"), None, revoked(now), 10)
            .await
            .map(drop),
        store.stats(now).await.map(drop),
        store.sweep(now, now, 10).await.map(drop),
    ]
    .map(|outcome| outcome.expect_err("a closed store fails").kind());
    assert_eq!(kinds, [StoreErrorKind::Unavailable; 12]);
}
