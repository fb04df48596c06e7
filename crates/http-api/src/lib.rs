//! The HTTP face: routes over the use cases of `app`, and what every request goes through.
//!
//! [`Api::respond`] is the front door: it takes any request and gives the whole answer, with its
//! limits, its security headers and its request id. Each route is one file, with its documentation
//! for OpenAPI, beside the others of its face. It never names a concrete store.
//!
//! ```
//! use std::sync::Arc;
//!
//! use app::wiring::{
//!     CipherKey, CipherKeys, JwtSigner, SigningKey, SigningKeys, TokenParties, XChaChaCipher,
//!     password_hasher,
//! };
//! use app::{Policies, Ports, Providers, Services, Stores, SystemClock, SystemEntropy};
//! use axum::body::Body;
//! use axum::http::Request;
//! use http_api::{Api, ApiConfig, ServiceKeys};
//! use store_memory::MemoryStore;
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! # use session_core::ports::{Clock as _, Entropy as _};
//! let (clock, entropy) = (Arc::new(SystemClock::new()), Arc::new(SystemEntropy));
//! let mut seed = [0; 32];
//! entropy.fill(&mut seed)?;
//! let key = SigningKey::from_seed(&seed, clock.now())?;
//! let parties = TokenParties { issuer: "example".into(), audience: "example".into() };
//! let mut secret = [0; 32];
//! entropy.fill(&mut secret)?;
//! let keys = CipherKeys::new(CipherKey::new(&secret, clock.now()));
//! let ports = Ports {
//!     cipher: Arc::new(XChaChaCipher::new(keys, entropy.clone())),
//!     passwords: password_hasher(entropy.clone()),
//!     signer: Arc::new(JwtSigner::new(parties, SigningKeys::new(key))),
//!     clock,
//!     entropy,
//! };
//! let stores = Stores::all_in(Arc::new(MemoryStore::new()));
//! let services = Services::start(stores, ports, Providers::default(), Policies::default())?;
//! let api = Api::new(services, ServiceKeys::default(), ApiConfig::default());
//! let answer = api.respond(Request::get("/health").body(Body::empty())?).await;
//! assert_eq!(answer.status(), 200);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![deny(missing_docs)]

mod admin;
mod api;
mod auth;
mod client;
mod cors;
mod credentials;
mod form;
mod front;
mod json;
mod keys;
mod oauth2;
mod openapi;
mod operations;
mod problem;
mod request_id;
mod request_info;
mod security;
mod sessions;
mod site;

pub use api::{Api, ApiConfig};
pub use client::{MalformedNetworks, PeerAddress, TrustedProxies};
pub use front::{MAX_BODY_BYTES, MAX_HEADER_BYTES, MAX_URI_BYTES, REQUEST_TIMEOUT};
pub use keys::{KeyRole, ServiceKeys, UnfitKey};
