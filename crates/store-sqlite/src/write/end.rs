use std::collections::HashMap;
use std::sync::Arc;

use session_core::ports::EndOutcome;
use session_core::{Ending, Session, SessionId};
use sqlx::SqliteConnection;

use super::rounds::rounds;
use super::{Effects, Kind};
use crate::error::Failure;
use crate::read::find_many;
use crate::row::{self, columns};

pub(crate) struct Request {
    pub(crate) id: SessionId,
    pub(crate) ending: Ending,
}

impl Kind for Request {
    type Outcome = Option<EndOutcome>;
    const DOING: &'static str = "end a session";

    async fn apply(
        connection: &mut SqliteConnection,
        requests: &[Self],
        effects: &mut Effects,
    ) -> Result<Vec<Self::Outcome>, Failure> {
        let mut outcomes = vec![None; requests.len()];
        for round in rounds(requests, |request| request.id) {
            let ended = write(connection, round.iter().map(|place| &requests[*place])).await?;
            let missed = round.iter().map(|place| requests[*place].id);
            let missed = missed.filter(|id| !ended.contains_key(id));
            let before = find_many(connection, missed).await?;
            for place in round {
                let Request { id, ending } = &requests[place];
                outcomes[place] = if let Some(session) = ended.get(id) {
                    effects.written.push(Arc::clone(session));
                    let session = Arc::clone(session);
                    // Past its deadline it was noted as expired instead.
                    Some(if session.deadline() <= ending.at {
                        EndOutcome::EndedBefore(session)
                    } else {
                        EndOutcome::Ended(session)
                    })
                } else {
                    before.get(id).map(Arc::clone).map(EndOutcome::EndedBefore)
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
                 ending: Ending { kind, reason, at },
             }| {
                let (id, state) = (row::hex(id.as_bytes()), row::state_of(*kind));
                (id, state, reason.as_str(), at.timestamp_millis())
            },
        )
        .collect();
    let rows = sqlx::query(concat!(
        "UPDATE sessions SET version = version + 1, ended_at = asked.at,
             state = iif(deadline > asked.at, asked.new_state, 2),
             end_reason = iif(deadline > asked.at, asked.reason, 'expired')
         FROM (SELECT unhex(value ->> 0) AS target, value ->> 1 AS new_state, value ->> 2 AS reason,
                      value ->> 3 AS at
               FROM json_each(?1)) AS asked
         WHERE id = asked.target AND state < 2
         RETURNING ",
        columns!()
    ))
    .bind(row::json(&asked)?)
    .fetch_all(connection)
    .await?;
    row::read_all(&rows)
}
