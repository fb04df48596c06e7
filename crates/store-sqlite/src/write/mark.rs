use std::collections::HashMap;

use chrono::{DateTime, Utc};
use session_core::MarkHash;
use sqlx::{Row as _, SqliteConnection};

use super::{Effects, Kind};
use crate::error::Failure;
use crate::row;

pub(crate) struct Request {
    pub(crate) hash: MarkHash,
    pub(crate) until: DateTime<Utc>,
    pub(crate) now: DateTime<Utc>,
}

impl Kind for Request {
    type Outcome = bool;
    const DOING: &'static str = "note a use";

    /// The write lock is held from before it is read what was used until it is written, so nobody uses
    /// the same in between.
    async fn apply(
        connection: &mut SqliteConnection,
        requests: &[Self],
        _: &mut Effects,
    ) -> Result<Vec<bool>, Failure> {
        let mut known = read(connection, requests).await?;
        let mut noted = HashMap::new();
        let mut outcomes = Vec::with_capacity(requests.len());
        for Request { hash, until, now } in requests {
            let (until, now) = (until.timestamp_millis(), now.timestamp_millis());
            let is_first = known.get(hash).is_none_or(|known| *known <= now);
            if is_first {
                known.insert(*hash, until);
                noted.insert(row::hex(hash.as_bytes()), until);
            }
            outcomes.push(is_first);
        }
        if !noted.is_empty() {
            sqlx::query(
                "INSERT INTO one_time_marks (hash, known_until)
                 SELECT unhex(key), value FROM json_each(?1) WHERE true
                 ON CONFLICT (hash) DO UPDATE SET known_until = excluded.known_until",
            )
            .bind(row::json(&noted)?)
            .execute(connection)
            .await?;
        }
        Ok(outcomes)
    }
}

/// Until when it is known of what was used.
async fn read(
    connection: &mut SqliteConnection,
    requests: &[Request],
) -> Result<HashMap<MarkHash, i64>, Failure> {
    let hashes: Vec<_> = requests
        .iter()
        .map(|request| row::hex(request.hash.as_bytes()))
        .collect();
    let rows = sqlx::query(
        "SELECT hash, known_until FROM one_time_marks
         WHERE hash IN (SELECT unhex(value) FROM json_each(?1))",
    )
    .bind(row::json(&hashes)?)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            let hash = row.try_get::<&[u8], _>(0)?.try_into();
            let hash = hash.map_err(|_| row::damaged("mark's hash"))?;
            Ok((MarkHash::from_bytes(hash), row.try_get(1)?))
        })
        .collect()
}
