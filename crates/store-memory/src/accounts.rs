use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use session_core::ports::{
    AccountChange, Addition, ChangeOutcome, StoreError, StoreErrorKind, UserDirectory,
};
use session_core::{Account, AccountId, Email, Page, PageRequest};

use crate::MemoryStore;

/// The accounts and who has which address, which agree after every method.
#[derive(Default)]
pub(crate) struct Accounts {
    by_id: BTreeMap<AccountId, Arc<Account>>,
    by_email: HashMap<Email, AccountId>,
}

impl Accounts {
    /// Adds an account whose id and address nobody has.
    fn insert(&mut self, account: Arc<Account>) {
        self.by_email.insert(account.email.clone(), account.id);
        self.by_id.insert(account.id, account);
    }

    fn remove(&mut self, id: AccountId) -> bool {
        let Some(gone) = self.by_id.remove(&id) else {
            return false;
        };
        self.by_email.remove(&gone.email);
        true
    }

    /// Those that are older than `before`, newest first.
    fn before(&self, before: Option<AccountId>) -> impl Iterator<Item = &Arc<Account>> {
        let older = match before {
            Some(before) => self.by_id.range(..before),
            None => self.by_id.range(..),
        };
        older.rev().map(|(_, account)| account)
    }
}

/// The record after a change.
fn changed(before: &Account, change: AccountChange) -> Account {
    let mut after = Account {
        version: before.version + 1,
        ..before.clone()
    };
    let AccountChange {
        password,
        rehashed,
        metadata,
        is_disabled,
    } = change;
    if let Some(hash) = rehashed {
        after.password_hash = hash;
    }
    // Last: what another password replaces is not worth a hash of today.
    if let Some((hash, set_at)) = password {
        after.password_hash = hash;
        after.password_set_at = set_at;
    }
    if let Some(metadata) = metadata {
        after.metadata = metadata;
    }
    if let Some(is_disabled) = is_disabled {
        after.is_disabled = is_disabled;
    }
    after
}

#[async_trait]
impl UserDirectory for MemoryStore {
    async fn add_account(&self, account: Account) -> Result<Addition, StoreError> {
        const DOING: &str = "add an account";
        let mut accounts = self.accounts.write(DOING)?;
        if accounts.by_id.contains_key(&account.id) {
            let cause = "an account of this id exists already";
            return Err(StoreError::new(StoreErrorKind::Internal, DOING, cause));
        }
        if accounts.by_email.contains_key(&account.email) {
            return Ok(Addition::EmailTaken);
        }
        let account = Arc::new(account);
        accounts.insert(Arc::clone(&account));
        Ok(Addition::Added(account))
    }

    async fn find_account(&self, id: AccountId) -> Result<Option<Arc<Account>>, StoreError> {
        let accounts = self.accounts.read("find an account")?;
        Ok(accounts.by_id.get(&id).cloned())
    }

    async fn find_account_by_email(
        &self,
        email: &Email,
    ) -> Result<Option<Arc<Account>>, StoreError> {
        let accounts = self.accounts.read("find an account by its address")?;
        let id = accounts.by_email.get(email);
        Ok(id.and_then(|id| accounts.by_id.get(id)).cloned())
    }

    async fn change_account(
        &self,
        id: AccountId,
        expected_version: u64,
        change: AccountChange,
    ) -> Result<ChangeOutcome, StoreError> {
        let mut accounts = self.accounts.write("change an account")?;
        let Some(account) = accounts.by_id.get_mut(&id) else {
            return Ok(ChangeOutcome::NotFound);
        };
        if account.version != expected_version {
            return Ok(ChangeOutcome::VersionConflict);
        }
        // The address stays, so the other map has nothing to follow.
        *account = Arc::new(changed(account, change));
        Ok(ChangeOutcome::Changed(Arc::clone(account)))
    }

    async fn remove_account(&self, id: AccountId) -> Result<bool, StoreError> {
        let mut accounts = self.accounts.write("remove an account")?;
        Ok(accounts.remove(id))
    }

    async fn list_accounts(
        &self,
        page: PageRequest<AccountId>,
    ) -> Result<Page<Arc<Account>, AccountId>, StoreError> {
        let accounts = self.accounts.read("list accounts")?;
        let found = accounts
            .before(page.after().map(|cursor| cursor.0))
            .take(page.limit() + 1)
            .cloned()
            .collect();
        Ok(Page::cut(found, page.limit(), |account| account.id))
    }
}
