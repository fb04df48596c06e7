//! The use cases: what an application does with sessions.
//!
//! [`SessionManager`] joins the rules of `session-core` to a store, a clock and a source of entropy;
//! [`RevocationService`] takes trust back, [`SecurityService`] watches, [`AuditTrail`] records; and
//! [`Services`] is all of them over the same stores.
//! [`wiring`] opens the store that the settings name; [`Background`] runs what goes on by itself.
//! Nothing here speaks SQL or HTTP.
//!
//! A use case that changes something is more than one step: what it does, and the record of it. A
//! program that may drop the future of one midway (because a client hung up, say) should run it as a
//! task of its own, as `http-api` does.
//!
//! ```
//! use std::sync::Arc;
//!
//! use app::{
//!     NewSession, Origin, SessionManager, SessionPolicy, SystemClock, SystemEntropy, Verdict,
//! };
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
//! let created = manager
//!     .create(NewSession::of(UserId::new("ada")?), &Origin::system())
//!     .await?;
//! let credential = created.token.expose(); // what the client keeps and sends
//!
//! match manager.validate(&credential.parse()?, None, &Origin::system()).await? {
//!     Verdict::Valid(found) => assert_eq!(found.session.user_id.as_str(), "ada"),
//!     Verdict::Refused(refusal) => panic!("refused: {}", refusal.as_str()),
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![deny(missing_docs)]

mod access_tokens;
mod account_error;
mod account_service;
mod activity_buffer;
mod audit_trail;
mod background;
mod change_follower;
mod changes;
mod ending;
mod error;
mod guard;
mod lag_cache;
mod login_policy;
mod login_service;
mod origin;
mod policy;
mod proof;
mod provider_login;
mod recording;
mod revocation_list;
mod revocation_service;
mod security_policy;
mod security_service;
mod services;
mod session_manager;
mod system;
mod terms;
mod upstream;
mod vouching;
pub mod wiring;

pub use access_tokens::{AccessTokens, BearerVerdict, IssuedAccess};
pub use account_error::AccountError;
pub use account_service::{AccountEdit, AccountService};
pub use audit_trail::{AuditCounts, AuditPolicy, AuditTrail};
pub use background::Background;
pub use ending::Cleaned;
pub use error::{ErrorKind, SessionError};
pub use login_policy::LoginPolicy;
pub use login_service::{Credentials, LoginService, Refreshed, SignedIn};
pub use origin::{Actor, Origin};
pub use policy::{Freshness, SessionPolicy};
pub use provider_login::{
    LoginStart, ProviderAnswer, ProviderLoginError, ProviderLoginPolicy, ProviderLogins,
    ProviderLogoutError, ProviderSignedIn, PublicUrl, ReturnPaths, ReturnTo, login_tag,
};
pub use revocation_service::{IssuedToken, RevocationPolicy, RevocationService, RevokedSession};
pub use security_policy::{Enforcement, SecurityPolicy};
pub use security_service::{SecurityService, SecuritySummary};
pub use services::{Policies, Ports, Services, Stores, UserCounts};
pub use session_manager::SessionManager;
pub use system::{SystemClock, SystemEntropy};
pub use terms::{CreatedSession, Extended, Found, NewSession, Rotated, SessionRef, Verdict};
pub use upstream::{
    KeysInUse, LiveToken, NewTokens, OpenTokens, Provider, Providers, Reencrypted, RefreshedTokens,
    TokenError, TokenManager, TokenOwner, TokenPolicy, TokenVault, reencrypt_some,
};
