use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::AccessClaims;

/// Signs access tokens, and reads those that it signed.
///
/// One key has one algorithm. A token's header says which key it was signed with (`kid`), and decides
/// nothing else (RFC 8725 §3.1).
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait AccessTokenSigner: Send + Sync {
    /// A signed token (RFC 9068) with these claims.
    ///
    /// # Errors
    /// [`SignError`].
    fn sign(&self, claims: &AccessClaims) -> Result<String, SignError>;

    /// What a token says, if one of our keys signed it, it is meant for us, and it is good at `now`.
    ///
    /// # Errors
    /// [`TokenRefusal`].
    fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<AccessClaims, TokenRefusal>;

    /// The public halves of all keys whose tokens may still be good; none where the key is a shared
    /// secret.
    fn public_keys(&self) -> Vec<JsonWebKey>;
}

/// A public key for whoever checks our tokens (RFC 7517, RFC 8037 §2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JsonWebKey {
    /// The family: `OKP`.
    pub kty: &'static str,
    /// The curve: `Ed25519`.
    pub crv: &'static str,
    /// The key's name, as in the headers of tokens.
    pub kid: String,
    /// The public key in base64url.
    pub x: String,
    /// The one algorithm that it is for.
    pub alg: &'static str,
    /// For signatures: `sig`.
    #[serde(rename = "use")]
    pub usage: &'static str,
}

/// Why an access token is no good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefusal {
    /// It was good, and its time is over.
    #[error("the access token has expired")]
    Expired,
    /// Not one of ours, or not in order.
    #[error("not an access token of this system")]
    Invalid,
}

/// A token could not be signed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("an access token could not be signed: {0}")]
pub struct SignError(pub String);
