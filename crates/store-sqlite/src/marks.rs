//! What was used that is good once: everything is a write, and the writer does it.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use session_core::MarkHash;
use session_core::ports::{Forgotten, OneTimeMarks, StoreError};

use crate::store::SqliteStore;
use crate::write::{forget, mark};

#[async_trait]
impl OneTimeMarks for SqliteStore {
    async fn mark_used(
        &self,
        hash: MarkHash,
        until: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        self.writer.submit(mark::Request { hash, until, now }).await
    }

    async fn forget_marks(
        &self,
        now: DateTime<Utc>,
        batch: usize,
    ) -> Result<Forgotten, StoreError> {
        self.forget(forget::What::Marks, now, batch).await
    }
}
