use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, Utc};
use session_core::AccessClaims;
use session_core::ports::{AccessTokenSigner, JsonWebKey, SignError, TokenRefusal};

use crate::compact::Compact;
use crate::{MAX_TOKEN_BYTES, TokenKeys, TokenParties, claims};

/// Signs and reads access tokens, with keys that can be replaced while it is in use.
#[derive(Debug)]
pub struct JwtSigner {
    parties: TokenParties,
    /// A std lock: it is held for as long as it takes to copy or to change one pointer, which cannot
    /// be left half done; so a poisoned one guards keys as good as any.
    keys: RwLock<Arc<TokenKeys>>,
}

impl JwtSigner {
    /// Tokens of and for `parties`, signed with `keys`.
    #[must_use]
    pub fn new(parties: TokenParties, keys: impl Into<TokenKeys>) -> Self {
        Self {
            parties,
            keys: RwLock::new(Arc::new(keys.into())),
        }
    }

    /// Signs and checks with `keys` from now on. A token that none of them signed is no good any
    /// more.
    pub fn replace_keys(&self, keys: impl Into<TokenKeys>) {
        let keys = Arc::new(keys.into());
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
    }

    fn keys(&self) -> Arc<TokenKeys> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl AccessTokenSigner for JwtSigner {
    fn sign(&self, claims: &AccessClaims) -> Result<String, SignError> {
        let payload =
            claims::write(claims, &self.parties).map_err(|error| SignError(error.to_string()))?;
        let token = self
            .keys()
            .sign(&payload)
            .ok_or_else(|| SignError("the key could not be used".to_owned()))?;
        if token.len() > MAX_TOKEN_BYTES {
            let problem = format!("it would be longer than {MAX_TOKEN_BYTES} bytes");
            return Err(SignError(problem));
        }
        Ok(token)
    }

    fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<AccessClaims, TokenRefusal> {
        let token = Compact::read(token).ok_or(TokenRefusal::Invalid)?;
        if !self.keys().signed(&token) {
            return Err(TokenRefusal::Invalid);
        }
        claims::read(&token.payload, &self.parties, now)
    }

    fn public_keys(&self) -> Vec<JsonWebKey> {
        self.keys().public()
    }
}
