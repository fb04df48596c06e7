//! Steps about a session and its user's index where the two lie in different hash slots of a cluster.
//!
//! An entry of the index is written before its session, and taken out after the session's end: so the
//! index never misses a live one, and never holds fewer than count under the limit. Whatever a node
//! that dies in between leaves behind is an entry too many; it is dropped when it is seen.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::{join_all, try_join, try_join_all};
use session_core::ports::{
    Created, EndOutcome, EndedBatch, EndedSession, LimitPolicy, SessionLimit, StoreError, Swept,
};
use session_core::{
    BUSIEST_USERS, DUE_COUNTED, EndKind, EndReason, Ending, Session, SessionId, Standing, UserId,
};
use tokio::time::sleep;

use super::{
    AT_ONCE, Counts, SweptTold, expired_session, ids, if_sound, read_optional, script, taken,
    tell_of_damaged, tell_of_discarded,
};
use crate::RedisStore;
use crate::error::Failure;
use crate::keys::key;
use crate::record::{self, session_id};
use crate::store::told;

script!(RESERVE, "users", "apart", "apart_reserve");
script!(PUT, "apart", "apart_put");
script!(LEAVE, "users", "apart_leave");
script!(DROP, "users", "apart", "apart_drop");
script!(END, "end");
script!(DISCARD, "apart_discard");
script!(SWEEP, "sweep");
script!(WORK, "users", "apart", "apart_work");
script!(SETTLE, "users", "apart_settle");
script!(STATS_DUE, "stats_due", "apart_stats_due");
script!(STATS_USERS, "users", "stats_users", "apart_stats_users");

/// How often a place is tried for that others take in between. Each time somebody had one.
const TRIES: usize = 1000;

/// How often, and for how long, it is waited for places that others have taken and not filled.
const WAITS: usize = 100;
const WAIT: Duration = Duration::from_millis(20);

/// Places that one look at a bucket finds to settle at most, as `apart_work.lua` has it.
const PLACES_AT_ONCE: usize = 128;

/// What came of an attempt to take a place in a user's index.
enum Place {
    /// It is taken, at this time of the server.
    Reserved(Vec<u8>),
    /// It was taken before, at this time, by somebody who may be the caller.
    Again(Vec<u8>),
    /// There are as many as may be: these.
    Full(Vec<SessionId>),
    /// The id has a place already.
    Taken,
}

impl RedisStore {
    pub(super) async fn create_apart(
        &self,
        session: Session,
        limit: SessionLimit,
    ) -> Result<Created, StoreError> {
        const DOING: &str = "create a session";
        let bytes = told(DOING, record::write(&session))?;
        let (id, user) = (session.id, session.user_id.clone());
        let mut room = Room {
            entries: limit.max,
            ..Room::default()
        };
        let mut waits = 0;
        for _ in 0..TRIES {
            let (entries, over) = (room.entries, &room.over);
            let (reserved_at, is_ours) = match self.reserve(DOING, id, &user, entries, over).await?
            {
                Place::Reserved(at) => (at, true),
                Place::Again(at) => (at, false),
                Place::Taken => return Err(taken(DOING)),
                Place::Full(held) => {
                    // Nobody goes for a session that will not be.
                    let looks = self.look_at_held(DOING, &user, held, session.created_at);
                    let (is_taken, held) = try_join(self.bytes_of(DOING, id), looks).await?;
                    if is_taken.is_some() {
                        return Err(taken(DOING));
                    }
                    if held.count() >= limit.max as usize && limit.policy == LimitPolicy::Refuse {
                        let over: Vec<_> = held.over.iter().map(|id| (*id, &user)).collect();
                        self.leave(DOING, &over).await?;
                        return Ok(Created::LimitReached);
                    }
                    if held.coming >= limit.max as usize {
                        // Others are about to fill these places, or died on the way and lose them.
                        waits += 1;
                        if waits > WAITS {
                            break;
                        }
                        sleep(WAIT).await;
                    }
                    self.make_room(DOING, &mut room, held, limit.max, session.created_at)
                        .await?;
                    continue;
                }
            };
            return match self
                .put(DOING, &session, bytes, reserved_at, is_ours)
                .await?
                .as_str()
            {
                "stored" => Ok(Created::Stored {
                    session: Arc::new(session),
                    evicted: room.evicted,
                }),
                outcome => {
                    if is_ours {
                        self.leave(DOING, &[(id, &user)]).await?;
                    }
                    Err(if outcome == "taken" {
                        taken(DOING)
                    } else {
                        Failure::Away("the node took too long".into()).into_store_error(DOING)
                    })
                }
            };
        }
        Err(Failure::Busy.into_store_error(DOING))
    }

    /// Ends so many of the oldest sessions that there is room for one more.
    async fn make_room(
        &self,
        doing: &'static str,
        room: &mut Room,
        held: Held,
        max: u32,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let surplus = (held.count() + 1).saturating_sub(max as usize);
        room.entries = max.saturating_add(held.damaged);
        room.over = held.over;
        for id in held.live.into_iter().take(surplus) {
            let ending = Ending {
                kind: EndKind::Terminated,
                reason: EndReason::SESSION_LIMIT,
                at: now,
            };
            let outcome = self.end_alone(doing, id, &ending).await?;
            // Of parallel creates one ends it, and that one tells of it.
            if let Some(EndOutcome::Ended(_)) = outcome {
                room.evicted.push(id);
            }
            room.over.push(id);
        }
        Ok(())
    }

    async fn reserve(
        &self,
        doing: &'static str,
        id: SessionId,
        user: &UserId,
        most: u32,
        over: &[SessionId],
    ) -> Result<Place, StoreError> {
        let mut call = RESERVE.call(self.keys.of_user(user));
        call.arg(id.as_bytes()).arg(user.as_str()).arg(most);
        for id in over {
            call.arg(id.as_bytes());
        }
        let (outcome, told_of): (String, Option<Vec<Vec<u8>>>) =
            self.run(doing, &RESERVE, &call).await?;
        let told_of = told_of.unwrap_or_default();
        match outcome.as_str() {
            "reserved" => Ok(Place::Reserved(
                told_of.into_iter().next().unwrap_or_default(),
            )),
            "again" => Ok(Place::Again(told_of.into_iter().next().unwrap_or_default())),
            "full" => Ok(Place::Full(told(doing, ids(&told_of))?)),
            _ => Ok(Place::Taken),
        }
    }

    async fn put(
        &self,
        doing: &'static str,
        session: &Session,
        bytes: Vec<u8>,
        reserved_at: Vec<u8>,
        is_ours: bool,
    ) -> Result<String, StoreError> {
        let mut call = PUT.call(self.keys.of_session(session.id));
        call.arg(session.id.as_bytes())
            .arg(bytes)
            .arg(session.deadline().timestamp_millis())
            .arg(self.time_to_live(session.expires_at - session.created_at))
            .arg(reserved_at)
            .arg(u8::from(is_ours));
        self.run(doing, &PUT, &call).await
    }

    /// What there is behind the entries of a user's index. Those past their deadline are noted as
    /// expired on the way, so that they are over for everybody.
    async fn look_at_held(
        &self,
        doing: &'static str,
        user: &UserId,
        held: Vec<SessionId>,
        now: DateTime<Utc>,
    ) -> Result<Held, StoreError> {
        let records = held.iter().map(|id| self.look_at(doing, *id));
        let records = try_join_all(records).await?;
        let mut looked = Held::default();
        let mut missing = Vec::new();
        for (id, record) in held.into_iter().zip(records) {
            // Nobody can use one that cannot be read: it takes no place.
            let Some(record) = record else {
                looked.damaged += 1;
                continue;
            };
            match record {
                None => missing.push(id),
                Some(session) if session.is_live(now) => looked.live.push(id),
                Some(session) => {
                    if !matches!(session.standing, Standing::Ended(_)) {
                        self.end_alone(doing, id, &Ending::expired(now)).await?;
                    }
                    looked.over.push(id);
                }
            }
        }
        let dropped = self.drop_missing(doing, user, &missing).await?;
        looked.coming = missing.len() - dropped;
        Ok(looked)
    }

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
        let mut call = END.call(self.keys.of_session(id));
        call.arg(id.as_bytes())
            .arg(record::number_of(ending.kind))
            .arg(ending.reason.as_str())
            .arg(ending.at.timestamp_millis())
            .arg(self.kept());
        let (outcome, after): (String, Option<Vec<u8>>) = self.run(doing, &END, &call).await?;
        told(doing, super::end_outcome(&outcome, id, after))
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

    pub(super) async fn count_apart(&self, now: DateTime<Utc>) -> Result<Counts, StoreError> {
        const DOING: &str = "count sessions";
        type Due = (u64, u64, u64, u64, Vec<(String, u64)>);
        let due = self.keys.buckets().map(async |bucket| {
            let mut call = STATS_DUE.call(bucket);
            call.arg(now.timestamp_millis()).arg(DUE_COUNTED);
            self.run::<Due>(DOING, &STATS_DUE, &call).await
        });
        let mut counts = Counts::default();
        let mut due_of: HashMap<Vec<u8>, HashMap<String, u64>> = HashMap::new();
        for (open, due, expired, ended, users) in try_join_all(due).await? {
            counts.open += open;
            counts.due += due;
            counts.expired += expired;
            counts.ended += ended;
            for (user, due) in users {
                let id = UserId::new(&user);
                let id = id.map_err(|_| Failure::Corrupt("a user's id cannot be read"));
                let bucket = self.keys.of_user(&told(DOING, id)?).to_vec();
                *due_of.entry(bucket).or_default().entry(user).or_default() += due;
            }
        }
        type Users = (u64, Vec<(String, i64)>, Vec<(String, i64)>);
        let users = self.keys.buckets().map(async |bucket| {
            let mut call = STATS_USERS.call(bucket);
            call.arg(BUSIEST_USERS);
            for (user, due) in due_of.get(bucket).into_iter().flatten() {
                call.arg(user).arg(due);
            }
            self.run::<Users>(DOING, &STATS_USERS, &call).await
        });
        for (users, shifted, busiest) in try_join_all(users).await? {
            counts.users += users;
            counts.shifted.extend(shifted);
            counts.busiest.extend(busiest);
        }
        Ok(counts)
    }

    pub(super) async fn sweep_apart(
        &self,
        now: DateTime<Utc>,
        forget_before: DateTime<Utc>,
        batch: usize,
    ) -> Result<Swept, StoreError> {
        const DOING: &str = "sweep expired sessions";
        type Work = (usize, usize, Vec<Vec<u8>>);
        let work = self.keys.buckets().map(async |bucket| {
            let mut call = WORK.call(bucket);
            call.arg(now.timestamp_millis())
                .arg(forget_before.timestamp_millis());
            let work: Work = self.run(DOING, &WORK, &call).await?;
            Ok::<_, StoreError>((bucket, work))
        });
        let mut swept = Swept::default();
        let (mut due_left, mut old_left) = (batch, batch);
        for (bucket, (due, old, places)) in try_join_all(work).await? {
            self.settle(DOING, bucket, &places).await?;
            // Else places would be taken faster than they are settled.
            swept.more |= places.len() == PLACES_AT_ONCE;
            let most = due.min(due_left).max(old.min(old_left));
            if most == 0 {
                swept.more |= due + old > 0;
                continue;
            }
            // One number bounds both, so that neither gets past its own.
            let most = most.min(due_left.max(1)).min(old_left.max(1));
            let some = self.sweep_bucket(bucket, now, forget_before, most).await?;
            due_left = due_left.saturating_sub(some.expired.len());
            old_left = old_left.saturating_sub(usize::try_from(some.forgotten).unwrap_or(0));
            swept.more |= due > most || old > most;
            swept.expired.extend(some.expired);
            swept.forgotten += some.forgotten;
        }
        Ok(swept)
    }

    async fn sweep_bucket(
        &self,
        bucket: &[u8],
        now: DateTime<Utc>,
        forget_before: DateTime<Utc>,
        most: usize,
    ) -> Result<Swept, StoreError> {
        const DOING: &str = "sweep expired sessions";
        let mut call = SWEEP.call(bucket);
        call.arg(now.timestamp_millis())
            .arg(forget_before.timestamp_millis())
            .arg(most)
            .arg(self.kept())
            .arg(1);
        let told_of: SweptTold = self.run(DOING, &SWEEP, &call).await?;
        let (expired, damaged, forgotten, named, _) = told_of;
        tell_of_damaged(&damaged);
        let expired: Vec<EndedSession> =
            told(DOING, expired.iter().map(expired_session).collect())?;
        // Those that are forgotten, too: whoever ended them may not have come to this.
        let named = named.iter().map(|(id, user)| {
            let user = UserId::new(user);
            let user = user.map_err(|_| Failure::Corrupt("a user's id cannot be read"))?;
            Ok((session_id(id)?, user))
        });
        let named: Vec<(SessionId, UserId)> = told(DOING, named.collect())?;
        let over = expired.iter().map(|session| (session.id, &session.user_id));
        let over: Vec<_> = over
            .chain(named.iter().map(|(id, user)| (*id, user)))
            .collect();
        self.leave(DOING, &over).await?;
        Ok(Swept {
            expired,
            forgotten,
            more: false,
        })
    }

    /// Places that were taken long ago, in one bucket: what came of them is known by now.
    async fn settle(
        &self,
        doing: &'static str,
        bucket: &[u8],
        places: &[Vec<u8>],
    ) -> Result<(), StoreError> {
        if places.is_empty() {
            return Ok(());
        }
        let looks = places.iter().map(async |place| {
            let Some((id, user)) = id_and_user(place) else {
                // Not written by us: it must not stop the sweep.
                return Ok(true);
            };
            if self.bytes_of(doing, id).await?.is_some() {
                return Ok(true);
            }
            self.drop_missing(doing, &user, &[id]).await?;
            Ok::<_, StoreError>(false)
        });
        let mut settled = SETTLE.call(bucket);
        let mut has_settled = false;
        for (place, is_known) in places.iter().zip(try_join_all(looks).await?) {
            if is_known {
                settled.arg(place);
                has_settled = true;
            }
        }
        if has_settled {
            let _: u64 = self.run(doing, &SETTLE, &settled).await?;
        }
        Ok(())
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

/// What the name of a place says: the id, and then the user.
fn id_and_user(place: &[u8]) -> Option<(SessionId, UserId)> {
    let (id, user) = place.split_at_checked(16)?;
    let user = UserId::new(std::str::from_utf8(user).ok()?).ok()?;
    Some((session_id(id).ok()?, user))
}

/// What was done to have room for one more session.
#[derive(Default)]
struct Room {
    /// How many entries the index may have: those that cannot be read take no place.
    entries: u32,
    /// Sessions to take out of it, which have ended.
    over: Vec<SessionId>,
    /// Those that were ended for it.
    evicted: Vec<SessionId>,
}

impl Held {
    /// How many count under the limit.
    fn count(&self) -> usize {
        self.live.len() + self.coming
    }
}

/// What is behind the entries of an index.
#[derive(Default)]
struct Held {
    /// Live sessions, least recently created first.
    live: Vec<SessionId>,
    /// Sessions that have ended.
    over: Vec<SessionId>,
    /// Entries whose session is still to come.
    coming: usize,
    /// Entries whose session cannot be read: they stay, and do not count.
    damaged: u32,
}
