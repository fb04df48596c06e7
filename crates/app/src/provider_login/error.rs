use session_core::ProviderFailure;
use session_core::ports::{EntropyError, StoreError};

use crate::upstream::whole_seconds;
use crate::{AccountError, SessionError, TokenError};

/// Why a login with a provider did not go on.
#[derive(Debug, thiserror::Error)]
pub enum ProviderLoginError {
    /// Nobody signs in with a provider of this name.
    #[error("nobody can sign in with a provider of this name")]
    UnknownProvider,
    /// The place to return to is not in the list.
    #[error("a login does not lead there")]
    ReturnRefused,
    /// The provider says that the user, or it, does not want to.
    #[error("the provider did not let the user in")]
    Denied,
    /// A check failed. Which one is for the audit log: whoever is at the other end may be trying what
    /// works.
    #[error("the login failed")]
    Failed(&'static str),
    /// The provider cannot be asked now. The login can be begun anew later.
    #[error("the provider cannot be asked now: {cause}")]
    ProviderAway {
        /// Seconds after which it is worth another try; at least 1.
        retry_after: u64,
        /// What is wrong, for the operator.
        cause: ProviderFailure,
    },
    /// It is not known where users reach this server, so none can come back from a provider.
    #[error("the public address of this server is not set")]
    NoPublicUrl,
    /// The session could not be begun with its tokens.
    #[error(transparent)]
    Tokens(#[from] TokenError),
    /// As with other logins.
    #[error(transparent)]
    Account(#[from] AccountError),
}

impl ProviderLoginError {
    pub(super) fn away(cause: ProviderFailure) -> Self {
        Self::ProviderAway {
            retry_after: retry_after(&cause),
            cause,
        }
    }
}

impl From<SessionError> for ProviderLoginError {
    fn from(error: SessionError) -> Self {
        Self::Account(error.into())
    }
}

impl From<StoreError> for ProviderLoginError {
    fn from(error: StoreError) -> Self {
        SessionError::from(error).into()
    }
}

impl From<EntropyError> for ProviderLoginError {
    fn from(error: EntropyError) -> Self {
        SessionError::from(error).into()
    }
}

/// Why a provider's word that a user signed out there was not followed.
#[derive(Debug, thiserror::Error)]
pub enum ProviderLogoutError {
    /// Nobody signs in with a provider of this name.
    #[error("nobody can sign in with a provider of this name")]
    UnknownProvider,
    /// It is not the provider's word, or was heard before: which rule it breaks, for the operator.
    #[error("the logout token is refused: {0}")]
    Refused(&'static str),
    /// The keys to check it with are not to be had now.
    #[error("the provider cannot be asked now: {cause}")]
    ProviderAway {
        /// Seconds after which it is worth another try; at least 1.
        retry_after: u64,
        /// What is wrong, for the operator.
        cause: ProviderFailure,
    },
    /// The sessions could not be ended, or not all: the same token may be sent again.
    #[error(transparent)]
    Session(#[from] SessionError),
}

impl ProviderLogoutError {
    pub(super) fn away(cause: ProviderFailure) -> Self {
        Self::ProviderAway {
            retry_after: retry_after(&cause),
            cause,
        }
    }
}

impl From<StoreError> for ProviderLogoutError {
    fn from(error: StoreError) -> Self {
        SessionError::from(error).into()
    }
}

fn retry_after(cause: &ProviderFailure) -> u64 {
    match cause {
        ProviderFailure::Throttled {
            retry_after: Some(told),
        } => whole_seconds(*told),
        _ => 1,
    }
}
