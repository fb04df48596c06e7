//! The contract of every store, on memory.

use std::sync::Arc;

use session_core::ports::{AuditLog, RateLimiter, RevocationList, SessionStore};
use store_memory::MemoryStore;

async fn fresh() -> (Arc<dyn SessionStore>, ()) {
    (Arc::new(MemoryStore::new()), ())
}

async fn fresh_list() -> (Arc<dyn RevocationList>, ()) {
    (Arc::new(MemoryStore::new()), ())
}

async fn fresh_limiter() -> (Arc<dyn RateLimiter>, ()) {
    (Arc::new(MemoryStore::new()), ())
}

async fn fresh_log() -> (Arc<dyn AuditLog>, ()) {
    (Arc::new(MemoryStore::new()), ())
}

store_contract::contract_tests!(fresh);
store_contract::revocation_tests!(fresh_list);
store_contract::rate_limit_tests!(fresh_limiter);
store_contract::audit_tests!(fresh_log);

/// Asked of this store only: exact however many users are past their deadline.
#[tokio::test]
async fn users_past_their_deadline_hide_nobody() {
    store_contract::stats::users_past_their_deadline_hide_nobody(fresh().await.0).await;
}
