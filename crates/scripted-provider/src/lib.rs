//! An OpenID provider for tests: it runs within the test's own process, on a loopback port, and fails
//! when and how the test says.
//!
//! It does what a real provider does (authorization code with PKCE, rotating refresh tokens, signed
//! ID tokens, introspection, revocation, discovery, logout tokens), and is as strict as the strictest:
//! a refresh token that is used twice ends its grant (RFC 9700 §4.14). It counts what it is asked,
//! knows every secret that it ever saw, and can say whether a grant is alive. A queue of [`Fault`]s for
//! each [`Endpoint`] says what goes wrong.
//!
//! It has a thread of its own, so it answers whatever the test's runtime is at, and needs none.
//!
//! ```
//! use scripted_provider::{Endpoint, Fault, ScriptedProvider};
//!
//! let provider = ScriptedProvider::start();
//! let tokens = provider.issue("ada");
//! provider.next_token_call(Fault::Status(503)); // one call; those after are answered as usual
//!
//! // … the code under test refreshes at `provider.issuer()` with `tokens.refresh_token` …
//!
//! assert_eq!(provider.count(Endpoint::Token), 0);
//! assert!(provider.is_alive(&tokens.access_token));
//! ```
//!
//! It is no provider for anything but tests: it draws its keys when it starts, keeps everything in
//! memory, and signs whatever it is asked to.

#![deny(missing_docs)]
#![expect(
    clippy::expect_used,
    reason = "this crate is made for tests, whose way to fail is to panic"
)]

mod calls;
mod endpoints;
mod grants;
mod keys;
mod provider;
mod script;
mod serve;
mod settings;
mod state;
mod users;

pub use calls::Call;
pub use grants::Issued;
pub use keys::{Algorithm, Key};
pub use provider::ScriptedProvider;
pub use script::{Answer, Endpoint, Fault, Held};
pub use settings::Settings;
