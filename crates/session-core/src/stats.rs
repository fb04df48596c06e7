use crate::UserId;

/// How many users [`SessionStats::busiest_users`] names at most.
pub const BUSIEST_USERS: usize = 100;

/// How many sessions past their deadline, but not yet swept, the statistics take into account.
///
/// Up to this many the figures are exact at the moment of asking. When more than that expire between
/// two sweeps, the rest still counts as active until the sweep has noted it: the price of an answer
/// whose cost does not grow with the table.
pub const DUE_COUNTED: usize = 10_000;

/// Counts over a whole store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionStats {
    /// Sessions neither ended nor past a deadline; suspended ones count.
    pub active: u64,
    /// Sessions that expired and whose record is still kept.
    pub expired: u64,
    /// All sessions whose record is kept, however they ended.
    pub total: u64,
    /// Users with at least one active session.
    pub unique_users: u64,
    /// The [`BUSIEST_USERS`] users with the most active sessions, most first, then by name.
    pub busiest_users: Vec<(UserId, u64)>,
}
