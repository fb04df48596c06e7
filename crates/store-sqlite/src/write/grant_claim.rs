use std::sync::Arc;

use chrono::{DateTime, Utc};
use session_core::Grant;
use sqlx::{Row as _, SqliteConnection};

use super::{Effects, Kind};
use crate::error::Failure;
use crate::grant_row::find_readable;
use crate::row::{self, as_sql};

pub(crate) struct Request {
    pub(crate) now: DateTime<Utc>,
    pub(crate) next: DateTime<Utc>,
    pub(crate) batch: usize,
}

impl Kind for Request {
    type Outcome = Vec<Arc<Grant>>;
    const DOING: &'static str = "claim grants that are due";

    async fn apply(
        connection: &mut SqliteConnection,
        requests: &[Self],
        _: &mut Effects,
    ) -> Result<Vec<Vec<Arc<Grant>>>, Failure> {
        let mut outcomes = Vec::with_capacity(requests.len());
        for request in requests {
            outcomes.push(request.claim(connection).await?);
        }
        Ok(outcomes)
    }
}

impl Request {
    async fn claim(&self, connection: &mut SqliteConnection) -> Result<Vec<Arc<Grant>>, Failure> {
        let rows = sqlx::query(
            "SELECT session_id FROM grants INDEXED BY grants_due
             WHERE due_at <= ?1 AND ifnull(lease_until <= ?1, true)
             ORDER BY due_at, session_id LIMIT ?2",
        )
        .bind(self.now.timestamp_millis())
        .bind(as_sql(self.batch))
        .fetch_all(&mut *connection)
        .await?;
        let due: Result<Vec<_>, Failure> =
            rows.iter().map(|row| row::id(row.try_get(0)?)).collect();
        let due = due?;
        if due.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<_> = due.iter().map(|id| row::hex(id.as_bytes())).collect();
        sqlx::query(
            "UPDATE grants SET due_at = ?1
             WHERE session_id IN (SELECT unhex(value) FROM json_each(?2))",
        )
        .bind(self.next.timestamp_millis())
        .bind(row::json(&ids)?)
        .execute(&mut *connection)
        .await?;
        // One that cannot be read is moved too: it must not keep the others from being found.
        let mut found = find_readable(connection, due.iter().copied()).await?;
        Ok(due.iter().filter_map(|id| found.remove(id)).collect())
    }
}
