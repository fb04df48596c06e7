//! What the rules need of the world, one trait a subject.
//!
//! Rules for every method: "not found" is never an error, "I could not find out" always is; time and
//! randomness are arguments; what must be atomic is one call. Each port has a mockall mock behind
//! the feature `mocks`.

mod clock;
mod entropy;
mod session_store;
mod store_error;

pub use clock::Clock;
pub use entropy::{Entropy, EntropyError};
pub use session_store::{
    Created, EndOutcome, EndedBatch, Extension, LimitPolicy, SessionChange, SessionLimit,
    SessionStore, Swept, UpdateOutcome,
};
pub use store_error::{StoreError, StoreErrorKind};

#[cfg(feature = "mocks")]
pub use self::{clock::MockClock, entropy::MockEntropy, session_store::MockSessionStore};
