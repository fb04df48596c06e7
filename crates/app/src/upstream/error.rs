use session_core::ports::{EntropyError, OpenError, StoreError};
use session_core::{ProviderFailure, ProviderName};

use crate::SessionError;

/// Why a provider's token is not to be had.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TokenError {
    /// No live session, the store, or anything else that has nothing to do with tokens.
    #[error(transparent)]
    Session(std::sync::Arc<SessionError>),
    /// The session was begun without a provider's tokens.
    #[error("the session holds no tokens of a provider")]
    NoTokens,
    /// The provider takes the refresh token no more, or gave none: the user must sign in there anew.
    #[error("the provider wants the user to sign in again")]
    ReauthRequired,
    /// There is no token to give now; there may be one later.
    #[error("there is no live token now: {cause}")]
    Unavailable {
        /// Seconds after which it is worth another try; at least 1.
        retry_after: u64,
        /// What is wrong, for the operator.
        cause: ProviderFailure,
    },
    /// What is stored cannot be opened. It is left as it is.
    #[error(transparent)]
    Unreadable(#[from] OpenError),
    /// The settings do not know the provider (any more).
    #[error("the settings have no provider `{0}`")]
    UnknownProvider(ProviderName),
}

impl From<SessionError> for TokenError {
    fn from(error: SessionError) -> Self {
        Self::Session(std::sync::Arc::new(error))
    }
}

impl From<StoreError> for TokenError {
    fn from(error: StoreError) -> Self {
        SessionError::from(error).into()
    }
}

impl From<EntropyError> for TokenError {
    fn from(error: EntropyError) -> Self {
        SessionError::from(error).into()
    }
}
