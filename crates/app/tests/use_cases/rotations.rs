//! A session token that is replaced: one successor, a grace for who has not heard of it, and theft.

use std::sync::Arc;

use app::{
    Freshness, Origin, Policies, Services, SessionError, SessionManager, SessionPolicy, SessionRef,
    Stores, Verdict,
};
use chrono::TimeDelta;
use session_core::{
    AuditAction, AuditEvent, AuditFilter, AuditOrder, EndReason, PageRequest, Refusal, RiskScore,
    Rotation, SessionToken, Standing,
};
use store_memory::MemoryStore;
use store_sqlite::{Options, SqliteStore};

use crate::harness::{TestClock, begin, copy, is_valid, services, services_over, user};

async fn rotate(manager: &SessionManager, token: &SessionToken) -> SessionToken {
    let rotated = manager.rotate(token, &Origin::system()).await;
    rotated.expect("the token is good").token
}

async fn is_refused(manager: &SessionManager, token: &SessionToken) {
    let refused = manager.rotate(token, &Origin::system()).await;
    assert!(
        matches!(refused, Err(SessionError::NotFound)),
        "{refused:?}"
    );
}

async fn hijacks(services: &Services) -> Vec<AuditEvent> {
    services.audit.flush().await;
    let filter = AuditFilter {
        action: Some(AuditAction::SessionHijackAttempt),
        ..AuditFilter::of_user(user())
    };
    let page = services
        .security
        .events(&filter, AuditOrder::OldestFirst, PageRequest::default())
        .await;
    let records = page.expect("the log answers").items;
    records.into_iter().map(|record| record.event).collect()
}

#[tokio::test]
async fn a_token_is_replaced_by_one_successor() {
    let clock = TestClock::new();
    let services = services(None, &clock, Policies::default());
    let sessions = &services.sessions;
    let first = begin(sessions, None).await;
    let second = rotate(sessions, &first).await;
    assert_eq!(first.id, second.id);
    assert_ne!(first.expose(), second.expose());
    assert!(is_valid(sessions, &second).await);
    // Whoever did not get the answer asks again, and gets the same.
    for _ in 0..3 {
        let again = rotate(sessions, &first).await;
        assert_eq!(again.expose(), second.expose());
        assert!(is_valid(sessions, &first).await, "it is in its grace");
    }
    let third = rotate(sessions, &second).await;
    assert_ne!(third.expose(), second.expose());
    assert!(is_valid(sessions, &second).await && is_valid(sessions, &third).await);
}

/// Domain, "Own refresh": parallel refreshes never make a second branch.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn parallel_changes_give_one_successor() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = SqliteStore::open(Options::new(folder.path().join("sessions.db"))).await;
    let memory = Stores::all_in(Arc::new(MemoryStore::new()));
    let file = Stores::all_in(Arc::new(file.expect("it opens")));
    for stores in [memory, file] {
        let clock = TestClock::new();
        let services = services_over(stores, &clock, Policies::default());
        let first = begin(&services.sessions, None).await;
        let mut tasks = Vec::new();
        for _ in 0..50 {
            let (sessions, first) = (Arc::clone(&services.sessions), copy(&first));
            tasks.push(tokio::spawn(async move {
                rotate(&sessions, &first).await.expose()
            }));
        }
        let mut successors = std::collections::HashSet::new();
        for task in tasks {
            successors.insert(task.await.expect("it ends"));
        }
        assert_eq!(successors.len(), 1);
        assert_eq!(hijacks(&services).await, []);
    }
}

/// From the first use of the successor on: by then whoever is the user has it.
#[tokio::test]
async fn a_predecessor_has_its_grace_from_the_first_use_of_its_successor_on() {
    let clock = TestClock::new();
    let services = services(None, &clock, Policies::default());
    let sessions = &services.sessions;
    for by_validation in [true, false] {
        let first = begin(sessions, None).await;
        let second = rotate(sessions, &first).await;
        // However late: a client that did not get the answer, and was away.
        for _ in 0..3 {
            clock.pass(TimeDelta::seconds(100));
            assert!(is_valid(sessions, &first).await);
            assert_eq!(rotate(sessions, &first).await.expose(), second.expose());
        }
        if by_validation {
            assert!(is_valid(sessions, &second).await);
        } else {
            rotate(sessions, &second).await;
            let third = rotate(sessions, &second).await;
            assert!(is_valid(sessions, &third).await);
        }
        let old = if by_validation { &first } else { &second };
        clock.pass(TimeDelta::milliseconds(9_999));
        assert!(is_valid(sessions, old).await);
        clock.pass(TimeDelta::milliseconds(1));
        is_refused(sessions, old).await;
        assert!(!is_valid(sessions, old).await, "just late, no theft");
        assert_eq!(hijacks(&services).await.len(), usize::from(!by_validation));
        clock.pass(Rotation::LENIENCE);
        assert!(!is_valid(sessions, old).await, "that was theft");
        assert!(
            !is_valid(sessions, &second).await,
            "of which nobody is the user"
        );
        assert_eq!(
            hijacks(&services).await.len(),
            1 + usize::from(!by_validation)
        );
    }
}

/// A thief with an old token follows no more than one change, and that is seen.
#[tokio::test]
async fn a_thief_cannot_follow_the_user() {
    let clock = TestClock::new();
    let services = services(None, &clock, Policies::default());
    let sessions = &services.sessions;
    let stolen = begin(sessions, None).await;
    let users = rotate(sessions, &stolen).await;
    assert!(is_valid(sessions, &users).await);
    clock.pass(TimeDelta::seconds(60));
    is_refused(sessions, &stolen).await;
    assert!(!is_valid(sessions, &users).await);
    assert_eq!(hijacks(&services).await.len(), 1);
}

/// Wherever a token goes in that is older than the one before: the session ends, and one record says
/// why.
#[tokio::test]
async fn an_old_token_ends_the_session() {
    let clock = TestClock::new();
    let services = services(None, &clock, Policies::default());
    let sessions = &services.sessions;
    for way in 0..5 {
        let first = begin(sessions, None).await;
        let second = rotate(sessions, &first).await;
        let third = rotate(sessions, &second).await;
        let origin = Origin {
            ip_address: "192.0.2.66".parse().ok(),
            ..Origin::system()
        };
        let which = SessionRef::Token(copy(&first));
        match way {
            0 => drop(sessions.validate(&first, None, &origin).await),
            1 => drop(sessions.rotate(&first, &origin).await),
            2 => drop(sessions.touch(&which, &origin).await),
            3 => drop(sessions.extend(&which, 60, &origin).await),
            _ => drop(sessions.get(&which, &origin).await),
        }
        for token in [&third, &second, &first] {
            is_refused(sessions, token).await;
            let verdict = sessions.validate(token, None, &Origin::system()).await;
            let Verdict::Refused(refusal) = verdict.expect("the store answers") else {
                panic!("{way}: it is refused");
            };
            assert_eq!(refusal, Refusal::Revoked, "{way}: to who once held it");
        }
        let found = hijacks(&services).await;
        assert_eq!(found.len(), way + 1, "{way}");
        let event = &found[way];
        assert_eq!(event.session_id, Some(first.id));
        assert_eq!((event.risk_score, event.suspicious), (RiskScore::MAX, true));
        assert_eq!(event.ip_address, origin.ip_address);
    }
}

/// A guess is not taken for theft: else whoever knows a handle could sign its user out.
#[tokio::test]
async fn a_made_up_token_ends_nothing() {
    let clock = TestClock::new();
    let services = services(None, &clock, Policies::default());
    let sessions = &services.sessions;
    let first = begin(sessions, None).await;
    let other = begin(sessions, None).await;
    let second = rotate(sessions, &first).await;
    let guess = SessionToken {
        id: first.id,
        secret: copy(&other).secret,
    };
    is_refused(sessions, &guess).await;
    assert!(!is_valid(sessions, &guess).await);
    assert!(is_valid(sessions, &second).await && is_valid(sessions, &first).await);
    assert_eq!(hijacks(&services).await, []);
}

#[tokio::test]
async fn what_has_ended_is_not_replaced() {
    let clock = TestClock::new();
    let services = services(None, &clock, Policies::default());
    let sessions = &services.sessions;
    let first = begin(sessions, None).await;
    let second = rotate(sessions, &first).await;
    let which = SessionRef::Token(copy(&first));
    let ended = services
        .revocations
        .revoke_session(&which, &[], EndReason::LOGOUT, &Origin::system())
        .await
        .expect("who has the one before may sign out");
    assert!(matches!(&ended.session.standing, Standing::Ended(ending)
        if ending.reason == EndReason::LOGOUT));
    for token in [&first, &second] {
        is_refused(sessions, token).await;
    }
    let expired = begin(sessions, None).await;
    clock.pass(TimeDelta::days(2));
    is_refused(sessions, &expired).await;
    assert_eq!(hijacks(&services).await, []);
}

/// A node that answers from its cache knows a successor that another node made.
#[tokio::test]
async fn in_cached_mode_a_successor_of_another_node_is_known_at_once() {
    let (store, clock) = (Arc::new(MemoryStore::new()), TestClock::new());
    let session = SessionPolicy {
        freshness: Freshness::Cached {
            entries: 100,
            bound: TimeDelta::seconds(1),
        },
        ..SessionPolicy::default()
    };
    let node = || {
        let policies = Policies {
            session,
            ..Policies::default()
        };
        services_over(Stores::all_in(Arc::clone(&store)), &clock, policies)
    };
    let (here, there) = (node(), node());
    let first = begin(&here.sessions, None).await;
    assert!(is_valid(&there.sessions, &first).await);
    let second = rotate(&here.sessions, &first).await;
    assert!(is_valid(&there.sessions, &second).await);
    let third = rotate(&here.sessions, &second).await;
    assert!(is_valid(&there.sessions, &third).await);
    clock.pass(TimeDelta::seconds(1));
    assert!(!is_valid(&there.sessions, &first).await);
    assert!(
        !is_valid(&there.sessions, &third).await,
        "two generations old is stolen"
    );
    assert_eq!(hijacks(&there).await.len(), 1);
}
