//! The use cases: what an application does with sessions.
//!
//! [`SessionManager`] joins the rules of `session-core` to a store, a clock and a source of entropy.
//! [`wiring`] opens the store that the settings name; [`Background`] runs what goes on by itself.
//! Nothing here speaks SQL or HTTP.
//!
//! ```
//! use std::sync::Arc;
//!
//! use app::{NewSession, SessionManager, SessionPolicy, SystemClock, SystemEntropy, Verdict};
//! use session_core::UserId;
//! use store_memory::MemoryStore;
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let manager = SessionManager::new(
//!     Arc::new(MemoryStore::new()),
//!     Arc::new(SystemClock::new()),
//!     Arc::new(SystemEntropy),
//!     SessionPolicy::default(),
//! );
//! let created = manager.create(NewSession::of(UserId::new("ada")?)).await?;
//! let credential = created.token.expose(); // what the client keeps and sends
//!
//! match manager.validate(&credential.parse()?).await? {
//!     Verdict::Valid(found) => assert_eq!(found.session.user_id.as_str(), "ada"),
//!     Verdict::Refused(refusal) => panic!("refused: {}", refusal.as_str()),
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![deny(missing_docs)]

mod activity_buffer;
mod background;
mod error;
mod policy;
mod session_cache;
mod session_manager;
mod system;
mod terms;
pub mod wiring;

pub use background::Background;
pub use error::{ErrorKind, SessionError};
pub use policy::{Freshness, SessionPolicy};
pub use session_manager::SessionManager;
pub use system::{SystemClock, SystemEntropy};
pub use terms::{CreatedSession, Extended, Found, NewSession, SessionRef, Verdict};
