//! Accounts: a hash for each, with a key that leads from its address to it.

use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use redis::Cmd;
use session_core::ports::{AccountChange, Addition, ChangeOutcome, StoreError, UserDirectory};
use session_core::{Account, AccountId, Email, Metadata, Page, PageRequest, PasswordHash};

use crate::RedisStore;
use crate::error::Failure;
use crate::record::time;
use crate::script::Script;
use crate::store::told;

/// A script of accounts.
macro_rules! script {
    ($name:ident, $file:literal) => {
        static $name: LazyLock<Script> =
            LazyLock::new(|| Script::of(&[include_str!("lua/accounts.lua"), include_str!($file)]));
    };
}
script!(ADD, "lua/account_add.lua");
script!(FIND_BY_EMAIL, "lua/account_by_email.lua");
script!(CHANGE, "lua/account_change.lua");
script!(REMOVE, "lua/account_remove.lua");
script!(LIST, "lua/account_list.lua");

/// Accounts that one step reads at most; a longer page takes several.
const AT_ONCE: usize = 128;

/// What the field `form` says. A form that an older program must not read has another number.
const FORM: &str = "1";

/// The fields of an account, in the order of `lua/accounts.lua`.
const FIELDS: [&str; 8] = [
    "form", "email", "password", "metadata", "disabled", "version", "created", "set",
];

/// What there is of them.
type Fields = Vec<Option<Vec<u8>>>;

const NEWER: Failure = Failure::Corrupt("an account was written by a newer version");

#[async_trait]
impl UserDirectory for RedisStore {
    async fn add_account(&self, account: Account) -> Result<Addition, StoreError> {
        const DOING: &str = "add an account";
        let mut call = self.call(&ADD);
        call.arg(account.id.as_bytes()).arg(account.email.as_str());
        put_password(&mut call, &account.password_hash);
        put_metadata(&mut call, &account.metadata);
        put_disabled(&mut call, account.is_disabled);
        call.arg("version").arg(account.version);
        call.arg("created")
            .arg(account.created_at.timestamp_millis());
        call.arg("set")
            .arg(account.password_set_at.timestamp_millis());
        let outcome: String = self.run(DOING, &ADD, &call).await?;
        match outcome.as_str() {
            "added" => Ok(Addition::Added(Arc::new(account))),
            "email" => Ok(Addition::EmailTaken),
            _ => {
                let taken = Failure::Internal("an account of this id exists already");
                Err(taken.into_store_error(DOING))
            }
        }
    }

    async fn find_account(&self, id: AccountId) -> Result<Option<Arc<Account>>, StoreError> {
        const DOING: &str = "find an account";
        let mut get = redis::cmd("HMGET");
        get.arg(self.key(&[b"account:", id.as_bytes()]))
            .arg(&FIELDS);
        let fields: Fields = self.ask(DOING, &get).await?;
        if fields.iter().all(Option::is_none) {
            return Ok(None);
        }
        told(DOING, read(id, &fields)).map(Some)
    }

    async fn find_account_by_email(
        &self,
        email: &Email,
    ) -> Result<Option<Arc<Account>>, StoreError> {
        const DOING: &str = "find an account by its address";
        let mut call = self.call(&FIND_BY_EMAIL);
        call.arg(email.as_str());
        let found: Option<(Vec<u8>, Fields)> = self.run(DOING, &FIND_BY_EMAIL, &call).await?;
        let Some((id, fields)) = found else {
            return Ok(None);
        };
        let account = account_id(&id).and_then(|id| read(id, &fields));
        let account = told(DOING, account)?;
        if account.email != *email {
            let astray = Failure::Corrupt("an address leads to another one's account");
            return Err(astray.into_store_error(DOING));
        }
        Ok(Some(account))
    }

    async fn change_account(
        &self,
        id: AccountId,
        expected_version: u64,
        change: AccountChange,
    ) -> Result<ChangeOutcome, StoreError> {
        const DOING: &str = "change an account";
        let AccountChange {
            password,
            rehashed,
            metadata,
            is_disabled,
        } = &change;
        let mut call = self.call(&CHANGE);
        call.arg(id.as_bytes())
            .arg(expected_version)
            .arg(expected_version.saturating_add(1));
        match (password, rehashed) {
            // What another password replaces is not worth a hash of today.
            (Some((hash, set_at)), _) => {
                put_password(&mut call, hash);
                call.arg("set").arg(set_at.timestamp_millis());
            }
            (None, Some(hash)) => put_password(&mut call, hash),
            (None, None) => {}
        }
        if let Some(metadata) = metadata {
            put_metadata(&mut call, metadata);
        }
        if let Some(is_disabled) = is_disabled {
            put_disabled(&mut call, *is_disabled);
        }
        let (outcome, after): (String, Option<Fields>) = self.run(DOING, &CHANGE, &call).await?;
        match (outcome.as_str(), after) {
            ("changed", Some(fields)) => {
                let account = told(DOING, read(id, &fields))?;
                Ok(ChangeOutcome::Changed(account))
            }
            ("conflict", _) => Ok(ChangeOutcome::VersionConflict),
            ("unknown", _) => Ok(ChangeOutcome::NotFound),
            _ => Err(NEWER.into_store_error(DOING)),
        }
    }

    async fn remove_account(&self, id: AccountId) -> Result<bool, StoreError> {
        const DOING: &str = "remove an account";
        let mut call = self.call(&REMOVE);
        call.arg(id.as_bytes());
        let outcome: String = self.run(DOING, &REMOVE, &call).await?;
        match outcome.as_str() {
            "removed" => Ok(true),
            "unknown" => Ok(false),
            _ => Err(NEWER.into_store_error(DOING)),
        }
    }

    /// One round trip for up to 127 accounts, and one more for each 128 beyond.
    async fn list_accounts(
        &self,
        page: PageRequest<AccountId>,
    ) -> Result<Page<Arc<Account>, AccountId>, StoreError> {
        const DOING: &str = "list accounts";
        // One entry to spare tells whether there is another page.
        let wanted = page.limit() + 1;
        let mut before = page.after().map(|cursor| cursor.0);
        let mut accounts: Vec<Arc<Account>> = Vec::new();
        loop {
            let asked = (wanted - accounts.len()).min(AT_ONCE);
            let mut call = self.call(&LIST);
            call.arg(before.as_ref().map_or(&[][..], |id| id.as_bytes()))
                .arg(asked);
            let found: Vec<(Vec<u8>, Fields)> = self.run(DOING, &LIST, &call).await?;
            for (id, fields) in &found {
                let account = account_id(id).and_then(|id| read(id, fields));
                accounts.push(told(DOING, account)?);
            }
            if found.len() < asked || accounts.len() == wanted {
                return Ok(Page::cut(accounts, page.limit(), |account| account.id));
            }
            before = accounts.last().map(|last| last.id);
        }
    }
}

fn put_password(call: &mut Cmd, hash: &PasswordHash) {
    call.arg("password").arg(hash.as_str());
}

fn put_metadata(call: &mut Cmd, metadata: &Metadata) {
    call.arg("metadata").arg(metadata.as_json());
}

fn put_disabled(call: &mut Cmd, is_disabled: bool) {
    call.arg("disabled").arg(u8::from(is_disabled));
}

/// Reads [`FIELDS`] back.
fn read(id: AccountId, fields: &[Option<Vec<u8>>]) -> Result<Arc<Account>, Failure> {
    const DAMAGED: Failure = Failure::Corrupt("an account cannot be read");
    let mut texts = fields.iter().map(|field| {
        let field = field.as_deref().ok_or(DAMAGED)?;
        std::str::from_utf8(field).map_err(|_| DAMAGED)
    });
    let mut text = || texts.next().ok_or(DAMAGED)?;
    if text()? != FORM {
        return Err(NEWER);
    }
    let address = text()?;
    let email: Email = address.parse().map_err(|_| DAMAGED)?;
    // One that was written any other way is found by nobody, and may be a second one of the same
    // address.
    if email.as_str() != address {
        return Err(DAMAGED);
    }
    let millis = |text: &str| -> Result<_, Failure> { time(text.parse().map_err(|_| DAMAGED)?) };
    Ok(Arc::new(Account {
        id,
        email,
        password_hash: PasswordHash::new(text()?),
        metadata: Metadata::from_json(text()?).map_err(|_| DAMAGED)?,
        is_disabled: match text()? {
            "0" => false,
            "1" => true,
            _ => return Err(DAMAGED),
        },
        version: text()?.parse().map_err(|_| DAMAGED)?,
        created_at: millis(text()?)?,
        password_set_at: millis(text()?)?,
    }))
}

fn account_id(bytes: &[u8]) -> Result<AccountId, Failure> {
    const DAMAGED: Failure = Failure::Corrupt("an account's id cannot be read");
    let bytes = bytes.try_into().map_err(|_| DAMAGED)?;
    AccountId::from_bytes(bytes).map_err(|_| DAMAGED)
}
