use std::fmt;
use std::sync::Arc;

use crate::{InvalidInput, ProviderName, SessionId, UserId};

/// Names a key of the ring that tokens are encrypted with.
///
/// One to [`CipherKeyId::MAX_BYTES`] of `A`–`Z`, `a`–`z`, `0`–`9`, `-` and `_`. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CipherKeyId(Arc<str>);

impl CipherKeyId {
    /// Longest name in bytes.
    pub const MAX_BYTES: usize = 64;

    /// Takes a name, or says what is wrong with it.
    ///
    /// # Errors
    /// [`InvalidInput`] for `key_id`.
    pub fn new(text: &str) -> Result<Self, InvalidInput> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        if text.is_empty() || text.len() > Self::MAX_BYTES || !text.bytes().all(plain) {
            return Err(InvalidInput::new("key_id", "must be a short plain name"));
        }
        Ok(Self(text.into()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CipherKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for CipherKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

/// Something encrypted and authenticated (AEAD, RFC 5116), with all that the cipher needs to open it
/// but the key.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The key that it was sealed with.
    pub key: CipherKeyId,
    /// Nonce and ciphertext, in the cipher's own form.
    pub bytes: Box<[u8]>,
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes, {})", self.bytes.len(), self.key)
    }
}

/// The tokens of a grant as a store keeps them. All of a grant are sealed with one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedTokens {
    /// The key.
    pub key: CipherKeyId,
    /// The access token.
    pub access: Box<[u8]>,
    /// The refresh token, if the provider gave one.
    pub refresh: Option<Box<[u8]>>,
    /// The ID token, if the provider gave one.
    pub id: Option<Box<[u8]>>,
}

impl SealedTokens {
    /// One of them, as the cipher takes it.
    #[must_use]
    pub fn get(&self, field: TokenField) -> Option<Sealed> {
        let bytes = match field {
            TokenField::Access => Some(&self.access),
            TokenField::Refresh => self.refresh.as_ref(),
            TokenField::Id => self.id.as_ref(),
        };
        bytes.map(|bytes| Sealed {
            key: self.key.clone(),
            bytes: bytes.clone(),
        })
    }
}

/// Which of a grant's tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenField {
    /// The access token.
    Access,
    /// The refresh token.
    Refresh,
    /// The ID token.
    Id,
}

/// Where a sealed token belongs: what it is bound to, so that it opens nowhere else.
#[derive(Debug, Clone, Copy)]
pub struct TokenPlace<'a> {
    /// The session.
    pub session_id: SessionId,
    /// Whose it is.
    pub user_id: &'a UserId,
    /// Who issued it.
    pub provider: &'a ProviderName,
    /// Which of the tokens it is.
    pub field: TokenField,
}

impl TokenPlace<'_> {
    /// The associated data of the cipher: one text for each place, and no two places with the same.
    #[must_use]
    pub fn context(&self) -> Vec<u8> {
        let field = match self.field {
            TokenField::Access => "access",
            TokenField::Refresh => "refresh",
            TokenField::Id => "id",
        };
        let mut context = b"sessiond upstream token 1\n".to_vec();
        context.extend(self.session_id.as_bytes());
        context.extend(field.as_bytes());
        context.push(b'\n');
        context.extend(self.provider.as_str().as_bytes());
        // No name of a provider or a field holds one, so the user's id, which may hold anything, is
        // what is left.
        context.push(b'\n');
        context.extend(self.user_id.as_str().as_bytes());
        context
    }
}
