//! Outside providers over HTTP: the adapter behind `session_core::ports::TokenProvider` and
//! `LoginProvider`.
//!
//! It asks the configured host and the ones that this one names, follows no redirect, goes through no
//! proxy, and bounds every answer in time and size. A request that may have done something is sent
//! once: no layer below repeats it. What an answer means is decided by `session_core::token_answer`
//! and `refused_answer`; what is decided here is whether a request that brought no answer can have had
//! an effect. It never reads a clock but the one that it is given, and logs nothing.
//!
//! ```
//! use std::sync::Arc;
//!
//! use oauth_client::{ClientSecret, OAuthClient, ProviderSettings};
//! use session_core::ProviderName;
//! use session_core::ports::Clock;
//!
//! # struct Stopped;
//! # impl Clock for Stopped {
//! #     fn now(&self) -> chrono::DateTime<chrono::Utc> { chrono::DateTime::UNIX_EPOCH }
//! # }
//! let clock: Arc<dyn Clock> = Arc::new(Stopped); // the program's own
//! let mut settings = ProviderSettings::new(ProviderName::new("example")?, "my-client");
//! settings.issuer = Some("https://id.example".to_owned());
//! settings.client_secret = Some(ClientSecret::new("from a file, not from the source"));
//! settings.scopes = vec!["openid".to_owned(), "offline_access".to_owned()];
//! settings.parameters = vec![("prompt".to_owned(), "consent".to_owned())];
//! let provider = OAuthClient::new(settings, clock)?;
//! // No call has been made yet: a provider that is away does not keep a server from starting.
//! # drop(provider);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![deny(missing_docs)]

mod assertion;
mod authorization;
mod checked;
mod claims;
mod client;
mod description;
mod http;
mod id_token;
mod kept;
mod keys;
mod logout_token;
mod retry_after;
mod settings;
mod tls;
mod token_calls;

pub use client::OAuthClient;
pub use settings::{ClientAuthentication, ClientSecret, ProviderSettings};
