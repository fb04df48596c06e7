//! The contract of every store, on memory.

use std::sync::Arc;

use session_core::ports::SessionStore;
use store_memory::MemoryStore;

async fn fresh() -> (Arc<dyn SessionStore>, ()) {
    (Arc::new(MemoryStore::new()), ())
}

store_contract::contract_tests!(fresh);
