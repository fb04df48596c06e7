use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use session_core::{Attempt, RateDecision, RateKey, RateState, decide};
use sqlx::{Row as _, SqliteConnection};

use super::{Effects, Kind};
use crate::error::Failure;
use crate::row::{self, as_sql};

/// Most keys that are counted at once: some 100 MB. At the bound, those that mean the least go.
const MAX_KEYS: usize = 1_000_000;

pub(crate) struct Request {
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) now: DateTime<Utc>,
    pub(crate) jitter: f64,
}

impl Kind for Request {
    type Outcome = RateDecision;
    const DOING: &'static str = "check a rate limit";

    /// The write lock is held from before the states are read until they are written, so nobody
    /// decides on the same states.
    async fn apply(
        connection: &mut SqliteConnection,
        requests: &[Self],
        _: &mut Effects,
    ) -> Result<Vec<RateDecision>, Failure> {
        let keys: HashSet<RateKey> = requests
            .iter()
            .flat_map(|request| request.attempts.iter().map(|attempt| attempt.key))
            .collect();
        let known = read(connection, &keys).await?;
        let mut states = known.clone();
        let mut changed = HashMap::new();
        let mut decisions = Vec::with_capacity(requests.len());
        for Request {
            attempts,
            now,
            jitter,
        } in requests
        {
            let mut asked: Vec<RateState> = attempts
                .iter()
                .map(|attempt| states.get(&attempt.key).cloned().unwrap_or_default())
                .collect();
            let rules = attempts.iter().map(|attempt| &attempt.rule);
            let mut pairs: Vec<_> = rules.zip(&mut asked).collect();
            decisions.push(decide(&mut pairs, *now, *jitter));
            for (attempt, state) in attempts.iter().zip(asked) {
                if known.get(&attempt.key) != Some(&state) {
                    changed.insert(attempt.key, state.expires_at(&attempt.rule));
                }
                states.insert(attempt.key, state);
            }
        }
        // The earliest, so that nothing goes which still means something to one of them.
        if let Some(now) = requests.iter().map(|request| request.now).min()
            && !changed.is_empty()
        {
            let added = changed.keys().filter(|key| !known.contains_key(key));
            make_room(connection, now, added.count()).await?;
            write(connection, &states, &changed).await?;
        }
        Ok(decisions)
    }
}

async fn read(
    connection: &mut SqliteConnection,
    keys: &HashSet<RateKey>,
) -> Result<HashMap<RateKey, RateState>, Failure> {
    let rows = sqlx::query(
        "SELECT key, state FROM rate_limits
         WHERE key IN (SELECT unhex(value) FROM json_each(?1))",
    )
    .bind(row::json(keys)?)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            let key = row.try_get::<&[u8], _>(0)?.try_into();
            let key = key.map_err(|_| Failure::corrupt("a rate limit's key cannot be read"))?;
            let state = serde_json::from_str(row.try_get(1)?)
                .map_err(|_| Failure::corrupt("a rate limit's state cannot be read"))?;
            Ok((RateKey::from_bytes(key), state))
        })
        .collect()
}

async fn write(
    connection: &mut SqliteConnection,
    states: &HashMap<RateKey, RateState>,
    changed: &HashMap<RateKey, DateTime<Utc>>,
) -> Result<(), Failure> {
    let rows: Vec<_> = changed
        .iter()
        .filter_map(|(key, expires_at)| {
            let state = states.get(key)?;
            Some((
                row::hex(key.as_bytes()),
                expires_at.timestamp_millis(),
                state,
            ))
        })
        .collect();
    sqlx::query(
        "INSERT INTO rate_limits
         SELECT unhex(value ->> 0), value ->> 1, value ->> 2 FROM json_each(?1) WHERE true
         ON CONFLICT (key) DO UPDATE SET expires_at = excluded.expires_at, state = excluded.state",
    )
    .bind(row::json(&rows)?)
    .execute(connection)
    .await?;
    Ok(())
}

/// Drops what means nothing any more, faster than it can be added, and what would be over the bound.
///
/// Before what changed is written: so none of that goes to make room for itself.
async fn make_room(
    connection: &mut SqliteConnection,
    now: DateTime<Utc>,
    added: usize,
) -> Result<(), Failure> {
    sqlx::query(
        "DELETE FROM rate_limits
         WHERE key IN (SELECT key FROM rate_limits INDEXED BY rate_limits_over
                       WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)
            OR key IN (SELECT key FROM rate_limits INDEXED BY rate_limits_over
                       ORDER BY expires_at
                       LIMIT (SELECT max(0, keys + ?3 - ?4) FROM rate_limit_count))",
    )
    .bind(now.timestamp_millis())
    .bind(as_sql(added + 8))
    .bind(as_sql(added))
    .bind(as_sql(MAX_KEYS))
    .execute(connection)
    .await?;
    Ok(())
}
