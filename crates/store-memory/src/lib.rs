//! Sessions, revocations, rate limits, accounts, grants and the audit log in the memory of one process.
//!
//! For tests, for development, and for deployments of one node where a restart may sign everyone
//! out. It keeps every promise of the port but durability.
//!
//! ```
//! use session_core::ports::SessionStore as _;
//! use store_memory::MemoryStore;
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let store = MemoryStore::new();
//! store.check().await?;
//! # Ok::<(), session_core::ports::StoreError>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![deny(missing_docs)]

mod accounts;
mod audit;
mod grant_tables;
mod grants;
mod guarded;
mod marks;
mod rates;
mod revocations;
mod store;
mod tables;

pub use store::MemoryStore;
