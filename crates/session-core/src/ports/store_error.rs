use std::error::Error;
use std::fmt;

/// A store could not do what it was asked.
///
/// Whether a write happened is unknown after an error; every write of a port may be sent again.
#[derive(Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    doing: &'static str,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// What kind of trouble a store is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StoreErrorKind {
    /// Not reachable, busy, full, read-only or shut down: it may pass by itself.
    Unavailable,
    /// What was read is not what was written: damaged, or of a newer version.
    Corrupt,
    /// Anything else, which is a fault of the adapter.
    Internal,
}

impl StoreError {
    /// `doing` is a lower-case fragment that reads well after "failed to": "create a session".
    pub fn new(
        kind: StoreErrorKind,
        doing: &'static str,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self {
            kind,
            doing,
            source: Some(source.into()),
        }
    }

    /// The store has been closed, or is closing.
    #[must_use]
    pub const fn closed(doing: &'static str) -> Self {
        Self {
            kind: StoreErrorKind::Unavailable,
            doing,
            source: None,
        }
    }

    /// What kind of trouble it is.
    #[must_use]
    pub const fn kind(&self) -> StoreErrorKind {
        self.kind
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.kind {
            StoreErrorKind::Unavailable if self.source.is_none() => "the store is closed",
            StoreErrorKind::Unavailable => "the store is unavailable",
            StoreErrorKind::Corrupt => "the store's data cannot be read",
            StoreErrorKind::Internal => "the store failed",
        };
        write!(f, "failed to {}: {state}", self.doing)
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
