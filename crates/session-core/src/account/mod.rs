//! People who sign in with an e-mail address and a password.

mod common_passwords;
mod email;
mod password;

use chrono::{DateTime, Utc};

pub use email::Email;
pub use password::{Password, PasswordHash, PasswordPolicy};

use crate::uuid_v7::uuid_v7;
use crate::{Metadata, UserId};

uuid_v7! {
    /// Names an account for good: the e-mail address may change, the name does not.
    AccountId
}

impl AccountId {
    /// The account as the owner of sessions.
    #[must_use]
    pub fn user_id(&self) -> UserId {
        UserId::of_account(*self)
    }

    /// The account that a user is; `None` for the users of other systems.
    #[must_use]
    pub fn of(user_id: &UserId) -> Option<Self> {
        user_id.as_str().parse().ok()
    }
}

/// Somebody who may sign in with an e-mail address and a password.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    /// Its name.
    pub id: AccountId,
    /// By which it is found at a login; no two accounts have the same.
    pub email: Email,
    /// Proof of the password.
    pub password_hash: PasswordHash,
    /// What each of its sessions begins with: role, permissions, what else the application keeps.
    pub metadata: Metadata,
    /// Whether nobody may sign in with it.
    pub is_disabled: bool,
    /// Raised by every write: a change made on an older version is refused.
    pub version: u64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When its password was set.
    pub password_set_at: DateTime<Utc>,
}
