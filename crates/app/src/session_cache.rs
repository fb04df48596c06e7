use std::future::Future;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use quick_cache::sync::Cache;
use session_core::{Session, SessionId};

/// Records that may lag behind other processes' writes, but never behind this one's, and never by
/// more than a bound.
///
/// Whoever writes calls [`forget`](Self::forget) after the write and before its answer. A lookup that
/// has begun leaves a placeholder, which `forget` takes away: so a record read before the write can
/// no longer enter the cache.
pub(crate) struct SessionCache {
    entries: Cache<SessionId, Entry>,
    bound: TimeDelta,
}

#[derive(Clone)]
struct Entry {
    session: Arc<Session>,
    /// When the read began; the bound counts from here.
    read_at: DateTime<Utc>,
}

impl SessionCache {
    pub(crate) fn new(entries: usize, bound: TimeDelta) -> Self {
        Self {
            entries: Cache::new(entries),
            bound,
        }
    }

    /// The cached record, if it is fresh enough.
    pub(crate) fn get(&self, id: SessionId, now: DateTime<Utc>) -> Option<Arc<Session>> {
        let entry = self.entries.get(&id)?;
        if now - entry.read_at < self.bound {
            return Some(entry.session);
        }
        self.entries
            .remove_if(&id, |held| held.read_at == entry.read_at);
        None
    }

    /// The record that another lookup is about to enter, or what `load` finds.
    pub(crate) async fn get_or_load<E>(
        &self,
        id: SessionId,
        now: DateTime<Utc>,
        load: impl Future<Output = Result<Option<Arc<Session>>, E>>,
    ) -> Result<Option<Arc<Session>>, E> {
        match self.entries.get_value_or_guard_async(&id).await {
            Ok(entry) => Ok(Some(entry.session)),
            Err(placeholder) => {
                let found = load.await?;
                if let Some(session) = &found {
                    let entry = Entry {
                        session: Arc::clone(session),
                        read_at: now,
                    };
                    // Refused when a write came in between; see the type's documentation.
                    let _ = placeholder.insert(entry);
                }
                Ok(found)
            }
        }
    }

    /// This process changed the record.
    pub(crate) fn forget(&self, id: SessionId) {
        self.entries.remove(&id);
    }

    /// This process changed records that it cannot name.
    pub(crate) fn forget_all(&self) {
        self.entries.clear();
    }
}
