use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use session_core::ports::{
    Created, EndOutcome, EndedBatch, Extension, LimitPolicy, SessionChange, SessionLimit,
    SessionStore, StoreError, StoreErrorKind, Swept, UpdateOutcome,
};
use session_core::{
    Activity, EndKind, EndReason, Ending, Page, PageRequest, Session, SessionId, SessionStats,
    Standing, UserId,
};

use crate::tables::Tables;

/// Sessions in memory; see the crate's documentation.
pub struct MemoryStore {
    /// A std lock: it is held for a few map operations and never across an `.await`. Reading, which
    /// is most of the work, does not exclude reading. `None` once closed.
    tables: RwLock<Option<Tables>>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self {
            tables: RwLock::new(Some(Tables::default())),
        }
    }

    fn check_open(&self, doing: &'static str) -> Result<(), StoreError> {
        self.read()
            .as_ref()
            .map(drop)
            .ok_or_else(|| StoreError::closed(doing))
    }

    fn read(&self) -> RwLockReadGuard<'_, Option<Tables>> {
        // Under the lock, `Tables` only calls maps of the standard library, which do not panic on our
        // keys, and the one sum that could overflow (a version's) is made before anything is changed.
        // So even a poisoned lock guards tables that agree.
        self.tables.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Option<Tables>> {
        // As in `read`.
        self.tables.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many activities are noted under one hold of the lock: some 100 µs of work.
const TOUCHED_AT_ONCE: usize = 128;

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}

#[async_trait]
impl SessionStore for MemoryStore {
    async fn create(&self, session: Session, limit: SessionLimit) -> Result<Created, StoreError> {
        const DOING: &str = "create a session";
        let mut guard = self.write();
        let tables = guard.as_mut().ok_or_else(|| StoreError::closed(DOING))?;
        if tables.get(session.id).is_some() {
            let cause = "a session of this id exists already";
            return Err(StoreError::new(StoreErrorKind::Internal, DOING, cause));
        }
        let now = session.created_at;
        let evicted = match limit.policy {
            LimitPolicy::Refuse if tables.live_of(&session.user_id, now) >= limit.max as usize => {
                return Ok(Created::LimitReached);
            }
            LimitPolicy::Refuse => Vec::new(),
            LimitPolicy::EvictOldest => tables.oldest_over(&session.user_id, limit.max, now),
        };
        for id in &evicted {
            tables.end(
                *id,
                Ending {
                    kind: EndKind::Terminated,
                    reason: EndReason::SESSION_LIMIT,
                    at: now,
                },
            );
        }
        let session = Arc::new(session);
        tables.insert(Arc::clone(&session));
        Ok(Created::Stored { session, evicted })
    }

    async fn find(&self, id: SessionId) -> Result<Option<Arc<Session>>, StoreError> {
        let guard = self.read();
        let tables = guard
            .as_ref()
            .ok_or_else(|| StoreError::closed("find a session"))?;
        Ok(tables.get(id).cloned())
    }

    async fn touch(&self, activities: &[Activity]) -> Result<(), StoreError> {
        const DOING: &str = "note activity";
        if activities.is_empty() {
            return self.check_open(DOING);
        }
        // A batch need not be noted in one step. A large one lets go of the lock in between, so that
        // no lookup waits for the whole of it.
        for part in activities.chunks(TOUCHED_AT_ONCE) {
            let mut guard = self.write();
            let tables = guard.as_mut().ok_or_else(|| StoreError::closed(DOING))?;
            for Activity { id, at } in part {
                if let Some(session) = tables
                    .get(*id)
                    .filter(|session| session.accepts_activity(*at))
                {
                    let touched = session.with_activity(*at);
                    tables.replace(touched);
                }
            }
        }
        Ok(())
    }

    async fn extend(
        &self,
        id: SessionId,
        extension: Extension,
        now: DateTime<Utc>,
    ) -> Result<Option<Arc<Session>>, StoreError> {
        let mut guard = self.write();
        let tables = guard
            .as_mut()
            .ok_or_else(|| StoreError::closed("extend a session"))?;
        let Some(session) = tables.get(id).filter(|session| session.is_live(now)) else {
            return Ok(None);
        };
        let extended = Arc::new(Session {
            expires_at: extension.of(session.expires_at),
            version: session.version + 1,
            ..Session::clone(session)
        });
        tables.replace(Arc::clone(&extended));
        Ok(Some(extended))
    }

    async fn update(
        &self,
        id: SessionId,
        expected_version: u64,
        change: SessionChange,
        now: DateTime<Utc>,
    ) -> Result<UpdateOutcome, StoreError> {
        let mut guard = self.write();
        let tables = guard
            .as_mut()
            .ok_or_else(|| StoreError::closed("update a session"))?;
        let Some(session) = tables.get(id).filter(|session| session.is_live(now)) else {
            return Ok(UpdateOutcome::NotLive);
        };
        if session.version != expected_version {
            return Ok(UpdateOutcome::VersionConflict);
        }
        let mut updated = Session {
            version: session.version + 1,
            ..Session::clone(session)
        };
        if let Some(metadata) = change.metadata {
            updated.metadata = metadata;
        }
        if let Some(fingerprint) = change.device_fingerprint {
            updated.client.device_fingerprint = Some(Box::new(fingerprint));
        }
        let updated = Arc::new(updated);
        tables.replace(Arc::clone(&updated));
        Ok(UpdateOutcome::Updated(updated))
    }

    async fn end(&self, id: SessionId, ending: Ending) -> Result<Option<EndOutcome>, StoreError> {
        let mut guard = self.write();
        let tables = guard
            .as_mut()
            .ok_or_else(|| StoreError::closed("end a session"))?;
        let Some(session) = tables.get(id) else {
            return Ok(None);
        };
        if matches!(session.standing, Standing::Ended(_)) {
            return Ok(Some(EndOutcome::EndedBefore(Arc::clone(session))));
        }
        let was_live = session.is_live(ending.at);
        let ended = tables.end(id, ending);
        Ok(ended.map(|s| {
            if was_live {
                EndOutcome::Ended(s)
            } else {
                EndOutcome::EndedBefore(s)
            }
        }))
    }

    async fn end_user_sessions(
        &self,
        user_id: &UserId,
        except: Option<SessionId>,
        ending: Ending,
        batch: usize,
    ) -> Result<EndedBatch, StoreError> {
        let mut guard = self.write();
        let tables = guard
            .as_mut()
            .ok_or_else(|| StoreError::closed("end a user's sessions"))?;
        let ids: Vec<_> = tables
            .open_of(user_id)
            .filter(|id| Some(*id) != except)
            .take(batch)
            .collect();
        let more = ids.len() == batch;
        let is_live = |id: &SessionId| tables.get(*id).is_some_and(|s| s.is_live(ending.at));
        let ended: Vec<_> = ids.iter().copied().filter(is_live).collect();
        for id in ids {
            tables.end(id, ending.clone());
        }
        Ok(EndedBatch { ended, more })
    }

    async fn list(
        &self,
        user_id: &UserId,
        page: PageRequest,
        now: DateTime<Utc>,
    ) -> Result<Page<Arc<Session>>, StoreError> {
        let guard = self.read();
        let tables = guard
            .as_ref()
            .ok_or_else(|| StoreError::closed("list a user's sessions"))?;
        let sessions = tables
            .open_before(user_id, page.after().map(|cursor| cursor.0))
            .filter_map(|id| tables.get(id))
            .filter(|session| session.is_live(now))
            .take(page.limit() + 1)
            .cloned()
            .collect();
        Ok(Page::cut(sessions, page.limit(), |session| session.id))
    }

    async fn stats(&self, now: DateTime<Utc>) -> Result<SessionStats, StoreError> {
        let guard = self.read();
        let tables = guard
            .as_ref()
            .ok_or_else(|| StoreError::closed("count sessions"))?;
        Ok(tables.stats(now))
    }

    async fn sweep(
        &self,
        now: DateTime<Utc>,
        forget_before: DateTime<Utc>,
        batch: usize,
    ) -> Result<Swept, StoreError> {
        let mut guard = self.write();
        let tables = guard
            .as_mut()
            .ok_or_else(|| StoreError::closed("sweep expired sessions"))?;
        let expired = tables.due(now, batch);
        for id in &expired {
            tables.end(*id, Ending::expired(now));
        }
        let forgotten = tables.forget(forget_before, batch);
        let more = expired.len() == batch || forgotten == batch;
        Ok(Swept {
            expired,
            forgotten: forgotten as u64,
            more,
        })
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.check_open("check the store")
    }

    async fn close(&self) {
        self.write().take();
    }
}
