use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::StoreError;
use crate::{SessionId, TokenHash};

/// How a cache in this process hears of what other processes write.
///
/// A store of several processes has one; where a single process owns the store there is nothing to
/// hear.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait ChangeFeed: Send + Sync {
    /// Tells `listener` of each change from now on, and returns once that has come to an end: the
    /// connection was lost, or the store closed. In between it looks, each time `every` has passed,
    /// whether everything has been told up to then, where the store can vouch for that.
    ///
    /// Stops when it is dropped.
    ///
    /// # Errors
    /// [`StoreError`]: why it ended.
    async fn follow(
        &self,
        every: Duration,
        listener: Arc<dyn ChangeListener>,
    ) -> Result<(), StoreError>;
}

/// Whoever is told of changes. Every method returns at once.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait ChangeListener: Send + Sync {
    /// Every change from now on will be told, or else the end of it.
    fn began(&self);

    /// This changed.
    fn changed(&self, change: Change);

    /// It is about to be looked whether everything has been told up to now.
    fn looks(&self);

    /// Everything that was written before the last [`looks`](Self::looks) has been told.
    fn up_to_date(&self);

    /// From now on nothing is told any more.
    fn ended(&self);
}

/// What another process, or this one, changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A session: not by mere activity, which does not count as a change.
    Session(SessionId),
    /// Whether a token is revoked.
    Token(TokenHash),
    /// Something that cannot be named.
    Anything,
}
