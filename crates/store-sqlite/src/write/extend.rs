use std::sync::Arc;

use chrono::{DateTime, Utc};
use session_core::ports::Extension;
use session_core::{Session, SessionId};
use sqlx::SqliteConnection;

use super::each::{Found, SessionWrite, write_each};
use super::{Effects, Kind};
use crate::error::Failure;
use crate::row::{self, columns};

pub(crate) struct Request {
    pub(crate) id: SessionId,
    pub(crate) extension: Extension,
    pub(crate) now: DateTime<Utc>,
}

impl Kind for Request {
    type Outcome = Option<Arc<Session>>;
    const DOING: &'static str = "extend a session";

    async fn apply(
        connection: &mut SqliteConnection,
        requests: &[Self],
        effects: &mut Effects,
    ) -> Result<Vec<Self::Outcome>, Failure> {
        write_each(connection, requests, effects).await
    }
}

impl SessionWrite for Request {
    /// `Extension::of` in SQL.
    const SQL: &'static str = concat!(
        "UPDATE sessions SET version = version + 1,
             expires_at = max(expires_at, min(expires_at + asked.by, asked.not_past))
         FROM (SELECT unhex(value ->> 0) AS target, value ->> 1 AS by, value ->> 2 AS not_past,
                      value ->> 3 AS now
               FROM json_each(?1)) AS asked
         WHERE id = asked.target AND state < 2 AND deadline > asked.now
         RETURNING ",
        columns!()
    );
    type Row<'a> = (String, i64, i64, i64);

    fn id(&self) -> SessionId {
        self.id
    }

    fn row(&self) -> Self::Row<'_> {
        let Extension { by, not_past } = self.extension;
        (
            row::hex(self.id.as_bytes()),
            by.num_milliseconds(),
            not_past.timestamp_millis(),
            self.now.timestamp_millis(),
        )
    }

    fn outcome(&self, found: Found<'_>) -> Self::Outcome {
        match found {
            Found::Written(session) => Some(Arc::clone(session)),
            Found::Missed(_) => None,
        }
    }
}
