//! The contract of every store, on memory.

use std::sync::Arc;

use session_core::ports::{
    AuditLog, GrantStore, OneTimeMarks, RateLimiter, RevocationList, SessionStore, UserDirectory,
};
use store_memory::MemoryStore;

async fn fresh() -> (Arc<dyn SessionStore>, ()) {
    (Arc::new(MemoryStore::new()), ())
}

async fn fresh_revocations() -> (Arc<dyn RevocationList>, ()) {
    (Arc::new(MemoryStore::new()), ())
}

async fn fresh_rates() -> (Arc<dyn RateLimiter>, ()) {
    (Arc::new(MemoryStore::new()), ())
}

async fn fresh_audit() -> (Arc<dyn AuditLog>, ()) {
    (Arc::new(MemoryStore::new()), ())
}

async fn fresh_accounts() -> (Arc<dyn UserDirectory>, ()) {
    (Arc::new(MemoryStore::new()), ())
}

async fn fresh_grants() -> (Arc<dyn GrantStore>, ()) {
    (Arc::new(MemoryStore::new()), ())
}

async fn fresh_marks() -> (Arc<dyn OneTimeMarks>, ()) {
    (Arc::new(MemoryStore::new()), ())
}

store_contract::contract_tests!(fresh);
store_contract::revocation_tests!(fresh_revocations);
store_contract::rate_limit_tests!(fresh_rates);
store_contract::audit_tests!(fresh_audit);
store_contract::account_tests!(fresh_accounts);
store_contract::grant_tests!(fresh_grants);
store_contract::mark_tests!(fresh_marks);

/// Asked of this store only: exact however many users are past their deadline.
#[tokio::test]
async fn users_past_their_deadline_hide_nobody() {
    store_contract::stats::users_past_their_deadline_hide_nobody(fresh().await.0).await;
}

/// Asked with the bound of this store.
#[tokio::test]
async fn at_the_bound_what_means_least_goes() {
    let limiter = fresh_rates().await.0;
    store_contract::rate_forgetting::at_the_bound_what_means_least_goes(limiter, 500_000).await;
}

#[tokio::test]
async fn a_session_is_asked_for_by_its_record_too() {
    let stores = store_contract::restart::Stores::of(Arc::new(MemoryStore::new()));
    store_contract::audit_queries::a_session_is_asked_for_by_its_record_too(stores).await;
}

#[tokio::test]
async fn a_closed_store_answers_on_no_port() {
    let stores = store_contract::restart::Stores::of(Arc::new(MemoryStore::new()));
    store_contract::restart::a_closed_store_answers_on_no_port(stores).await;
}
