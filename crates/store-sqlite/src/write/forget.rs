use chrono::{DateTime, Utc};
use session_core::ChainCheck;
use session_core::ports::{Forgotten, StoreError};
use sqlx::{Row as _, SqliteConnection};

use super::{Effects, Kind};
use crate::audit::{ANCHORS, anchor, text_of};
use crate::error::Failure;
use crate::row::as_sql;
use crate::store::SqliteStore;

/// What has had its time.
#[derive(Clone, Copy)]
pub(crate) enum What {
    Revocations,
    RateLimits,
    Audit,
    Refreshes,
    Marks,
}

pub(crate) struct Request {
    pub(crate) what: What,
    pub(crate) before: DateTime<Utc>,
    pub(crate) batch: usize,
}

const RATE_LIMITS: &str = "DELETE FROM rate_limits
    WHERE key IN (SELECT key FROM rate_limits INDEXED BY rate_limits_over
                  WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)";

const REFRESHES: &str = "DELETE FROM refreshes
    WHERE id IN (SELECT id FROM refreshes INDEXED BY refreshes_begun
                 WHERE started_at < ?1 ORDER BY started_at LIMIT ?2)";

const MARKS: &str = "DELETE FROM one_time_marks
    WHERE hash IN (SELECT hash FROM one_time_marks INDEXED BY one_time_marks_over
                   WHERE known_until <= ?1 ORDER BY known_until LIMIT ?2)";

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
                What::RateLimits => request.run(connection, RATE_LIMITS).await?,
                What::Audit => request.audit(connection).await?,
                What::Refreshes => request.run(connection, REFRESHES).await?,
                What::Marks => request.run(connection, MARKS).await?,
            };
            outcomes.push(Forgotten {
                count,
                more: count >= request.batch as u64,
            });
        }
        Ok(outcomes)
    }
}

impl SqliteStore {
    pub(crate) async fn forget(
        &self,
        what: What,
        before: DateTime<Utc>,
        batch: usize,
    ) -> Result<Forgotten, StoreError> {
        let request = Request {
            what,
            before,
            batch,
        };
        self.writer.submit(request).await
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

    /// Of what there is no copy in memory.
    async fn run(
        &self,
        connection: &mut SqliteConnection,
        delete: &'static str,
    ) -> Result<u64, Failure> {
        let done = sqlx::query(delete)
            .bind(self.before.timestamp_millis())
            .bind(as_sql(self.batch))
            .execute(connection)
            .await?;
        Ok(done.rows_affected())
    }

    /// From the oldest record up to the first that is not old enough; the chain then begins after
    /// the last one that went.
    ///
    /// Nothing goes from the first on that does not fit into the chain: what tells of a tampering must
    /// not be swept away.
    async fn audit(&self, connection: &mut SqliteConnection) -> Result<u64, Failure> {
        let row = sqlx::query(ANCHORS).fetch_one(&mut *connection).await?;
        let base = anchor(&row, 0)?;
        let mut check = ChainCheck::new(base, anchor(&row, 2)?, None);
        let oldest = sqlx::query(
            "SELECT sequence, CAST(event AS BLOB), hash, at < ?1 FROM audit
             WHERE sequence > (SELECT base_sequence FROM audit_anchors)
             ORDER BY sequence LIMIT ?2",
        )
        .bind(text_of(self.before))
        .bind(as_sql(self.batch))
        .fetch_all(&mut *connection)
        .await?;
        for row in &oldest {
            let is_old: Option<bool> = row.try_get(3)?;
            if is_old == Some(false) {
                break;
            }
            let sequence = i128::from(row.try_get::<i64, _>(0)?);
            if let Err(broken) = check.record(sequence, row.try_get(1)?, row.try_get(2)?) {
                tracing::error!(%broken, "the audit log was tampered with: nothing is forgotten from there on");
                break;
            }
        }
        let reached = check.reached();
        if reached == base {
            return Ok(0);
        }
        let last = i64::try_from(reached.sequence).unwrap_or(i64::MAX);
        let done = sqlx::query(
            "DELETE FROM audit
             WHERE sequence > (SELECT base_sequence FROM audit_anchors) AND sequence <= ?1",
        )
        .bind(last)
        .execute(&mut *connection)
        .await?;
        sqlx::query("UPDATE audit_anchors SET base_sequence = ?1, base_hash = ?2")
            .bind(last)
            .bind(reached.hash.as_bytes().to_vec())
            .execute(connection)
            .await?;
        Ok(done.rows_affected())
    }
}
