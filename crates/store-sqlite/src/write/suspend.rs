use std::sync::Arc;

use chrono::{DateTime, Utc};
use session_core::SessionId;
use session_core::ports::Suspension;
use sqlx::SqliteConnection;

use super::each::{Found, SessionWrite, write_each};
use super::{Effects, Kind};
use crate::error::Failure;
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
        write_each(connection, requests, effects).await
    }
}

impl SessionWrite for Request {
    const SQL: &'static str = concat!(
        "UPDATE sessions SET version = version + 1, state = asked.new_state
         FROM (SELECT unhex(value ->> 0) AS target, value ->> 1 AS new_state, value ->> 2 AS now
               FROM json_each(?1)) AS asked
         WHERE id = asked.target AND state < 2 AND state != asked.new_state
           AND deadline > asked.now
         RETURNING ",
        columns!()
    );
    type Row<'a> = (String, i64, i64);

    fn id(&self) -> SessionId {
        self.id
    }

    fn row(&self) -> Self::Row<'_> {
        let state = i64::from(self.suspended);
        (
            row::hex(self.id.as_bytes()),
            state,
            self.now.timestamp_millis(),
        )
    }

    fn outcome(&self, found: Found<'_>) -> Self::Outcome {
        match found {
            Found::Written(session) => Some(Suspension::Changed(Arc::clone(session))),
            Found::Missed(session) => session
                .filter(|session| session.is_live(self.now))
                .map(|session| Suspension::Unchanged(Arc::clone(session))),
        }
    }
}
