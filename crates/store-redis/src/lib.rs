//! Sessions, and all that goes with them, in Redis or Valkey: for several nodes that are one.
//!
//! Each step is one script that Redis runs as a whole, so that any number of nodes, and of callers on
//! them, keep the same rules. `docs/redis.md` shows the keys, their types, and who writes them.
//!
//! ```no_run
//! use session_core::ports::SessionStore as _;
//! use store_redis::{Options, RedisStore};
//!
//! # async fn a_program() -> Result<(), Box<dyn std::error::Error>> {
//! let store = RedisStore::open(Options::from_url("redis://127.0.0.1:6379/0")?).await?;
//! store.check().await?;
//! # Ok(())
//! # }
//! ```

#![deny(missing_docs)]

mod accounts;
mod advice;
mod audit;
mod changes;
mod error;
mod grant_answers;
mod grant_fields;
mod grants;
mod keys;
mod link;
mod marks;
mod options;
mod packed;
mod rates;
mod record;
mod refresh_bytes;
mod revocation_record;
mod revocations;
mod script;
mod sessions;
mod store;

pub use advice::Advice;
pub use options::{BadUrl, Options, Tls, Topology};
pub use store::{OpenError, RedisStore};
