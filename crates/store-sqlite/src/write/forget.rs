use chrono::{DateTime, Utc};
use session_core::ports::Forgotten;
use sqlx::{Row as _, SqliteConnection};

use super::{Effects, Kind};
use crate::audit::text_of;
use crate::error::Failure;
use crate::row::as_sql;

/// What has had its time.
#[derive(Clone, Copy)]
pub(crate) enum What {
    Revocations,
    RateLimits,
    Audit,
}

pub(crate) struct Request {
    pub(crate) what: What,
    pub(crate) before: DateTime<Utc>,
    pub(crate) batch: usize,
}

impl Kind for Request {
    type Outcome = Forgotten;
    const DOING: &'static str = "forget what has had its time";

    async fn apply(
        connection: &mut SqliteConnection,
        requests: &[Self],
        effects: &mut Effects,
    ) -> Result<Vec<Forgotten>, Failure> {
        let mut outcomes = Vec::with_capacity(requests.len());
        for request in requests {
            let count = match request.what {
                What::Revocations => request.revocations(connection, effects).await?,
                What::RateLimits => request.rate_limits(connection).await?,
                What::Audit => request.audit(connection).await?,
            };
            outcomes.push(Forgotten {
                count,
                more: count >= request.batch as u64,
            });
        }
        Ok(outcomes)
    }
}

impl Request {
    async fn revocations(
        &self,
        connection: &mut SqliteConnection,
        effects: &mut Effects,
    ) -> Result<u64, Failure> {
        let rows = sqlx::query(
            "DELETE FROM revocations
             WHERE id IN (SELECT id FROM revocations INDEXED BY revocations_over
                          WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)
             RETURNING token_hash",
        )
        .bind(self.before.timestamp_millis())
        .bind(as_sql(self.batch))
        .fetch_all(connection)
        .await?;
        for row in &rows {
            let token = row.try_get::<&[u8], _>(0)?.try_into();
            let token = token.map_err(|_| Failure::corrupt("a token hash cannot be read"))?;
            effects
                .revoked
                .push(session_core::TokenHash::from_bytes(token));
        }
        Ok(rows.len() as u64)
    }

    async fn rate_limits(&self, connection: &mut SqliteConnection) -> Result<u64, Failure> {
        let done = sqlx::query(
            "DELETE FROM rate_limits
             WHERE key IN (SELECT key FROM rate_limits INDEXED BY rate_limits_over
                           WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)",
        )
        .bind(self.before.timestamp_millis())
        .bind(as_sql(self.batch))
        .execute(connection)
        .await?;
        Ok(done.rows_affected())
    }

    /// From the oldest record up to the first that is not old enough; the chain then begins after
    /// the last one that went.
    async fn audit(&self, connection: &mut SqliteConnection) -> Result<u64, Failure> {
        let last: Option<i64> = sqlx::query(
            "WITH oldest AS (SELECT sequence, at FROM audit ORDER BY sequence LIMIT ?2)
             SELECT max(sequence) FROM oldest
             WHERE sequence < ifnull((SELECT min(sequence) FROM oldest WHERE at >= ?1),
                                     9223372036854775807)",
        )
        .bind(text_of(self.before))
        .bind(as_sql(self.batch))
        .fetch_one(&mut *connection)
        .await?
        .try_get(0)?;
        let Some(last) = last else { return Ok(0) };
        sqlx::query(
            "UPDATE audit_anchors SET (base_sequence, base_hash) =
                 (SELECT sequence, hash FROM audit WHERE sequence = ?1)",
        )
        .bind(last)
        .execute(&mut *connection)
        .await?;
        let done = sqlx::query("DELETE FROM audit WHERE sequence <= ?1")
            .bind(last)
            .execute(connection)
            .await?;
        Ok(done.rows_affected())
    }
}
