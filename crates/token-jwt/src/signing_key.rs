use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use session_core::ports::JsonWebKey;
use zeroize::Zeroizing;

/// The one algorithm of such a key (RFC 8037 §3.1).
///
/// RFC 9864 gives it the name `Ed25519` as well, which few readers of our tokens know yet.
pub(crate) const ALGORITHM: &str = "EdDSA";

/// An Ed25519 key (RFC 8032), wiped on drop.
///
/// Its name (`kid`) follows from the public key (RFC 7638), so that one key has one name everywhere
/// and two keys never share one.
pub struct SigningKey {
    kid: String,
    /// Boxed, so that moving the key leaves no copy behind that is not wiped.
    seed: Box<Zeroizing<[u8; 32]>>,
    pair: Ed25519KeyPair,
    created_at: DateTime<Utc>,
}

impl SigningKey {
    /// Makes a key of 32 bytes of entropy.
    ///
    /// # Errors
    /// [`SeedRefused`] when the library has no memory for it: any 32 bytes make a key.
    pub fn from_seed(seed: &[u8; 32], created_at: DateTime<Utc>) -> Result<Self, SeedRefused> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| SeedRefused)?;
        let mut kept = Box::new(Zeroizing::new([0; 32]));
        kept.copy_from_slice(seed);
        Ok(Self {
            kid: thumbprint(&public_part(&pair)),
            seed: kept,
            pair,
            created_at,
        })
    }

    /// The key's name, as in the headers of tokens.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// When it was made, and so took over from the one before.
    #[must_use]
    pub fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }

    /// What the world may know of it.
    #[must_use]
    pub fn public(&self) -> JsonWebKey {
        JsonWebKey {
            kty: "OKP",
            crv: "Ed25519",
            kid: self.kid.clone(),
            x: public_part(&self.pair),
            alg: ALGORITHM,
            usage: "sig",
        }
    }

    pub(crate) fn seed(&self) -> &[u8; 32] {
        &self.seed
    }

    /// `None` when the library has no memory for it.
    pub(crate) fn sign(&self, message: &[u8]) -> Option<impl AsRef<[u8]> + use<>> {
        self.pair.try_sign(message).ok()
    }

    pub(crate) fn signed(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.pair.public_key().as_ref())
            .verify(message, signature)
            .is_ok()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("kid", &self.kid)
            .field("created_at", &self.created_at)
            .finish_non_exhaustive()
    }
}

/// No key could be made of a seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no signing key could be made of the seed")]
pub struct SeedRefused;

/// The member `x` of the key (RFC 8037 §2).
fn public_part(pair: &Ed25519KeyPair) -> String {
    URL_SAFE_NO_PAD.encode(pair.public_key())
}

/// SHA-256 of the required members in the order of their names, without white space (RFC 7638 §3).
fn thumbprint(x: &str) -> String {
    let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
    URL_SAFE_NO_PAD.encode(digest(&SHA256, canonical.as_bytes()))
}
