//! The contracts of durable stores, tried on memory: they pass where everything is kept, and fail where
//! anything is lost.

use std::sync::Arc;

use store_contract::restart::{
    Stores, accounts_survive_a_restart, rate_limits_survive_a_restart,
    revocations_survive_a_restart, the_audit_chain_survives_a_restart,
};
use store_contract::restart_grants::{grants_survive_a_restart, marks_survive_a_restart};
use store_memory::MemoryStore;

/// The same data each time: only the sessions, which nobody asks here, are closed.
fn kept() -> impl AsyncFn() -> Stores {
    let store = Arc::new(MemoryStore::new());
    async move || Stores {
        sessions: Arc::new(MemoryStore::new()),
        ..Stores::of(Arc::clone(&store))
    }
}

/// Nothing each time.
async fn lost() -> Stores {
    Stores::of(Arc::new(MemoryStore::new()))
}

#[tokio::test]
async fn revocations_that_are_kept_survive() {
    revocations_survive_a_restart(kept()).await;
}

#[tokio::test]
#[should_panic(expected = "left == right")]
async fn revocations_that_are_lost_do_not() {
    revocations_survive_a_restart(lost).await;
}

#[tokio::test]
async fn rate_limits_that_are_kept_survive() {
    rate_limits_survive_a_restart(kept()).await;
}

#[tokio::test]
#[should_panic(expected = "left == right")]
async fn rate_limits_that_are_lost_do_not() {
    rate_limits_survive_a_restart(lost).await;
}

#[tokio::test]
async fn an_audit_chain_that_is_kept_survives() {
    the_audit_chain_survives_a_restart(kept()).await;
}

#[tokio::test]
#[should_panic(expected = "left == right")]
async fn an_audit_chain_that_is_lost_does_not() {
    the_audit_chain_survives_a_restart(lost).await;
}

#[tokio::test]
async fn accounts_that_are_kept_survive() {
    accounts_survive_a_restart(kept()).await;
}

#[tokio::test]
#[should_panic(expected = "left == right")]
async fn accounts_that_are_lost_do_not() {
    accounts_survive_a_restart(lost).await;
}

#[tokio::test]
async fn grants_that_are_kept_survive() {
    grants_survive_a_restart(kept()).await;
}

#[tokio::test]
#[should_panic(expected = "left == right")]
async fn grants_that_are_lost_do_not() {
    grants_survive_a_restart(lost).await;
}

#[tokio::test]
async fn marks_that_are_kept_survive() {
    marks_survive_a_restart(kept()).await;
}

#[tokio::test]
#[should_panic(expected = "left == right")]
async fn marks_that_are_lost_do_not() {
    marks_survive_a_restart(lost).await;
}
