use std::fmt;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::InvalidInput;
use crate::digest::digest;

/// A token that an outside provider issued: an access, refresh or ID token, or an authorization code.
///
/// Printable ASCII, as RFC 6749 (appendix A) has them all. Never shown, wiped on drop.
#[derive(Clone, PartialEq, Eq)]
pub struct ProviderToken(Zeroizing<Box<str>>);

digest! {
    /// SHA-256 of a provider's token: what the record of a refresh says of it.
    ProviderTokenHash
}

impl ProviderToken {
    /// Longest token in bytes. Those of real providers have a few thousand.
    pub const MAX_BYTES: usize = 16 * 1024;

    /// Takes a token as it came; `field` is the member that it came in.
    ///
    /// # Errors
    /// [`InvalidInput`] for `field` when it is empty, too long, or not printable ASCII.
    pub fn new(field: &'static str, text: &str) -> Result<Self, InvalidInput> {
        if text.is_empty() || text.len() > Self::MAX_BYTES {
            let problem = format_args!("must be 1 to {} bytes", Self::MAX_BYTES);
            return Err(InvalidInput::new(field, problem));
        }
        if !text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return Err(InvalidInput::new(field, "must be printable ASCII"));
        }
        Ok(Self(Zeroizing::new(text.into())))
    }

    /// The token itself: for the provider, for the cipher, and for the one answer that hands it out.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What a record says of it.
    #[must_use]
    pub fn hash(&self) -> ProviderTokenHash {
        ProviderTokenHash(Sha256::digest(self.0.as_bytes()).into())
    }
}

impl fmt::Debug for ProviderToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}
