//! Signing in with an outside provider: OpenID Connect, authorization code flow with PKCE.
//!
//! A login is begun ([`ProviderLogins::start`]), the user is sent to the provider and comes back with an
//! answer, and the login is finished ([`ProviderLogins::finish`]). In between nothing is stored here:
//! what ties the two together is sealed and kept by the user's browser.

mod binding;
mod error;
mod finish;
mod logout;
mod policy;
mod public_url;
mod redeem;
mod return_paths;
mod service;
mod start;
mod stopped;

pub use binding::login_tag;
pub use error::{ProviderLoginError, ProviderLogoutError};
pub use finish::{ProviderAnswer, ProviderSignedIn};
pub use policy::ProviderLoginPolicy;
pub use public_url::PublicUrl;
pub use return_paths::{ReturnPaths, ReturnTo};
pub use service::ProviderLogins;
pub use start::LoginStart;
