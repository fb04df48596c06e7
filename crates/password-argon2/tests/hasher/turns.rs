//! Requirement 30: how many are hashed at once, how many wait, and who is sent away.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use password_argon2::{Argon2Hasher, Argon2Params, HashLimits};
use session_core::PasswordHash;
use session_core::ports::{HashError, PasswordHasher as _, PasswordMatch};
use tokio::task::JoinHandle;

use crate::gate::Gate;
use crate::password;

type Hashed = Result<PasswordHash, HashError>;

fn gated(gate: &Gate, at_once: usize, queue: usize) -> Arc<Argon2Hasher> {
    let limits = HashLimits::new(at_once, queue).expect("limits");
    let params = Argon2Params::default();
    Arc::new(Argon2Hasher::new(params, limits, gate.entropy()))
}

/// A hash that stands at the gate: it has a turn, and keeps it until the gate is opened.
async fn running(hasher: &Arc<Argon2Hasher>, gate: &Gate) -> JoinHandle<Hashed> {
    let hasher = Arc::clone(hasher);
    let task = tokio::spawn(async move { hasher.hash(&password("x")).await });
    gate.arrival().await;
    task
}

/// Lets a caller ask, and go on if nothing keeps it.
async fn asked<F: Future>(mut caller: Pin<&mut F>) -> Poll<F::Output> {
    poll_fn(|context| Poll::Ready(caller.as_mut().poll(context))).await
}

fn in_use(hasher: &Argon2Hasher) -> (usize, usize) {
    let load = hasher.load();
    (load.running, load.waiting)
}

#[tokio::test]
async fn past_the_queue_the_answer_is_busy_at_once() {
    let gate = Gate::new();
    let hasher = gated(&gate, 2, 2);
    let x = password("x");
    let first = running(&hasher, &gate).await;
    let second = running(&hasher, &gate).await;
    assert_eq!(in_use(&hasher), (2, 0));

    let (mut third, mut fourth) = (pin!(hasher.hash(&x)), pin!(hasher.verify(&x, None)));
    assert!(asked(third.as_mut()).await.is_pending());
    assert!(asked(fourth.as_mut()).await.is_pending());
    assert_eq!(in_use(&hasher), (2, 2));

    let hash = PasswordHash::new(
        "$argon2id$v=19$m=8,t=1,p=1$AAECAwQFBgcICQoLDA0ODw$5SSUx10BAEc6E8jLmD+H6EeGJWEMSirwTkkDXUl/+iU",
    );
    let busy = asked(pin!(hasher.hash(&x))).await;
    assert!(matches!(busy, Poll::Ready(Err(HashError::Busy))));
    for hash in [Some(&hash), None] {
        let busy = asked(pin!(hasher.verify(&x, hash))).await;
        assert!(matches!(busy, Poll::Ready(Err(HashError::Busy))));
    }

    // Nobody who was let in is forgotten, and then there is room again.
    gate.open();
    for task in [first, second] {
        assert!(task.await.expect("no panic").is_ok());
    }
    assert!(third.await.is_ok());
    assert_eq!(fourth.await.expect("an answer"), PasswordMatch::No);
    assert_eq!(in_use(&hasher), (0, 0));
    assert!(hasher.hash(&x).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn never_do_more_hash_at_once_than_may() {
    let gate = Gate::new();
    let hasher = gated(&gate, 2, 10);
    let mut tasks = vec![running(&hasher, &gate).await, running(&hasher, &gate).await];
    for _ in 0..10 {
        let hasher = Arc::clone(&hasher);
        tasks.push(tokio::spawn(
            async move { hasher.hash(&password("x")).await },
        ));
    }
    // All have asked before one is let through.
    while in_use(&hasher) != (2, 10) {
        tokio::task::yield_now().await;
    }
    assert_eq!(gate.most_at_once(), 2);
    gate.open();
    for task in tasks {
        assert!(task.await.expect("no panic").is_ok());
    }
    assert_eq!(gate.most_at_once(), 2);
}

#[tokio::test]
async fn a_caller_that_goes_away_while_it_waits_frees_its_place() {
    let gate = Gate::new();
    let hasher = gated(&gate, 1, 1);
    let x = password("x");
    let first = running(&hasher, &gate).await;
    for _ in 0..5 {
        let mut waiting = pin!(Box::pin(hasher.hash(&x)));
        assert!(asked(waiting.as_mut()).await.is_pending());
        assert_eq!(in_use(&hasher), (1, 1));
        let busy = asked(pin!(hasher.hash(&x))).await;
        assert!(matches!(busy, Poll::Ready(Err(HashError::Busy))));
        waiting.set(Box::pin(hasher.hash(&x)));
        assert_eq!(in_use(&hasher), (1, 0));
    }
    gate.open();
    assert!(first.await.expect("no panic").is_ok());
}

/// What was begun is done to its end, and counts until then.
#[tokio::test]
async fn a_caller_that_goes_away_while_it_is_served_keeps_its_turn() {
    let gate = Gate::new();
    let hasher = gated(&gate, 1, 1);
    let x = password("x");
    let first = running(&hasher, &gate).await;
    first.abort();
    assert!(first.await.expect_err("gone").is_cancelled());
    assert_eq!(in_use(&hasher), (1, 0));

    let mut second = pin!(hasher.hash(&x));
    assert!(asked(second.as_mut()).await.is_pending());
    let busy = asked(pin!(hasher.hash(&x))).await;
    assert!(matches!(busy, Poll::Ready(Err(HashError::Busy))));

    gate.open();
    assert!(second.await.is_ok());
    assert_eq!(in_use(&hasher), (0, 0));
    assert_eq!(gate.most_at_once(), 1);
}

/// On one thread: were the hash computed on it, nobody could ever open the gate.
#[tokio::test(flavor = "current_thread")]
async fn other_tasks_go_on_while_a_password_is_hashed() {
    let gate = Gate::new();
    let hasher = gated(&gate, 1, 0);
    let hashing = running(&hasher, &gate).await;
    let other = tokio::spawn(async {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    });
    other.await.expect("no panic");
    assert!(!hashing.is_finished());
    gate.open();
    assert!(hashing.await.expect("no panic").is_ok());
}

/// A fault while hashing is told, and its turn is free again.
#[tokio::test]
async fn a_panic_is_a_failure_and_keeps_no_turn() {
    struct Panicking;
    impl session_core::ports::Entropy for Panicking {
        fn fill(&self, _: &mut [u8]) -> Result<(), session_core::ports::EntropyError> {
            panic!("a fault of the system")
        }
    }
    let limits = HashLimits::new(1, 0).expect("limits");
    let params = Argon2Params::default();
    let hasher = Argon2Hasher::new(params, limits, Arc::new(Panicking));
    for _ in 0..3 {
        let failed = hasher.hash(&password("x")).await;
        assert!(matches!(failed, Err(HashError::Failed(_))), "{failed:?}");
    }
    assert_eq!(in_use(&hasher), (0, 0));
}
