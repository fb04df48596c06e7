//! Steps about a session and its user's index together, where both lie on one server: each is one
//! script.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use session_core::ports::{Created, EndOutcome, EndedBatch, SessionLimit, StoreError, Swept};
use session_core::{BUSIEST_USERS, DUE_COUNTED, Ending, Session, SessionId, UserId};

use super::{
    AT_ONCE, Counts, SweptTold, ended_session, expired_session, ids, if_sound, policy, script,
    taken, tell_of_damaged, tell_of_discarded,
};
use crate::RedisStore;
use crate::error::Failure;
use crate::record::{self, session_id};
use crate::store::told;

script!(
    CREATE = "head",
    "user_keys",
    "create_below_limit",
    "records",
    "users",
    "create"
);
script!(END, "users", "end");
script!(END_USER, "users", "end_user");
script!(LIST, "users", "list");
script!(STATS, "users", "stats_due", "stats_users", "stats");
script!(SWEEP, "users", "sweep");

impl RedisStore {
    pub(super) async fn create_jointly(
        &self,
        session: Session,
        limit: SessionLimit,
    ) -> Result<Created, StoreError> {
        const DOING: &str = "create a session";
        let bytes = told(DOING, record::write(&session))?;
        let now = session.created_at;
        let mut call = CREATE.call(self.keys.root());
        call.arg(session.id.as_bytes())
            .arg(session.user_id.as_str())
            .arg(bytes)
            .arg(now.timestamp_millis())
            .arg(session.deadline().timestamp_millis())
            .arg(self.time_to_live(session.expires_at - now))
            .arg(limit.max)
            .arg(policy(limit))
            .arg(self.kept());
        let (outcome, evicted): (String, Option<Vec<Vec<u8>>>) =
            self.run(DOING, &CREATE, &call).await?;
        match outcome.as_str() {
            "stored" => Ok(Created::Stored {
                session: Arc::new(session),
                evicted: told(DOING, ids(&evicted.unwrap_or_default()))?,
            }),
            "limit" => Ok(Created::LimitReached),
            _ => Err(taken(DOING)),
        }
    }

    pub(super) async fn end_jointly(
        &self,
        id: SessionId,
        ending: Ending,
    ) -> Result<Option<EndOutcome>, StoreError> {
        self.run_end("end a session", &END, id, &ending).await
    }

    pub(super) async fn end_user_jointly(
        &self,
        user_id: &UserId,
        except: Option<SessionId>,
        ending: Ending,
        batch: usize,
    ) -> Result<EndedBatch, StoreError> {
        const DOING: &str = "end a user's sessions";
        let mut call = END_USER.call(self.keys.root());
        call.arg(user_id.as_str())
            .arg(except.as_ref().map_or(&[][..], |id| id.as_bytes()))
            .arg(record::number_of(ending.kind))
            .arg(ending.reason.as_str())
            .arg(ending.at.timestamp_millis())
            .arg(self.kept())
            .arg(batch);
        type Some = Vec<(Vec<u8>, Vec<u8>)>;
        type Ended = (Some, Some, Vec<Vec<u8>>, bool);
        let (ended, expired, discarded, more): Ended = self.run(DOING, &END_USER, &call).await?;
        tell_of_discarded(&discarded);
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

    /// Some of a user's live sessions before an id, newest first, and where to go on if there may be more.
    pub(super) async fn list_jointly(
        &self,
        user_id: &UserId,
        before: Option<SessionId>,
        most: usize,
        now: DateTime<Utc>,
    ) -> Result<(Vec<Arc<Session>>, Option<SessionId>), StoreError> {
        const DOING: &str = "list a user's sessions";
        let mut call = LIST.call(self.keys.root());
        call.arg(user_id.as_str())
            .arg(before.as_ref().map_or(&[][..], |id| id.as_bytes()))
            .arg(now.timestamp_millis())
            .arg(most)
            .arg(most.max(AT_ONCE));
        type Found = Vec<(Vec<u8>, Vec<u8>)>;
        type Told = (Found, Vec<Vec<u8>>, Option<Vec<u8>>);
        let (found, damaged, next): Told = self.run(DOING, &LIST, &call).await?;
        tell_of_damaged(&damaged);
        let mut sessions = Vec::with_capacity(found.len());
        for (id, bytes) in &found {
            let id = told(DOING, session_id(id))?;
            sessions.extend(if_sound(id, told(DOING, record::read(id, bytes)))?);
        }
        // As many as were wanted, and not all of them are sound: there may be more behind the last.
        let is_short = sessions.len() < most && found.len() == most;
        let last = found.last().filter(|_| is_short).map(|(id, _)| id);
        let next = next.as_ref().or(last).map(|id| session_id(id)).transpose();
        Ok((sessions, told(DOING, next)?))
    }

    pub(super) async fn count_jointly(&self, now: DateTime<Utc>) -> Result<Counts, StoreError> {
        let mut call = STATS.call(self.keys.root());
        call.arg(now.timestamp_millis())
            .arg(DUE_COUNTED)
            .arg(BUSIEST_USERS);
        type Users = Vec<(String, i64)>;
        type Told = (u64, u64, u64, u64, u64, Users, Users);
        let told: Told = self.run("count sessions", &STATS, &call).await?;
        let (open, due, expired, ended, users, shifted, busiest) = told;
        Ok(Counts {
            open,
            due,
            expired,
            ended,
            users,
            shifted,
            busiest,
        })
    }

    pub(super) async fn sweep_jointly(
        &self,
        now: DateTime<Utc>,
        forget_before: DateTime<Utc>,
        batch: usize,
    ) -> Result<Swept, StoreError> {
        const DOING: &str = "sweep expired sessions";
        let mut call = SWEEP.call(self.keys.root());
        call.arg(now.timestamp_millis())
            .arg(forget_before.timestamp_millis())
            .arg(batch)
            .arg(self.kept())
            .arg(0);
        let told_of: SweptTold = self.run(DOING, &SWEEP, &call).await?;
        let (expired, damaged, forgotten, _, more) = told_of;
        tell_of_damaged(&damaged);
        let expired = expired.iter().map(expired_session);
        Ok(Swept {
            expired: told(DOING, expired.collect())?,
            forgotten,
            more,
        })
    }
}
