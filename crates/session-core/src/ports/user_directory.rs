use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::StoreError;
use crate::{Account, AccountId, Email, Metadata, Page, PageRequest, PasswordHash};

/// Where accounts are kept.
///
/// Every write is one atomic step: that an address is taken once, and versions, are checked inside of
/// it. A write that returned `Ok` survives a crash, as far as the store is durable.
///
/// The suite in `store-contract` checks all of this on any adapter.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait UserDirectory: Send + Sync {
    /// Adds an account. One round trip.
    ///
    /// # Errors
    /// [`StoreError`]; an id that exists already is `Internal`.
    async fn add_account(&self, account: Account) -> Result<Addition, StoreError>;

    /// The account of an id; `None` if there is none. One round trip.
    ///
    /// Sees every write that was answered before the call.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn find_account(&self, id: AccountId) -> Result<Option<Arc<Account>>, StoreError>;

    /// The account of an address; `None` if there is none. One round trip.
    ///
    /// Sees every write that was answered before the call.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn find_account_by_email(
        &self,
        email: &Email,
    ) -> Result<Option<Arc<Account>>, StoreError>;

    /// Replaces parts of an account, if its version is still the expected one. One round trip.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn change_account(
        &self,
        id: AccountId,
        expected_version: u64,
        change: AccountChange,
    ) -> Result<ChangeOutcome, StoreError>;

    /// Forgets an account; whether there was one. Its address is free again. One round trip.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn remove_account(&self, id: AccountId) -> Result<bool, StoreError>;

    /// A page of all accounts, newest first. One round trip.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn list_accounts(
        &self,
        page: PageRequest<AccountId>,
    ) -> Result<Page<Arc<Account>, AccountId>, StoreError>;
}

/// What [`UserDirectory::add_account`] did.
#[derive(Debug, Clone, PartialEq)]
pub enum Addition {
    /// It is there; the record.
    Added(Arc<Account>),
    /// Another account has the address. Nothing was written.
    EmailTaken,
}

/// Parts of an account to replace; what is `None` stays.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AccountChange {
    /// Another password, and since when.
    pub password: Option<(PasswordHash, DateTime<Utc>)>,
    /// The same password, hashed anew with today's parameters; without effect beside another password.
    pub rehashed: Option<PasswordHash>,
    /// The whole metadata.
    pub metadata: Option<Metadata>,
    /// Whether nobody may sign in with it.
    pub is_disabled: Option<bool>,
}

/// What [`UserDirectory::change_account`] did.
#[derive(Debug, Clone, PartialEq)]
pub enum ChangeOutcome {
    /// The change is stored; the record afterwards.
    Changed(Arc<Account>),
    /// Someone else wrote first: read again, and try again. Nothing was written.
    VersionConflict,
    /// There is no account of the id.
    NotFound,
}
