//! The list of revocations.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use session_core::ports::RevocationList;
use session_core::{
    Cursor, EndReason, PageRequest, Revocation, RevocationId, SessionId, TokenHash, TokenKind,
};

use crate::parallel;
use crate::samples::{minute, user};

/// A revocation of a token that no other has, at this minute, known for an hour.
pub(crate) fn revocation(minutes: i64) -> Revocation {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let mut tail = [0; 10];
    tail[2..].copy_from_slice(&count.to_be_bytes());
    Revocation {
        id: RevocationId::at(minute(minutes), tail),
        token_hash: TokenHash::of(TokenKind::Access, &count.to_be_bytes()),
        token_type: TokenKind::Access,
        session_id: None,
        user_id: Some(user("ada")),
        revoked_at: minute(minutes),
        expires_at: minute(minutes + 60),
        reason: EndReason::LOGOUT,
        revoked_by: "user:ada".into(),
        cascaded_from: None,
    }
}

async fn revoke(list: &Arc<dyn RevocationList>, revocations: &[Revocation]) {
    let outcome = list.revoke(revocations).await;
    outcome.expect("the list takes revocations");
}

async fn find(
    list: &Arc<dyn RevocationList>,
    token: TokenHash,
    minutes: i64,
) -> Option<Arc<Revocation>> {
    let found = list.find_revocation(token, minute(minutes)).await;
    found.expect("the list answers")
}

async fn history(
    list: &Arc<dyn RevocationList>,
    user_name: Option<&str>,
    session: Option<SessionId>,
) -> Vec<RevocationId> {
    let page = PageRequest::default();
    let page = list.history(user_name.map(user), session, page).await;
    let items = page.expect("the list answers").items;
    items.iter().map(|revocation| revocation.id).collect()
}

/// Every field comes back, whatever is there and whatever is left out.
pub async fn what_was_revoked_is_found_whole(list: Arc<dyn RevocationList>) {
    let session = SessionId::at(minute(0), [7; 10]);
    let mut all = Vec::new();
    for kind in TokenKind::ALL {
        all.push(Revocation {
            token_type: kind,
            token_hash: TokenHash::of(kind, b"one name"),
            session_id: Some(session),
            cascaded_from: Some(RevocationId::at(minute(0), [8; 10])),
            reason: EndReason::new("a_reason_of_ones_own").expect("a reason"),
            revoked_by: "user:\"Ada\"\n\u{1F600}".into(),
            ..revocation(0)
        });
    }
    all.push(Revocation {
        user_id: None,
        revoked_by: "".into(),
        ..revocation(1)
    });
    revoke(&list, &all).await;
    for expected in &all {
        let found = find(&list, expected.token_hash, 2).await;
        assert_eq!(found.as_deref(), Some(expected));
    }
    let unknown = TokenHash::of(TokenKind::Access, b"another name");
    assert_eq!(find(&list, unknown, 2).await, None);
    revoke(&list, &[]).await;
}

/// In force up to its last moment, whether it was looked up before or not.
pub async fn a_revocation_is_in_force_until_it_is_over(list: Arc<dyn RevocationList>) {
    let one = revocation(0);
    assert_eq!(find(&list, one.token_hash, 0).await, None, "not yet");
    revoke(&list, std::slice::from_ref(&one)).await;
    assert!(find(&list, one.token_hash, 0).await.is_some());
    assert!(find(&list, one.token_hash, 59).await.is_some());
    assert_eq!(find(&list, one.token_hash, 60).await, None);
    assert_eq!(find(&list, one.token_hash, 61).await, None);
}

/// The first stands; a later one makes it known for longer, never for less.
pub async fn the_first_revocation_stands(list: Arc<dyn RevocationList>) {
    let first = revocation(0);
    let later = |minutes, until| Revocation {
        token_hash: first.token_hash,
        expires_at: minute(until),
        reason: EndReason::SUSPECTED_HIJACKING,
        ..revocation(minutes)
    };
    revoke(&list, std::slice::from_ref(&first)).await;
    revoke(&list, &[later(1, 30), later(2, 90), later(3, 50)]).await;
    let expected = Revocation {
        expires_at: minute(90),
        ..first.clone()
    };
    let found = find(&list, first.token_hash, 89).await;
    assert_eq!(found.as_deref(), Some(&expected));
    assert_eq!(history(&list, None, None).await, [first.id]);
    // Sent again, as after an error.
    revoke(&list, std::slice::from_ref(&first)).await;
    let found = find(&list, first.token_hash, 89).await;
    assert_eq!(found.as_deref(), Some(&expected));
}

/// Of many revocations of one token at once, one is kept.
pub async fn of_parallel_revocations_one_counts(list: Arc<dyn RevocationList>) {
    let token_hash = revocation(0).token_hash;
    let all: Vec<_> = (0..100)
        .map(|n| Revocation {
            token_hash,
            ..revocation(n)
        })
        .collect();
    parallel::all(all.into_iter().map(|one| {
        let list = Arc::clone(&list);
        async move { revoke(&list, &[one]).await }
    }))
    .await;
    let kept = history(&list, None, None).await;
    let found = find(&list, token_hash, 1).await.expect("it is revoked");
    assert_eq!(kept, [found.id]);
}

/// A look that begins after the answer sees the revocation, however many looks were under way.
pub async fn revoke_against_find(list: Arc<dyn RevocationList>) {
    for _ in 0..200 {
        let one = revocation(0);
        let token = one.token_hash;
        let looks: Vec<_> = (0..4)
            .map(|_| {
                let list = Arc::clone(&list);
                tokio::spawn(async move {
                    for _ in 0..5 {
                        find(&list, token, 1).await;
                    }
                })
            })
            .collect();
        revoke(&list, &[one]).await;
        assert!(find(&list, token, 1).await.is_some());
        for look in looks {
            look.await.expect("the others do not fail");
        }
        assert!(find(&list, token, 1).await.is_some());
    }
}

/// Newest first; of a user, of a session, of both, of everyone.
pub async fn the_history_tells_users_and_sessions_apart(list: Arc<dyn RevocationList>) {
    let (one, two) = (
        SessionId::at(minute(0), [1; 10]),
        SessionId::at(minute(0), [2; 10]),
    );
    let of = |minutes, name: Option<&str>, session_id| Revocation {
        user_id: name.map(user),
        session_id,
        ..revocation(minutes)
    };
    let all = [
        of(0, Some("ada"), Some(one)),
        of(1, Some("grace"), Some(two)),
        of(2, Some("ada"), None),
        of(3, None, Some(one)),
        of(4, None, None),
        of(5, Some("Ada"), None),
    ];
    revoke(&list, &all).await;
    let ids = |places: &[usize]| -> Vec<_> { places.iter().map(|place| all[*place].id).collect() };
    assert_eq!(history(&list, None, None).await, ids(&[5, 4, 3, 2, 1, 0]));
    assert_eq!(history(&list, Some("ada"), None).await, ids(&[2, 0]));
    assert_eq!(history(&list, None, Some(one)).await, ids(&[3, 0]));
    assert_eq!(history(&list, Some("ada"), Some(one)).await, ids(&[0]));
    assert_eq!(history(&list, Some("ada"), Some(two)).await, []);
    assert_eq!(history(&list, Some("nobody"), None).await, []);
}

/// Pages hold each once, whatever is added in between.
pub async fn pages_of_the_history_hold_each_once(list: Arc<dyn RevocationList>) {
    let all: Vec<_> = (0..25).map(revocation).collect();
    revoke(&list, &all).await;
    let mut seen = Vec::new();
    let mut after: Option<Cursor<RevocationId>> = None;
    let mut minutes = 100;
    loop {
        let page = PageRequest::new(Some(4), after).expect("a page");
        let page = list.history(Some(user("ada")), None, page).await;
        let page = page.expect("the list answers");
        assert!(page.items.len() <= 4);
        seen.extend(page.items.iter().map(|revocation| revocation.id));
        revoke(&list, &[revocation(minutes)]).await;
        minutes += 1;
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    let expected: Vec<_> = all.iter().rev().map(|revocation| revocation.id).collect();
    assert_eq!(seen, expected);
}

/// Only what is over goes, a batch at a time; what was made known for longer stays.
pub async fn what_is_over_is_forgotten(list: Arc<dyn RevocationList>) {
    let over: Vec<_> = (0..25).map(|_| revocation(0)).collect();
    let longer = Revocation {
        token_hash: over[0].token_hash,
        ..revocation(10)
    };
    let live = revocation(1);
    revoke(&list, &over).await;
    revoke(&list, &[longer, live.clone()]).await;
    let early = list
        .forget_revocations(minute(59), 10)
        .await
        .expect("it forgets");
    assert_eq!((early.count, early.more), (0, false));
    let mut counts = Vec::new();
    loop {
        let step = list
            .forget_revocations(minute(60), 10)
            .await
            .expect("it forgets");
        counts.push(step.count);
        if !step.more {
            break;
        }
    }
    assert_eq!(counts, [10, 10, 4]);
    assert_eq!(history(&list, None, None).await, [live.id, over[0].id]);
    assert!(find(&list, over[0].token_hash, 60).await.is_some());
    assert_eq!(
        find(&list, over[1].token_hash, 0).await,
        None,
        "no trace is left"
    );
    // A token whose revocation was forgotten may be revoked anew.
    let anew = Revocation {
        token_hash: over[1].token_hash,
        ..revocation(61)
    };
    revoke(&list, std::slice::from_ref(&anew)).await;
    let found = find(&list, anew.token_hash, 62).await;
    assert_eq!(found.as_deref(), Some(&anew));
}
