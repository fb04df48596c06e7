//! Following the chain of the audit log.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use session_core::ports::StoreError;
use session_core::{Anchor, BrokenRecord, ChainCheck, Verified};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Row as _, SqliteConnection};

use crate::audit::{ANCHORS, anchor};
use crate::error::Failure;
use crate::open::OpenError;
use crate::schema;

/// Records that are checked at a time.
const CHECKED_AT_ONCE: i64 = 1000;

/// Why the audit log of a file could not be verified.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The file cannot be read as a database of this program.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// What was written last is in a file beside the database, and SQLite needs to write there to read
    /// it.
    #[error(
        "a server that is running or was killed left records in {}, which are read only where the \
         folder can be written: verify as the server's user, or on a copy of both files",
        .0.display()
    )]
    Unfinished(PathBuf),
    /// The chain could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Follows the chain of the audit log in a database file, as
/// [`AuditLog::verify`](session_core::ports::AuditLog::verify) does.
///
/// Changes nothing in the database, so it works beside a server that has it open, and on a backup that
/// cannot be written.
///
/// # Errors
/// [`VerifyError`] when the file cannot be read.
pub async fn verify_audit_log(
    path: &Path,
    noted: Option<Anchor>,
) -> Result<Result<Verified, BrokenRecord>, VerifyError> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .disable_statement_logging();
    let mut connection = match open(&options).await {
        // Even to read, SQLite makes a file beside one in WAL mode. Where it cannot, and no server has
        // the file open, nobody changes it either.
        Err(OpenError::Sqlite(error)) if is_for_the_folder(&error) && path.exists() => {
            let log = beside(path, "-wal");
            if log.metadata().is_ok_and(|log| log.len() > 0) {
                return Err(VerifyError::Unfinished(log));
            }
            open(&options.immutable(true)).await?
        }
        opened => opened?,
    };
    let verdict = verify(&mut connection, noted).await;
    // The verdict is there; a failure to let go of the file does not change it.
    let _ = connection.close().await;
    Ok(verdict.map_err(|failure| failure.into_store_error("verify the audit log"))?)
}

async fn open(options: &SqliteConnectOptions) -> Result<SqliteConnection, OpenError> {
    let mut connection = options.connect().await.map_err(OpenError::from)?;
    schema::check_current(&mut connection).await?;
    Ok(connection)
}

/// `READONLY`, `CANTOPEN` (<https://sqlite.org/rescode.html>).
fn is_for_the_folder(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    let code: Option<i32> = code.and_then(|code| code.parse().ok());
    code.is_some_and(|code| matches!(code & 0xff, 8 | 14))
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

/// One transaction, so that all is of one moment.
pub(crate) async fn verify(
    connection: &mut SqliteConnection,
    noted: Option<Anchor>,
) -> Result<Result<Verified, BrokenRecord>, Failure> {
    let mut snapshot = connection.begin().await?;
    let anchors = sqlx::query(ANCHORS).fetch_one(&mut *snapshot).await?;
    let mut check = ChainCheck::new(anchor(&anchors, 0)?, anchor(&anchors, 2)?, noted);
    // From the very first row: also one that stands where the chain has none is to be found.
    let mut from = i64::MIN;
    loop {
        let rows = sqlx::query(
            "SELECT sequence, CAST(event AS BLOB), hash FROM audit
             WHERE sequence >= ?1 ORDER BY sequence LIMIT ?2",
        )
        .bind(from)
        .bind(CHECKED_AT_ONCE)
        .fetch_all(&mut *snapshot)
        .await?;
        for row in &rows {
            let sequence: i64 = row.try_get(0)?;
            let (line, hash) = (row.try_get(1)?, row.try_get(2)?);
            if let Err(broken) = check.record(i128::from(sequence), line, hash) {
                return Ok(Err(broken));
            }
            // The last place there is is never reached: no chain is that long.
            from = sequence.saturating_add(1);
        }
        if rows.is_empty() {
            return Ok(check.finish());
        }
    }
}
