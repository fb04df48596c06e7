use chrono::{DateTime, Utc};
use session_core::UserId;
use session_core::ports::{EndedSession, Swept};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use super::{Effects, Kind};
use crate::error::Failure;
use crate::row::{self, as_sql};

pub(crate) struct Request {
    pub(crate) now: DateTime<Utc>,
    pub(crate) forget_before: DateTime<Utc>,
    pub(crate) batch: usize,
}

impl Kind for Request {
    type Outcome = Swept;
    const DOING: &'static str = "sweep expired sessions";

    async fn apply(
        connection: &mut SqliteConnection,
        requests: &[Self],
        effects: &mut Effects,
    ) -> Result<Vec<Swept>, Failure> {
        let mut outcomes = Vec::with_capacity(requests.len());
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
    ) -> Result<Swept, Failure> {
        let expired = sqlx::query(
            "UPDATE sessions SET version = version + 1, state = 2, ended_at = ?1,
                 end_reason = 'expired'
             WHERE id IN (SELECT id FROM sessions INDEXED BY sessions_due
                          WHERE state < 2 AND deadline <= ?1 LIMIT ?2)
             RETURNING id, user_id, expires_at",
        )
        .bind(self.now.timestamp_millis())
        .bind(as_sql(self.batch))
        .fetch_all(&mut *connection)
        .await?;
        let forgotten = sqlx::query(
            "DELETE FROM sessions
             WHERE id IN (SELECT id FROM sessions INDEXED BY sessions_ended
                          WHERE state >= 2 AND ended_at < ?1 LIMIT ?2)
             RETURNING id",
        )
        .bind(self.forget_before.timestamp_millis())
        .bind(as_sql(self.batch))
        .fetch_all(connection)
        .await?;
        let expired: Vec<_> = expired.iter().map(ended).collect::<Result<_, _>>()?;
        effects
            .gone
            .extend(expired.iter().map(|session| session.id));
        for row in &forgotten {
            effects.gone.push(row::id(row.try_get(0)?)?);
        }
        Ok(Swept {
            more: expired.len() >= self.batch || forgotten.len() >= self.batch,
            forgotten: forgotten.len() as u64,
            expired,
        })
    }
}

fn ended(row: &SqliteRow) -> Result<EndedSession, Failure> {
    Ok(EndedSession {
        id: row::id(row.try_get(0)?)?,
        user_id: UserId::new(row.try_get(1)?).map_err(|_| row::damaged("session's user id"))?,
        expires_at: row::time(row.try_get(2)?)?,
    })
}
