//! Revoking tokens and looking them up.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use session_core::ports::{Forgotten, RevocationList};
use session_core::{
    EndReason, Page, PageRequest, Revocation, SessionId, TokenHash, TokenKind, UserId,
};

use crate::parallel;
use crate::samples::{minute, revocation, session, start, user};

const MILLISECOND: TimeDelta = TimeDelta::milliseconds(1);

pub(crate) async fn revoke(list: &Arc<dyn RevocationList>, revocations: &[Revocation]) {
    let noted = list.revoke(revocations).await;
    noted.expect("the list notes revocations");
}

pub(crate) async fn find(
    list: &Arc<dyn RevocationList>,
    token: TokenHash,
    now: DateTime<Utc>,
) -> Option<Revocation> {
    let found = list
        .find_revocation(token, now)
        .await
        .expect("the list answers");
    found.map(|found| Revocation::clone(&found))
}

/// What was revoked of a user, of a session, or of both; all of it must fit on one page.
pub(crate) async fn history(
    list: &Arc<dyn RevocationList>,
    user_id: Option<&UserId>,
    session_id: Option<SessionId>,
) -> Vec<Revocation> {
    let page = list
        .history(user_id.cloned(), session_id, PageRequest::default())
        .await;
    let Page { items, next } = page.expect("the list answers");
    assert_eq!(next, None, "it fits on one page");
    items.iter().map(|item| Revocation::clone(item)).collect()
}

pub(crate) async fn forget(
    list: &Arc<dyn RevocationList>,
    now: DateTime<Utc>,
    batch: usize,
) -> Forgotten {
    let forgotten = list.forget_revocations(now, batch).await;
    forgotten.expect("the list forgets")
}

/// Every field comes back as it was given, whatever it holds and whether it is there or not.
pub async fn what_was_revoked_is_found_whole(list: Arc<dyn RevocationList>) {
    let mut given = Vec::new();
    for kind in TokenKind::ALL {
        for parts in 0..8 {
            let is_in = |part: i32| parts & part != 0;
            let name = format!("{kind:?} {parts}");
            let plain = revocation(&name, minute(given.len() as i64));
            // A session's own revocation names it, by its hash too.
            let is_session = kind == TokenKind::Session;
            let session_id = (is_in(1) || is_session).then(|| session("ada", start()).id);
            let of_session = session_id.filter(|_| is_session).map(TokenHash::of_session);
            given.push(Revocation {
                token_hash: of_session.unwrap_or_else(|| TokenHash::of(kind, name.as_bytes())),
                token_type: kind,
                session_id,
                user_id: is_in(2).then(|| user("ada \u{1F600} '; --")),
                cascaded_from: is_in(4).then(|| revocation("parent", start()).id),
                ..plain
            });
        }
    }
    let by = [
        "",
        "admin \"q\" 'a'\r\n\u{0}\u{1b}[31m é\u{1F600}",
        &"é".repeat(256),
    ];
    // The last time that an id has room for.
    let last = DateTime::from_timestamp_millis((1 << 48) - 1).expect("a time");
    let edges = [
        (
            start(),
            start() + MILLISECOND,
            "a".to_owned(),
            "é".repeat(127),
        ),
        (
            minute(40),
            minute(40) + TimeDelta::days(4000),
            "0_".repeat(32),
            "x".to_owned(),
        ),
        (
            last - MILLISECOND,
            last,
            "a_1".to_owned(),
            "null".to_owned(),
        ),
    ];
    for (by, (revoked_at, expires_at, reason, name)) in by.into_iter().zip(edges) {
        given.push(Revocation {
            session_id: Some(session("ada", start()).id),
            user_id: Some(user(&name)),
            expires_at,
            reason: EndReason::new(&reason).expect("a reason"),
            revoked_by: by.into(),
            ..revocation(&format!("edge {name}"), revoked_at)
        });
    }
    revoke(&list, &given).await;
    for given in &given {
        let before = given.expires_at - MILLISECOND;
        let found = find(&list, given.token_hash, before).await;
        assert_eq!(found.as_ref(), Some(given));
        if let Some(user) = &given.user_id {
            assert!(history(&list, Some(user), None).await.contains(given));
        }
        if let Some(session) = given.session_id {
            assert_eq!(
                history(&list, None, Some(session)).await,
                std::slice::from_ref(given)
            );
        }
    }
    let all = history(&list, None, None).await;
    given.sort_unstable_by_key(|given| given.id);
    given.reverse();
    assert_eq!(all, given);
}

/// From the moment that it is noted up to its end, to the millisecond; whatever the clock says of its
/// beginning, since another node's may be behind.
pub async fn a_revocation_is_in_force_up_to_its_end(list: Arc<dyn RevocationList>) {
    let given = revocation("a", start());
    let token = given.token_hash;
    assert_eq!(find(&list, token, start()).await, None, "nobody revoked it");
    revoke(&list, std::slice::from_ref(&given)).await;
    let end = given.expires_at;
    for now in [minute(-5), start(), minute(30), end - MILLISECOND] {
        assert_eq!(find(&list, token, now).await.as_ref(), Some(&given));
    }
    for now in [end, end + MILLISECOND, minute(1000)] {
        assert_eq!(find(&list, token, now).await, None);
    }
    // Looked at too late, it is still found by a clock that is behind.
    assert_eq!(find(&list, token, start()).await, Some(given));
    for place in [0, 15, 31] {
        let mut bytes = *token.as_bytes();
        bytes[place] ^= 1;
        let near = TokenHash::from_bytes(bytes);
        assert_eq!(find(&list, near, start()).await, None, "another token");
    }
}

/// A later revocation of the same token changes nothing but the time for which it is known, and that
/// only to a later one.
pub async fn the_first_revocation_stands(list: Arc<dyn RevocationList>) {
    let first = Revocation {
        user_id: Some(user("ada")),
        session_id: Some(session("ada", start()).id),
        ..revocation("a", start())
    };
    let later = |expires_at| Revocation {
        token_type: TokenKind::Refresh,
        user_id: Some(user("eve")),
        session_id: Some(session("eve", start()).id),
        expires_at,
        reason: EndReason::ADMIN_TERMINATION,
        revoked_by: "admin".into(),
        cascaded_from: Some(first.id),
        ..revocation("a", minute(1))
    };
    revoke(&list, std::slice::from_ref(&first)).await;
    let calls = [
        (vec![first.clone()], 60),
        (vec![later(minute(30))], 60),
        (vec![later(minute(60))], 60),
        (vec![later(minute(90))], 90),
        (vec![later(minute(70))], 90),
        (vec![first.clone()], 90),
        // In one call as well, in whatever order.
        (
            vec![later(minute(95)), later(minute(100)), later(minute(5))],
            100,
        ),
    ];
    for (call, expected) in calls {
        revoke(&list, &call).await;
        let expected = Revocation {
            expires_at: minute(expected),
            ..first.clone()
        };
        let token = first.token_hash;
        let found = find(&list, token, expected.expires_at - MILLISECOND).await;
        assert_eq!(found.as_ref(), Some(&expected));
        assert_eq!(find(&list, token, expected.expires_at).await, None);
        assert_eq!(
            history(&list, None, None).await,
            std::slice::from_ref(&expected)
        );
        let of_ada = history(&list, Some(&user("ada")), first.session_id).await;
        assert_eq!(of_ada, [expected]);
        assert_eq!(history(&list, Some(&user("eve")), None).await, []);
        let session = call[0]
            .session_id
            .filter(|id| Some(*id) != first.session_id);
        if session.is_some() {
            assert_eq!(history(&list, None, session).await, []);
        }
    }
    // Known no shorter than anyone asked for: what was made longer is not forgotten at its first end.
    assert_eq!(forget(&list, minute(99), 10).await.count, 0);
    assert_eq!(forget(&list, minute(100), 10).await.count, 1);
}

/// Within one call too the first of a token stands, and the others of the call are noted.
pub async fn a_token_twice_in_a_batch_is_one(list: Arc<dyn RevocationList>) {
    let (a, b) = (revocation("a", start()), revocation("b", start()));
    let again = Revocation {
        expires_at: minute(80),
        revoked_by: "admin".into(),
        ..revocation("a", minute(1))
    };
    revoke(&list, &[a.clone(), again, b.clone(), a.clone()]).await;
    let longer = Revocation {
        expires_at: minute(80),
        ..a
    };
    assert_eq!(history(&list, None, None).await, [b, longer]);
}

/// A token whose revocation is over, forgotten or not, may be revoked anew.
pub async fn what_is_over_may_be_revoked_anew(list: Arc<dyn RevocationList>) {
    for (name, forgets) in [("a", false), ("b", true)] {
        let first = Revocation {
            user_id: Some(user(name)),
            ..revocation(name, start())
        };
        let anew = Revocation {
            user_id: Some(user(name)),
            ..revocation(name, minute(61))
        };
        revoke(&list, &[first]).await;
        if forgets {
            forget(&list, minute(61), 10).await;
        }
        revoke(&list, std::slice::from_ref(&anew)).await;
        let found = find(&list, anew.token_hash, minute(120)).await;
        let found = found.expect("it is in force");
        assert_eq!(found.expires_at, anew.expires_at);
        if forgets {
            assert_eq!(found, anew, "nothing is left of the first");
        }
        let of_user = history(&list, Some(&user(name)), None).await;
        assert_eq!(of_user, std::slice::from_ref(&found), "one record");
        let all = history(&list, None, None).await;
        let of_token = all
            .iter()
            .filter(|given| given.token_hash == found.token_hash);
        assert_eq!(of_token.collect::<Vec<_>>(), [&found]);
    }
}

/// All of a large batch; nothing of an empty one.
pub async fn a_batch_is_noted_whole(list: Arc<dyn RevocationList>) {
    revoke(&list, &[]).await;
    assert_eq!(history(&list, None, None).await, []);
    let batch: Vec<_> = (0..700)
        .map(|n| revocation(&format!("token {n}"), start()))
        .collect();
    revoke(&list, &batch).await;
    for given in batch {
        let found = find(&list, given.token_hash, minute(59)).await;
        assert_eq!(found, Some(given));
    }
}

/// A revocation that was answered is seen by every look that comes after, on every thread.
pub async fn what_was_answered_is_seen(list: Arc<dyn RevocationList>) {
    let found = parallel::all((0..200).map(|n| {
        let list = Arc::clone(&list);
        async move {
            let given = revocation(&format!("token {n}"), start());
            let token = given.token_hash;
            assert_eq!(find(&list, token, start()).await, None);
            revoke(&list, &[given]).await;
            let looks = (0..3).map(|_| {
                let list = Arc::clone(&list);
                async move { find(&list, token, start()).await.is_some() }
            });
            parallel::all(looks).await
        }
    }))
    .await;
    assert!(found.concat().into_iter().all(|is_found| is_found));
}

/// Of 100 at once one stands, and it is known for the longest time that one of them asked for.
pub async fn of_parallel_revocations_of_a_token_one_stands(list: Arc<dyn RevocationList>) {
    let given: Vec<_> = (0..100)
        .map(|n| Revocation {
            user_id: Some(user(&format!("user {n}"))),
            session_id: Some(session("ada", start()).id),
            expires_at: minute(60 + n * 37 % 100),
            ..revocation("a", start() + TimeDelta::seconds(n))
        })
        .collect();
    let calls = given.iter().cloned().map(|given| {
        let list = Arc::clone(&list);
        async move {
            revoke(&list, std::slice::from_ref(&given)).await;
            let found = find(&list, given.token_hash, given.expires_at - MILLISECOND).await;
            found.expect("it is known for as long as was asked for").id
        }
    });
    let seen: BTreeSet<_> = parallel::all(calls).await.into_iter().collect();
    assert_eq!(seen.len(), 1, "all see the same");
    let found = find(&list, given[0].token_hash, minute(158)).await;
    let found = found.expect("it is known for the longest time");
    assert_eq!(found.expires_at, minute(159));
    assert!(seen.contains(&found.id));
    assert_eq!(
        history(&list, None, None).await,
        std::slice::from_ref(&found)
    );
    for given in given {
        let stands = given.id == found.id;
        let of_user = history(&list, given.user_id.as_ref(), None).await;
        let of_session = history(&list, None, given.session_id).await;
        assert_eq!(
            (of_user.len(), of_session.len()),
            (stands.into(), stands.into())
        );
    }
}
