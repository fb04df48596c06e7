//! What was revoked, for people; and how it is forgotten.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::TimeDelta;
use session_core::ports::{Forgotten, RevocationList};
use session_core::{Cursor, Page, PageRequest, Revocation, RevocationId, SessionId, UserId};

use crate::parallel;
use crate::revocations::{find, forget, history, revoke};
use crate::samples::{minute, names_that_differ, revocation, session, start, user};

const MILLISECOND: TimeDelta = TimeDelta::milliseconds(1);

/// Of a user, of a session, of both, of neither: newest first, over or not.
pub async fn history_is_of_a_user_a_session_both_or_all(list: Arc<dyn RevocationList>) {
    let users = [None, Some(user("ada")), Some(user("eve"))];
    let sessions = [
        None,
        Some(session("ada", start()).id),
        Some(session("ada", start()).id),
    ];
    let mut all = Vec::new();
    for n in 0..36 {
        all.push(Revocation {
            user_id: users[n % 3].clone(),
            session_id: sessions[n / 3 % 3],
            ..revocation(&format!("token {n}"), minute(n as i64))
        });
    }
    // Noted in another order than made, as by nodes that are not equally quick.
    for part in [&all[12..], &all[..12]] {
        revoke(&list, part).await;
    }
    for user in &users {
        for session in sessions {
            let expected = all.iter().rev().filter(|given| {
                (user.is_none() || given.user_id == *user)
                    && (session.is_none() || given.session_id == session)
            });
            let expected: Vec<_> = expected.cloned().collect();
            assert!(!expected.is_empty());
            let found = history(&list, user.as_ref(), session).await;
            assert_eq!(found, expected, "{user:?} {session:?}");
            assert_eq!(walked(&list, user.as_ref(), session, 1).await, expected);
            assert_eq!(walked(&list, user.as_ref(), session, 4).await, expected);
        }
    }
    assert_eq!(history(&list, Some(&user("nobody")), None).await, []);
    let unknown = session("nobody", start()).id;
    assert_eq!(history(&list, None, Some(unknown)).await, []);
}

/// All pages one after another; each but the last is full, and the last says that it is.
async fn walked(
    list: &Arc<dyn RevocationList>,
    user_id: Option<&UserId>,
    session_id: Option<SessionId>,
    limit: usize,
) -> Vec<Revocation> {
    let mut request = PageRequest::new(Some(limit), None).expect("a page request");
    let mut walked = Vec::new();
    loop {
        let page = list.history(user_id.cloned(), session_id, request).await;
        let Page { items, next } = page.expect("the list answers");
        assert!(!items.is_empty() && items.len() <= limit);
        walked.extend(items.iter().map(|item| Revocation::clone(item)));
        let Some(next) = next else { return walked };
        assert_eq!(
            (items.len(), Some(next.0)),
            (limit, items.last().map(|last| last.id))
        );
        request = request.following(next);
        assert!(walked.len() < 10_000, "there is an end to it");
    }
}

/// What is there from the first page to the last is on exactly one of them.
pub async fn pages_hold_each_once_while_others_come_and_go(list: Arc<dyn RevocationList>) {
    let of_ada = |n: i64, expires_at| Revocation {
        user_id: Some(user("ada")),
        expires_at,
        ..revocation(&format!("token {n}"), start() + TimeDelta::seconds(n))
    };
    let mut lasting: BTreeSet<RevocationId> = BTreeSet::new();
    for n in 0..40 {
        let passes = n % 3 == 0;
        // One more of those that pass is over with each page.
        let given = of_ada(
            n,
            if passes {
                minute(100 - n)
            } else {
                minute(1000)
            },
        );
        if !passes {
            lasting.insert(given.id);
        }
        revoke(&list, &[given]).await;
    }
    let mut seen: BTreeMap<RevocationId, usize> = BTreeMap::new();
    let mut after: Option<Cursor<RevocationId>> = None;
    for n in 0.. {
        let request = PageRequest::new(Some(5), after).expect("a page request");
        let page = list.history(Some(user("ada")), None, request).await;
        let Page { items, next } = page.expect("the list answers");
        for item in items {
            *seen.entry(item.id).or_default() += 1;
        }
        revoke(&list, &[of_ada(100 + n, minute(1000))]).await;
        forget(&list, minute(60 + 5 * n), 10).await;
        after = next;
        if after.is_none() {
            break;
        }
        assert!(n < 20, "there is an end to it");
    }
    for id in lasting {
        assert_eq!(seen.get(&id), Some(&1), "{id}");
    }
    assert!(seen.values().all(|times| *times == 1));
}

/// Two users are the same if every byte is.
pub async fn users_are_told_apart_to_the_byte(list: Arc<dyn RevocationList>) {
    let names = names_that_differ();
    for name in &names {
        let given = Revocation {
            user_id: Some(user(name)),
            ..revocation(name, start())
        };
        revoke(&list, &[given]).await;
    }
    for name in &names {
        let found = history(&list, Some(&user(name)), None).await;
        assert_eq!(found.len(), 1, "{name:?}");
        assert_eq!(found[0].user_id, Some(user(name)));
    }
}

/// What is over at that moment, to the millisecond, and nothing that is in force.
pub async fn only_what_is_over_is_forgotten(list: Arc<dyn RevocationList>) {
    let known = Revocation {
        user_id: Some(user("ada")),
        session_id: Some(session("ada", start()).id),
        ..revocation("known", start())
    };
    let over = Revocation {
        expires_at: minute(10),
        token_hash: revocation("over", start()).token_hash,
        ..Revocation::clone(&known)
    };
    let over = Revocation {
        id: revocation("", minute(1)).id,
        ..over
    };
    revoke(&list, &[known.clone(), over.clone()]).await;
    let none = Forgotten {
        count: 0,
        more: false,
    };
    assert_eq!(forget(&list, minute(10) - MILLISECOND, 10).await, none);
    assert_eq!(
        history(&list, None, None).await,
        [over.clone(), known.clone()]
    );
    let one = Forgotten {
        count: 1,
        more: false,
    };
    assert_eq!(forget(&list, minute(10), 10).await, one);
    // Forgotten for every clock and in every list.
    assert_eq!(find(&list, over.token_hash, start()).await, None);
    for (user, session) in [
        (None, None),
        (known.user_id.as_ref(), None),
        (None, known.session_id),
        (known.user_id.as_ref(), known.session_id),
    ] {
        assert_eq!(
            history(&list, user, session).await,
            std::slice::from_ref(&known)
        );
    }
    assert_eq!(
        forget(&list, known.expires_at - MILLISECOND, 10).await,
        none
    );
    let last = known.expires_at - MILLISECOND;
    assert_eq!(find(&list, known.token_hash, last).await, Some(known));
}

/// No call forgets more than it was asked to, and it says whether there may be more.
pub async fn forgetting_goes_in_batches(list: Arc<dyn RevocationList>) {
    let given: Vec<_> = (0..25)
        .map(|n| revocation(&format!("token {n}"), minute(n)))
        .collect();
    let kept = revocation("kept", minute(100));
    revoke(&list, &given).await;
    revoke(&list, std::slice::from_ref(&kept)).await;
    let mut count = 0;
    for calls in 1.. {
        let forgotten = forget(&list, minute(100), 10).await;
        assert!(forgotten.count <= 10);
        count += forgotten.count;
        if !forgotten.more {
            break;
        }
        assert!(calls < 10, "there is an end to it");
    }
    assert_eq!(count, 25);
    assert_eq!(history(&list, None, None).await, [kept]);
}

/// Several who forget share the work, and what is noted beside it is not lost.
pub async fn parallel_forgetting_counts_each_once(list: Arc<dyn RevocationList>) {
    let given: Vec<_> = (0..60)
        .map(|n| revocation(&format!("old {n}"), start()))
        .collect();
    revoke(&list, &given).await;
    let work = (0..20).map(|n| {
        let list = Arc::clone(&list);
        async move {
            let new = revocation(&format!("new {n}"), minute(60));
            let token = new.token_hash;
            revoke(&list, &[new]).await;
            let forgotten = forget(&list, minute(60), 4).await.count;
            assert!(find(&list, token, minute(60)).await.is_some());
            forgotten
        }
    });
    let count: u64 = parallel::all(work).await.into_iter().sum();
    assert_eq!(count, 60);
    assert_eq!(history(&list, None, None).await.len(), 20);
}
