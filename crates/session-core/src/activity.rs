use chrono::{DateTime, Utc};

use crate::SessionId;

/// One session was used at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Activity {
    /// Which session.
    pub id: SessionId,
    /// When it was last used.
    pub at: DateTime<Utc>,
}
