//! What is done to all parts of a cluster: counting, and the sweep.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use futures_util::future::try_join_all;
use session_core::ports::{EndedSession, StoreError, Swept};
use session_core::{BUSIEST_USERS, DUE_COUNTED, SessionId, UserId};

use super::super::{Counts, SweptTold, expired_session, script, tell_of_damaged};
use crate::RedisStore;
use crate::error::Failure;
use crate::record::session_id;
use crate::store::told;

script!(SWEEP, "sweep");
script!(WORK, "users", "apart", "apart_work");
script!(SETTLE, "users", "apart_settle");
script!(STATS_DUE, "stats_due", "apart_stats_due");
script!(STATS_USERS, "users", "stats_users", "apart_stats_users");

/// Places that one look at a bucket finds to settle at most, as `apart_work.lua` has it.
const PLACES_AT_ONCE: usize = 128;

impl RedisStore {
    pub(in crate::sessions) async fn count_apart(
        &self,
        now: DateTime<Utc>,
    ) -> Result<Counts, StoreError> {
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

    pub(in crate::sessions) async fn sweep_apart(
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
}

/// What the name of a place says: the id, and then the user.
fn id_and_user(place: &[u8]) -> Option<(SessionId, UserId)> {
    let (id, user) = place.split_at_checked(16)?;
    let user = UserId::new(std::str::from_utf8(user).ok()?).ok()?;
    Some((session_id(id).ok()?, user))
}
