//! Revocations: what is told of them, and what damage does.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use session_core::ports::{
    Change, ChangeFeed as _, ChangeListener, Forgotten, RevocationList as _, SessionStore as _,
    StoreError, StoreErrorKind,
};
use session_core::{PageRequest, Revocation, TokenHash, UserId};
use store_contract::parallel;
use store_contract::samples::{minute, revocation, session, start, user};
use store_redis::RedisStore;

use crate::place::Place;

const MILLISECOND: TimeDelta = TimeDelta::milliseconds(1);

pub(crate) fn of(user_name: &str, token: &str, revoked_at: DateTime<Utc>) -> Revocation {
    Revocation {
        user_id: Some(user(user_name)),
        session_id: Some(session(user_name, start()).id),
        ..revocation(token, revoked_at)
    }
}

pub(crate) async fn revoke(store: &RedisStore, revocations: &[Revocation]) {
    store.revoke(revocations).await.expect("redis answers");
}

pub(crate) async fn find(
    store: &RedisStore,
    token: TokenHash,
    now: DateTime<Utc>,
) -> Result<Option<Revocation>, StoreError> {
    let found = store.find_revocation(token, now).await?;
    Ok(found.map(|found| Revocation::clone(&found)))
}

async fn history(store: &RedisStore, user: Option<UserId>) -> Vec<Revocation> {
    let page = store.history(user, None, PageRequest::default()).await;
    let page = page.expect("redis answers");
    page.items
        .iter()
        .map(|item| Revocation::clone(item))
        .collect()
}

/// Whatever stands in a user's name, and however near to a key of another kind it comes.
#[tokio::test]
async fn users_may_be_called_anything() {
    let place = Place::new().await;
    let long = "\u{10ffff}".repeat(63);
    let names = [
        "a b",
        "\"",
        "'",
        "{a}",
        "all",
        "over",
        ":",
        "rv-all",
        "\u{fe}\u{ff}",
        "\\xff",
        "ada\u{a0}",
        &long,
    ];
    for name in names {
        revoke(&place.store, &[of(name, name, start())]).await;
    }
    for name in names {
        let found = history(&place.store, Some(user(name))).await;
        assert_eq!(found.len(), 1, "{name:?}");
        assert_eq!(found[0].user_id, Some(user(name)));
    }
    assert_eq!(history(&place.store, None).await.len(), names.len());
}

/// Revocations at the calendar's ends are found whole, and are in force to the millisecond.
#[tokio::test]
async fn far_away_times_are_exact() {
    let place = Place::new().await;
    let (first, last) = (DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC);
    let last = DateTime::from_timestamp_millis(last.timestamp_millis()).expect("a time");
    let times = [
        (start(), last),
        (first, last),
        (last, start()),
        (first, first + MILLISECOND),
    ];
    for (n, (revoked_at, expires_at)) in times.into_iter().enumerate() {
        let given = Revocation {
            revoked_at,
            expires_at,
            ..of("ada", &format!("{n}"), start())
        };
        revoke(&place.store, std::slice::from_ref(&given)).await;
        let token = given.token_hash;
        let before = find(&place.store, token, expires_at - MILLISECOND).await;
        assert_eq!(before.expect("redis answers"), Some(given));
        let after = find(&place.store, token, expires_at).await;
        assert_eq!(after.expect("redis answers"), None);
    }
    let forgotten = place.store.forget_revocations(last - MILLISECOND, 10).await;
    assert_eq!(forgotten.expect("redis answers").count, 2);
    let forgotten = place.store.forget_revocations(last, 10).await;
    assert_eq!(forgotten.expect("redis answers").count, 2);
    assert!(place.keys().await.is_empty(), "nothing is left");
}

/// However many they are, they are one step: nobody sees a part of them.
#[tokio::test(flavor = "multi_thread")]
async fn thousands_are_noted_as_one() {
    let place = Place::new().await;
    let batch: Vec<_> = (0..4000)
        .map(|n| of("ada", &format!("{n}"), start()))
        .collect();
    let (first, last) = (batch[0].token_hash, batch[3999].token_hash);
    let store = place.another().await;
    let noting = tokio::spawn(async move { revoke(&store, &batch).await });
    loop {
        let seen = async |token| {
            let found = find(&place.store, token, start()).await;
            found.expect("redis answers").is_some()
        };
        // Whoever sees the first sees the last, though asking for it only after that.
        let sees_first = seen(first).await;
        let sees_last = seen(last).await;
        assert!(sees_last || !sees_first);
        if noting.is_finished() {
            assert!(seen(first).await && seen(last).await);
            break;
        }
    }
    noting.await.expect("it is noted");
    let count: u64 = place.ask("ZCARD", place.key("rv-all", b""), &[]).await;
    assert_eq!(count, 4000);
}

/// Other processes hear of what changes, and of nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn each_change_is_told_once() {
    struct Heard(Mutex<Vec<Change>>, tokio::sync::Notify);
    impl ChangeListener for Heard {
        fn began(&self) {
            self.1.notify_one();
        }
        fn changed(&self, change: Change) {
            self.0.lock().expect("nobody panics").push(change);
        }
        fn looks(&self) {}
        fn up_to_date(&self) {
            self.1.notify_one();
        }
        fn ended(&self) {}
    }
    let place = Place::new().await;
    let heard = Arc::new(Heard(Mutex::default(), tokio::sync::Notify::new()));
    let (store, listener) = (place.another().await, Arc::clone(&heard));
    let following =
        tokio::spawn(async move { store.follow(Duration::from_millis(20), listener).await });
    heard.1.notified().await;
    let (a, b) = (of("ada", "a", start()), of("ada", "b", start()));
    let later = |minutes| Revocation {
        expires_at: minute(minutes),
        ..of("eve", "a", minute(1))
    };
    revoke(&place.store, &[a.clone(), b.clone(), a.clone()]).await;
    revoke(&place.store, &[later(90)]).await;
    revoke(&place.store, &[later(80), a.clone()]).await;
    revoke(&place.store, &[]).await;
    // What came before the second look from now on has been told by its end.
    heard.1.notified().await;
    heard.1.notified().await;
    following.abort();
    let told = std::mem::take(&mut *heard.0.lock().expect("nobody panics"));
    let expected = [a.token_hash, b.token_hash, a.token_hash].map(Change::Token);
    assert_eq!(told, expected);
}

/// A page is full though most of what stands in a session's list is another user's.
#[tokio::test]
async fn a_page_of_a_user_and_a_session_is_full() {
    let place = Place::new().await;
    let session_id = Some(session("ada", start()).id);
    let all: Vec<_> = (0..700)
        .map(|n| Revocation {
            session_id,
            ..of(
                if n % 100 == 0 { "ada" } else { "eve" },
                &format!("{n}"),
                minute(n),
            )
        })
        .collect();
    revoke(&place.store, &all).await;
    let mut request = PageRequest::new(Some(3), None).expect("a page request");
    let mut found = Vec::new();
    for (length, more) in [(3, true), (3, true), (1, false)] {
        let page = place
            .store
            .history(Some(user("ada")), session_id, request)
            .await;
        let page = page.expect("redis answers");
        assert_eq!((page.items.len(), page.next.is_some()), (length, more));
        found.extend(page.items.iter().map(|item| item.id));
        let Some(next) = page.next else { break };
        request = request.following(next);
    }
    let expected: Vec<_> = all
        .iter()
        .step_by(100)
        .rev()
        .map(|given| given.id)
        .collect();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn no_step_forgets_more_than_its_share() {
    let place = Place::new().await;
    let all: Vec<_> = (0..200)
        .map(|n| of("ada", &format!("{n}"), start()))
        .collect();
    revoke(&place.store, &all).await;
    for (count, more) in [(128, true), (72, false), (0, false)] {
        let forgotten = place.store.forget_revocations(minute(60), 1_000_000).await;
        assert_eq!(forgotten.expect("redis answers"), Forgotten { count, more });
    }
    assert!(place.keys().await.is_empty(), "nothing is left");
    let nothing = place.store.forget_revocations(minute(60), 0).await;
    assert_eq!(
        nothing.expect("redis answers"),
        Forgotten {
            count: 0,
            more: true
        }
    );
}

/// Of several processes that revoke the same tokens, one's revocation of each stands for all.
#[tokio::test(flavor = "multi_thread")]
async fn several_processes_agree_on_the_first() {
    let place = Place::new().await;
    let stores = [place.another().await, place.another().await];
    let seen = parallel::all((0..60).map(|n| {
        let stores = stores.clone();
        async move {
            let given: Vec<_> = (0..3)
                .map(|token| of("ada", &format!("{token}"), minute(n)))
                .collect();
            revoke(&stores[n as usize % 2], &given).await;
            let found = history(&stores[(n as usize + 1) % 2], None).await;
            found.into_iter().map(|found| found.id).collect::<Vec<_>>()
        }
    }))
    .await;
    assert_eq!(seen[0].len(), 3);
    assert!(seen.iter().all(|ids| *ids == seen[0]), "all see the same");
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let place = Place::new().await;
    place.store.close().await;
    let errors = [
        place.store.revoke(&[]).await.err(),
        place.store.revoke(&[of("ada", "a", start())]).await.err(),
        find(&place.store, TokenHash::from_bytes([0; 32]), start())
            .await
            .err(),
        place
            .store
            .history(None, None, PageRequest::default())
            .await
            .err(),
        place.store.forget_revocations(start(), 1).await.err(),
    ];
    for error in errors {
        assert_eq!(error.expect("an error").kind(), StoreErrorKind::Unavailable);
    }
}
