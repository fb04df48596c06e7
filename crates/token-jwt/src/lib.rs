//! Access tokens as JWTs (RFC 9068): the adapter behind `session_core::ports::AccessTokenSigner`.
//!
//! A token is signed with the newest of a ring of Ed25519 keys ([`SigningKeys`]), or with a secret
//! that is shared with whoever checks it ([`SharedSecret`]); never with either at will. Of a token
//! that is shown, nothing is believed but what one of these keys signed, and nothing is read but the
//! form that is written here (RFC 8725 §3). This crate reads no clock, draws no random number and
//! asks nobody: time and seeds are arguments.
//!
//! ```
//! use session_core::ports::{AccessTokenSigner as _, TokenRefusal};
//! use session_core::{AccessClaims, AccessTokenId, SessionId, UserId};
//! use token_jwt::{JwtSigner, SigningKey, SigningKeys, TokenParties};
//!
//! let now = "2026-01-01T12:00:00Z".parse()?;
//! let seed = [7; 32]; // 32 bytes from the `Entropy` port
//! let signer = JwtSigner::new(
//!     TokenParties { issuer: "https://id.example".into(), audience: "https://api.example".into() },
//!     SigningKeys::new(SigningKey::from_seed(&seed, now)?),
//! );
//!
//! let claims = AccessClaims {
//!     user_id: UserId::new("ada")?,
//!     session_id: SessionId::at(now, [1; 10]),
//!     id: AccessTokenId::at(now, [2; 10]),
//!     issued_at: now,
//!     expires_at: now + chrono::TimeDelta::minutes(5),
//!     role: "user".into(),
//!     permissions: vec!["notes:read".into()],
//! };
//! let token = signer.sign(&claims)?;
//!
//! assert_eq!(signer.verify(&token, now)?, claims);
//! let later = now + chrono::TimeDelta::minutes(6);
//! assert_eq!(signer.verify(&token, later), Err(TokenRefusal::Expired));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![deny(missing_docs)]

mod claims;
mod compact;
mod key_ring;
mod ring_text;
mod shared_secret;
mod signer;
mod signing_key;
mod token_keys;

pub use claims::{LEEWAY_SECONDS, TokenParties};
pub use compact::MAX_TOKEN_BYTES;
pub use key_ring::{KeyRingError, SigningKeys};
pub use shared_secret::{SecretTooShort, SharedSecret};
pub use signer::JwtSigner;
pub use signing_key::{SeedRefused, SigningKey};
pub use token_keys::TokenKeys;
