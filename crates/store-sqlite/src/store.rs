use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use session_core::ports::{
    Created, EndOutcome, EndedBatch, Extension, SessionChange, SessionLimit, SessionStore,
    StoreError, Suspension, Swept, UpdateOutcome,
};
use session_core::{
    Activity, BUSIEST_USERS, DUE_COUNTED, Ending, Page, PageRequest, Session, SessionId,
    SessionStats, UserId,
};
use sqlx::{Row as _, SqlitePool};

use crate::copies::AllCopies;
use crate::error::Failure;
use crate::lock::OwnerLock;
use crate::read::Finder;
use crate::row::{self, as_sql, columns};
use crate::write::{Writer, create, end, end_user, extend, suspend, sweep, touch, update};

/// Sessions in one SQLite file; see the crate's documentation.
pub struct SqliteStore {
    pub(crate) copies: AllCopies,
    finder: Finder,
    pub(crate) readers: SqlitePool,
    pub(crate) writer: Writer,
    /// Let go of when the store is closed.
    lock: Mutex<Option<OwnerLock>>,
}

impl SqliteStore {
    pub(crate) fn assemble(
        lock: OwnerLock,
        copies: AllCopies,
        finder: Finder,
        readers: SqlitePool,
        writer: Writer,
    ) -> Self {
        Self {
            copies,
            finder,
            readers,
            writer,
            lock: Mutex::new(Some(lock)),
        }
    }

    pub(crate) fn fail_if_closed(&self, doing: &'static str) -> Result<(), StoreError> {
        if self.readers.is_closed() {
            Err(StoreError::closed(doing))
        } else {
            Ok(())
        }
    }
}

#[async_trait]
impl SessionStore for SqliteStore {
    async fn create(&self, session: Session, limit: SessionLimit) -> Result<Created, StoreError> {
        self.writer.submit(create::Request { session, limit }).await
    }

    async fn find(&self, id: SessionId) -> Result<Option<Arc<Session>>, StoreError> {
        self.fail_if_closed("find a session")?;
        match self.copies.sessions.get(id) {
            Some(copy) => Ok(Some(copy)),
            // Boxed, so that the common case does not carry the state of the rare one around.
            None => Box::pin(self.copies.sessions.get_or_load(id, self.finder.find(id))).await,
        }
    }

    async fn touch(&self, activities: &[Activity]) -> Result<(), StoreError> {
        self.writer
            .submit(touch::Request {
                activities: activities.to_vec(),
            })
            .await
    }

    async fn extend(
        &self,
        id: SessionId,
        extension: Extension,
        now: DateTime<Utc>,
    ) -> Result<Option<Arc<Session>>, StoreError> {
        self.writer
            .submit(extend::Request { id, extension, now })
            .await
    }

    async fn update(
        &self,
        id: SessionId,
        expected_version: u64,
        change: SessionChange,
        now: DateTime<Utc>,
    ) -> Result<UpdateOutcome, StoreError> {
        self.writer
            .submit(update::Request {
                id,
                expected_version,
                change,
                now,
            })
            .await
    }

    async fn suspend(
        &self,
        id: SessionId,
        suspended: bool,
        now: DateTime<Utc>,
    ) -> Result<Option<Suspension>, StoreError> {
        self.writer
            .submit(suspend::Request { id, suspended, now })
            .await
    }

    async fn end(&self, id: SessionId, ending: Ending) -> Result<Option<EndOutcome>, StoreError> {
        self.writer.submit(end::Request { id, ending }).await
    }

    async fn end_user_sessions(
        &self,
        user_id: &UserId,
        except: Option<SessionId>,
        ending: Ending,
        batch: usize,
    ) -> Result<EndedBatch, StoreError> {
        let user_id = user_id.clone();
        self.writer
            .submit(end_user::Request {
                user_id,
                except,
                ending,
                batch,
            })
            .await
    }

    async fn list(
        &self,
        user_id: &UserId,
        page: PageRequest,
        now: DateTime<Utc>,
    ) -> Result<Page<Arc<Session>>, StoreError> {
        const DOING: &str = "list a user's sessions";
        self.fail_if_closed(DOING)?;
        // One entry to spare tells whether there is another page.
        let rows = sqlx::query(concat!(
            "SELECT ",
            columns!(),
            " FROM sessions
              WHERE user_id = ?1 AND state < 2 AND id < ifnull(?2, x'ffffffffffffffffffffffffffffffffff') AND deadline > ?3
              ORDER BY id DESC LIMIT ?4"
        ))
        .bind(user_id.as_str())
        .bind(page.after().map(|cursor| cursor.0.as_bytes().to_vec()))
        .bind(now.timestamp_millis())
        .bind(as_sql(page.limit() + 1))
        .fetch_all(&self.readers)
        .await
        .map_err(|error| Failure::from(error).into_store_error(DOING))?;
        let sessions: Result<Vec<_>, Failure> = rows.iter().map(row::read).collect();
        let sessions = sessions.map_err(|failure| failure.into_store_error(DOING))?;
        Ok(Page::cut(sessions, page.limit(), |session| session.id))
    }

    async fn stats(&self, now: DateTime<Utc>) -> Result<SessionStats, StoreError> {
        self.fail_if_closed("count sessions")?;
        count(&self.readers, now)
            .await
            .map_err(|failure| failure.into_store_error("count sessions"))
    }

    async fn sweep(
        &self,
        now: DateTime<Utc>,
        forget_before: DateTime<Utc>,
        batch: usize,
    ) -> Result<Swept, StoreError> {
        self.writer
            .submit(sweep::Request {
                now,
                forget_before,
                batch,
            })
            .await
    }

    async fn check(&self) -> Result<(), StoreError> {
        const DOING: &str = "check the store";
        self.fail_if_closed(DOING)?;
        let answer = sqlx::query("SELECT total FROM totals")
            .fetch_one(&self.readers)
            .await;
        answer
            .map(drop)
            .map_err(|error| Failure::from(error).into_store_error(DOING))
    }

    async fn close(&self) {
        // The writer last, which may write: whoever is last leaves the file whole by itself.
        self.finder.close().await;
        self.readers.close().await;
        self.writer.close().await;
        // A lock is only ever replaced whole, so a panic elsewhere cannot have left it half done.
        drop(
            self.lock
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").finish_non_exhaustive()
    }
}

/// Reads the counters and corrects them by what is past its deadline but not noted yet.
///
/// One transaction, so that all figures are of one moment.
async fn count(readers: &SqlitePool, now: DateTime<Utc>) -> Result<SessionStats, Failure> {
    let now = now.timestamp_millis();
    let mut snapshot = readers.begin().await?;
    let totals = sqlx::query(
        "WITH due AS (
             SELECT user_id, count(*) AS sessions
             FROM (SELECT user_id FROM sessions INDEXED BY sessions_due
                   WHERE state < 2 AND deadline <= ?1 LIMIT ?2)
             GROUP BY user_id)
         SELECT totals.live - ifnull(sum(due.sessions), 0),
                totals.expired + ifnull(sum(due.sessions), 0),
                totals.total,
                totals.users - ifnull(sum(due.sessions = ifnull(user_counts.live, 1)), 0)
         FROM totals LEFT JOIN due ON true LEFT JOIN user_counts USING (user_id)",
    )
    .bind(now)
    .bind(as_sql(DUE_COUNTED))
    .fetch_one(&mut *snapshot)
    .await?;
    // Twice as many candidates as are named, since some may turn out to be past their deadline. First
    // those with several sessions, then those with one, found by leaping from user to user.
    let busiest = sqlx::query(
        "WITH RECURSIVE due AS (
             SELECT user_id, count(*) AS sessions
             FROM (SELECT user_id FROM sessions INDEXED BY sessions_due
                   WHERE state < 2 AND deadline <= ?1 LIMIT ?2)
             GROUP BY user_id),
         several AS (
             SELECT user_id, live FROM user_counts ORDER BY live DESC, user_id LIMIT 2 * ?3),
         leap (user_id) AS (
             SELECT min(user_id) FROM sessions INDEXED BY sessions_of_user WHERE state < 2
             UNION ALL
             SELECT (SELECT min(user_id) FROM sessions INDEXED BY sessions_of_user
                     WHERE state < 2 AND user_id > leap.user_id)
             FROM leap WHERE leap.user_id IS NOT NULL LIMIT 4 * ?3),
         candidates AS (
             SELECT user_id, live FROM several
             UNION ALL
             SELECT user_id, 1 FROM leap
             WHERE (SELECT count(*) FROM several) < 2 * ?3 AND user_id IS NOT NULL
                 AND NOT EXISTS (SELECT 1 FROM user_counts WHERE user_id = leap.user_id))
         SELECT user_id, candidates.live - ifnull(due.sessions, 0) AS live
         FROM candidates LEFT JOIN due USING (user_id)
         WHERE candidates.live > ifnull(due.sessions, 0)
         ORDER BY 2 DESC, user_id LIMIT ?3",
    )
    .bind(now)
    .bind(as_sql(DUE_COUNTED))
    .bind(as_sql(BUSIEST_USERS))
    .fetch_all(&mut *snapshot)
    .await?;
    snapshot.rollback().await?;

    let number = |place: usize| -> Result<u64, Failure> {
        let value: i64 = totals.try_get(place)?;
        u64::try_from(value).map_err(|_| Failure::corrupt("a count is negative"))
    };
    let mut busiest_users = Vec::with_capacity(busiest.len());
    for row in &busiest {
        let user = UserId::new(row.try_get(0)?)
            .map_err(|_| Failure::corrupt("a user id cannot be read"))?;
        busiest_users.push((user, u64::try_from(row.try_get::<i64, _>(1)?).unwrap_or(0)));
    }
    Ok(SessionStats {
        active: number(0)?,
        expired: number(1)?,
        total: number(2)?,
        unique_users: number(3)?,
        busiest_users,
    })
}
