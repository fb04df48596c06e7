use std::io;
use std::path::PathBuf;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, SqliteConnection};

use crate::copies::AllCopies;
use crate::lock::{LockError, OwnerLock};
use crate::read::Finder;
use crate::store::SqliteStore;
use crate::write::Writer;
use crate::{file, schema};

/// How long a statement waits for a lock that another connection holds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Pages in the WAL (4 KiB each) before it is copied into the database. Larger than SQLite's 1000,
/// since under load many commits write the same pages, which are then copied once.
const CHECKPOINT_PAGES: &str = "8000";
/// Pages that the writer keeps in memory, at most: 64 MiB, as negative KiB. Ends, revocations and
/// changes touch pages all over the file, and SQLite's 2 MB would have most of them read again each
/// time.
const WRITER_CACHE: &str = "-65536";
/// Connections for lists and statistics. Lookups have their own.
const READERS: u32 = 2;

/// Where the database is, and how much of it to keep in memory.
#[derive(Debug, Clone)]
pub struct Options {
    path: PathBuf,
    copies: usize,
    holder: String,
}

impl Options {
    /// Records kept in memory unless said otherwise.
    pub const DEFAULT_COPIES: usize = 100_000;

    /// The database at `path`, which is made if it does not exist; its folder must.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let holder = format!("process {}", std::process::id());
        Self {
            path: path.into(),
            copies: Self::DEFAULT_COPIES,
            holder,
        }
    }

    /// How many records to keep in memory at most; 0 for none.
    ///
    /// They are as true as the file: nobody else writes it, and a write is not answered before the
    /// copy of what it wrote was replaced.
    #[must_use]
    pub fn copies(mut self, copies: usize) -> Self {
        self.copies = copies;
        self
    }

    /// What another process is told that finds the database in use: "process 17".
    #[must_use]
    pub fn holder(mut self, holder: impl Into<String>) -> Self {
        self.holder = holder.into();
        self
    }

    fn connection(&self) -> SqliteConnectOptions {
        SqliteConnectOptions::new()
            .filename(&self.path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT)
            .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
            // Journals of single statements stay in memory; by default each is a file of its own.
            .pragma("temp_store", "MEMORY")
            // What is deleted is overwritten: no session outlives its record in a free page.
            .pragma("secure_delete", "FAST")
            .row_buffer_size(1024)
            .disable_statement_logging()
    }
}

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("the database is in use by {0}")]
    InUse(String),
    /// The file or its folder cannot be used.
    #[error("the database file cannot be opened: {0}")]
    Io(#[from] io::Error),
    /// The file is an SQLite database of some other program.
    #[error("the file is a database of another program")]
    Foreign,
    /// The file was written by a newer version of this program.
    #[error(
        "the database has schema version {found}, this program knows up to {known}: \
         it was written by a newer version"
    )]
    #[expect(missing_docs, reason = "said in the message")]
    Newer { found: i64, known: i64 },
    /// The file was written by an older version and has not been opened by this one yet.
    #[error(
        "the database has schema version {found}, this program needs {known}: \
         start the server once, which brings it up to date"
    )]
    #[expect(missing_docs, reason = "said in the message")]
    Older { found: i64, known: i64 },
    /// SQLite says no: not a database, damaged, disk full, …
    #[error("the database cannot be opened: {0}")]
    Sqlite(#[from] sqlx::Error),
}

impl From<LockError> for OpenError {
    fn from(error: LockError) -> Self {
        match error {
            LockError::Held(holder) => Self::InUse(holder),
            LockError::Io(error) => Self::Io(error),
        }
    }
}

impl SqliteStore {
    /// Opens the database, brings its schema up to date and starts the writer.
    ///
    /// Must run inside a tokio runtime.
    ///
    /// # Errors
    /// [`OpenError`]; then nothing is left open and no existing file was changed.
    pub async fn open(options: Options) -> Result<Self, OpenError> {
        let lock = OwnerLock::take(&options.path, &options.holder)?;
        file::create_private(&options.path)?;
        let connect = options.connection();
        let writer = connect.clone().pragma("cache_size", WRITER_CACHE);
        let mut connection: SqliteConnection = writer.connect().await?;
        schema::migrate(&mut connection).await?;

        let readers = connect.clone().pragma("query_only", "ON");
        let pool = SqlitePoolOptions::new()
            .max_connections(READERS)
            .connect_lazy_with(readers.clone());
        let copies = AllCopies::new(options.copies);
        let finder = Finder::start(&readers).await?;
        let writer = Writer::start(connection, writer, copies.clone());
        Ok(Self::assemble(lock, copies, finder, pool, writer))
    }
}
