use zeroize::Zeroizing;

use super::EntropyError;
use crate::{CipherKeyId, Sealed};

/// Encrypts what must not be readable where it is kept (AEAD, RFC 5116), with a ring of keys: the
/// first seals, all open.
///
/// What was sealed in one context opens in no other, and altered it does not open at all.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait TokenCipher: Send + Sync {
    /// Seals `plain` for `context`, which is authenticated and not kept.
    ///
    /// # Errors
    /// [`EntropyError`].
    fn seal(&self, plain: &[u8], context: &[u8]) -> Result<Sealed, EntropyError>;

    /// What was sealed for `context`.
    ///
    /// # Errors
    /// [`OpenError`].
    fn open(&self, sealed: &Sealed, context: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError>;

    /// The key that seals.
    fn sealing_key(&self) -> CipherKeyId;

    /// Whether the ring has this key.
    fn has_key(&self, key: &CipherKeyId) -> bool;
}

/// Why something sealed does not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The ring does not have its key.
    #[error("the key {0} is not among the encryption keys")]
    UnknownKey(CipherKeyId),
    /// It was altered, or belongs elsewhere.
    #[error("what is stored was altered, or belongs elsewhere")]
    Altered,
}
