//! Lists of a user's sessions.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::TimeDelta;
use session_core::ports::SessionStore;
use session_core::{Cursor, Page, PageRequest, Session};

use crate::samples::{idling, minute, revoked, session, start, stored, user};

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
