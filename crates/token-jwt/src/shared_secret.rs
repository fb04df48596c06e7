use std::fmt;

use aws_lc_rs::hmac;

/// The one algorithm of such a key (RFC 7518 §3.2).
pub(crate) const ALGORITHM: &str = "HS256";

/// A secret shared by all who sign and check tokens; wiped on drop.
///
/// Whoever can check a token can also make one: [`SigningKeys`](crate::SigningKeys) are better
/// wherever a checker can be given a public key.
pub struct SharedSecret(
    // Boxed, so that moving the secret leaves no copy behind that is not wiped.
    Box<hmac::Key>,
);

impl SharedSecret {
    /// Fewest bytes: as many as the hash has (RFC 7518 §3.2).
    pub const MIN_BYTES: usize = 32;

    /// Takes the bytes as they are. They should be random: a password of that length is no key.
    ///
    /// # Errors
    /// [`SecretTooShort`].
    pub fn new(bytes: &[u8]) -> Result<Self, SecretTooShort> {
        if bytes.len() < Self::MIN_BYTES {
            return Err(SecretTooShort);
        }
        Ok(Self(Box::new(hmac::Key::new(hmac::HMAC_SHA256, bytes))))
    }

    pub(crate) fn sign(&self, message: &[u8]) -> impl AsRef<[u8]> + use<> {
        hmac::sign(&self.0, message)
    }

    /// In constant time.
    pub(crate) fn signed(&self, message: &[u8], signature: &[u8]) -> bool {
        hmac::verify(&self.0, message, signature).is_ok()
    }
}

impl fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// A secret that could be guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the secret that signs access tokens must be at least {} bytes",
    SharedSecret::MIN_BYTES
)]
pub struct SecretTooShort;
