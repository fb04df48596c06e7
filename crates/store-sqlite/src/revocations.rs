//! Reading the list of revocations.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use session_core::ports::{Forgotten, RevocationList, StoreError};
use session_core::{
    EndReason, Page, PageRequest, Revocation, RevocationId, SessionId, TokenHash, TokenKind, UserId,
};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::error::Failure;
use crate::row::{self, as_sql, damaged, time};
use crate::store::SqliteStore;
use crate::write::{forget, revoke};

macro_rules! columns {
    () => {
        "id, token_hash, token_type, session_id, user_id, revoked_at, expires_at, reason, \
         revoked_by, cascaded_from"
    };
}

#[async_trait]
impl RevocationList for SqliteStore {
    async fn revoke(&self, revocations: &[Revocation]) -> Result<(), StoreError> {
        let revocations = revocations.to_vec();
        self.writer.submit(revoke::Request { revocations }).await
    }

    async fn find_revocation(
        &self,
        token: TokenHash,
        now: DateTime<Utc>,
    ) -> Result<Option<Arc<Revocation>>, StoreError> {
        self.fail_if_closed("look a revocation up")?;
        let known = match self.copies.revocations.get(token) {
            Some(copy) => copy,
            None => {
                let load = async { self.load(token).await.map(Some) };
                let loaded = self.copies.revocations.get_or_load(token, load).await?;
                loaded.flatten()
            }
        };
        Ok(known.filter(|revocation| revocation.expires_at > now))
    }

    async fn history(
        &self,
        user_id: Option<UserId>,
        session_id: Option<SessionId>,
        page: PageRequest<RevocationId>,
    ) -> Result<Page<Arc<Revocation>, RevocationId>, StoreError> {
        const DOING: &str = "list revocations";
        self.fail_if_closed(DOING)?;
        // One statement each, so that each uses its index.
        let by = match (&user_id, session_id) {
            (_, Some(_)) => concat!(
                "SELECT * FROM (
                     SELECT ",
                columns!(),
                " FROM revocations WHERE token_hash = ?5
                     UNION ALL
                     SELECT ",
                columns!(),
                " FROM revocations WHERE session_id = ?2 AND token_type > 0)
                  WHERE (?1 IS NULL OR user_id = ?1) AND id < ifnull(?3, x'ffffffffffffffffffffffffffffffffff')
                  ORDER BY id DESC LIMIT ?4"
            ),
            (Some(_), None) => concat!(
                "SELECT ",
                columns!(),
                " FROM revocations WHERE user_id = ?1 AND ?2 IS NULL
                  AND id < ifnull(?3, x'ffffffffffffffffffffffffffffffffff') ORDER BY id DESC LIMIT ?4"
            ),
            (None, None) => concat!(
                "SELECT ",
                columns!(),
                " FROM revocations WHERE ?1 IS NULL AND ?2 IS NULL
                  AND id < ifnull(?3, x'ffffffffffffffffffffffffffffffffff') ORDER BY id DESC LIMIT ?4"
            ),
        };
        // One entry to spare tells whether there is another page.
        let rows = sqlx::query(by)
            .bind(user_id.map(|user| user.as_str().to_owned()))
            .bind(session_id.map(|id| id.as_bytes().to_vec()))
            .bind(page.after().map(|cursor| cursor.0.as_bytes().to_vec()))
            .bind(as_sql(page.limit() + 1))
            .bind(session_id.map(|id| TokenHash::of_session(id).as_bytes().to_vec()))
            .fetch_all(&self.readers)
            .await
            .map_err(|error| Failure::from(error).into_store_error(DOING))?;
        let found: Result<Vec<_>, Failure> = rows.iter().map(read).collect();
        let found = found.map_err(|failure| failure.into_store_error(DOING))?;
        Ok(Page::cut(found, page.limit(), |revocation| revocation.id))
    }

    async fn forget_revocations(
        &self,
        now: DateTime<Utc>,
        batch: usize,
    ) -> Result<Forgotten, StoreError> {
        self.forget(forget::What::Revocations, now, batch).await
    }
}

impl SqliteStore {
    async fn load(&self, token: TokenHash) -> Result<Option<Arc<Revocation>>, StoreError> {
        const DOING: &str = "look a revocation up";
        let row = sqlx::query(concat!(
            "SELECT ",
            columns!(),
            " FROM revocations WHERE token_hash = ?1"
        ))
        .bind(token.as_bytes().to_vec())
        .fetch_optional(&self.readers)
        .await
        .map_err(|error| Failure::from(error).into_store_error(DOING))?;
        row.as_ref()
            .map(read)
            .transpose()
            .map_err(|failure| failure.into_store_error(DOING))
    }
}

/// The number of a kind of token in the column `token_type`.
pub(crate) const fn number_of(kind: TokenKind) -> i64 {
    match kind {
        TokenKind::Session => 0,
        TokenKind::Access => 1,
        TokenKind::Refresh => 2,
        TokenKind::Id => 3,
    }
}

fn read(row: &SqliteRow) -> Result<Arc<Revocation>, Failure> {
    let kind: i64 = row.try_get(2)?;
    let token_type = TokenKind::ALL
        .into_iter()
        .find(|known| number_of(*known) == kind)
        .ok_or_else(|| damaged("revocation's token type"))?;
    let token_hash = row
        .try_get::<&[u8], _>(1)?
        .try_into()
        .map_err(|_| damaged("revocation's token hash"))?;
    let session_id: Option<&[u8]> = row.try_get(3)?;
    let user_id: Option<&str> = row.try_get(4)?;
    let cascaded_from: Option<&[u8]> = row.try_get(9)?;
    Ok(Arc::new(Revocation {
        id: revocation_id(row.try_get(0)?)?,
        token_hash: TokenHash::from_bytes(token_hash),
        token_type,
        session_id: session_id.map(row::id).transpose()?,
        user_id: user_id
            .map(UserId::new)
            .transpose()
            .map_err(|_| damaged("revocation's user id"))?,
        revoked_at: time(row.try_get(5)?)?,
        expires_at: time(row.try_get(6)?)?,
        reason: EndReason::new(row.try_get(7)?).map_err(|_| damaged("revocation's reason"))?,
        revoked_by: row.try_get::<&str, _>(8)?.into(),
        cascaded_from: cascaded_from.map(revocation_id).transpose()?,
    }))
}

fn revocation_id(bytes: &[u8]) -> Result<RevocationId, Failure> {
    let bytes = bytes.try_into().map_err(|_| damaged("revocation's id"))?;
    RevocationId::from_bytes(bytes).map_err(|_| damaged("revocation's id"))
}
