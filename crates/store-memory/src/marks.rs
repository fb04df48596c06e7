use std::collections::{BTreeSet, HashMap};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use session_core::MarkHash;
use session_core::ports::{Forgotten, OneTimeMarks, StoreError};

use crate::MemoryStore;

/// What was used, and until when that is known; the two agree after every method.
#[derive(Default)]
pub(crate) struct Marks {
    until: HashMap<MarkHash, DateTime<Utc>>,
    by_end: BTreeSet<(DateTime<Utc>, MarkHash)>,
}

#[async_trait]
impl OneTimeMarks for MemoryStore {
    async fn mark_used(
        &self,
        hash: MarkHash,
        until: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let mut marks = self.marks.write("note a use")?;
        let known = marks.until.get(&hash).copied();
        if known.is_some_and(|known| now < known) {
            return Ok(false);
        }
        if let Some(over) = known {
            marks.by_end.remove(&(over, hash));
        }
        marks.until.insert(hash, until);
        marks.by_end.insert((until, hash));
        Ok(true)
    }

    async fn forget_marks(
        &self,
        now: DateTime<Utc>,
        batch: usize,
    ) -> Result<Forgotten, StoreError> {
        let mut marks = self.marks.write("forget uses")?;
        let mut count = 0;
        while count < batch
            && let Some((until, hash)) = marks.by_end.first().copied()
            && until <= now
        {
            marks.by_end.pop_first();
            marks.until.remove(&hash);
            count += 1;
        }
        Ok(Forgotten {
            count: count as u64,
            more: count == batch,
        })
    }
}
