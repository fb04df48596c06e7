use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use session_core::ports::Suspension;
use session_core::{Session, SessionId};
use sqlx::SqliteConnection;

use super::rounds::rounds;
use super::{Effects, Kind};
use crate::error::Failure;
use crate::read::find_many;
use crate::row::{self, columns};

pub(crate) struct Request {
    pub(crate) id: SessionId,
    pub(crate) suspended: bool,
    pub(crate) now: DateTime<Utc>,
}

impl Kind for Request {
    type Outcome = Option<Suspension>;
    const DOING: &'static str = "suspend a session";

    async fn apply(
        connection: &mut SqliteConnection,
        requests: &[Self],
        effects: &mut Effects,
    ) -> Result<Vec<Self::Outcome>, Failure> {
        let mut outcomes = vec![None; requests.len()];
        for round in rounds(requests, |request| request.id) {
            let changed = write(connection, round.iter().map(|place| &requests[*place])).await?;
            let ids = round.iter().map(|place| requests[*place].id);
            let missed = ids.filter(|id| !changed.contains_key(id));
            let missed = find_many(connection, missed).await?;
            for place in round {
                let Request { id, now, .. } = &requests[place];
                outcomes[place] = if let Some(session) = changed.get(id) {
                    effects.written.push(Arc::clone(session));
                    Some(Suspension::Changed(Arc::clone(session)))
                } else {
                    let live = missed.get(id).filter(|session| session.is_live(*now));
                    live.cloned().map(Suspension::Unchanged)
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
        .map(|Request { id, suspended, now }| {
            let (id, state) = (row::hex(id.as_bytes()), i64::from(*suspended));
            (id, state, now.timestamp_millis())
        })
        .collect();
    let rows = sqlx::query(concat!(
        "UPDATE sessions SET version = version + 1, state = asked.new_state
         FROM (SELECT unhex(value ->> 0) AS target, value ->> 1 AS new_state, value ->> 2 AS now
               FROM json_each(?1)) AS asked
         WHERE id = asked.target AND state < 2 AND state != asked.new_state
           AND deadline > asked.now
         RETURNING ",
        columns!()
    ))
    .bind(row::json(&asked)?)
    .fetch_all(connection)
    .await?;
    row::read_all(&rows)
}
