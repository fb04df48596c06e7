//! Lists of a user's sessions.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::TimeDelta;
use session_core::ports::{LimitPolicy, SessionLimit, SessionStore};
use session_core::{Cursor, Page, PageRequest, Session, UserId};

use crate::samples::{idling, minute, revoked, session, start, stored, stored_with, user};

const ONE: SessionLimit = SessionLimit {
    max: 1,
    policy: LimitPolicy::EvictOldest,
};

async fn page(
    store: &Arc<dyn SessionStore>,
    limit: usize,
    after: Option<Cursor>,
) -> Page<Arc<Session>> {
    let request = PageRequest::new(Some(limit), after).expect("a page request");
    store
        .list(&user("ada"), request, minute(30))
        .await
        .expect("the store answers")
}

/// Neither ended ones nor those past a deadline, swept or not, nor anyone else's.
pub async fn live_sessions_newest_first(store: Arc<dyn SessionStore>) {
    stored(&store, session("other", start())).await;
    let mut live = Vec::new();
    for n in 0..3 {
        stored(
            &store,
            idling(session("ada", minute(n)), TimeDelta::minutes(5)),
        )
        .await;
        let ended = stored(&store, session("ada", minute(n))).await;
        store
            .end(ended.id, revoked(minute(n)))
            .await
            .expect("the store ends it");
        live.insert(0, stored(&store, session("ada", minute(n))).await);
    }
    assert_eq!(
        page(&store, 100, None).await,
        Page {
            items: live.clone(),
            next: None
        }
    );
    assert_eq!(
        page(&store, 3, None).await,
        Page {
            items: live.clone(),
            next: None
        }
    );
    let first = page(&store, 2, None).await;
    assert_eq!(
        first,
        Page {
            items: live[..2].to_vec(),
            next: Some(Cursor(live[1].id))
        }
    );
    let second = page(&store, 2, first.next).await;
    assert_eq!(
        second,
        Page {
            items: live[2..].to_vec(),
            next: None
        }
    );
    let nobody = store
        .list(&user("nobody"), PageRequest::default(), start())
        .await;
    assert_eq!(
        nobody.expect("the store answers"),
        Page {
            items: Vec::new(),
            next: None
        }
    );
}

/// Who is live from the first page to the last is on exactly one of them.
pub async fn pages_hold_each_once_while_others_come_and_go(store: Arc<dyn SessionStore>) {
    let mut lasting = Vec::new();
    let mut passing = Vec::new();
    for n in 0..40 {
        let new = stored(&store, session("ada", start() + TimeDelta::seconds(n)))
            .await
            .id;
        if n % 3 == 0 {
            passing.push(new)
        } else {
            lasting.push(new)
        }
    }
    let mut seen: BTreeMap<_, usize> = BTreeMap::new();
    let mut cursor = None;
    for n in 0.. {
        let Page { items, next } = page(&store, 5, cursor).await;
        for session in items {
            *seen.entry(session.id).or_default() += 1;
        }
        // The session that the cursor names goes as well.
        let gone = next
            .map(|cursor| cursor.0)
            .filter(|id| passing.contains(id));
        for id in gone.into_iter().chain(passing.pop()) {
            store
                .end(id, revoked(minute(29)))
                .await
                .expect("the store ends it");
        }
        stored(&store, session("ada", minute(20) + TimeDelta::seconds(n))).await;
        cursor = next;
        if cursor.is_none() {
            break;
        }
    }
    for id in lasting {
        assert_eq!(seen.get(&id), Some(&1), "{id}");
    }
    assert!(seen.values().all(|times| *times == 1));
}

/// A session leaves the list at its deadline, to the millisecond, and not before.
pub async fn a_session_is_listed_up_to_its_deadline(store: Arc<dyn SessionStore>) {
    let five = TimeDelta::minutes(5);
    let absolute = stored(&store, session("ada", start())).await;
    let idle = stored(&store, idling(session("eve", start()), five)).await;
    for session in [absolute, idle] {
        let deadline = session.deadline();
        let at = [(deadline - TimeDelta::milliseconds(1), 1), (deadline, 0)];
        for (now, expected) in at {
            let page = store
                .list(&session.user_id, PageRequest::default(), now)
                .await;
            assert_eq!(page.expect("the store answers").items.len(), expected);
        }
    }
}

/// Two users are the same if every byte is: no folding of case, no trimming, no normal form, no
/// wildcard, and no name that is part of another.
pub async fn users_are_told_apart_to_the_byte(store: Arc<dyn SessionStore>) {
    let longest = "x".repeat(UserId::MAX_BYTES);
    let names = [
        "ada",
        "Ada",
        "ada ",
        " ada",
        "ada:",
        "ad",
        "a%",
        "a_a",
        "*",
        "{ada}",
        "é",
        "e\u{301}",
        "1",
        "01",
        "1.0",
        "null",
        "'; --",
        "\"",
        "\\",
        &longest,
        &longest[1..],
    ];
    for name in names {
        stored_with(&store, session(name, start()), ONE).await;
    }
    for name in names {
        let page = store
            .list(&user(name), PageRequest::default(), minute(1))
            .await;
        let items = page.expect("the store answers").items;
        assert_eq!(items.len(), 1, "{name:?}");
        assert_eq!(items[0].user_id.as_str(), name);
    }
    let stats = store.stats(minute(1)).await.expect("the store answers");
    assert_eq!(stats.unique_users, names.len() as u64);
}
