use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use session_core::ports::{
    Created, EndOutcome, EndedBatch, EndedSession, Extension, LimitPolicy, SessionChange,
    SessionLimit, SessionStore, StoreError, Suspension, Swept, UpdateOutcome,
};
use session_core::{
    Activity, BUSIEST_USERS, DUE_COUNTED, Ending, Page, PageRequest, Session, SessionId,
    SessionStats, UserId,
};

use crate::RedisStore;
use crate::error::Failure;
use crate::record::{self, session_id};
use crate::script::Script;
use crate::store::told;

/// A script of sessions.
macro_rules! script {
    ($name:ident, $file:literal) => {
        static $name: LazyLock<Script> =
            LazyLock::new(|| Script::of(&[include_str!("lua/sessions.lua"), include_str!($file)]));
    };
}
script!(CREATE, "lua/create.lua");
script!(TOUCH, "lua/touch.lua");
script!(EXTEND, "lua/extend.lua");
script!(UPDATE, "lua/update.lua");
script!(SUSPEND, "lua/suspend.lua");
script!(END, "lua/end.lua");
script!(END_USER, "lua/end_user.lua");
script!(LIST, "lua/list.lua");
script!(STATS, "lua/stats.lua");
script!(SWEEP, "lua/sweep.lua");

/// Sessions that one step ends, touches or looks at, at most: Redis does nothing else meanwhile, and
/// this many take it about a millisecond.
const AT_ONCE: usize = 128;

#[async_trait]
impl SessionStore for RedisStore {
    async fn create(&self, session: Session, limit: SessionLimit) -> Result<Created, StoreError> {
        const DOING: &str = "create a session";
        let bytes = told(DOING, record::write(&session))?;
        let now = session.created_at;
        let mut call = self.call(&CREATE);
        call.arg(session.id.as_bytes())
            .arg(session.user_id.as_str())
            .arg(bytes)
            .arg(now.timestamp_millis())
            .arg(session.deadline().timestamp_millis())
            .arg(self.time_to_live(session.expires_at - now))
            .arg(limit.max)
            .arg(match limit.policy {
                LimitPolicy::EvictOldest => "evict",
                LimitPolicy::Refuse => "refuse",
            })
            .arg(self.kept());
        let (outcome, evicted): (String, Option<Vec<Vec<u8>>>) =
            self.run(DOING, &CREATE, &call).await?;
        match outcome.as_str() {
            "stored" => Ok(Created::Stored {
                session: Arc::new(session),
                evicted: told(DOING, ids(&evicted.unwrap_or_default()))?,
            }),
            "limit" => Ok(Created::LimitReached),
            _ => {
                let taken = Failure::Internal("a session of this id exists already");
                Err(taken.into_store_error(DOING))
            }
        }
    }

    async fn find(&self, id: SessionId) -> Result<Option<Arc<Session>>, StoreError> {
        const DOING: &str = "find a session";
        let mut get = redis::cmd("GET");
        get.arg(self.key(&[b"s:", id.as_bytes()]));
        let found: Option<Vec<u8>> = self.ask(DOING, &get).await?;
        told(DOING, read_optional(id, found))
    }

    async fn touch(&self, activities: &[Activity]) -> Result<(), StoreError> {
        const DOING: &str = "note activity";
        for some in activities.chunks(AT_ONCE) {
            let mut call = self.call(&TOUCH);
            for Activity { id, at } in some {
                call.arg(id.as_bytes()).arg(at.timestamp_millis());
            }
            let () = self.run(DOING, &TOUCH, &call).await?;
        }
        if activities.is_empty() {
            self.expect_open(DOING)?;
        }
        Ok(())
    }

    async fn extend(
        &self,
        id: SessionId,
        extension: Extension,
        now: DateTime<Utc>,
    ) -> Result<Option<Arc<Session>>, StoreError> {
        const DOING: &str = "extend a session";
        let mut call = self.call(&EXTEND);
        call.arg(id.as_bytes())
            .arg(extension.by.num_milliseconds())
            .arg(extension.not_past.timestamp_millis())
            .arg(now.timestamp_millis())
            .arg(self.kept());
        let extended: Option<Vec<u8>> = self.run(DOING, &EXTEND, &call).await?;
        told(DOING, read_optional(id, extended))
    }

    async fn update(
        &self,
        id: SessionId,
        expected_version: u64,
        change: SessionChange,
        now: DateTime<Utc>,
    ) -> Result<UpdateOutcome, StoreError> {
        const DOING: &str = "update a session";
        let SessionChange {
            metadata,
            device_fingerprint,
            secret,
        } = &change;
        let mut call = self.call(&UPDATE);
        call.arg(id.as_bytes())
            .arg(expected_version)
            .arg(now.timestamp_millis());
        if let Some(metadata) = metadata {
            call.arg("metadata").arg(record::metadata(metadata));
        }
        if let Some(fingerprint) = device_fingerprint {
            let json = told(DOING, record::json(fingerprint))?;
            call.arg("fingerprint").arg(json);
        }
        if let Some((hash, rotation)) = secret {
            call.arg("secret").arg(hash.as_bytes());
            let json = told(DOING, record::json(rotation))?;
            call.arg("rotation").arg(json);
        }
        let (outcome, after): (String, Option<Vec<u8>>) = self.run(DOING, &UPDATE, &call).await?;
        match (outcome.as_str(), after) {
            ("updated", Some(bytes)) => {
                let session = told(DOING, record::read(id, &bytes))?;
                Ok(UpdateOutcome::Updated(session))
            }
            ("conflict", _) => Ok(UpdateOutcome::VersionConflict),
            _ => Ok(UpdateOutcome::NotLive),
        }
    }

    async fn suspend(
        &self,
        id: SessionId,
        suspended: bool,
        now: DateTime<Utc>,
    ) -> Result<Option<Suspension>, StoreError> {
        const DOING: &str = "suspend a session";
        let mut call = self.call(&SUSPEND);
        call.arg(id.as_bytes())
            .arg(u8::from(suspended))
            .arg(now.timestamp_millis());
        let (outcome, after): (String, Option<Vec<u8>>) = self.run(DOING, &SUSPEND, &call).await?;
        let Some(session) = told(DOING, read_optional(id, after))? else {
            return Ok(None);
        };
        Ok(Some(if outcome == "changed" {
            Suspension::Changed(session)
        } else {
            Suspension::Unchanged(session)
        }))
    }

    async fn end(&self, id: SessionId, ending: Ending) -> Result<Option<EndOutcome>, StoreError> {
        const DOING: &str = "end a session";
        let mut call = self.call(&END);
        call.arg(id.as_bytes())
            .arg(record::number_of(ending.kind))
            .arg(ending.reason.as_str())
            .arg(ending.at.timestamp_millis())
            .arg(self.kept());
        let (outcome, after): (String, Option<Vec<u8>>) = self.run(DOING, &END, &call).await?;
        let Some(session) = told(DOING, read_optional(id, after))? else {
            return Ok(None);
        };
        Ok(Some(match outcome.as_str() {
            "ended" => EndOutcome::Ended(session),
            "expired" => EndOutcome::Expired(session),
            _ => EndOutcome::EndedBefore(session),
        }))
    }

    async fn end_user_sessions(
        &self,
        user_id: &UserId,
        except: Option<SessionId>,
        ending: Ending,
        batch: usize,
    ) -> Result<EndedBatch, StoreError> {
        const DOING: &str = "end a user's sessions";
        let mut call = self.call(&END_USER);
        call.arg(user_id.as_str())
            .arg(except.as_ref().map_or(&[][..], |id| id.as_bytes()))
            .arg(record::number_of(ending.kind))
            .arg(ending.reason.as_str())
            .arg(ending.at.timestamp_millis())
            .arg(self.kept())
            .arg(batch.min(AT_ONCE));
        type Some = Vec<(Vec<u8>, Vec<u8>)>;
        let (ended, expired, more): (Some, Some, bool) = self.run(DOING, &END_USER, &call).await?;
        let all = |some: Some| -> Result<Vec<_>, Failure> {
            some.iter()
                .map(|(id, expires_at)| ended_session(id, user_id.clone(), expires_at))
                .collect()
        };
        Ok(EndedBatch {
            ended: told(DOING, all(ended))?,
            expired: told(DOING, all(expired))?,
            more,
        })
    }

    async fn list(
        &self,
        user_id: &UserId,
        page: PageRequest,
        now: DateTime<Utc>,
    ) -> Result<Page<Arc<Session>>, StoreError> {
        const DOING: &str = "list a user's sessions";
        let wanted = page.limit() + 1;
        let mut before = page.after().map(|cursor| cursor.0.as_bytes().to_vec());
        let mut sessions = Vec::new();
        loop {
            let mut call = self.call(&LIST);
            call.arg(user_id.as_str())
                .arg(before.as_deref().unwrap_or_default())
                .arg(now.timestamp_millis())
                .arg(wanted - sessions.len())
                .arg(wanted.max(AT_ONCE));
            type Found = Vec<(Vec<u8>, Vec<u8>)>;
            let (found, next): (Found, Option<Vec<u8>>) = self.run(DOING, &LIST, &call).await?;
            for (id, bytes) in &found {
                let session = session_id(id).and_then(|id| record::read(id, bytes));
                sessions.push(told(DOING, session)?);
            }
            match next {
                // Many that are past their deadline, and not swept yet, stood in between.
                Some(next) if sessions.len() < wanted => before = Some(next),
                _ => break,
            }
        }
        Ok(Page::cut(sessions, page.limit(), |session| session.id))
    }

    async fn stats(&self, now: DateTime<Utc>) -> Result<SessionStats, StoreError> {
        const DOING: &str = "count sessions";
        let mut call = self.call(&STATS);
        call.arg(now.timestamp_millis())
            .arg(DUE_COUNTED)
            .arg(BUSIEST_USERS);
        type Users = Vec<(String, i64)>;
        type Counts = (u64, u64, u64, u64, u64, Users, Users);
        let (open, due, expired, ended, users, shifted, unmoved): Counts =
            self.run(DOING, &STATS, &call).await?;
        let told_of = shifted.len() as u64;
        let shifted: Vec<_> = shifted.into_iter().filter(|(_, live)| *live > 0).collect();
        let gone = told_of - shifted.len() as u64;
        let mut busiest = Vec::with_capacity(shifted.len() + unmoved.len());
        for (user, live) in shifted.into_iter().chain(unmoved) {
            let damaged = |_| Failure::Corrupt("a user's id cannot be read");
            let user = told(DOING, UserId::new(&user).map_err(damaged))?;
            busiest.push((user, live.unsigned_abs()));
        }
        busiest.sort_unstable_by(|(name, live), (other_name, other_live)| {
            other_live.cmp(live).then_with(|| name.cmp(other_name))
        });
        busiest.truncate(BUSIEST_USERS);
        Ok(SessionStats {
            active: open.saturating_sub(due),
            expired: expired + due,
            total: open + expired + ended,
            unique_users: users.saturating_sub(gone),
            busiest_users: busiest,
        })
    }

    async fn sweep(
        &self,
        now: DateTime<Utc>,
        forget_before: DateTime<Utc>,
        batch: usize,
    ) -> Result<Swept, StoreError> {
        const DOING: &str = "sweep expired sessions";
        let mut call = self.call(&SWEEP);
        call.arg(now.timestamp_millis())
            .arg(forget_before.timestamp_millis())
            .arg(batch.min(AT_ONCE))
            .arg(self.kept());
        type Expired = Vec<(Vec<u8>, String, Vec<u8>)>;
        let (expired, forgotten, more): (Expired, u64, bool) =
            self.run(DOING, &SWEEP, &call).await?;
        let expired = expired.iter().map(|(id, user, expires_at)| {
            let user = UserId::new(user);
            let user = user.map_err(|_| Failure::Corrupt("a user's id cannot be read"))?;
            ended_session(id, user, expires_at)
        });
        Ok(Swept {
            expired: told(DOING, expired.collect())?,
            forgotten,
            more,
        })
    }

    async fn check(&self) -> Result<(), StoreError> {
        // A key of ours, so that in a cluster the node is asked that has them.
        let mut exists = redis::cmd("EXISTS");
        exists.arg(self.key(&[b"due"]));
        let _: u64 = self.ask("check the store", &exists).await?;
        Ok(())
    }

    async fn close(&self) {
        self.close_link();
    }
}

impl RedisStore {
    /// How long the record of a session stays that ended, in milliseconds.
    pub(crate) fn kept(&self) -> u64 {
        u64::try_from(self.keep.as_millis()).unwrap_or(u64::MAX)
    }

    /// How long a record stays that ends in `left`, in milliseconds: at most a thousand years, since
    /// Redis counts in 64 bits.
    pub(crate) fn time_to_live(&self, left: TimeDelta) -> u64 {
        const LONGEST: u64 = 31_536_000_000_000;
        let left = u64::try_from(left.num_milliseconds()).unwrap_or(0);
        left.saturating_add(self.kept()).clamp(1, LONGEST)
    }
}

fn read_optional(id: SessionId, bytes: Option<Vec<u8>>) -> Result<Option<Arc<Session>>, Failure> {
    bytes.map(|bytes| record::read(id, &bytes)).transpose()
}

fn ids(bytes: &[Vec<u8>]) -> Result<Vec<SessionId>, Failure> {
    bytes.iter().map(|bytes| session_id(bytes)).collect()
}

fn ended_session(id: &[u8], user_id: UserId, expires_at: &[u8]) -> Result<EndedSession, Failure> {
    let damaged = |_| Failure::Corrupt("a time cannot be read");
    let millis = i64::from_be_bytes(expires_at.try_into().map_err(damaged)?);
    Ok(EndedSession {
        id: session_id(id)?,
        user_id,
        expires_at: record::time(millis)?,
    })
}
