use session_core::ports::{EntropyError, StoreError, StoreErrorKind};
use session_core::{InvalidInput, UnknownRule};

/// Why a use case was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// No live session, or not with that secret: the two cannot be told apart.
    #[error("no such session")]
    NotFound,
    /// The user is at the limit, and the policy is to refuse.
    #[error("the user has {max} sessions already, which is the limit")]
    LimitReached {
        /// The limit.
        max: u32,
    },
    /// A value breaks a rule.
    #[error(transparent)]
    Invalid(#[from] InvalidInput),
    /// Others kept writing to the same session; nothing was changed.
    #[error("the session is being changed by others, try again")]
    Contended,
    /// There is no rate limit rule of this name.
    #[error(transparent)]
    UnknownRule(#[from] UnknownRule),
    /// Over a rate limit.
    #[error("too many attempts, try again in {retry_after} seconds")]
    RateLimited {
        /// Seconds after which an attempt is admitted; at least 1.
        retry_after: u64,
    },
    /// The store could not do it, or could not find out.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There was no entropy to make a secret of.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
}

/// The kinds of [`SessionError`], by what a caller can do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// There is no such thing.
    NotFound,
    /// The request is wrong.
    Invalid,
    /// At the limit of sessions.
    LimitReached,
    /// Try again at once.
    Contended,
    /// Try again after the time told.
    RateLimited {
        /// Seconds.
        retry_after: u64,
    },
    /// Try again later.
    Unavailable,
    /// Nothing a caller can do: a fault of ours or damaged data.
    Internal,
}

impl SessionError {
    /// The kind of the error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NotFound => ErrorKind::NotFound,
            Self::LimitReached { .. } => ErrorKind::LimitReached,
            Self::Invalid(_) | Self::UnknownRule(_) => ErrorKind::Invalid,
            Self::Contended => ErrorKind::Contended,
            Self::RateLimited { retry_after } => ErrorKind::RateLimited {
                retry_after: *retry_after,
            },
            Self::Store(error) if error.kind() == StoreErrorKind::Unavailable => {
                ErrorKind::Unavailable
            }
            Self::Store(_) => ErrorKind::Internal,
            Self::Entropy(_) => ErrorKind::Unavailable,
        }
    }
}
