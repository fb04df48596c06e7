//! Reading grants and the records of their renewal.
//!
//! Without copies in memory: whoever asks for a provider's token pays for opening its seal anyway.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use session_core::ports::{
    Forgotten, GrantStore, RefreshBegin, RefreshBegun, RefreshEnd, RefreshFinished, StoreError,
};
use session_core::{
    CipherKeyId, Grant, Page, PageRequest, ProviderName, RefreshId, RefreshRecord, SealedTokens,
    SessionId,
};
use sqlx::Row as _;

use crate::error::Failure;
use crate::grant_row::{self, count, grant_columns};
use crate::refresh_row::{self, refresh_columns};
use crate::row::{self, as_sql, damaged};
use crate::store::SqliteStore;
use crate::write::{
    forget, grant_add, grant_begin, grant_change, grant_claim, grant_finish, grant_remove,
};

#[async_trait]
impl GrantStore for SqliteStore {
    async fn add_grant(&self, grant: Grant) -> Result<(), StoreError> {
        self.writer.submit(grant_add::Request { grant }).await
    }

    async fn find_grant(&self, id: SessionId) -> Result<Option<Arc<Grant>>, StoreError> {
        const DOING: &str = "find a grant";
        self.fail_if_closed(DOING)?;
        let mut found = self
            .grants_of(&[id])
            .await
            .map_err(|failure| failure.into_store_error(DOING))?;
        Ok(found.remove(&id))
    }

    async fn find_grants(&self, ids: &[SessionId]) -> Result<Vec<Arc<Grant>>, StoreError> {
        const DOING: &str = "find grants";
        self.fail_if_closed(DOING)?;
        let found = self
            .grants_of(ids)
            .await
            .map_err(|failure| failure.into_store_error(DOING))?;
        Ok(found.into_values().collect())
    }

    async fn begin_refresh(&self, begin: RefreshBegin) -> Result<RefreshBegun, StoreError> {
        self.writer.submit(grant_begin::Request { begin }).await
    }

    async fn keep_lease(
        &self,
        id: SessionId,
        version: u64,
        until: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        self.change(id, version, grant_change::Change::Keep(until))
            .await
    }

    async fn finish_refresh(&self, end: RefreshEnd) -> Result<RefreshFinished, StoreError> {
        self.writer.submit(grant_finish::Request { end }).await
    }

    async fn claim_due(
        &self,
        now: DateTime<Utc>,
        next: DateTime<Utc>,
        batch: usize,
    ) -> Result<Vec<Arc<Grant>>, StoreError> {
        self.writer
            .submit(grant_claim::Request { now, next, batch })
            .await
    }

    async fn postpone(
        &self,
        id: SessionId,
        version: u64,
        due_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.change(id, version, grant_change::Change::Postpone(due_at))
            .await
            .map(drop)
    }

    async fn remove_grant(&self, id: SessionId) -> Result<Option<Arc<Grant>>, StoreError> {
        self.writer.submit(grant_remove::Request { id }).await
    }

    async fn sessions_at_provider(
        &self,
        provider: &ProviderName,
        provider_session: &str,
    ) -> Result<Vec<SessionId>, StoreError> {
        const DOING: &str = "find sessions at a provider";
        self.fail_if_closed(DOING)?;
        let rows = sqlx::query(
            "SELECT session_id FROM grants
             WHERE provider = ?1 AND provider_session = ?2 AND provider_session IS NOT NULL",
        )
        .bind(provider.as_str())
        .bind(provider_session)
        .fetch_all(&self.readers)
        .await
        .map_err(|error| Failure::from(error).into_store_error(DOING))?;
        rows.iter()
            .map(|row| row::id(row.try_get(0)?))
            .collect::<Result<_, Failure>>()
            .map_err(|failure| failure.into_store_error(DOING))
    }

    async fn reseal(
        &self,
        id: SessionId,
        expected_version: u64,
        tokens: SealedTokens,
    ) -> Result<bool, StoreError> {
        let change = grant_change::Change::Reseal(Box::new(tokens));
        self.change(id, expected_version, change).await
    }

    async fn sealed_otherwise(
        &self,
        key: &CipherKeyId,
        page: PageRequest,
    ) -> Result<Page<Arc<Grant>>, StoreError> {
        const DOING: &str = "list grants sealed otherwise";
        self.fail_if_closed(DOING)?;
        // From key to key, of which there are a few, and of each no more than a page: what is sealed as
        // it should be, which is nearly all in the end, is not looked at.
        let rows = sqlx::query(concat!(
            "WITH RECURSIVE keys (name) AS (
                 SELECT min(key_id) FROM grant_tokens
                 UNION ALL
                 SELECT (SELECT min(key_id) FROM grant_tokens WHERE key_id > keys.name)
                 FROM keys WHERE keys.name IS NOT NULL),
             asked (id) AS (
                 SELECT unhex(value) FROM keys, json_each((
                     SELECT json_group_array(hex(session_id)) FROM (
                         SELECT session_id FROM grant_tokens
                         WHERE key_id = keys.name AND session_id > ifnull(?2, x'')
                         ORDER BY session_id LIMIT ?3)))
                 WHERE keys.name != ?1 ORDER BY 1 LIMIT ?3)
             SELECT ",
            grant_columns!(),
            " FROM asked JOIN grants ON grants.session_id = asked.id
                 JOIN grant_tokens ON grant_tokens.session_id = asked.id
              ORDER BY grants.session_id"
        ))
        .bind(key.as_str())
        .bind(page.after().map(|cursor| cursor.0.as_bytes().to_vec()))
        .bind(as_sql(page.limit() + 1))
        .fetch_all(&self.readers)
        .await
        .map_err(|error| Failure::from(error).into_store_error(DOING))?;
        let found: Result<Vec<_>, Failure> = rows.iter().map(grant_row::read).collect();
        let found = found.map_err(|failure| failure.into_store_error(DOING))?;
        Ok(Page::cut(found, page.limit(), |grant| grant.session_id))
    }

    async fn count_by_key(&self) -> Result<Vec<(CipherKeyId, u64)>, StoreError> {
        const DOING: &str = "count grants by key";
        self.fail_if_closed(DOING)?;
        let rows = sqlx::query(
            "SELECT key_id, count(*) FROM grant_tokens GROUP BY key_id ORDER BY key_id",
        )
        .fetch_all(&self.readers)
        .await
        .map_err(|error| Failure::from(error).into_store_error(DOING))?;
        rows.iter()
            .map(|row| {
                let key = CipherKeyId::new(row.try_get(0)?).map_err(|_| damaged("grant's key"))?;
                Ok((key, count(row, 1)?))
            })
            .collect::<Result<_, Failure>>()
            .map_err(|failure| failure.into_store_error(DOING))
    }

    async fn refreshes(
        &self,
        id: SessionId,
        page: PageRequest<RefreshId>,
    ) -> Result<Page<Arc<RefreshRecord>, RefreshId>, StoreError> {
        const DOING: &str = "list refreshes";
        self.fail_if_closed(DOING)?;
        // One entry to spare tells whether there is another page.
        let rows = sqlx::query(concat!(
            "SELECT ",
            refresh_columns!(),
            " FROM refreshes
              WHERE session_id = ?1 AND id < ifnull(?2, x'ffffffffffffffffffffffffffffffffff')
              ORDER BY id DESC LIMIT ?3"
        ))
        .bind(id.as_bytes().to_vec())
        .bind(page.after().map(|cursor| cursor.0.as_bytes().to_vec()))
        .bind(as_sql(page.limit() + 1))
        .fetch_all(&self.readers)
        .await
        .map_err(|error| Failure::from(error).into_store_error(DOING))?;
        let found: Result<Vec<_>, Failure> = rows.iter().map(refresh_row::read).collect();
        let found = found.map_err(|failure| failure.into_store_error(DOING))?;
        Ok(Page::cut(found, page.limit(), |record| record.id))
    }

    async fn forget_refreshes(
        &self,
        before: DateTime<Utc>,
        batch: usize,
    ) -> Result<Forgotten, StoreError> {
        self.forget(forget::What::Refreshes, before, batch).await
    }
}

impl SqliteStore {
    async fn grants_of(
        &self,
        ids: &[SessionId],
    ) -> Result<HashMap<SessionId, Arc<Grant>>, Failure> {
        let mut reader = self.readers.acquire().await?;
        grant_row::find_many(&mut reader, ids.iter().copied()).await
    }

    async fn change(
        &self,
        id: SessionId,
        version: u64,
        change: grant_change::Change,
    ) -> Result<bool, StoreError> {
        let request = grant_change::Request {
            id,
            version,
            change,
        };
        self.writer.submit(request).await
    }
}
