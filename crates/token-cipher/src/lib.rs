//! Encryption of what must not be readable where it is kept: the adapter behind
//! `session_core::ports::TokenCipher`.
//!
//! What is sealed is encrypted and authenticated with XChaCha20-Poly1305 (AEAD, RFC 8439 with the
//! longer nonce of draft-irtf-cfrg-xchacha-03), by the newest of a ring of keys ([`CipherKeys`]); each
//! key of the ring opens what it sealed. Nonces are 24 random bytes, which are so many that no count
//! has to be kept of them. This crate reads no clock and draws no random number of its own: bytes come
//! through the `Entropy` port.
//!
//! ```
//! use std::sync::Arc;
//!
//! use session_core::ports::{Entropy, EntropyError, OpenError, TokenCipher as _};
//! use token_cipher::{CipherKey, CipherKeys, XChaChaCipher};
//!
//! # struct SystemEntropy;
//! # impl Entropy for SystemEntropy {
//! #     fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
//! #         bytes.fill(7);
//! #         Ok(())
//! #     }
//! # }
//! let secret = [7; 32]; // 32 bytes from the `Entropy` port
//! let key = CipherKey::new(&secret, "2026-01-01T12:00:00Z".parse()?);
//! let cipher = XChaChaCipher::new(CipherKeys::new(key), Arc::new(SystemEntropy));
//!
//! let sealed = cipher.seal(b"a token", b"of this session")?;
//! assert_eq!(**cipher.open(&sealed, b"of this session")?, *b"a token");
//! assert_eq!(cipher.open(&sealed, b"of another"), Err(OpenError::Altered));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![deny(missing_docs)]

mod cipher;
mod key;
mod key_ring;
mod ring_text;

pub use cipher::XChaChaCipher;
pub use key::CipherKey;
pub use key_ring::{CipherKeys, CipherKeysError};
