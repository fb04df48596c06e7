use chrono::TimeDelta;
use session_core::ports::SessionLimit;
use session_core::{Rotation, TimeoutPolicy};

/// The numbers that a [`SessionManager`](crate::SessionManager) goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionPolicy {
    /// Lifetimes that may be asked for.
    pub timeouts: TimeoutPolicy,
    /// Sessions per user.
    pub limit: SessionLimit,
    /// How long activity may stay in memory before it is written down; zero writes every time.
    pub activity_resolution: TimeDelta,
    /// Whether validating counts as activity (`SESSION_AUTO_UPDATE`).
    pub validation_is_activity: bool,
    /// How long the record of an ended session is kept.
    pub retention: TimeDelta,
    /// How long a session token is good from the first use of its successor on.
    pub rotation_grace: TimeDelta,
    /// Who answers a validation.
    pub freshness: Freshness,
}

impl Default for SessionPolicy {
    fn default() -> Self {
        Self {
            timeouts: TimeoutPolicy::default(),
            limit: SessionLimit::default(),
            activity_resolution: TimeDelta::seconds(60),
            validation_is_activity: true,
            retention: TimeDelta::days(1),
            rotation_grace: Rotation::DEFAULT_GRACE,
            freshness: Freshness::Strict,
        }
    }
}

/// How current the answer to a validation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// The store is asked every time: a session ended on any node is refused at once on every node.
    Strict,
    /// A cache in this process answers. What this process ends is refused at once; what another
    /// process ends, after `bound` at the latest.
    Cached {
        /// Most sessions to keep.
        entries: usize,
        /// Longest time that an answer may lag behind another process' write.
        bound: TimeDelta,
    },
}
