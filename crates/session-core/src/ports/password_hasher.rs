use async_trait::async_trait;

use crate::{Password, PasswordHash};

/// Turns passwords into hashes that are slow to guess at, and checks passwords against them.
///
/// Each call is many milliseconds of work for a core, whatever the answer. An adapter does it off the
/// threads that answer requests, as much at once as there are cores, and lets no more wait than it can
/// serve soon.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait PasswordHasher: Send + Sync {
    /// Hashes a new password with a salt of its own.
    ///
    /// # Errors
    /// [`HashError`].
    async fn hash(&self, password: &Password) -> Result<PasswordHash, HashError>;

    /// Whether `password` is the one of `hash`. Without a hash, the answer is no, after the same work:
    /// so that nobody can tell by the time whether there is one.
    ///
    /// # Errors
    /// [`HashError`].
    async fn verify<'a>(
        &self,
        password: &Password,
        hash: Option<&'a PasswordHash>,
    ) -> Result<PasswordMatch, HashError>;
}

/// The answer to "is this the password?".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordMatch {
    /// No.
    No,
    /// Yes.
    Yes,
    /// Yes, and the hash was made with weaker parameters than today's: make a new one.
    YesButWeak,
}

/// Why a password could not be hashed or checked: then nobody gets in, and nobody is told that the
/// password is wrong.
#[derive(Debug, Clone, thiserror::Error)]
pub enum HashError {
    /// More passwords wait to be hashed than can be served soon: try again later.
    #[error("too many passwords wait to be checked")]
    Busy,
    /// A stored hash cannot be read.
    #[error("a password hash cannot be read: {0}")]
    Damaged(String),
    /// The hash function, or the source of salts, failed.
    #[error("a password could not be hashed: {0}")]
    Failed(String),
}
