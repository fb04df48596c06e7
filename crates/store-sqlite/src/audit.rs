//! Reading the audit log.

use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat, Utc};
use session_core::ports::{AuditLog, Forgotten, StoreError};
use session_core::{
    Anchor, AuditAction, AuditEvent, AuditFilter, AuditOrder, AuditRecord, AuditSummary,
    BrokenRecord, ChainHash, Page, PageRequest, Sequence, SessionId, UserId, Verified,
};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::error::Failure;
use crate::row::as_sql;
use crate::store::SqliteStore;
use crate::verify::verify;
use crate::write::{append, forget};

/// Where the kept part of the chain begins and ends, for [`anchor`].
pub(crate) const ANCHORS: &str =
    "SELECT base_sequence, base_hash, head_sequence, head_hash FROM audit_anchors";

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
        let asked_user = filter.user_id.as_ref().map(|user| user.as_str().to_owned());
        let (by, user_id) = match (asked_user, filter.session_id) {
            (Some(user), _) => (By::User, Some(user)),
            (None, None) => (By::Nothing, None),
            (None, Some(session)) => {
                let user = self.user_of(session).await;
                let user = user.map_err(|error| Failure::from(error).into_store_error(DOING))?;
                (user.as_ref().map_or(By::Nothing, |_| By::Session), user)
            }
        };
        let rows = sqlx::query(statement(by, order))
            .bind(user_id)
            .bind(filter.session_id.map(|id| id.to_string()))
            .bind(filter.action.map(AuditAction::as_str))
            .bind(filter.since.map(text_of))
            .bind(filter.until.map(text_of))
            .bind(bound(order, page.after().map(|cursor| cursor.0)))
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
        self.forget(forget::What::Audit, before, batch).await
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

/// What a page of events is found by.
enum By {
    /// A user's, who has an index.
    User,
    /// A session's. It names its user or, where that was not known, nobody; both have an index.
    Session,
    /// Everything is looked at.
    Nothing,
}

fn statement(by: By, order: AuditOrder) -> &'static str {
    macro_rules! events {
        ($by:literal, $bound:literal) => {
            concat!(
                "SELECT sequence, event, hash FROM audit WHERE ",
                $by,
                " AND (?2 IS NULL OR session_id = ?2) AND (?3 IS NULL OR action = ?3)
                  AND (?4 IS NULL OR at >= ?4) AND (?5 IS NULL OR at < ?5) AND sequence ",
                $bound,
                " ?6"
            )
        };
    }
    macro_rules! page {
        ($bound:literal, $direction:literal) => {
            match by {
                By::User => concat!(
                    events!("user_id = ?1", $bound),
                    " ORDER BY sequence ",
                    $direction,
                    " LIMIT ?7"
                ),
                By::Session => concat!(
                    events!("user_id = ?1", $bound),
                    " UNION ALL ",
                    events!("user_id IS NULL AND session_id = ?2", $bound),
                    " ORDER BY sequence ",
                    $direction,
                    " LIMIT ?7"
                ),
                By::Nothing => concat!(
                    events!("?1 IS NULL", $bound),
                    " ORDER BY sequence ",
                    $direction,
                    " LIMIT ?7"
                ),
            }
        };
    }
    match order {
        AuditOrder::NewestFirst => page!("<=", "DESC"),
        AuditOrder::OldestFirst => page!(">=", "ASC"),
    }
}

/// Where a page begins that follows the record `after`.
fn bound(order: AuditOrder, after: Option<Sequence>) -> i64 {
    let after = after.map(|after| i64::try_from(after).unwrap_or(i64::MAX));
    match order {
        AuditOrder::NewestFirst => after.map_or(i64::MAX, |after| after.saturating_sub(1)),
        AuditOrder::OldestFirst => after.unwrap_or(0).saturating_add(1),
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
