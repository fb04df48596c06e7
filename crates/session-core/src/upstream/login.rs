use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use uuid::Builder;

use crate::UserId;

/// Who a user is at a provider: the pair that names an account (OpenID Connect Core §5.7). Never the
/// e-mail address, which changes hands.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ProviderSubject {
    /// The provider's issuer identifier (`iss`).
    pub issuer: Box<str>,
    /// Its name for the user (`sub`).
    pub subject: Box<str>,
}

impl ProviderSubject {
    /// The user's id here: the same for the same pair, always and everywhere, and no other pair's.
    ///
    /// A UUID (RFC 9562 §5.8) made of a hash: it fits into paths, and tells nothing.
    #[must_use]
    pub fn user_id(&self) -> UserId {
        let hash = Sha256::new()
            .chain_update(b"sessiond provider subject 1\n")
            .chain_update((self.issuer.len() as u64).to_be_bytes())
            .chain_update(self.issuer.as_bytes())
            .chain_update(self.subject.as_bytes())
            .finalize();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash[..16]);
        UserId::of_uuid(Builder::from_custom_bytes(bytes).into_uuid())
    }
}

/// What an ID token says (OpenID Connect Core §2), after it was found to be good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdTokenClaims {
    /// Who it is about.
    pub subject: ProviderSubject,
    /// The provider's name for the user's presence there (`sid`).
    pub session: Option<Box<str>>,
    /// The user's address, where the provider says that it is verified.
    pub email: Option<Box<str>>,
    /// The user's name.
    pub name: Option<Box<str>>,
}

/// What a logout token says (OpenID Connect Back-Channel Logout 1.0 §2.4), after it was found to be
/// good. It names a subject, a session, or both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogoutClaims {
    /// Whose presence ended.
    pub subject: Option<ProviderSubject>,
    /// Which one ended, if not all.
    pub session: Option<Box<str>>,
    /// Names the token itself, which is good once.
    pub id: Box<str>,
}

/// The public half of a code verifier (RFC 7636 §4.2, `S256`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeChallenge(Box<str>);

impl CodeChallenge {
    /// The challenge of a verifier.
    #[must_use]
    pub fn of(verifier: &str) -> Self {
        Self(URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)).into())
    }

    /// 43 characters of base64url.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a user is sent to a provider with (RFC 6749 §4.1.1, OpenID Connect Core §3.1.2.1).
#[derive(Clone, PartialEq, Eq)]
pub struct AuthorizationRequest {
    /// Where the provider sends the user back to.
    pub redirect_uri: Box<str>,
    /// Ties the answer to the request, and to the browser.
    pub state: Box<str>,
    /// Ties the ID token to the request.
    pub nonce: Box<str>,
    /// Ties the code to the request.
    pub challenge: CodeChallenge,
}

impl fmt::Debug for AuthorizationRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizationRequest")
            .field("redirect_uri", &self.redirect_uri)
            .finish_non_exhaustive()
    }
}
