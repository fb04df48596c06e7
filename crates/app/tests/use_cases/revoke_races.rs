//! Requirements 12 and 14: after "sign out everywhere" was answered, no credential of that user lets
//! anyone in, whatever ran beside it.

use std::sync::Arc;

use app::{Freshness, NewSession, Origin, Policies, Services, SessionPolicy, SessionRef, Stores};
use chrono::TimeDelta;
use session_core::{EndReason, Metadata, SessionToken, UserId};
use store_memory::MemoryStore;
use tokio::sync::Barrier;
use tokio::task::JoinHandle;

use crate::harness::{TestClock, copy, is_valid, services_over};

const ROUNDS: usize = 500;

fn start(stores: &Stores, clock: &Arc<TestClock>, freshness: Freshness) -> Services {
    let session = SessionPolicy {
        freshness,
        activity_resolution: TimeDelta::zero(),
        ..SessionPolicy::default()
    };
    let policies = Policies {
        session,
        ..Policies::default()
    };
    services_over(stores.clone(), clock, policies)
}

/// What runs beside: each uses the session in its own way, again and again, until it fails.
fn disturb(
    node: &Services,
    tokens: &Arc<Vec<SessionToken>>,
    gate: &Arc<Barrier>,
) -> Vec<JoinHandle<()>> {
    (0..4)
        .map(|way| {
            let (node, tokens, gate) = (node.clone(), Arc::clone(tokens), Arc::clone(gate));
            tokio::spawn(async move {
                gate.wait().await;
                let origin = Origin::system();
                for n in 0..3 {
                    for token in tokens.iter() {
                        let which = SessionRef::Token(copy(token));
                        let change = serde_json::json!({"n": n});
                        let sessions = &node.sessions;
                        // Each may find the session ended, and says so; none may bring it back.
                        match way {
                            0 => drop(sessions.touch(&which, &Origin::system()).await),
                            1 => drop(sessions.validate(token, None, &origin).await),
                            2 => drop(sessions.extend(&which, 60, &origin).await),
                            _ => {
                                let change = change.as_object();
                                drop(sessions.update(&which, change, None, &origin).await);
                            }
                        }
                        tokio::task::yield_now().await;
                    }
                }
            })
        })
        .collect()
}

/// `here` revokes; `there` works on the same sessions meanwhile, and is asked afterwards.
async fn rounds(
    clock: &Arc<TestClock>,
    here: &Services,
    there: &Services,
    bound: Option<TimeDelta>,
) {
    for round in 0..ROUNDS {
        let ada = UserId::new(&format!("ada {round}")).expect("a user");
        let mut tokens = Vec::new();
        for _ in 0..3 {
            let new = NewSession {
                metadata: Metadata::default(),
                ..NewSession::of(ada.clone())
            };
            let created = here.sessions.create(new, &Origin::system()).await;
            tokens.push(created.expect("it is created").token);
        }
        let tokens = Arc::new(tokens);
        for token in tokens.iter() {
            assert!(is_valid(&there.sessions, token).await);
        }
        let gate = Arc::new(Barrier::new(9));
        let mut others = disturb(here, &tokens, &gate);
        others.extend(disturb(there, &tokens, &gate));
        gate.wait().await;
        let ended = here
            .revocations
            .revoke_user(&ada, None, EndReason::LOGOUT, &Origin::system())
            .await
            .expect("they end");
        assert_eq!(ended.len(), 3);
        // At once where it was done.
        for token in tokens.iter() {
            assert!(!is_valid(&here.sessions, token).await, "round {round}");
        }
        if let Some(bound) = bound {
            clock.pass(bound);
        }
        for token in tokens.iter() {
            assert!(!is_valid(&there.sessions, token).await, "round {round}");
        }
        for other in others {
            other.await.expect("the others do not fail");
        }
        if let Some(bound) = bound {
            // What the others asked for in the meantime may have been cached since.
            clock.pass(bound);
        }
        for token in tokens.iter() {
            for node in [here, there] {
                assert!(
                    !is_valid(&node.sessions, token).await,
                    "round {round}, at rest"
                );
                let which = SessionRef::Token(copy(token));
                let origin = Origin::system();
                node.sessions
                    .touch(&which, &Origin::system())
                    .await
                    .expect_err("it has ended");
                let outcome = node.sessions.extend(&which, 60, &origin).await;
                outcome.expect_err("it has ended");
                let change = serde_json::json!({"n": 1});
                let change = change.as_object();
                let outcome = node.sessions.update(&which, change, None, &origin).await;
                outcome.expect_err("it has ended");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_strict_mode_nothing_survives_a_revoke_in_memory() {
    let clock = TestClock::new();
    let stores = Stores::all_in(Arc::new(MemoryStore::new()));
    let here = start(&stores, &clock, Freshness::Strict);
    let there = start(&stores, &clock, Freshness::Strict);
    rounds(&clock, &here, &there, None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_strict_mode_nothing_survives_a_revoke_in_sqlite() {
    let clock = TestClock::new();
    let folder = tempfile::tempdir().expect("a folder");
    let options = store_sqlite::Options::new(folder.path().join("sessions.db"));
    let store = store_sqlite::SqliteStore::open(options).await;
    let stores = Stores::all_in(Arc::new(store.expect("it opens")));
    let here = start(&stores, &clock, Freshness::Strict);
    let there = start(&stores, &clock, Freshness::Strict);
    rounds(&clock, &here, &there, None).await;
}

/// Two processes with caches over one store: the other one follows within the bound.
#[tokio::test(flavor = "multi_thread")]
async fn in_cached_mode_nothing_survives_a_revoke_by_more_than_the_bound() {
    let clock = TestClock::new();
    let bound = TimeDelta::seconds(1);
    let stores = Stores::all_in(Arc::new(MemoryStore::new()));
    let cached = Freshness::Cached {
        entries: 1000,
        bound,
    };
    let here = start(&stores, &clock, cached);
    let there = start(&stores, &clock, cached);
    rounds(&clock, &here, &there, Some(bound)).await;
}
