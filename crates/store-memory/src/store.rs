use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use session_core::ports::{
    Created, EndOutcome, EndedBatch, EndedSession, Extension, LimitPolicy, SessionChange,
    SessionLimit, SessionStore, StoreError, StoreErrorKind, Suspension, Swept, UpdateOutcome,
};
use session_core::{
    Activity, EndKind, EndReason, Ending, Page, PageRequest, Session, SessionId, SessionStats,
    Standing, UserId,
};

use crate::accounts::Accounts;
use crate::audit::Chain;
use crate::grant_tables::Grants;
use crate::guarded::Guarded;
use crate::marks::Marks;
use crate::rates::Rates;
use crate::revocations::Revocations;
use crate::tables::Tables;

/// Sessions and all that goes with them, in memory; see the crate's documentation.
#[derive(Default)]
pub struct MemoryStore {
    sessions: Guarded<Tables>,
    pub(crate) revocations: Guarded<Revocations>,
    pub(crate) rates: Guarded<Rates>,
    pub(crate) accounts: Guarded<Accounts>,
    pub(crate) audit: Guarded<Chain>,
    pub(crate) grants: Guarded<Grants>,
    pub(crate) marks: Guarded<Marks>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

/// How many activities are noted under one hold of the lock: some 100 µs of work.
const TOUCHED_AT_ONCE: usize = 128;

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}

#[async_trait]
impl SessionStore for MemoryStore {
    async fn create(&self, session: Session, limit: SessionLimit) -> Result<Created, StoreError> {
        const DOING: &str = "create a session";
        let mut tables = self.sessions.write(DOING)?;
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
        let tables = self.sessions.read("find a session")?;
        Ok(tables.get(id).cloned())
    }

    async fn touch(&self, activities: &[Activity]) -> Result<(), StoreError> {
        const DOING: &str = "note activity";
        if activities.is_empty() {
            return self.sessions.read(DOING).map(drop);
        }
        // A batch need not be noted in one step. A large one lets go of the lock in between, so that
        // no lookup waits for the whole of it.
        for part in activities.chunks(TOUCHED_AT_ONCE) {
            let mut tables = self.sessions.write(DOING)?;
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
        let mut tables = self.sessions.write("extend a session")?;
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
        let mut tables = self.sessions.write("update a session")?;
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
        if let Some((secret_hash, rotation)) = change.secret {
            updated.secret_hash = secret_hash;
            updated.rotation = Some(rotation);
        }
        let updated = Arc::new(updated);
        tables.replace(Arc::clone(&updated));
        Ok(UpdateOutcome::Updated(updated))
    }

    async fn suspend(
        &self,
        id: SessionId,
        suspended: bool,
        now: DateTime<Utc>,
    ) -> Result<Option<Suspension>, StoreError> {
        let mut tables = self.sessions.write("suspend a session")?;
        let Some(session) = tables.get(id).filter(|session| session.is_live(now)) else {
            return Ok(None);
        };
        if (session.standing == Standing::Suspended) == suspended {
            return Ok(Some(Suspension::Unchanged(Arc::clone(session))));
        }
        let changed = Arc::new(Session {
            standing: if suspended {
                Standing::Suspended
            } else {
                Standing::Open
            },
            version: session.version + 1,
            ..Session::clone(session)
        });
        tables.replace(Arc::clone(&changed));
        Ok(Some(Suspension::Changed(changed)))
    }

    async fn end(&self, id: SessionId, ending: Ending) -> Result<Option<EndOutcome>, StoreError> {
        let mut tables = self.sessions.write("end a session")?;
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
                EndOutcome::Expired(s)
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
        let mut tables = self.sessions.write("end a user's sessions")?;
        let ids: Vec<_> = tables
            .open_of(user_id)
            .filter(|id| Some(*id) != except)
            .take(batch)
            .collect();
        let more = ids.len() == batch;
        let sessions = ids.iter().filter_map(|id| tables.get(*id));
        let (ended, expired): (Vec<_>, Vec<_>) =
            sessions.partition(|session| session.is_live(ending.at));
        let told = |sessions: Vec<&Arc<Session>>| -> Vec<EndedSession> {
            sessions
                .into_iter()
                .map(|session| (&**session).into())
                .collect()
        };
        let (ended, expired) = (told(ended), told(expired));
        for id in ids {
            tables.end(id, ending.clone());
        }
        Ok(EndedBatch {
            ended,
            expired,
            more,
        })
    }

    async fn list(
        &self,
        user_id: &UserId,
        page: PageRequest,
        now: DateTime<Utc>,
    ) -> Result<Page<Arc<Session>>, StoreError> {
        let tables = self.sessions.read("list a user's sessions")?;
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
        let tables = self.sessions.read("count sessions")?;
        Ok(tables.stats(now))
    }

    async fn sweep(
        &self,
        now: DateTime<Utc>,
        forget_before: DateTime<Utc>,
        batch: usize,
    ) -> Result<Swept, StoreError> {
        let mut tables = self.sessions.write("sweep expired sessions")?;
        let due = tables.due(now, batch);
        let is_full = due.len() == batch;
        let expired: Vec<_> = due
            .into_iter()
            .filter_map(|id| tables.end(id, Ending::expired(now)))
            .map(|session| (&*session).into())
            .collect();
        let forgotten = tables.forget(forget_before, batch);
        let more = is_full || forgotten == batch;
        Ok(Swept {
            expired,
            forgotten: forgotten as u64,
            more,
        })
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.sessions.read("check the store").map(drop)
    }

    async fn close(&self) {
        self.sessions.close();
        self.revocations.close();
        self.rates.close();
        self.accounts.close();
        self.audit.close();
        self.grants.close();
        self.marks.close();
    }
}
