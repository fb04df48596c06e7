//! Sessions in one SQLite file.
//!
//! [`SqliteStore`] implements the ports of `session-core` on a database file that this process alone
//! owns. What it is built on:
//!
//! - **One writer with group commit.** Parallel writes share a transaction, and each kind of write
//!   is one statement over all of its requests. A write is answered after its commit reached the
//!   disk (`synchronous=FULL`).
//! - **Batched reads.** Lookups that arrive together are one statement.
//! - **An exact copy in memory.** Since every write of the file passes through this store, it keeps
//!   a bounded number of records that are as true as the file; see [`Options::copies`].
//! - **The schema enforces the rules** that must never break: final states, the deadline, the counts.
//!
//! It never holds a rule about what a session may do: those are in `session-core`.
//!
//! ```
//! use session_core::ports::SessionStore as _;
//! use store_sqlite::{Options, SqliteStore};
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("sessions.db");
//! let store = SqliteStore::open(Options::new(path)).await?;
//! store.check().await?;
//! store.close().await;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![deny(missing_docs)]

mod accounts;
mod audit;
mod copies;
mod error;
mod file;
mod grant_row;
mod grants;
mod lock;
mod marks;
mod open;
mod rates;
mod read;
mod refresh_row;
mod revocations;
mod row;
mod schema;
mod store;
mod verify;
mod workers;
mod write;

pub use open::{OpenError, Options};
pub use store::SqliteStore;
pub use verify::{VerifyError, verify_audit_log};
