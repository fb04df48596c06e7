//! Sessions.
//!
//! Steps about a session alone are here. Those that are about its user's index as well are in `jointly`,
//! where both lie on one server, and in `apart`, where they may lie in different hash slots.

mod apart;
mod counts;
mod jointly;

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::try_join_all;
use session_core::ports::{
    Created, EndOutcome, EndedBatch, EndedSession, Extension, LimitPolicy, SessionChange,
    SessionLimit, SessionStore, StoreError, StoreErrorKind, Suspension, Swept, UpdateOutcome,
};
use session_core::{Activity, Ending, Page, PageRequest, Session, SessionId, SessionStats, UserId};

use crate::RedisStore;
use crate::error::Failure;
use crate::keys::key;
use crate::record::{self, session_id};
use crate::script::Script;
use crate::store::told;
use counts::Counts;

/// A script about sessions, made of the parts that it names.
macro_rules! script {
    ($name:ident, "users", $($part:literal),+) => {
        script!($name = "head", "user_keys", "records", "users", $($part),+);
    };
    ($name:ident, $($part:literal),+) => {
        script!($name = "head", "records", $($part),+);
    };
    ($name:ident = $($part:literal),+) => {
        static $name: std::sync::LazyLock<crate::script::Script> = std::sync::LazyLock::new(|| {
            crate::script::Script::of(&[
                $(include_str!(concat!(
                    env!("CARGO_MANIFEST_DIR"),
                    "/src/lua/sessions/",
                    $part,
                    ".lua"
                ))),+
            ])
        });
    };
}
use script;

script!(TOUCH, "touch");
script!(EXTEND, "extend");
script!(UPDATE, "update");
script!(SUSPEND, "suspend");

/// Sessions that one step ends, touches or looks at, at most: Redis does nothing else meanwhile, and
/// this many take it about a millisecond.
const AT_ONCE: usize = 128;

#[async_trait]
impl SessionStore for RedisStore {
    async fn create(&self, session: Session, limit: SessionLimit) -> Result<Created, StoreError> {
        if self.keys.are_spread() {
            self.create_apart(session, limit).await
        } else {
            self.create_jointly(session, limit).await
        }
    }

    async fn find(&self, id: SessionId) -> Result<Option<Arc<Session>>, StoreError> {
        const DOING: &str = "find a session";
        told(DOING, read_optional(id, self.bytes_of(DOING, id).await?))
    }

    async fn touch(&self, activities: &[Activity]) -> Result<(), StoreError> {
        const DOING: &str = "note activity";
        // Each step is about one hash slot. A batch need not be noted as one.
        let mut sorted = activities.to_vec();
        sorted.sort_unstable_by_key(|activity| self.keys.of_session(activity.id));
        let together = |one: &Activity, other: &Activity| {
            self.keys.of_session(one.id) == self.keys.of_session(other.id)
        };
        let steps = sorted
            .chunk_by(together)
            .flat_map(|part| part.chunks(AT_ONCE));
        let steps = steps.map(async |some| {
            let mut call = TOUCH.call(self.keys.of_session(some[0].id));
            for Activity { id, at } in some {
                call.arg(id.as_bytes()).arg(at.timestamp_millis());
            }
            self.run::<()>(DOING, &TOUCH, &call).await
        });
        try_join_all(steps).await?;
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
        let mut call = EXTEND.call(self.keys.of_session(id));
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
        let mut call = UPDATE.call(self.keys.of_session(id));
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
        let mut call = SUSPEND.call(self.keys.of_session(id));
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
        if self.keys.are_spread() {
            self.end_apart(id, ending).await
        } else {
            self.end_jointly(id, ending).await
        }
    }

    async fn end_user_sessions(
        &self,
        user_id: &UserId,
        except: Option<SessionId>,
        ending: Ending,
        batch: usize,
    ) -> Result<EndedBatch, StoreError> {
        let batch = batch.min(AT_ONCE);
        if self.keys.are_spread() {
            self.end_user_apart(user_id, except, ending, batch).await
        } else {
            self.end_user_jointly(user_id, except, ending, batch).await
        }
    }

    async fn list(
        &self,
        user_id: &UserId,
        page: PageRequest,
        now: DateTime<Utc>,
    ) -> Result<Page<Arc<Session>>, StoreError> {
        let wanted = page.limit() + 1;
        let mut before = page.after().map(|cursor| cursor.0);
        let mut sessions = Vec::new();
        loop {
            let missing = wanted - sessions.len();
            let (found, next) = if self.keys.are_spread() {
                self.list_apart(user_id, before, missing, now).await?
            } else {
                self.list_jointly(user_id, before, missing, now).await?
            };
            sessions.extend(found);
            match next {
                // Many that are past their deadline, and not swept yet, stood in between.
                Some(next) if sessions.len() < wanted => before = Some(next),
                _ => break,
            }
        }
        sessions.truncate(wanted);
        Ok(Page::cut(sessions, page.limit(), |session| session.id))
    }

    async fn stats(&self, now: DateTime<Utc>) -> Result<SessionStats, StoreError> {
        let counts = if self.keys.are_spread() {
            self.count_apart(now).await?
        } else {
            self.count_jointly(now).await?
        };
        told("count sessions", counts.summed_up())
    }

    async fn sweep(
        &self,
        now: DateTime<Utc>,
        forget_before: DateTime<Utc>,
        batch: usize,
    ) -> Result<Swept, StoreError> {
        let batch = batch.min(AT_ONCE);
        if self.keys.are_spread() {
            self.sweep_apart(now, forget_before, batch).await
        } else {
            self.sweep_jointly(now, forget_before, batch).await
        }
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
    /// Ends a session by a script that sees to its user's index, or does not.
    async fn run_end(
        &self,
        doing: &'static str,
        script: &Script,
        id: SessionId,
        ending: &Ending,
    ) -> Result<Option<EndOutcome>, StoreError> {
        let mut call = script.call(self.keys.of_session(id));
        call.arg(id.as_bytes())
            .arg(record::number_of(ending.kind))
            .arg(ending.reason.as_str())
            .arg(ending.at.timestamp_millis())
            .arg(self.kept());
        let (outcome, after): (String, Option<Vec<u8>>) = self.run(doing, script, &call).await?;
        told(doing, end_outcome(&outcome, id, after))
    }

    /// The record of a session as it stands in Redis.
    async fn bytes_of(
        &self,
        doing: &'static str,
        id: SessionId,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let mut get = redis::cmd("GET");
        get.arg(key(self.keys.of_session(id), &[b"s:", id.as_bytes()]));
        self.ask(doing, &get).await
    }

    /// How long a record stays past the last time that anything needs it, in milliseconds.
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

fn taken(doing: &'static str) -> StoreError {
    Failure::Internal("a session of this id exists already").into_store_error(doing)
}

const fn policy(limit: SessionLimit) -> &'static str {
    match limit.policy {
        LimitPolicy::EvictOldest => "evict",
        LimitPolicy::Refuse => "refuse",
    }
}

fn end_outcome(
    outcome: &str,
    id: SessionId,
    after: Option<Vec<u8>>,
) -> Result<Option<EndOutcome>, Failure> {
    Ok(read_optional(id, after)?.map(|session| match outcome {
        "ended" => EndOutcome::Ended(session),
        "expired" => EndOutcome::Expired(session),
        _ => EndOutcome::EndedBefore(session),
    }))
}

fn ids(bytes: &[Vec<u8>]) -> Result<Vec<SessionId>, Failure> {
    bytes.iter().map(|bytes| session_id(bytes)).collect()
}

/// Steps over many sessions pass over what cannot be read: it must not stand in the way of the others.
/// Whoever asks for it alone is told.
fn if_sound<T>(id: SessionId, read: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match read {
        Err(error) if error.kind() == StoreErrorKind::Corrupt => {
            tell_of_damaged(&[id.as_bytes()]);
            Ok(None)
        }
        read => read.map(Some),
    }
}

fn tell_of_damaged(ids: &[impl AsRef<[u8]>]) {
    for id in ids {
        let id = session_id(id.as_ref()).map(|id| id.to_string());
        let id = id.unwrap_or_default();
        tracing::error!(
            id,
            "a session's record is damaged, or of a newer version: it is passed over"
        );
    }
}

fn tell_of_discarded(ids: &[impl AsRef<[u8]>]) {
    for id in ids {
        let id = session_id(id.as_ref()).map(|id| id.to_string());
        let id = id.unwrap_or_default();
        tracing::error!(
            id,
            "a session's record is damaged, or of a newer version: it was removed, to end the session"
        );
    }
}

/// What a sweep did: id, user and deadline of those that expired, which could not be read, how many were
/// forgotten, id and user of those, and whether there may be more.
type SweptTold = (
    Vec<(Vec<u8>, String, Vec<u8>)>,
    Vec<Vec<u8>>,
    u64,
    Vec<(Vec<u8>, String)>,
    bool,
);

fn expired_session(
    (id, user, expires_at): &(Vec<u8>, String, Vec<u8>),
) -> Result<EndedSession, Failure> {
    let user = UserId::new(user);
    let user = user.map_err(|_| Failure::Corrupt("a user's id cannot be read"))?;
    ended_session(id, user, expires_at)
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
