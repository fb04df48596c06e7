use std::sync::Arc;

use session_core::ports::{StoreError, StoreErrorKind};
use sqlx::error::DatabaseError;

/// Why a statement failed, in a form that every request of a batch can have a copy of.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    kind: StoreErrorKind,
    cause: Arc<str>,
}

impl Failure {
    pub(crate) fn corrupt(cause: impl Into<Arc<str>>) -> Self {
        Self {
            kind: StoreErrorKind::Corrupt,
            cause: cause.into(),
        }
    }

    pub(crate) fn internal(cause: impl Into<Arc<str>>) -> Self {
        Self {
            kind: StoreErrorKind::Internal,
            cause: cause.into(),
        }
    }

    /// Whether the fault may lie in one of the requests, or in one row that it needs, rather than in the
    /// state of the store: then the others of its batch deserve a try of their own.
    pub(crate) fn is_of_one_request(&self) -> bool {
        matches!(
            self.kind,
            StoreErrorKind::Internal | StoreErrorKind::Corrupt
        )
    }

    pub(crate) fn into_store_error(self, doing: &'static str) -> StoreError {
        StoreError::new(self.kind, doing, self.cause.as_ref())
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        let kind = match &error {
            sqlx::Error::Database(error) => kind_of(error.as_ref()),
            sqlx::Error::Io(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => StoreErrorKind::Unavailable,
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => StoreErrorKind::Corrupt,
            _ => StoreErrorKind::Internal,
        };
        Self {
            kind,
            cause: error.to_string().into(),
        }
    }
}

/// Sorts SQLite's primary result codes (<https://sqlite.org/rescode.html>).
fn kind_of(error: &dyn DatabaseError) -> StoreErrorKind {
    let extended: i32 = error.code().and_then(|code| code.parse().ok()).unwrap_or(0);
    match extended & 0xff {
        // BUSY, LOCKED, NOMEM, READONLY, INTERRUPT, IOERR, FULL, CANTOPEN.
        5..=10 | 13 | 14 => StoreErrorKind::Unavailable,
        // CORRUPT, NOTADB.
        11 | 26 => StoreErrorKind::Corrupt,
        _ => StoreErrorKind::Internal,
    }
}
