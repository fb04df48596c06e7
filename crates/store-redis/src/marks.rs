use std::sync::LazyLock;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use session_core::MarkHash;
use session_core::ports::{Forgotten, OneTimeMarks, StoreError};

use crate::RedisStore;
use crate::script::Script;

static MARK: LazyLock<Script> = LazyLock::new(|| Script::of(&[include_str!("lua/mark.lua")]));
static FORGET: LazyLock<Script> =
    LazyLock::new(|| Script::of(&[include_str!("lua/marks_forget.lua")]));

/// Marks that one step forgets, at most.
const AT_ONCE: usize = 128;

#[async_trait]
impl OneTimeMarks for RedisStore {
    async fn mark_used(
        &self,
        hash: MarkHash,
        until: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let now = now.timestamp_millis();
        let mut call = self.call(&MARK);
        call.arg(hash.as_bytes())
            .arg(until.timestamp_millis())
            .arg(now)
            .arg(now.saturating_sub_unsigned(self.kept()));
        self.run("note a use", &MARK, &call).await
    }

    async fn forget_marks(
        &self,
        now: DateTime<Utc>,
        batch: usize,
    ) -> Result<Forgotten, StoreError> {
        let mut call = self.call(&FORGET);
        call.arg(now.timestamp_millis()).arg(batch.min(AT_ONCE));
        let (count, more) = self.run("forget uses", &FORGET, &call).await?;
        Ok(Forgotten { count, more })
    }
}
