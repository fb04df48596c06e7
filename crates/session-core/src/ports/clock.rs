use chrono::{DateTime, Utc};

/// The time of day.
///
/// It never goes backwards within a process, and is cut to whole milliseconds: what is stored and
/// what is in memory compare equal.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> DateTime<Utc>;
}
