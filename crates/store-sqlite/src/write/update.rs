use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use session_core::ports::{SessionChange, UpdateOutcome};
use session_core::{Session, SessionId};
use sqlx::SqliteConnection;

use super::rounds::rounds;
use super::{Effects, Kind};
use crate::error::Failure;
use crate::read::find_many;
use crate::row::{self, columns};

pub(crate) struct Request {
    pub(crate) id: SessionId,
    pub(crate) expected_version: u64,
    pub(crate) change: SessionChange,
    pub(crate) now: DateTime<Utc>,
}

impl Kind for Request {
    type Outcome = UpdateOutcome;
    const DOING: &'static str = "update a session";

    async fn apply(
        connection: &mut SqliteConnection,
        requests: &[Self],
        effects: &mut Effects,
    ) -> Result<Vec<UpdateOutcome>, Failure> {
        let mut outcomes = vec![UpdateOutcome::NotLive; requests.len()];
        for round in rounds(requests, |request| request.id) {
            let updated = write(connection, round.iter().map(|place| &requests[*place])).await?;
            let missed = round.iter().map(|place| &requests[*place]);
            let missed = missed.filter(|request| !updated.contains_key(&request.id));
            let missed = find_many(connection, missed.map(|request| request.id)).await?;
            for place in round {
                let request = &requests[place];
                outcomes[place] = if let Some(session) = updated.get(&request.id) {
                    effects.written.push(Arc::clone(session));
                    UpdateOutcome::Updated(Arc::clone(session))
                } else if missed
                    .get(&request.id)
                    .is_some_and(|found| found.is_live(request.now))
                {
                    UpdateOutcome::VersionConflict
                } else {
                    UpdateOutcome::NotLive
                };
            }
        }
        Ok(outcomes)
    }
}

async fn write(
    connection: &mut SqliteConnection,
    requests: impl Iterator<Item = &Request>,
) -> Result<HashMap<SessionId, Arc<Session>>, Failure> {
    let asked: Vec<_> = requests
        .map(
            |Request {
                 id,
                 expected_version,
                 change,
                 now,
             }| {
                let metadata = change
                    .metadata
                    .as_ref()
                    .map(session_core::Metadata::as_json);
                let fingerprint = &change.device_fingerprint;
                let id = row::hex(id.as_bytes());
                (
                    id,
                    expected_version,
                    now.timestamp_millis(),
                    metadata,
                    fingerprint,
                )
            },
        )
        .collect();
    let rows = sqlx::query(concat!(
        "UPDATE sessions SET version = version + 1,
             metadata = ifnull(asked.new_metadata, metadata),
             details = iif(asked.fingerprint IS NULL, details,
                 json_set(details, '$.device_fingerprint', json(asked.fingerprint)))
         FROM (SELECT unhex(value ->> 0) AS target, value ->> 1 AS expected, value ->> 2 AS now,
                      value ->> 3 AS new_metadata, value ->> 4 AS fingerprint
               FROM json_each(?1)) AS asked
         WHERE id = asked.target AND version = asked.expected AND state < 2 AND deadline > asked.now
         RETURNING ",
        columns!()
    ))
    .bind(row::json(&asked)?)
    .fetch_all(connection)
    .await?;
    row::read_all(&rows)
}
