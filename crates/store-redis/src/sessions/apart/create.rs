//! How a session begins where its user's index lies elsewhere: a place in the index first, then the
//! session.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::{try_join, try_join_all};
use session_core::ports::{Created, EndOutcome, LimitPolicy, SessionLimit, StoreError};
use session_core::{EndKind, EndReason, Ending, Session, SessionId, Standing, UserId};
use tokio::time::sleep;

use super::super::{ids, script, taken};
use crate::RedisStore;
use crate::error::Failure;
use crate::record;
use crate::store::told;

script!(RESERVE, "users", "apart", "apart_reserve");
script!(PUT, "apart", "apart_put");

/// How often a place is tried for that others take in between. Each time somebody had one.
const TRIES: usize = 1000;

/// How often, and for how long, it is waited for places that others have taken and not filled.
const WAITS: usize = 100;
const WAIT: Duration = Duration::from_millis(20);

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

impl Held {
    /// How many count under the limit.
    fn count(&self) -> usize {
        self.live.len() + self.coming
    }
}

impl RedisStore {
    pub(in crate::sessions) async fn create_apart(
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
}
