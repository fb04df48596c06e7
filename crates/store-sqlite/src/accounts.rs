//! Reading accounts.
//!
//! Without copies in memory: an account is asked for at a login, which costs a password's hash anyway.

use std::sync::Arc;

use async_trait::async_trait;
use session_core::ports::{AccountChange, Addition, ChangeOutcome, StoreError, UserDirectory};
use session_core::{Account, AccountId, Email, Metadata, Page, PageRequest, PasswordHash};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::error::Failure;
use crate::row::{as_sql, damaged, time};
use crate::store::SqliteStore;
use crate::write::{account_add, account_change, account_remove};

/// The columns that [`read`] takes, in its order; a macro so that it can stand in `concat!`.
macro_rules! account_columns {
    () => {
        "id, email, password_hash, metadata, is_disabled, version, created_at, password_set_at"
    };
}
pub(crate) use account_columns;

#[async_trait]
impl UserDirectory for SqliteStore {
    async fn add_account(&self, account: Account) -> Result<Addition, StoreError> {
        let account = Arc::new(account);
        self.writer.submit(account_add::Request { account }).await
    }

    async fn find_account(&self, id: AccountId) -> Result<Option<Arc<Account>>, StoreError> {
        const DOING: &str = "find an account";
        self.fail_if_closed(DOING)?;
        let row = sqlx::query(concat!(
            "SELECT ",
            account_columns!(),
            " FROM accounts WHERE id = ?1"
        ))
        .bind(id.as_bytes().to_vec())
        .fetch_optional(&self.readers)
        .await;
        found(row).map_err(|failure| failure.into_store_error(DOING))
    }

    async fn find_account_by_email(
        &self,
        email: &Email,
    ) -> Result<Option<Arc<Account>>, StoreError> {
        const DOING: &str = "find an account by its address";
        self.fail_if_closed(DOING)?;
        let row = sqlx::query(concat!(
            "SELECT ",
            account_columns!(),
            " FROM accounts WHERE email = ?1"
        ))
        .bind(email.as_str())
        .fetch_optional(&self.readers)
        .await;
        found(row).map_err(|failure| failure.into_store_error(DOING))
    }

    async fn change_account(
        &self,
        id: AccountId,
        expected_version: u64,
        change: AccountChange,
    ) -> Result<ChangeOutcome, StoreError> {
        self.writer
            .submit(account_change::Request {
                id,
                expected_version,
                change,
            })
            .await
    }

    async fn remove_account(&self, id: AccountId) -> Result<bool, StoreError> {
        self.writer.submit(account_remove::Request { id }).await
    }

    async fn list_accounts(
        &self,
        page: PageRequest<AccountId>,
    ) -> Result<Page<Arc<Account>, AccountId>, StoreError> {
        const DOING: &str = "list accounts";
        self.fail_if_closed(DOING)?;
        // One entry to spare tells whether there is another page.
        let rows = sqlx::query(concat!(
            "SELECT ",
            account_columns!(),
            " FROM accounts WHERE id < ifnull(?1, x'ffffffffffffffffffffffffffffffffff')
              ORDER BY id DESC LIMIT ?2"
        ))
        .bind(page.after().map(|cursor| cursor.0.as_bytes().to_vec()))
        .bind(as_sql(page.limit() + 1))
        .fetch_all(&self.readers)
        .await
        .map_err(|error| Failure::from(error).into_store_error(DOING))?;
        let accounts: Result<Vec<_>, Failure> = rows.iter().map(read).collect();
        let accounts = accounts.map_err(|failure| failure.into_store_error(DOING))?;
        Ok(Page::cut(accounts, page.limit(), |account| account.id))
    }
}

fn found(row: sqlx::Result<Option<SqliteRow>>) -> Result<Option<Arc<Account>>, Failure> {
    row?.as_ref().map(read).transpose()
}

/// Reads a row of [`account_columns!`] back.
pub(crate) fn read(row: &SqliteRow) -> Result<Arc<Account>, Failure> {
    let text: &str = row.try_get(1)?;
    let email: Email = text.parse().map_err(|_| damaged("account's address"))?;
    // One that was written any other way is found by nobody, and may be a second one of the same
    // address.
    if email.as_str() != text {
        return Err(damaged("account's address"));
    }
    Ok(Arc::new(Account {
        id: account_id(row.try_get(0)?)?,
        email,
        password_hash: PasswordHash::new(row.try_get(2)?),
        metadata: Metadata::from_json(row.try_get(3)?)
            .map_err(|_| damaged("account's metadata"))?,
        is_disabled: row.try_get::<i64, _>(4)? != 0,
        version: u64::try_from(row.try_get::<i64, _>(5)?)
            .map_err(|_| damaged("account's version"))?,
        created_at: time(row.try_get(6)?)?,
        password_set_at: time(row.try_get(7)?)?,
    }))
}

/// Reads an account's id from a blob column.
pub(crate) fn account_id(bytes: &[u8]) -> Result<AccountId, Failure> {
    let bytes = bytes.try_into().map_err(|_| damaged("account's id"))?;
    AccountId::from_bytes(bytes).map_err(|_| damaged("account's id"))
}
