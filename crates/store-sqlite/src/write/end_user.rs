use session_core::ports::{EndedBatch, EndedSession};
use session_core::{Ending, SessionId, UserId};
use sqlx::{Row as _, SqliteConnection};

use super::{Effects, Kind};
use crate::error::Failure;
use crate::row::{self, as_sql};

pub(crate) struct Request {
    pub(crate) user_id: UserId,
    pub(crate) except: Option<SessionId>,
    pub(crate) ending: Ending,
    pub(crate) batch: usize,
}

impl Kind for Request {
    type Outcome = EndedBatch;
    const DOING: &'static str = "end a user's sessions";

    async fn apply(
        connection: &mut SqliteConnection,
        requests: &[Self],
        effects: &mut Effects,
    ) -> Result<Vec<EndedBatch>, Failure> {
        let mut outcomes = Vec::with_capacity(requests.len());
        // Each is many rows already: there is little to gain from putting several into a statement.
        for request in requests {
            outcomes.push(request.write(connection, effects).await?);
        }
        Ok(outcomes)
    }
}

impl Request {
    async fn write(
        &self,
        connection: &mut SqliteConnection,
        effects: &mut Effects,
    ) -> Result<EndedBatch, Failure> {
        let Ending { kind, reason, at } = &self.ending;
        let rows = sqlx::query(
            "UPDATE sessions SET version = version + 1, ended_at = ?1,
                 state = iif(deadline > ?1, ?2, 2),
                 end_reason = iif(deadline > ?1, ?3, 'expired')
             WHERE id IN (SELECT id FROM sessions INDEXED BY sessions_of_user
                          WHERE user_id = ?4 AND state < 2 AND id IS NOT ?5
                          ORDER BY id LIMIT ?6)
             RETURNING id, deadline > ?1, expires_at",
        )
        .bind(at.timestamp_millis())
        .bind(row::state_of(*kind))
        .bind(reason.as_str())
        .bind(self.user_id.as_str())
        .bind(self.except.map(|id| id.as_bytes().to_vec()))
        .bind(as_sql(self.batch))
        .fetch_all(connection)
        .await?;
        let mut outcome = EndedBatch {
            more: rows.len() >= self.batch,
            ..EndedBatch::default()
        };
        for row in &rows {
            let session = EndedSession {
                id: row::id(row.try_get(0)?)?,
                user_id: self.user_id.clone(),
                expires_at: row::time(row.try_get(2)?)?,
            };
            effects.gone.push(session.id);
            let was_live: bool = row.try_get(1)?;
            let list = if was_live {
                &mut outcome.ended
            } else {
                &mut outcome.expired
            };
            list.push(session);
        }
        Ok(outcome)
    }
}
