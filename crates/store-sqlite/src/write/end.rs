use std::sync::Arc;

use session_core::ports::EndOutcome;
use session_core::{Ending, SessionId};
use sqlx::SqliteConnection;

use super::each::{Found, SessionWrite, write_each};
use super::{Effects, Kind};
use crate::error::Failure;
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
        write_each(connection, requests, effects).await
    }
}

impl SessionWrite for Request {
    const SQL: &'static str = concat!(
        "UPDATE sessions SET version = version + 1, ended_at = asked.at,
             state = iif(deadline > asked.at, asked.new_state, 2),
             end_reason = iif(deadline > asked.at, asked.reason, 'expired')
         FROM (SELECT unhex(value ->> 0) AS target, value ->> 1 AS new_state, value ->> 2 AS reason,
                      value ->> 3 AS at
               FROM json_each(?1)) AS asked
         WHERE id = asked.target AND state < 2
         RETURNING ",
        columns!()
    );
    type Row<'a> = (String, i64, &'a str, i64);

    fn id(&self) -> SessionId {
        self.id
    }

    fn row(&self) -> Self::Row<'_> {
        let Ending { kind, reason, at } = &self.ending;
        let id = row::hex(self.id.as_bytes());
        (
            id,
            row::state_of(*kind),
            reason.as_str(),
            at.timestamp_millis(),
        )
    }

    fn outcome(&self, found: Found<'_>) -> Self::Outcome {
        match found {
            // Past its deadline it was noted as expired instead.
            Found::Written(session) if session.deadline() <= self.ending.at => {
                Some(EndOutcome::Expired(Arc::clone(session)))
            }
            Found::Written(session) => Some(EndOutcome::Ended(Arc::clone(session))),
            Found::Missed(session) => session.map(Arc::clone).map(EndOutcome::EndedBefore),
        }
    }
}
