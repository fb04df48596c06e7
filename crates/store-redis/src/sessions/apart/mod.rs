//! Steps about a session and its user's index where the two lie in different hash slots of a cluster.
//!
//! An entry of the index is written before its session, and taken out after the session's end: so the
//! index never misses a live one, and never holds fewer than count under the limit. Whatever a node
//! that dies in between leaves behind is an entry too many; it is dropped when it is seen.

mod create;
mod upkeep;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::future::{join_all, try_join_all};
use session_core::ports::{EndOutcome, EndedBatch, StoreError};
use session_core::{Ending, Session, SessionId, UserId};

use super::{AT_ONCE, ids, if_sound, read_optional, script, tell_of_discarded};
use crate::RedisStore;
use crate::keys::key;
use crate::store::told;

script!(LEAVE, "users", "apart_leave");
script!(DROP, "users", "apart", "apart_drop");
script!(END, "end");
script!(DISCARD, "apart_discard");

impl RedisStore {
    pub(super) async fn end_apart(
        &self,
        id: SessionId,
        ending: Ending,
    ) -> Result<Option<EndOutcome>, StoreError> {
        const DOING: &str = "end a session";
        let outcome = self.end_alone(DOING, id, &ending).await?;
        // Whoever ended it before may not have come to this.
        if let Some(
            EndOutcome::Ended(session)
            | EndOutcome::Expired(session)
            | EndOutcome::EndedBefore(session),
        ) = &outcome
        {
            self.leave(DOING, &[(id, &session.user_id)]).await?;
        }
        Ok(outcome)
    }

    /// Ends a session, and leaves its user's index to the caller.
    async fn end_alone(
        &self,
        doing: &'static str,
        id: SessionId,
        ending: &Ending,
    ) -> Result<Option<EndOutcome>, StoreError> {
        self.run_end(doing, &END, id, ending).await
    }

    pub(super) async fn end_user_apart(
        &self,
        user_id: &UserId,
        except: Option<SessionId>,
        ending: Ending,
        batch: usize,
    ) -> Result<EndedBatch, StoreError> {
        const DOING: &str = "end a user's sessions";
        let mut done = EndedBatch::default();
        // By ids and not by ranks: entries that others take away meanwhile would let one be passed over.
        let mut from = b"-".to_vec();
        // One that cannot be ended does not keep the others alive.
        let mut failed = None;
        while done.ended.len() + done.expired.len() < batch {
            let wanted = batch - done.ended.len() - done.expired.len();
            let mut range = redis::cmd("ZRANGEBYLEX");
            range.arg(self.index_of(user_id)).arg(&from).arg("+");
            range.arg("LIMIT").arg(0).arg(wanted);
            let entries: Vec<Vec<u8>> = self.ask(DOING, &range).await?;
            let is_last = entries.len() < wanted;
            if let Some(last) = entries.last() {
                from = key(b"(", &[last]);
            }
            let mut entries = told(DOING, ids(&entries))?;
            entries.retain(|id| Some(*id) != except);

            let ends = entries.iter().map(async |id| {
                let end = self.end_alone(DOING, *id, &ending).await;
                match if_sound(*id, end)? {
                    Some(outcome) => Ok::<_, StoreError>(Some(outcome)),
                    None => self.discard(DOING, *id).await.map(|()| None),
                }
            });
            let (mut over, mut missing) = (Vec::new(), Vec::new());
            for (id, outcome) in entries.iter().zip(join_all(ends).await) {
                match outcome {
                    Err(error) => {
                        failed = Some(error);
                        continue;
                    }
                    Ok(Some(None)) => {
                        missing.push(*id);
                        continue;
                    }
                    Ok(Some(Some(EndOutcome::Ended(session)))) => {
                        done.ended.push((&*session).into());
                    }
                    Ok(Some(Some(EndOutcome::Expired(session)))) => {
                        done.expired.push((&*session).into());
                    }
                    // Discarded.
                    Ok(None | Some(Some(EndOutcome::EndedBefore(_)))) => {}
                }
                over.push((*id, user_id));
            }
            self.leave(DOING, &over).await?;
            self.drop_missing(DOING, user_id, &missing).await?;
            if is_last {
                break;
            }
            done.more = done.ended.len() + done.expired.len() == batch;
        }
        match failed {
            // What became of the others is told first.
            Some(error) if done.ended.is_empty() && done.expired.is_empty() => return Err(error),
            Some(_) => done.more = true,
            None => {}
        }
        Ok(done)
    }

    pub(super) async fn list_apart(
        &self,
        user_id: &UserId,
        before: Option<SessionId>,
        most: usize,
        now: DateTime<Utc>,
    ) -> Result<(Vec<Arc<Session>>, Option<SessionId>), StoreError> {
        const DOING: &str = "list a user's sessions";
        let from = before.map_or_else(|| b"+".to_vec(), |id| key(b"(", &[id.as_bytes()]));
        let mut range = redis::cmd("ZREVRANGEBYLEX");
        range
            .arg(self.index_of(user_id))
            .arg(from)
            .arg("-")
            .arg("LIMIT")
            .arg(0)
            .arg(most);
        let entries: Vec<Vec<u8>> = self.ask(DOING, &range).await?;
        let entries = told(DOING, ids(&entries))?;
        let records = entries.iter().map(|id| self.look_at(DOING, *id));
        let records = try_join_all(records).await?;
        let (mut sessions, mut missing) = (Vec::new(), Vec::new());
        for (id, record) in entries.iter().zip(records) {
            match record {
                Some(Some(session)) if session.is_live(now) => sessions.push(session),
                None | Some(Some(_)) => {}
                Some(None) => missing.push(*id),
            }
        }
        self.drop_missing(DOING, user_id, &missing).await?;
        let next = entries.last().copied().filter(|_| entries.len() == most);
        Ok((sessions, next))
    }

    /// A session, if there is one; nothing around that where it cannot be read.
    async fn look_at(
        &self,
        doing: &'static str,
        id: SessionId,
    ) -> Result<Option<Option<Arc<Session>>>, StoreError> {
        let bytes = self.bytes_of(doing, id).await;
        let read = bytes.and_then(|bytes| told(doing, read_optional(id, bytes)));
        if_sound(id, read)
    }

    /// Ends a session that cannot be read, and leaves its user's index to the caller.
    async fn discard(&self, doing: &'static str, id: SessionId) -> Result<(), StoreError> {
        let mut call = DISCARD.call(self.keys.of_session(id));
        call.arg(id.as_bytes());
        let _: u64 = self.run(doing, &DISCARD, &call).await?;
        tell_of_discarded(&[id.as_bytes()]);
        Ok(())
    }

    /// Takes sessions that have ended out of their users' indexes.
    async fn leave(
        &self,
        doing: &'static str,
        over: &[(SessionId, &UserId)],
    ) -> Result<(), StoreError> {
        let mut over = over.to_vec();
        over.sort_unstable_by_key(|(_, user)| self.keys.of_user(user));
        let together = |one: &(SessionId, &UserId), other: &(SessionId, &UserId)| {
            self.keys.of_user(one.1) == self.keys.of_user(other.1)
        };
        let steps = over
            .chunk_by(together)
            .flat_map(|part| part.chunks(AT_ONCE));
        let steps = steps.map(async |some| {
            let mut call = LEAVE.call(self.keys.of_user(some[0].1));
            for (id, user) in some {
                call.arg(id.as_bytes()).arg(user.as_str());
            }
            self.run::<()>(doing, &LEAVE, &call).await
        });
        try_join_all(steps).await?;
        Ok(())
    }

    /// Drops entries of an index that have no session, unless that may still come; how many went.
    async fn drop_missing(
        &self,
        doing: &'static str,
        user: &UserId,
        missing: &[SessionId],
    ) -> Result<usize, StoreError> {
        if missing.is_empty() {
            return Ok(0);
        }
        let mut call = DROP.call(self.keys.of_user(user));
        call.arg(user.as_str());
        for id in missing {
            call.arg(id.as_bytes());
        }
        self.run(doing, &DROP, &call).await
    }

    fn index_of(&self, user: &UserId) -> Vec<u8> {
        key(self.keys.of_user(user), &[b"u:", user.as_str().as_bytes()])
    }
}
