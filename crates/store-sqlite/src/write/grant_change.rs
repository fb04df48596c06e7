use std::collections::HashSet;

use chrono::{DateTime, Utc};
use session_core::{SealedTokens, SessionId};
use sqlx::{Row as _, SqliteConnection};

use super::rounds::rounds;
use super::{Effects, Kind};
use crate::error::Failure;
use crate::{grant_row, row};

/// A change that leaves the version as it is.
pub(crate) struct Request {
    pub(crate) id: SessionId,
    /// Nothing is changed where the grant's is another.
    pub(crate) version: u64,
    pub(crate) change: Change,
}

pub(crate) enum Change {
    /// Whoever has the lease keeps it for longer.
    Keep(DateTime<Utc>),
    /// It is due at another time.
    Postpone(DateTime<Utc>),
    /// The same tokens, sealed anew.
    Reseal(Box<SealedTokens>),
}

const KEEP: &str = "UPDATE grants SET lease_until = max(lease_until, asked.at)
    FROM (SELECT unhex(value ->> 0) AS target, value ->> 1 AS expected, value ->> 2 AS at
          FROM json_each(?1)) AS asked
    WHERE session_id = asked.target AND version = asked.expected AND lease_until IS NOT NULL
    RETURNING session_id";

const POSTPONE: &str = "UPDATE grants SET due_at = asked.at
    FROM (SELECT unhex(value ->> 0) AS target, value ->> 1 AS expected, value ->> 2 AS at
          FROM json_each(?1)) AS asked
    WHERE session_id = asked.target AND version = asked.expected
    RETURNING session_id";

const RESEAL: &str = "UPDATE grant_tokens SET key_id = asked.tokens ->> 1,
        access = unhex(asked.tokens ->> 2), refresh = unhex(asked.tokens ->> 3),
        id_token = unhex(asked.tokens ->> 4)
    FROM (SELECT unhex(value ->> 0) AS target, value ->> 1 AS expected, value -> 2 AS tokens
          FROM json_each(?1)) AS asked
    WHERE session_id = asked.target
        AND (SELECT version FROM grants WHERE session_id = asked.target) = asked.expected
    RETURNING session_id";

impl Kind for Request {
    type Outcome = bool;
    const DOING: &'static str = "change a grant";

    async fn apply(
        connection: &mut SqliteConnection,
        requests: &[Self],
        _: &mut Effects,
    ) -> Result<Vec<bool>, Failure> {
        let mut outcomes = vec![false; requests.len()];
        for round in rounds(requests, |request| request.id) {
            let (mut kept, mut postponed, mut resealed) = (Vec::new(), Vec::new(), Vec::new());
            for Request {
                id,
                version,
                change,
            } in round.iter().map(|place| &requests[*place])
            {
                let target = row::hex(id.as_bytes());
                match change {
                    Change::Keep(at) => kept.push((target, version, at.timestamp_millis())),
                    Change::Postpone(at) => {
                        postponed.push((target, version, at.timestamp_millis()));
                    }
                    Change::Reseal(tokens) => {
                        resealed.push((target, version, grant_row::write_tokens(*id, tokens)));
                    }
                }
            }
            let mut changed = HashSet::new();
            for (sql, rows, is_empty) in [
                (KEEP, row::json(&kept)?, kept.is_empty()),
                (POSTPONE, row::json(&postponed)?, postponed.is_empty()),
                (RESEAL, row::json(&resealed)?, resealed.is_empty()),
            ] {
                if is_empty {
                    continue;
                }
                let rows = sqlx::query(sql)
                    .bind(rows)
                    .fetch_all(&mut *connection)
                    .await?;
                for row in &rows {
                    changed.insert(row::id(row.try_get(0)?)?);
                }
            }
            for place in round {
                outcomes[place] = changed.contains(&requests[place].id);
            }
        }
        Ok(outcomes)
    }
}
