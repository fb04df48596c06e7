use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use session_core::ports::{Created, LimitPolicy, SessionLimit};
use session_core::{EndKind, EndReason, Session, SessionId, UserId};
use sqlx::{Row as _, SqliteConnection};

use super::{Effects, Kind};
use crate::error::Failure;
use crate::row;

pub(crate) struct Request {
    pub(crate) session: Session,
    pub(crate) limit: SessionLimit,
}

impl Kind for Request {
    type Outcome = Created;
    const DOING: &'static str = "create a session";

    async fn apply(
        connection: &mut SqliteConnection,
        requests: &[Self],
        effects: &mut Effects,
    ) -> Result<Vec<Created>, Failure> {
        let refused = refuse(connection, requests).await?;
        let admitted = || {
            requests
                .iter()
                .zip(&refused)
                .filter(|(_, refused)| !**refused)
        };
        insert(connection, admitted().map(|(request, _)| &request.session)).await?;
        let mut evicted = evict(connection, admitted().map(|(request, _)| request)).await?;

        let mut outcomes = Vec::with_capacity(requests.len());
        for (request, refused) in requests.iter().zip(refused) {
            if refused {
                outcomes.push(Created::LimitReached);
                continue;
            }
            let session = Arc::new(request.session.clone());
            effects.written.push(Arc::clone(&session));
            let evicted = evicted.remove(&session.id).unwrap_or_default();
            effects.gone.extend(&evicted);
            outcomes.push(Created::Stored { session, evicted });
        }
        Ok(outcomes)
    }
}

async fn insert(
    connection: &mut SqliteConnection,
    sessions: impl Iterator<Item = &Session>,
) -> Result<(), Failure> {
    let rows = sessions.map(row::write).collect::<Result<Vec<_>, _>>()?;
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO sessions (id, user_id, secret_hash, state, version, created_at, last_activity,
             expires_at, idle_timeout, remember_me, metadata, details)
         SELECT unhex(value ->> 0), value ->> 1, unhex(value ->> 2), 0, value ->> 3, value ->> 4,
             value ->> 5, value ->> 6, value ->> 7, value ->> 8, value ->> 9, value ->> 10
         FROM json_each(?1)",
    )
    .bind(row::json(&rows)?)
    .execute(connection)
    .await?;
    Ok(())
}

/// Which requests meet a user at the limit and are to be refused then, in the order of the requests.
async fn refuse(
    connection: &mut SqliteConnection,
    requests: &[Request],
) -> Result<Vec<bool>, Failure> {
    let refusing = |request: &&Request| request.limit.policy == LimitPolicy::Refuse;
    let mut room: HashMap<&UserId, i64> = HashMap::new();
    let asked: Vec<_> = requests
        .iter()
        .filter(refusing)
        .map(|Request { session, .. }| (&session.user_id, millis(session.created_at)))
        .collect();
    if asked.is_empty() {
        return Ok(vec![false; requests.len()]);
    }
    let rows = sqlx::query(
        "SELECT asked.user_id, count(*)
         FROM (SELECT value ->> 0 AS user_id, min(value ->> 1) AS now
               FROM json_each(?1) GROUP BY 1) AS asked
         CROSS JOIN sessions ON sessions.user_id = asked.user_id
         WHERE sessions.state < 2 AND sessions.deadline > asked.now
         GROUP BY 1",
    )
    .bind(row::json(&asked)?)
    .fetch_all(connection)
    .await?;
    let mut live: HashMap<String, i64> = HashMap::with_capacity(rows.len());
    for row in &rows {
        live.insert(row.try_get(0)?, row.try_get(1)?);
    }
    let mut refused = Vec::with_capacity(requests.len());
    for request in requests {
        let is_asked = refusing(&request);
        let user = &request.session.user_id;
        let count = room
            .entry(user)
            .or_insert_with(|| *live.get(user.as_str()).unwrap_or(&0));
        let is_full = is_asked && *count >= i64::from(request.limit.max);
        *count += i64::from(!is_full);
        refused.push(is_full);
    }
    Ok(refused)
}

/// Terminates what is over the limit after the inserts, and tells which create displaced which
/// sessions.
async fn evict<'a>(
    connection: &mut SqliteConnection,
    requests: impl Iterator<Item = &'a Request>,
) -> Result<HashMap<SessionId, Vec<SessionId>>, Failure> {
    // By user: the smallest limit asked for, and the creates from the oldest to the newest.
    let mut by_user: HashMap<&UserId, (u32, BTreeMap<SessionId, DateTime<Utc>>)> = HashMap::new();
    for Request { session, limit } in requests {
        if limit.policy == LimitPolicy::EvictOldest {
            let (max, creates) = by_user
                .entry(&session.user_id)
                .or_insert((limit.max, BTreeMap::new()));
            *max = limit.max.min(*max);
            creates.insert(session.id, session.created_at);
        }
    }
    let asked: Vec<_> = by_user
        .iter()
        .filter_map(|(user, (max, creates))| {
            let (newest, now) = creates.last_key_value()?;
            Some((user, max, millis(*now), row::hex(newest.as_bytes())))
        })
        .collect();
    if asked.is_empty() {
        return Ok(HashMap::new());
    }
    // Whoever has two sessions or more has a count, so whoever is over a limit has one; it also counts
    // what is past its deadline, so it is an upper bound that spares most users the closer look.
    // The newest create of the batch stays whatever its id says: after the clock was set back, its
    // id is smaller than those of older sessions, and signing in must work all the same.
    let rows = sqlx::query(
        "UPDATE sessions SET state = ?2, ended_at = over.now, end_reason = ?3, version = version + 1
         FROM (
             SELECT sessions.id, asked.now, asked.most, row_number() OVER (
                 PARTITION BY sessions.user_id
                 ORDER BY sessions.id = asked.newest DESC, sessions.id DESC) AS place
             FROM (SELECT value ->> 0 AS user_id, value ->> 1 AS most, value ->> 2 AS now,
                          unhex(value ->> 3) AS newest FROM json_each(?1)) AS asked
             CROSS JOIN user_counts
                 ON user_counts.user_id = asked.user_id AND user_counts.live > asked.most
             CROSS JOIN sessions ON sessions.user_id = asked.user_id
             WHERE sessions.state < 2 AND sessions.deadline > asked.now) AS over
         WHERE sessions.id = over.id AND over.place > over.most
         RETURNING sessions.id, sessions.user_id",
    )
    .bind(row::json(&asked)?)
    .bind(row::state_of(EndKind::Terminated))
    .bind(EndReason::SESSION_LIMIT.as_str())
    .fetch_all(connection)
    .await?;
    let mut over: HashMap<String, Vec<SessionId>> = HashMap::new();
    for row in &rows {
        over.entry(row.try_get(1)?)
            .or_default()
            .push(row::id(row.try_get(0)?)?);
    }
    Ok(by_user
        .into_iter()
        .filter_map(|(user, (max, creates))| {
            let mut evicted = over.remove(user.as_str())?;
            evicted.sort_unstable();
            Some(share_out(evicted, creates.into_keys().collect(), max))
        })
        .flatten()
        .collect())
}

/// Deals the evicted sessions of one user out to the creates of the batch, as if these had come one
/// after the other: each displaces the oldest there are until the limit holds.
fn share_out(
    evicted: Vec<SessionId>,
    creates: Vec<SessionId>,
    max: u32,
) -> Vec<(SessionId, Vec<SessionId>)> {
    // Since something was evicted, exactly `max` are left: so many there were before the creates.
    let before = (evicted.len() + max as usize).saturating_sub(creates.len());
    let mut evicted = evicted.into_iter();
    let mut dealt = 0;
    (1..)
        .zip(creates)
        .map(|(nth, create)| {
            let due = (before + nth).saturating_sub(max as usize);
            let share: Vec<_> = evicted.by_ref().take(due - dealt).collect();
            dealt = due;
            (create, share)
        })
        .collect()
}

fn millis(at: DateTime<Utc>) -> i64 {
    at.timestamp_millis()
}
