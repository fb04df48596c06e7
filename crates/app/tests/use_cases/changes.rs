use std::sync::Arc;

use app::{ErrorKind, NewSession, Origin, SessionPolicy, SessionRef};
use chrono::TimeDelta;
use serde_json::json;
use session_core::ports::{Clock as _, LimitPolicy, SessionLimit};
use session_core::{EndKind, EndReason};
use store_memory::MemoryStore;

use crate::harness::{TestClock, begin, copy, is_valid, manager, user};

#[tokio::test(flavor = "multi_thread")]
async fn parallel_changes_of_different_members_all_hold() {
    let clock = TestClock::new();
    let manager = Arc::new(manager(
        Arc::new(MemoryStore::new()),
        &clock,
        SessionPolicy::default(),
    ));
    let token = begin(&manager, None).await;
    let tasks: Vec<_> = (0..40)
        .map(|n| {
            let (manager, which) = (Arc::clone(&manager), SessionRef::Token(copy(&token)));
            tokio::spawn(async move {
                let change = json!({ format!("m{n}"): n });
                manager
                    .update(&which, change.as_object(), None, &Origin::system())
                    .await
                    .expect("it is changed");
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("none fails");
    }
    let session = manager
        .get(&SessionRef::Token(token), &Origin::system())
        .await
        .expect("it is live");
    let members: serde_json::Value =
        serde_json::from_str(session.metadata.as_json()).expect("JSON");
    assert_eq!(members.as_object().map(serde_json::Map::len), Some(40));
}

#[tokio::test]
async fn at_the_limit_refusing_is_an_error_that_says_so() {
    let clock = TestClock::new();
    let limit = SessionLimit {
        max: 2,
        policy: LimitPolicy::Refuse,
    };
    let policy = SessionPolicy {
        limit,
        ..SessionPolicy::default()
    };
    let manager = manager(Arc::new(MemoryStore::new()), &clock, policy);
    for _ in 0..2 {
        begin(&manager, None).await;
    }
    let refused = manager
        .create(NewSession::of(user()), &Origin::system())
        .await
        .expect_err("it is refused");
    assert_eq!(refused.kind(), ErrorKind::LimitReached);
    clock.pass(TimeDelta::hours(1));
    begin(&manager, None).await;
}

#[tokio::test]
async fn an_ordinary_session_has_a_hard_end_and_a_remembered_one_is_renewed() {
    let clock = TestClock::new();
    let manager = manager(
        Arc::new(MemoryStore::new()),
        &clock,
        SessionPolicy::default(),
    );
    let timeouts = SessionPolicy::default().timeouts;
    let start = clock.now();
    for (remember_me, latest) in [(false, timeouts.max), (true, timeouts.remember_me)] {
        let lifetime = timeouts
            .lifetime(None, None, remember_me)
            .expect("the default");
        let new = NewSession {
            lifetime,
            remember_me,
            ..NewSession::of(user())
        };
        let token = manager
            .create(new, &Origin::system())
            .await
            .expect("it is created")
            .token;
        clock.pass(TimeDelta::minutes(30));
        let which = SessionRef::Token(token);
        let most = timeouts.remember_me.num_seconds();
        let extended = manager
            .extend(&which, most, &Origin::system())
            .await
            .expect("it is live");
        let counted_from = if remember_me { clock.now() } else { start };
        assert_eq!(extended.session.expires_at, counted_from + latest);
    }
}

#[tokio::test]
async fn ending_twice_is_fine_and_a_wrong_secret_ends_nothing() {
    let clock = TestClock::new();
    let manager = manager(
        Arc::new(MemoryStore::new()),
        &clock,
        SessionPolicy::default(),
    );
    let token = begin(&manager, None).await;
    let forged = format!("{}.{}", token.id, "A".repeat(43))
        .parse()
        .expect("a token");
    let end = async |which| {
        manager
            .end(
                &which,
                EndKind::Revoked,
                EndReason::LOGOUT,
                &Origin::system(),
            )
            .await
    };
    let refused = end(SessionRef::Token(forged))
        .await
        .expect_err("it is not proven");
    assert_eq!(refused.kind(), ErrorKind::NotFound);
    assert!(is_valid(&manager, &token).await);
    for _ in 0..2 {
        end(SessionRef::Token(copy(&token)))
            .await
            .expect("it ends, and has ended");
    }
    // Once its record is forgotten it is as if it had never been.
    clock.pass(SessionPolicy::default().retention + TimeDelta::seconds(1));
    while manager.sweep().await.expect("the store sweeps").more {}
    let gone = end(SessionRef::Token(token))
        .await
        .expect_err("it is forgotten");
    assert_eq!(gone.kind(), ErrorKind::NotFound);
}

/// What the store does not know of yet must not cost anyone the session.
#[tokio::test]
async fn a_session_kept_alive_in_memory_can_be_changed_and_extended() {
    let clock = TestClock::new();
    let store = Arc::new(MemoryStore::new());
    let manager = manager(store, &clock, SessionPolicy::default());
    let token = begin(&manager, Some(TimeDelta::minutes(10))).await;
    for _ in 0..4 {
        clock.pass(TimeDelta::minutes(7));
        assert!(is_valid(&manager, &token).await);
    }
    let which = SessionRef::Token(token);
    manager
        .extend(&which, 60, &Origin::system())
        .await
        .expect("it is live");
    let change = json!({"a": 1});
    manager
        .update(&which, change.as_object(), None, &Origin::system())
        .await
        .expect("it is live");
}
