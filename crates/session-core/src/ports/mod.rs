//! What the rules need of the world, one trait a subject.
//!
//! Rules for every method: "not found" is never an error, "I could not find out" always is; time and
//! randomness are arguments; what must be atomic is one call. Each port has a mockall mock behind
//! the feature `mocks`.

mod access_token_signer;
mod audit_log;
mod change_feed;
mod clock;
mod entropy;
mod grant_store;
mod one_time_marks;
mod password_hasher;
mod rate_limiter;
mod revocation_list;
mod session_store;
mod store_error;
mod token_cipher;
mod token_provider;
mod user_directory;

pub use access_token_signer::{AccessTokenSigner, JsonWebKey, SignError, TokenRefusal};
pub use audit_log::AuditLog;
pub use change_feed::{Change, ChangeFeed, ChangeListener};
pub use clock::Clock;
pub use entropy::{Entropy, EntropyError};
pub use grant_store::{GrantStore, RefreshBegin, RefreshBegun, RefreshEnd, RefreshFinished};
pub use one_time_marks::OneTimeMarks;
pub use password_hasher::{HashError, PasswordHasher, PasswordMatch};
pub use rate_limiter::RateLimiter;
pub use revocation_list::RevocationList;
pub use session_store::{
    Created, EndOutcome, EndedBatch, EndedSession, Extension, LimitPolicy, SessionChange,
    SessionLimit, SessionStore, Suspension, Swept, UpdateOutcome,
};
pub use store_error::{StoreError, StoreErrorKind};
pub use token_cipher::{OpenError, TokenCipher};
pub use token_provider::{AssertionError, Introspection, LoginProvider, TokenProvider};
pub use user_directory::{AccountChange, Addition, ChangeOutcome, UserDirectory};

/// What one call of a port's `forget_…` did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// How many records went.
    pub count: u64,
    /// Whether there may be more to forget.
    pub more: bool,
}

#[cfg(feature = "mocks")]
pub use self::{
    access_token_signer::MockAccessTokenSigner,
    audit_log::MockAuditLog,
    change_feed::{MockChangeFeed, MockChangeListener},
    clock::MockClock,
    entropy::MockEntropy,
    grant_store::MockGrantStore,
    one_time_marks::MockOneTimeMarks,
    password_hasher::MockPasswordHasher,
    rate_limiter::MockRateLimiter,
    revocation_list::MockRevocationList,
    session_store::MockSessionStore,
    token_cipher::MockTokenCipher,
    token_provider::{MockLoginProvider, MockTokenProvider},
    user_directory::MockUserDirectory,
};
