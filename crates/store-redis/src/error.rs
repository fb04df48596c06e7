use redis::{ErrorKind, RedisError, ServerErrorKind};
use session_core::ports::{StoreError, StoreErrorKind};

/// Why a step failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The server, or the way to it.
    Redis(RedisError),
    /// There is no connection at present; the last cause.
    Away(std::sync::Arc<str>),
    /// Too many requests wait for an answer already.
    Busy,
    /// What was read cannot be what was written.
    Corrupt(&'static str),
    /// A fault of the adapter, or of the caller.
    Internal(&'static str),
    /// The store has been closed.
    Closed,
}

impl Failure {
    pub(crate) fn into_store_error(self, doing: &'static str) -> StoreError {
        match self {
            Self::Redis(error) => StoreError::new(kind_of(&error), doing, error),
            Self::Away(why) => {
                StoreError::new(StoreErrorKind::Unavailable, doing, why.as_ref().to_owned())
            }
            Self::Busy => {
                let cause = "too many requests wait for an answer already";
                StoreError::new(StoreErrorKind::Unavailable, doing, cause)
            }
            Self::Corrupt(what) => StoreError::new(StoreErrorKind::Corrupt, doing, what),
            Self::Internal(what) => StoreError::new(StoreErrorKind::Internal, doing, what),
            Self::Closed => StoreError::closed(doing),
        }
    }
}

impl From<RedisError> for Failure {
    fn from(error: RedisError) -> Self {
        Self::Redis(error)
    }
}

/// What may pass by itself is told from what is a fault of ours: a server that starts, that is full,
/// that was demoted or locks us out will do the same request once that is over.
fn kind_of(error: &RedisError) -> StoreErrorKind {
    match error.kind() {
        ErrorKind::Server(
            ServerErrorKind::BusyLoading
            | ServerErrorKind::Moved
            | ServerErrorKind::Ask
            | ServerErrorKind::TryAgain
            | ServerErrorKind::ClusterDown
            | ServerErrorKind::MasterDown
            | ServerErrorKind::ReadOnly
            | ServerErrorKind::NoPerm,
        )
        | ErrorKind::Io
        | ErrorKind::AuthenticationFailed
        | ErrorKind::MasterNameNotFoundBySentinel
        | ErrorKind::NoValidReplicasFoundBySentinel
        | ErrorKind::ClusterConnectionNotFound
        // What answered is no Redis, or no longer speaks in step.
        | ErrorKind::Parse => StoreErrorKind::Unavailable,
        ErrorKind::UnexpectedReturnType => StoreErrorKind::Corrupt,
        // Said by our scripts, and by Redis where a key holds another type of value.
        _ if matches!(error.code(), Some("CORRUPT" | "WRONGTYPE")) => StoreErrorKind::Corrupt,
        _ if passes_by_itself(error) => StoreErrorKind::Unavailable,
        _ => StoreErrorKind::Internal,
    }
}

/// Codes that the client has no name for.
fn passes_by_itself(error: &RedisError) -> bool {
    // Out of memory, a failed snapshot, too few replicas, a script that runs for long, not signed in,
    // too many clients ("ERR max number of clients reached").
    let codes = [
        "OOM",
        "MISCONF",
        "NOREPLICAS",
        "BUSY",
        "NOAUTH",
        "WRONGPASS",
        "UNKILLABLE",
    ];
    error.code().is_some_and(|code| codes.contains(&code))
        || error.detail().is_some_and(|detail| {
            detail.contains("max number of clients")
                || detail.starts_with("OOM ")
                // Rights to what a script does; those to the script itself have a code.
                || detail.starts_with("The user executing the script can't ")
        })
}

/// Whether the connection is no good for anything that follows.
pub(crate) fn has_lost_its_way(error: &RedisError) -> bool {
    let kind = error.kind();
    error.is_io_error()
        || error.is_connection_dropped()
        || matches!(
            kind,
            ErrorKind::Parse
                | ErrorKind::AuthenticationFailed
                | ErrorKind::Server(ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown)
        )
}
