use session_core::ports::JsonWebKey;

use crate::compact::{Compact, Header};
use crate::{SharedSecret, SigningKeys, shared_secret, signing_key};

/// What tokens are signed with: of one kind, and so of one algorithm (RFC 8725 §3.1).
#[derive(Debug)]
pub enum TokenKeys {
    /// Ed25519.
    Ring(SigningKeys),
    /// HMAC with SHA-256.
    Secret(SharedSecret),
}

impl TokenKeys {
    /// The signed token; `None` when the library has no memory for it.
    pub(crate) fn sign(&self, payload: &[u8]) -> Option<String> {
        match self {
            Self::Ring(keys) => {
                let key = keys.newest();
                let signed = Compact::signed_part(&ring_header(key.kid()), payload)?;
                let signature = key.sign(signed.as_bytes())?;
                Some(Compact::finish(signed, signature.as_ref()))
            }
            Self::Secret(secret) => {
                let signed = Compact::signed_part(&SECRET_HEADER, payload)?;
                let signature = secret.sign(signed.as_bytes());
                Some(Compact::finish(signed, signature.as_ref()))
            }
        }
    }

    /// Whether one of these keys signed the token.
    ///
    /// The header says which one, by a name that is only ever compared to theirs. The algorithm is
    /// the key's; a header that says anything else, or anything more, is none that we wrote.
    pub(crate) fn signed(&self, token: &Compact<'_>) -> bool {
        match self {
            Self::Ring(keys) => token
                .kid()
                .and_then(|kid| keys.find(kid))
                .is_some_and(|key| {
                    token.has_header(&ring_header(key.kid()))
                        && key.signed(token.signed.as_bytes(), &token.signature)
                }),
            Self::Secret(secret) => {
                token.has_header(&SECRET_HEADER)
                    && secret.signed(token.signed.as_bytes(), &token.signature)
            }
        }
    }

    pub(crate) fn public(&self) -> Vec<JsonWebKey> {
        match self {
            Self::Ring(keys) => keys.iter().map(crate::SigningKey::public).collect(),
            Self::Secret(_) => Vec::new(),
        }
    }
}

impl From<SigningKeys> for TokenKeys {
    fn from(keys: SigningKeys) -> Self {
        Self::Ring(keys)
    }
}

impl From<SharedSecret> for TokenKeys {
    fn from(secret: SharedSecret) -> Self {
        Self::Secret(secret)
    }
}

fn ring_header(kid: &str) -> Header<'_> {
    Header {
        alg: signing_key::ALGORITHM,
        kid: Some(kid),
    }
}

/// A secret has no name: there is one, and what is derived from it is better not shown.
const SECRET_HEADER: Header<'static> = Header {
    alg: shared_secret::ALGORITHM,
    kid: None,
};
