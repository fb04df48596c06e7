//! The contract of every store, on memory.

use std::sync::Arc;

use session_core::ports::SessionStore;
use store_memory::MemoryStore;

async fn fresh() -> (Arc<dyn SessionStore>, ()) {
    (Arc::new(MemoryStore::new()), ())
}

store_contract::contract_tests!(fresh);

/// Asked of this store only: exact however many users are past their deadline.
#[tokio::test]
async fn users_past_their_deadline_hide_nobody() {
    store_contract::stats::users_past_their_deadline_hide_nobody(fresh().await.0).await;
}
