//! Which keys there are, for how long, and what is in them.

use chrono::{DateTime, TimeDelta, Utc};
use session_core::ports::{GrantStore as _, RefreshBegin, RefreshBegun, RefreshEnd};
use session_core::{Grant, PageRequest, RefreshOutcome, RefreshRecord, SealedTokens};
use store_contract::samples::{attempt, grant, minute, provider, sealed, start};
use store_redis::RedisStore;

use crate::raw::{KEEP, Raw};

/// Begins a refresh up to `until` that nobody stands in the way of.
pub(crate) async fn begun(
    store: &RedisStore,
    grant: &Grant,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> (Grant, RefreshRecord) {
    let record = attempt(grant, now);
    let begin = RefreshBegin {
        expected_version: grant.version,
        until,
        record: record.clone(),
    };
    match store.begin_refresh(begin).await.expect("it begins") {
        RefreshBegun::Begun(held) => (Grant::clone(&held), record),
        other => panic!("nobody else renews it: {other:?}"),
    }
}

/// The end of a refresh that leaves the grant as it is.
pub(crate) fn end(grant: &Grant, record: &RefreshRecord) -> RefreshEnd {
    RefreshEnd {
        grant: grant.clone(),
        record: RefreshRecord {
            outcome: RefreshOutcome::Success,
            finished_at: Some(record.started_at),
            ..record.clone()
        },
    }
}

async fn time_to_live(raw: &Raw, key: &[u8]) -> TimeDelta {
    TimeDelta::milliseconds(raw.on("PTTL", key, &[]).await)
}

/// Whether a key goes in this time, give or take what a slow test needs.
async fn assert_goes_in(raw: &Raw, key: &[u8], expected: TimeDelta) {
    let left = time_to_live(raw, key).await;
    let slow = TimeDelta::seconds(100);
    assert!(expected - slow < left && left <= expected, "{left}");
}

/// A grant has no end of its own, so it must not go by itself, whatever is done with it; nor what it is
/// found by.
#[tokio::test]
async fn no_grant_goes_by_itself() {
    let raw = Raw::new().await;
    let store = raw.store().await;
    let given = Grant {
        provider_session: Some("here".into()),
        ..grant("ada", start())
    };
    let id = given.session_id;
    store.add_grant(given.clone()).await.expect("it is added");
    let (held, record) = begun(&store, &given, minute(1), minute(2)).await;
    let kept = store.keep_lease(id, 2, minute(3)).await;
    assert!(kept.expect("it answers"));
    let resealed = store.reseal(id, 2, sealed("k2")).await;
    assert!(resealed.expect("it answers"));
    let ended = store.finish_refresh(end(&held, &record)).await;
    ended.expect("it ends");
    let claimed = store.claim_due(minute(60), minute(70), 1).await;
    assert_eq!(claimed.expect("it answers").len(), 1);
    store
        .postpone(id, 3, minute(80))
        .await
        .expect("it is put off");
    let keys = raw.keys().await;
    assert_eq!(keys.len(), 8, "{keys:?}");
    let of_record = raw.key("gr:", record.id.as_bytes());
    for key in keys {
        let goes = time_to_live(&raw, &key).await > TimeDelta::zero();
        assert_eq!(goes, key == of_record, "{key:?}");
    }
}

/// A record goes by itself some time after its lease or its end, by the clock of whoever wrote it.
#[tokio::test]
async fn records_go_by_themselves_in_the_end() {
    let raw = Raw::new().await;
    let store = raw.store().await;
    let keep = TimeDelta::from_std(KEEP).expect("short");
    let given = grant("ada", start());
    store.add_grant(given.clone()).await.expect("it is added");
    let (dead, first) = begun(&store, &given, minute(1), minute(61)).await;
    let key = raw.key("gr:", first.id.as_bytes());
    assert_goes_in(&raw, &key, keep + TimeDelta::minutes(60)).await;

    let (held, second) = begun(&store, &dead, minute(61), minute(61)).await;
    assert_goes_in(&raw, &key, keep).await;
    let key = raw.key("gr:", second.id.as_bytes());
    assert_goes_in(&raw, &key, keep).await;
    let far = DateTime::from_timestamp_millis(DateTime::<Utc>::MAX_UTC.timestamp_millis());
    let (held, third) = begun(&store, &held, minute(62), far.expect("a time")).await;
    let key = raw.key("gr:", third.id.as_bytes());
    assert_goes_in(&raw, &key, TimeDelta::days(365_000)).await;
    let ended = store.finish_refresh(end(&held, &third)).await;
    ended.expect("it ends");
    assert_goes_in(&raw, &key, keep).await;

    // One that ends late, and was forgotten.
    raw.on::<()>("DEL", &raw.key("gr:", first.id.as_bytes()), &[])
        .await;
    let ended = store.finish_refresh(end(&dead, &first)).await;
    ended.expect("it ends");
    let key = raw.key("gr:", first.id.as_bytes());
    assert_goes_in(&raw, &key, keep).await;
}

/// What is removed and forgotten leaves no key behind, and nothing else does.
#[tokio::test]
async fn nothing_is_left_behind() {
    let raw = Raw::new().await;
    let store = raw.store().await;
    let mut ids = Vec::new();
    for n in 0..4 {
        let given = Grant {
            provider_session: Some("here".into()),
            tokens: sealed(["k1", "k2"][n % 2]),
            ..grant("ada", start())
        };
        ids.push(given.session_id);
        store.add_grant(given.clone()).await.expect("it is added");
        let (held, _) = begun(&store, &given, minute(1), minute(2)).await;
        let (held, record) = begun(&store, &held, minute(2), minute(3)).await;
        let mut end = end(&held, &record);
        end.grant.provider_session = [Some("there".into()), None][n / 2].clone();
        end.grant.provider = provider("other");
        end.grant.tokens = sealed("k3");
        store.finish_refresh(end).await.expect("it ends");
        let resealed = store.reseal(given.session_id, 4, sealed("k4")).await;
        assert!(resealed.is_ok());
    }
    for id in ids {
        let removed = store.remove_grant(id).await.expect("it is removed");
        assert!(removed.is_some());
    }
    let kinds: Vec<_> = raw.keys().await.iter().map(|key| kind(key)).collect();
    let expected = [vec!["gb"], vec!["gr"; 8], vec!["gs"; 4]].concat();
    assert_eq!(kinds, expected, "records stay");
    // One of them went by itself.
    let gone = raw.keys().await.into_iter().find(|key| kind(key) == "gr");
    raw.on::<()>("DEL", &gone.expect("there are some"), &[])
        .await;
    let forgotten = store.forget_refreshes(minute(100), 100).await;
    let forgotten = forgotten.expect("it forgets");
    assert_eq!((forgotten.count, forgotten.more), (7, false));
    assert_eq!(raw.keys().await, Vec::<Vec<u8>>::new());
}

/// The second part of a key.
fn kind(key: &[u8]) -> String {
    let mut parts = key.split(|b| *b == b':');
    let kind = parts.nth(1).expect("a prefix and a kind");
    String::from_utf8(kind.to_vec()).expect("a word")
}

/// A record that went by itself is missing from the list, and the pages are full all the same.
#[tokio::test]
async fn a_record_that_is_gone_is_passed_over() {
    let raw = Raw::new().await;
    let store = raw.store().await;
    let mut held = grant("ada", start());
    let id = held.session_id;
    store.add_grant(held.clone()).await.expect("it is added");
    let mut records = Vec::new();
    for n in 0..12 {
        let (next, record) = begun(&store, &held, minute(n), minute(n)).await;
        (held, records) = (next, [vec![record.id], records].concat());
    }
    for record in records.iter().skip(2).step_by(2) {
        raw.on::<()>("DEL", &raw.key("gr:", record.as_bytes()), &[])
            .await;
    }
    let expected: Vec<_> = [0, 1, 3, 5, 7, 9, 11].map(|n| records[n]).into();
    let mut request = PageRequest::new(Some(3), None).expect("a page request");
    for (part, more) in [(0..3, true), (3..6, true), (6..7, false)] {
        let page = store.refreshes(id, request).await.expect("it answers");
        let ids: Vec<_> = page.items.iter().map(|record| record.id).collect();
        assert_eq!(ids, expected[part]);
        assert_eq!(page.next.is_some(), more);
        request = page.next.map_or(request, |next| request.following(next));
    }
    let left: u64 = raw.on("ZCARD", &raw.key("gs:", id.as_bytes()), &[]).await;
    assert_eq!(left, 7, "what is gone is not looked for again");
}

/// Tokens are in the fields for sealed tokens and nowhere else; those before are nowhere.
#[tokio::test]
async fn sealed_tokens_are_where_they_belong_only() {
    let raw = Raw::new().await;
    let store = raw.store().await;
    let with_id = |tokens: SealedTokens| SealedTokens {
        id: Some([&tokens.access[..], b" id"].concat().into()),
        ..tokens
    };
    let first = Grant {
        tokens: with_id(sealed("k1")),
        provider_session: Some("here".into()),
        ..grant("ada", start())
    };
    store.add_grant(first.clone()).await.expect("it is added");
    let (held, record) = begun(&store, &first, minute(1), minute(2)).await;
    let mut end = end(&held, &record);
    end.grant.tokens = with_id(sealed("k2"));
    let second = end.grant.tokens.clone();
    store.finish_refresh(end).await.expect("it ends");
    let third = SealedTokens {
        id: None,
        ..sealed("k3")
    };
    let mut found = Vec::new();
    for round in ["renewed", "resealed"] {
        for key in raw.keys().await {
            for (part, value) in contents(&raw, &key).await {
                for (when, tokens) in [("1", &first.tokens), ("2", &second), ("3", &third)] {
                    let fields = [
                        ("access", Some(&tokens.access)),
                        ("refresh", tokens.refresh.as_ref()),
                        ("id", tokens.id.as_ref()),
                    ];
                    for (field, bytes) in fields {
                        let Some(bytes) = bytes else { continue };
                        if value.windows(bytes.len()).any(|window| window == &**bytes) {
                            found.push(format!("{round} {}.{part}: {field}{when}", kind(&key)));
                        }
                    }
                }
            }
        }
        let resealed = store.reseal(first.session_id, 3, third.clone()).await;
        assert!(resealed.expect("it answers"));
    }
    found.sort_unstable();
    let expected = [
        "renewed g.a: access2",
        // The ID token of this test begins like the access token.
        "renewed g.i: access2",
        "renewed g.i: id2",
        "renewed g.r: refresh2",
        "resealed g.a: access3",
        "resealed g.r: refresh3",
    ];
    assert_eq!(found, expected);
}

/// All that is behind a key, and the key itself, part by part.
async fn contents(raw: &Raw, key: &[u8]) -> Vec<(String, Vec<u8>)> {
    let kind: String = raw.on("TYPE", key, &[]).await;
    let command = match kind.as_str() {
        "hash" => {
            let fields: Vec<(String, Vec<u8>)> = raw.on("HGETALL", key, &[]).await;
            return [fields, vec![("key".into(), key.to_vec())]].concat();
        }
        "string" => {
            let value: Vec<u8> = raw.on("GET", key, &[]).await;
            return vec![("value".into(), value), ("key".into(), key.to_vec())];
        }
        "set" => raw.on::<Vec<Vec<u8>>>("SMEMBERS", key, &[]).await,
        "zset" => raw.on("ZRANGE", key, &[b"0", b"-1"]).await,
        other => panic!("nothing of ours is a {other}"),
    };
    let members = command.into_iter().map(|member| ("member".into(), member));
    members.chain([("key".into(), key.to_vec())]).collect()
}
