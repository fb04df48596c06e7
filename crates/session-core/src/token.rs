use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::SessionId;

/// What a client holds and sends: `<session id>.<session secret>`.
///
/// A *split token*: the session is looked up by the public half and proven by the secret half, so
/// no lookup ever depends on a secret, and what is stored ([`SecretHash`]) is no credential.
///
/// ```
/// use session_core::SessionToken;
///
/// let text = "019a9c2e-7c00-7000-8000-000000000000.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
/// let token: SessionToken = text.parse()?;
/// assert_eq!(token.expose(), text);
/// assert!(!format!("{token:?}").contains("AAAA"));
/// # Ok::<(), session_core::MalformedToken>(())
/// ```
pub struct SessionToken {
    /// The public half.
    pub id: SessionId,
    /// The secret half.
    pub secret: SessionSecret,
}

impl SessionToken {
    /// Length of the text form in bytes.
    pub const TEXT_LEN: usize = SessionId::TEXT_LEN + 1 + SessionSecret::TEXT_LEN;

    /// The text form, which is the credential itself: for the answer that hands it out, and nowhere
    /// else. The memory that it takes is not wiped.
    #[must_use]
    pub fn expose(&self) -> String {
        let mut text = String::with_capacity(Self::TEXT_LEN);
        text.push_str(&self.id.to_string());
        text.push('.');
        URL_SAFE_NO_PAD.encode_string(*self.secret.0, &mut text);
        text
    }
}

/// Reads the one canonical spelling; whatever is not exactly that is refused unread.
impl FromStr for SessionToken {
    type Err = MalformedToken;

    fn from_str(text: &str) -> Result<Self, MalformedToken> {
        if text.len() != Self::TEXT_LEN {
            return Err(MalformedToken);
        }
        let (id, secret) = text.split_once('.').ok_or(MalformedToken)?;
        Ok(Self {
            id: id.parse()?,
            secret: SessionSecret::decode(secret)?,
        })
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.[redacted]", self.id)
    }
}

/// The secret half of a session token: 32 bytes from the system's CSPRNG, wiped on drop.
pub struct SessionSecret(Zeroizing<[u8; 32]>);

impl SessionSecret {
    /// Length of the base64url form without padding (RFC 4648 §5).
    pub const TEXT_LEN: usize = 43;
    /// Length in bytes.
    pub const BYTES: usize = 32;

    /// Takes 32 bytes of entropy as a secret.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// What is stored of the secret.
    #[must_use]
    pub fn hash(&self) -> SecretHash {
        SecretHash(Sha256::digest(*self.0).into())
    }

    pub(crate) fn bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    fn decode(text: &str) -> Result<Self, MalformedToken> {
        // The decoder wants room for whole groups of four: 43 digits may need 33 bytes of buffer.
        let mut buffer = Zeroizing::new([0u8; 33]);
        match URL_SAFE_NO_PAD.decode_slice(text, &mut *buffer) {
            Ok(32) => {
                let mut secret = Self::from_bytes([0; 32]);
                secret.0.copy_from_slice(&buffer[..32]);
                Ok(secret)
            }
            _ => Err(MalformedToken),
        }
    }
}

impl fmt::Debug for SessionSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// SHA-256 of a session secret: what a store keeps.
///
/// A plain hash is enough, since the secret has 256 bits of entropy: there is nothing to guess, so
/// nothing that a salt or a slow hash would slow down.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    /// Reads a hash back from a store.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The hash as bytes, for a store.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether `secret` is the one this hash was made of, in constant time.
    #[must_use]
    pub fn proves(&self, secret: &SessionSecret) -> bool {
        self.0.ct_eq(&secret.hash().0).into()
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// A session id or token that is not of the form that this system issues.
///
/// It carries nothing of the text, which may be another system's secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a session id or token of this system")]
pub struct MalformedToken;
