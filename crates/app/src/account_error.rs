use session_core::ports::{EntropyError, HashError, SignError, StoreError};
use session_core::{InvalidInput, Refusal};

use crate::SessionError;

/// Why something about accounts, logins or access tokens was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// Not with this address and this password, for whatever reason: nobody is told which.
    #[error("the e-mail address and the password do not let anyone in")]
    Refused,
    /// The session token does not let its bearer in.
    #[error("the session is {}", .0.as_str())]
    NotLive(Refusal),
    /// The address has an account already.
    #[error("the e-mail address is taken")]
    EmailTaken,
    /// There is no such account.
    #[error("no such account")]
    NoSuchAccount,
    /// Passwords could not be hashed or checked.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// A token could not be signed.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// As with sessions.
    #[error(transparent)]
    Session(#[from] SessionError),
}

impl From<InvalidInput> for AccountError {
    fn from(error: InvalidInput) -> Self {
        Self::Session(error.into())
    }
}

impl From<StoreError> for AccountError {
    fn from(error: StoreError) -> Self {
        Self::Session(error.into())
    }
}

impl From<EntropyError> for AccountError {
    fn from(error: EntropyError) -> Self {
        Self::Session(error.into())
    }
}
