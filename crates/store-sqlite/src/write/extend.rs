use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use session_core::ports::Extension;
use session_core::{Session, SessionId};
use sqlx::SqliteConnection;

use super::rounds::rounds;
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
        let mut outcomes = vec![None; requests.len()];
        for round in rounds(requests, |request| request.id) {
            let asked: Vec<_> = round
                .iter()
                .map(|place| {
                    let Request { id, extension, now } = &requests[*place];
                    let by = extension.by.num_milliseconds();
                    let not_past = extension.not_past.timestamp_millis();
                    (
                        row::hex(id.as_bytes()),
                        by,
                        not_past,
                        now.timestamp_millis(),
                    )
                })
                .collect();
            // `Extension::of` in SQL.
            let rows = sqlx::query(concat!(
                "UPDATE sessions SET version = version + 1,
                     expires_at = max(expires_at, min(expires_at + asked.by, asked.not_past))
                 FROM (SELECT unhex(value ->> 0) AS target, value ->> 1 AS by,
                              value ->> 2 AS not_past, value ->> 3 AS now
                       FROM json_each(?1)) AS asked
                 WHERE id = asked.target AND state < 2 AND deadline > asked.now
                 RETURNING ",
                columns!()
            ))
            .bind(row::json(&asked)?)
            .fetch_all(&mut *connection)
            .await?;
            let mut extended: HashMap<SessionId, Arc<Session>> = HashMap::new();
            for row in &rows {
                let session = row::read(row)?;
                effects.written.push(Arc::clone(&session));
                extended.insert(session.id, session);
            }
            for place in round {
                outcomes[place] = extended.remove(&requests[place].id);
            }
        }
        Ok(outcomes)
    }
}
