//! The limit of sessions per user.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::TimeDelta;
use session_core::ports::{Created, LimitPolicy, SessionLimit, SessionStore};
use session_core::{EndReason, PageRequest, Session, SessionId, SessionState, Standing};

use crate::parallel;
use crate::samples::{found, idling, minute, session, start, stored, stored_with, user};

const FIVE: SessionLimit = SessionLimit {
    max: 5,
    policy: LimitPolicy::EvictOldest,
};
const ONE: SessionLimit = SessionLimit {
    max: 1,
    policy: LimitPolicy::EvictOldest,
};
const REFUSE: SessionLimit = SessionLimit {
    max: 5,
    policy: LimitPolicy::Refuse,
};

async fn live(store: &Arc<dyn SessionStore>, name: &str) -> Vec<SessionId> {
    let page = store
        .list(&user(name), PageRequest::default(), minute(30))
        .await;
    page.expect("the store answers")
        .items
        .iter()
        .map(|session| session.id)
        .collect()
}

/// The session least recently created is terminated, and nobody else's.
pub async fn the_oldest_makes_room(store: Arc<dyn SessionStore>) {
    let other = stored(&store, session("other", start())).await;
    let mut mine = Vec::new();
    for n in 0..5 {
        mine.push(stored_with(&store, session("ada", minute(n)), FIVE).await.0);
    }
    let (newest, evicted) = stored_with(&store, session("ada", minute(5)), FIVE).await;
    assert_eq!(evicted, [mine[0].id]);
    let gone = found(&store, mine[0].id).await;
    assert_eq!(gone.state(minute(5)), SessionState::Terminated);
    assert!(gone.version > mine[0].version, "an end is a change");
    let Standing::Ended(ending) = &gone.standing else {
        panic!("it has ended")
    };
    assert_eq!(
        (&ending.reason, ending.at),
        (&EndReason::SESSION_LIMIT, minute(5))
    );
    assert_eq!(live(&store, "ada").await.len(), 5);
    assert_eq!(live(&store, "ada").await[0], newest.id);
    assert_eq!(live(&store, "other").await, [other.id]);
}

/// After the limit was lowered, one create brings the user down to it; oldest first.
pub async fn a_lower_limit_makes_several_go(store: Arc<dyn SessionStore>) {
    let mut before = Vec::new();
    for n in 0..8 {
        before.push(stored(&store, session("ada", minute(n))).await.id);
    }
    let (_, evicted) = stored_with(&store, session("ada", minute(9)), FIVE).await;
    assert_eq!(evicted, before[..4]);
}

/// Past a deadline, idle or absolute, swept or not, a session takes no place.
pub async fn what_has_expired_does_not_count(store: Arc<dyn SessionStore>) {
    let brief = TimeDelta::minutes(5);
    for n in 0..4 {
        stored_with(&store, idling(session("ada", minute(n)), brief), FIVE).await;
    }
    let lasting = stored_with(&store, session("ada", minute(4)), FIVE).await.0;
    for n in 20..24 {
        let (_, evicted) = stored_with(&store, session("ada", minute(n)), FIVE).await;
        assert_eq!(evicted, [], "create number {n}");
    }
    let (_, evicted) = stored_with(&store, session("ada", minute(24)), FIVE).await;
    assert_eq!(evicted, [lasting.id]);
    // To the millisecond: dead from its deadline on.
    let edge = stored_with(&store, idling(session("zoe", minute(0)), brief), ONE).await;
    let at_once = session("zoe", edge.0.deadline());
    assert_eq!(stored_with(&store, at_once, ONE).await.1, []);
    let edge = stored_with(&store, idling(session("bob", minute(0)), brief), ONE).await;
    let before = session("bob", edge.0.deadline() - TimeDelta::milliseconds(1));
    assert_eq!(stored_with(&store, before, ONE).await.1, [edge.0.id]);
    // The same with refusing: four have expired, so there is room for them.
    for n in 0..5 {
        stored_with(&store, idling(session("eve", minute(n)), brief), REFUSE).await;
    }
    let refused = store.create(session("eve", minute(4)), REFUSE).await;
    assert_eq!(refused.expect("the store answers"), Created::LimitReached);
    stored_with(&store, session("eve", minute(20)), REFUSE).await;
}

/// Where the policy is to refuse, the newcomer leaves no trace.
pub async fn at_the_limit_refusing_writes_nothing(store: Arc<dyn SessionStore>) {
    for n in 0..5 {
        stored_with(&store, session("ada", minute(n)), REFUSE).await;
    }
    let before = store.stats(minute(6)).await.expect("the store answers");
    let late = session("ada", minute(6));
    let refused = store
        .create(late.clone(), REFUSE)
        .await
        .expect("the store answers");
    assert_eq!(refused, Created::LimitReached);
    assert_eq!(store.find(late.id).await.expect("the store answers"), None);
    assert_eq!(
        store.stats(minute(6)).await.expect("the store answers"),
        before
    );
    stored_with(&store, session("eve", minute(6)), REFUSE).await;
}

/// Whose id is taken does not sign in, and so nobody has to go.
pub async fn a_taken_id_displaces_nobody(store: Arc<dyn SessionStore>) {
    let mut mine = Vec::new();
    for n in 0..5 {
        mine.push(stored_with(&store, session("ada", minute(n)), FIVE).await.0);
    }
    let taken = Session {
        id: mine[2].id,
        ..session("ada", minute(6))
    };
    store
        .create(taken, FIVE)
        .await
        .expect_err("the id is taken");
    for session in mine {
        assert_eq!(found(&store, session.id).await, session);
    }
}

/// With a clock that was set back, or slower than another node's, the id of a new session is smaller
/// than those of the others: signing in works all the same, and the oldest of the others goes.
pub async fn a_newcomer_stays_though_its_clock_is_behind(store: Arc<dyn SessionStore>) {
    let mut mine = Vec::new();
    for n in 0..5 {
        mine.push(stored_with(&store, session("ada", minute(n)), FIVE).await.0);
    }
    let behind = session("ada", start() - TimeDelta::minutes(1));
    let (newcomer, evicted) = stored_with(&store, behind, FIVE).await;
    assert_eq!(evicted, [mine[0].id]);
    assert_eq!(found(&store, newcomer.id).await, newcomer);
    assert!(live(&store, "ada").await.contains(&newcomer.id));
    assert_eq!(live(&store, "ada").await.len(), 5);
}

/// Requirement 16: 100 creates in two streams leave exactly five, and each of the others was told
/// to exactly one create.
pub async fn hundred_parallel_creates_leave_the_limit(store: Arc<dyn SessionStore>) {
    let streams = (0..2).map(|stream| {
        let store = Arc::clone(&store);
        async move {
            let creates = (0..50).map(|n| {
                let store = Arc::clone(&store);
                let new = session("ada", start() + TimeDelta::milliseconds(2 * n + stream));
                async move { stored_with(&store, new, FIVE).await }
            });
            parallel::all(creates).await
        }
    });
    let created: Vec<_> = parallel::all(streams).await.into_iter().flatten().collect();
    let left: BTreeSet<_> = live(&store, "ada").await.into_iter().collect();
    assert_eq!(left.len(), 5, "exactly the limit is live");
    let mut displaced = BTreeSet::new();
    for id in created.iter().flat_map(|(_, evicted)| evicted) {
        assert!(displaced.insert(*id), "{id} was displaced twice");
    }
    let all: BTreeSet<_> = created.iter().map(|(session, _)| session.id).collect();
    assert_eq!(displaced, &all - &left, "each is either live or displaced");
    for id in displaced {
        assert_eq!(
            found(&store, id).await.state(start()),
            SessionState::Terminated
        );
    }
}

/// The same with refusing: exactly five come in.
pub async fn hundred_parallel_creates_are_refused_past_the_limit(store: Arc<dyn SessionStore>) {
    let outcomes = parallel::all((0..100).map(|n| {
        let store = Arc::clone(&store);
        let new = session("ada", start() + TimeDelta::milliseconds(n));
        async move { store.create(new, REFUSE).await.expect("the store answers") }
    }))
    .await;
    let stored = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, Created::Stored { .. }));
    assert_eq!(stored.count(), 5);
    assert_eq!(live(&store, "ada").await.len(), 5);
}

/// However creates of many users mix, each user is held to the own limit, and to no other's.
pub async fn parallel_creates_of_many_users_keep_each_limit(store: Arc<dyn SessionStore>) {
    let created = parallel::all((0..120).map(|n| {
        let store = Arc::clone(&store);
        let (user, policy) = match n % 12 {
            user @ 0..6 => (user, LimitPolicy::EvictOldest),
            user => (user, LimitPolicy::Refuse),
        };
        // Ten creates of each; every user has a limit of its own, the last ones more than they use.
        let max = 2 * (user % 6) + 1;
        let new = session(
            &format!("user {user}"),
            start() + TimeDelta::milliseconds(n),
        );
        let limit = SessionLimit {
            max: u32::try_from(max).expect("small"),
            policy,
        };
        async move {
            let outcome = store.create(new, limit).await;
            (user, outcome.expect("the store answers"))
        }
    }))
    .await;
    for user in 0..12 {
        let max = usize::try_from((2 * (user % 6) + 1).min(10)).expect("small");
        let live = live(&store, &format!("user {user}")).await;
        assert_eq!(live.len(), max, "user {user}");
        let of_user = created.iter().filter(|(whose, _)| *whose == user);
        let mut displaced: BTreeSet<SessionId> = BTreeSet::new();
        let mut stored = 0;
        for (_, outcome) in of_user {
            if let Created::Stored { evicted, .. } = outcome {
                stored += 1;
                displaced.extend(evicted);
            }
        }
        assert_eq!(stored - displaced.len(), max, "user {user}");
        assert!(live.iter().all(|id| !displaced.contains(id)), "user {user}");
    }
}
