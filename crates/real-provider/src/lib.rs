//! A real OpenID provider for tests: `oidc-provider` from npm, on a free port of this machine.
//!
//! A scripted provider does what its author thought of. This one does what providers do: it rotates
//! refresh tokens, kills a whole family when one is used twice, and signs its logout tokens itself.
//!
//! It needs Node and, the first time, npm and a registry: [`install`] puts the packages into
//! `target/real-provider`, in the versions that `node/package-lock.json` names. Where that cannot be,
//! [`RealProvider::start`] says so in one line and gives nothing, and the test ends there; with
//! `SESSIOND_NEEDS_NODE` set it fails instead.
//!
//! ```no_run
//! # #[cfg(feature = "provider")]
//! # async fn a_test() {
//! use real_provider::{Client, Options, RealProvider};
//!
//! let client = Client::basic("app", "secret").redirects_to("http://127.0.0.1:9/callback");
//! let Some(provider) = RealProvider::start(Options::with(client)).await else {
//!     return; // it said why
//! };
//! let url = format!("{}/auth?client_id=app&…", provider.issuer());
//! let callback = provider.log_in(&url).await;
//! assert_eq!(callback.iss().as_deref(), Some(provider.issuer()));
//! # }
//! ```
//!
//! The person at the provider is whoever `login_hint` names (or `someone`), and agrees to everything;
//! but [`REFUSES`] does not. The provider ends with the value that started it, and with the process,
//! however that ends.

#![deny(missing_docs)]
#![cfg_attr(
    feature = "provider",
    expect(
        clippy::expect_used,
        clippy::panic,
        reason = "this crate is for tests, whose way to fail is to panic"
    )
)]

pub mod install;
pub mod node;

#[cfg(feature = "provider")]
mod browser;
#[cfg(feature = "provider")]
mod control;
#[cfg(feature = "provider")]
mod cookies;
#[cfg(feature = "provider")]
mod http;
#[cfg(feature = "provider")]
mod options;
#[cfg(feature = "provider")]
mod provider;

#[cfg(feature = "provider")]
pub use browser::{Browser, Callback, REFUSES};
#[cfg(feature = "provider")]
pub use control::{Counts, Family, Fault, GrantId, TokenState};
#[cfg(feature = "provider")]
pub use options::{Client, Options};
#[cfg(feature = "provider")]
pub use provider::RealProvider;
