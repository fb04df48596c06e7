//! Reading the audit log, and following its chain.

use std::path::Path;

use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat, Utc};
use session_core::ports::{AuditLog, Forgotten, StoreError};
use session_core::{
    Anchor, AuditAction, AuditEvent, AuditFilter, AuditOrder, AuditRecord, AuditSummary,
    BrokenRecord, ChainCheck, ChainHash, Page, PageRequest, Sequence, SessionId, UserId, Verified,
};
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{ConnectOptions as _, Connection as _, Row as _, SqliteConnection};

use crate::error::Failure;
use crate::open::OpenError;
use crate::row::as_sql;
use crate::schema;
use crate::store::SqliteStore;
use crate::write::{append, forget};

/// Records that are checked at a time.
const CHECKED_AT_ONCE: i64 = 1000;

#[async_trait]
impl AuditLog for SqliteStore {
    async fn append(&self, events: &[AuditEvent]) -> Result<(), StoreError> {
        let events = events.to_vec();
        self.writer.submit(append::Request { events }).await
    }

    async fn page(
        &self,
        filter: &AuditFilter,
        order: AuditOrder,
        page: PageRequest<Sequence>,
    ) -> Result<Page<AuditRecord, Sequence>, StoreError> {
        const DOING: &str = "read the audit log";
        self.fail_if_closed(DOING)?;
        let user_id = match (&filter.user_id, filter.session_id) {
            (None, Some(session)) => self.user_of(session).await,
            (user, _) => Ok(user.as_ref().map(|user| user.as_str().to_owned())),
        };
        let user_id = user_id.map_err(|error| Failure::from(error).into_store_error(DOING))?;
        let rows = sqlx::query(statement(user_id.is_some(), order))
            .bind(user_id)
            .bind(filter.session_id.map(|id| id.to_string()))
            .bind(filter.action.map(AuditAction::as_str))
            .bind(filter.since.map(text_of))
            .bind(filter.until.map(text_of))
            .bind(
                page.after()
                    .map(|cursor| i64::try_from(cursor.0).unwrap_or(i64::MAX)),
            )
            // One entry to spare tells whether there is another page.
            .bind(as_sql(page.limit() + 1))
            .fetch_all(&self.readers)
            .await
            .map_err(|error| Failure::from(error).into_store_error(DOING))?;
        let records: Result<Vec<_>, Failure> = rows.iter().map(read).collect();
        let records = records.map_err(|failure| failure.into_store_error(DOING))?;
        Ok(Page::cut(records, page.limit(), |record| record.sequence))
    }

    async fn summarize(
        &self,
        user_id: &UserId,
        since: DateTime<Utc>,
    ) -> Result<AuditSummary, StoreError> {
        const DOING: &str = "summarize the audit log";
        self.fail_if_closed(DOING)?;
        let row = sqlx::query(
            "SELECT count(*), total(event ->> '$.suspicious'), total(action = 'login_failure'),
                    total(action = 'login_success'), count(DISTINCT event ->> '$.ip_address'),
                    ifnull(avg(event ->> '$.risk_score'), 0.0)
             FROM audit INDEXED BY audit_of_user WHERE user_id = ?1 AND at >= ?2",
        )
        .bind(user_id.as_str())
        .bind(text_of(since))
        .fetch_one(&self.readers)
        .await
        .map_err(|error| Failure::from(error).into_store_error(DOING))?;
        summary(&row).map_err(|failure| failure.into_store_error(DOING))
    }

    async fn count(
        &self,
        user_id: &UserId,
        action: AuditAction,
        since: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        const DOING: &str = "count in the audit log";
        self.fail_if_closed(DOING)?;
        let row = sqlx::query(
            "SELECT count(*) FROM audit INDEXED BY audit_of_user
             WHERE user_id = ?1 AND action = ?2 AND at >= ?3",
        )
        .bind(user_id.as_str())
        .bind(action.as_str())
        .bind(text_of(since))
        .fetch_one(&self.readers)
        .await
        .map_err(|error| Failure::from(error).into_store_error(DOING))?;
        number(&row, 0).map_err(|failure| failure.into_store_error(DOING))
    }

    async fn verify(
        &self,
        noted: Option<Anchor>,
    ) -> Result<Result<Verified, BrokenRecord>, StoreError> {
        const DOING: &str = "verify the audit log";
        self.fail_if_closed(DOING)?;
        let checked = async {
            let mut connection = self.readers.acquire().await?;
            verify(&mut connection, noted).await
        };
        checked
            .await
            .map_err(|failure| failure.into_store_error(DOING))
    }

    async fn forget_events(
        &self,
        before: DateTime<Utc>,
        batch: usize,
    ) -> Result<Forgotten, StoreError> {
        let what = forget::What::Audit;
        self.writer
            .submit(forget::Request {
                what,
                before,
                batch,
            })
            .await
    }
}

impl SqliteStore {
    /// Whose a session is, as long as its record is kept: a user's events have an index, a session's
    /// do not.
    async fn user_of(&self, session: SessionId) -> sqlx::Result<Option<String>> {
        let row = sqlx::query("SELECT user_id FROM sessions WHERE id = ?1")
            .bind(session.as_bytes().to_vec())
            .fetch_optional(&self.readers)
            .await?;
        row.map(|row| row.try_get(0)).transpose()
    }
}

/// Why the audit log of a file could not be verified.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The file cannot be read as a database of this program.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The chain could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Follows the chain of the audit log in a database file, as [`AuditLog::verify`] does.
///
/// Reads only, so it works beside a server that has the file open.
///
/// # Errors
/// [`VerifyError`] when the file cannot be read.
pub async fn verify_audit_log(
    path: &Path,
    noted: Option<Anchor>,
) -> Result<Result<Verified, BrokenRecord>, VerifyError> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .disable_statement_logging();
    let mut connection = options.connect().await.map_err(OpenError::from)?;
    schema::check_current(&mut connection).await?;
    let verdict = verify(&mut connection, noted).await;
    // The verdict is there; a failure to let go of the file does not change it.
    let _ = connection.close().await;
    Ok(verdict.map_err(|failure| failure.into_store_error("verify the audit log"))?)
}

/// One transaction, so that all is of one moment.
async fn verify(
    connection: &mut SqliteConnection,
    noted: Option<Anchor>,
) -> Result<Result<Verified, BrokenRecord>, Failure> {
    let mut snapshot = connection.begin().await?;
    let anchors =
        sqlx::query("SELECT base_sequence, base_hash, head_sequence, head_hash FROM audit_anchors")
            .fetch_one(&mut *snapshot)
            .await?;
    let mut check = ChainCheck::new(anchor(&anchors, 0)?, anchor(&anchors, 2)?, noted);
    // From the very first row: also one that stands where the chain has none is to be found.
    let mut last = i64::MIN;
    loop {
        let rows = sqlx::query(
            "SELECT sequence, CAST(event AS BLOB), hash FROM audit WHERE sequence > ?1
             ORDER BY sequence LIMIT ?2",
        )
        .bind(last)
        .bind(CHECKED_AT_ONCE)
        .fetch_all(&mut *snapshot)
        .await?;
        for row in &rows {
            last = row.try_get(0)?;
            // Bytes that are no text have no hash of ours.
            let line = String::from_utf8_lossy(row.try_get(1)?);
            if let Err(broken) = check.record(i128::from(last), &line, row.try_get(2)?) {
                return Ok(Err(broken));
            }
        }
        if rows.is_empty() {
            return Ok(check.finish());
        }
    }
}

/// A statement for the events of a user, which have an index, or for those of everyone.
fn statement(of_user: bool, order: AuditOrder) -> &'static str {
    macro_rules! page {
        ($by:literal, $follows:literal, $direction:literal) => {
            concat!(
                "SELECT sequence, event, hash FROM audit WHERE ",
                $by,
                " AND (?2 IS NULL OR session_id = ?2) AND (?3 IS NULL OR action = ?3) AND (?4 IS NULL OR at >= ?4)
                  AND (?5 IS NULL OR at < ?5) AND (?6 IS NULL OR sequence ",
                $follows,
                " ?6) ORDER BY sequence ",
                $direction,
                " LIMIT ?7"
            )
        };
    }
    macro_rules! both {
        ($by:literal) => {
            match order {
                AuditOrder::NewestFirst => page!($by, "<", "DESC"),
                AuditOrder::OldestFirst => page!($by, ">", "ASC"),
            }
        };
    }
    if of_user {
        both!("user_id = ?1")
    } else {
        both!("?1 IS NULL")
    }
}

/// A time as events hold it.
pub(crate) fn text_of(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The anchor in the columns `place` and after.
pub(crate) fn anchor(row: &SqliteRow, place: usize) -> Result<Anchor, Failure> {
    Ok(Anchor {
        sequence: number(row, place)?,
        hash: hash(row.try_get(place + 1)?)?,
    })
}

fn read(row: &SqliteRow) -> Result<AuditRecord, Failure> {
    let event = AuditEvent::from_line(row.try_get(1)?)
        .map_err(|_| Failure::corrupt("an audit event cannot be read"))?;
    Ok(AuditRecord {
        sequence: number(row, 0)?,
        hash: hash(row.try_get(2)?)?,
        event,
    })
}

fn hash(bytes: &[u8]) -> Result<ChainHash, Failure> {
    let bytes = bytes.try_into();
    let bytes = bytes.map_err(|_| Failure::corrupt("an audit record's hash cannot be read"))?;
    Ok(ChainHash::from_bytes(bytes))
}

fn number(row: &SqliteRow, place: usize) -> Result<u64, Failure> {
    let value: i64 = row.try_get(place)?;
    u64::try_from(value).map_err(|_| Failure::corrupt("a count is negative"))
}

fn summary(row: &SqliteRow) -> Result<AuditSummary, Failure> {
    // `total` is a float, and exact up to 2^53.
    let total = |place: usize| row.try_get::<f64, _>(place).map(|total| total as u64);
    Ok(AuditSummary {
        total_events: number(row, 0)?,
        suspicious_events: total(1)?,
        failed_logins: total(2)?,
        successful_logins: total(3)?,
        unique_ips: number(row, 4)?,
        average_risk_score: row.try_get(5)?,
    })
}
