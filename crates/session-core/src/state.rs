use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::EndReason;

/// A session's state as everyone outside sees it.
///
/// ```text
/// active ⇄ idle            by activity, and by the lack of it
/// active|idle ⇄ suspended  by an admin or by risk policy
/// any of them → expired | revoked | terminated   which are final
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionState {
    /// In use.
    Active,
    /// No activity for half the idle timeout; the next activity makes it active again.
    Idle,
    /// Held back by an admin or by risk policy; may be resumed.
    Suspended,
    /// The idle or the absolute deadline passed. Final.
    Expired,
    /// Its tokens were withdrawn: logout, revocation, theft. Final.
    Revoked,
    /// Ended by limit, admin or policy. Final.
    Terminated,
}

impl SessionState {
    /// Every state, in the order of declaration.
    pub const ALL: [Self; 6] = [
        Self::Active,
        Self::Idle,
        Self::Suspended,
        Self::Expired,
        Self::Revoked,
        Self::Terminated,
    ];

    /// Final is final: nothing leads out of `expired`, `revoked` and `terminated`.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Expired | Self::Revoked | Self::Terminated)
    }

    /// Whether the state machine has an arrow from `self` to `to`.
    #[must_use]
    pub const fn can_become(self, to: Self) -> bool {
        match (self, to) {
            (Self::Active, Self::Idle | Self::Suspended)
            | (Self::Idle, Self::Active | Self::Suspended)
            | (Self::Suspended, Self::Active) => true,
            (from, to) => !from.is_final() && to.is_final(),
        }
    }
}

/// What is written down of a session's state.
///
/// `idle` is never stored, and `expired` only once the sweep has passed: both follow from the clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Neither held back nor ended.
    Open,
    /// Held back.
    Suspended,
    /// Ended for good.
    Ended(Ending),
}

/// How, why and when a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// Which of the final states.
    pub kind: EndKind,
    /// Why.
    pub reason: EndReason,
    /// When it was ended or, for an expired one, when that was noted.
    pub at: DateTime<Utc>,
}

impl Ending {
    /// The end of a session whose deadline has passed, noted at `at`.
    #[must_use]
    pub const fn expired(at: DateTime<Utc>) -> Self {
        Self {
            kind: EndKind::Expired,
            reason: EndReason::EXPIRED,
            at,
        }
    }
}

/// The final states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EndKind {
    /// See [`SessionState::Expired`].
    Expired,
    /// See [`SessionState::Revoked`].
    Revoked,
    /// See [`SessionState::Terminated`].
    Terminated,
}

impl From<EndKind> for SessionState {
    fn from(kind: EndKind) -> Self {
        match kind {
            EndKind::Expired => Self::Expired,
            EndKind::Revoked => Self::Revoked,
            EndKind::Terminated => Self::Terminated,
        }
    }
}
