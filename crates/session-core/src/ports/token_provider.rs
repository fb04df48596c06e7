use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::{
    AuthorizationRequest, IdTokenClaims, LogoutClaims, ProviderFailure, ProviderToken, TokenAnswer,
    TokenKind,
};

/// An outside provider, as far as renewing and taking back its tokens goes.
///
/// Each call is one request to the provider, bounded in time and size, and is never repeated by the
/// adapter. It goes to the configured host and nowhere else.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait TokenProvider: Send + Sync {
    /// New tokens for a refresh token (RFC 6749 §6).
    ///
    /// # Errors
    /// [`ProviderFailure`].
    async fn refresh(&self, refresh_token: &ProviderToken) -> Result<TokenAnswer, ProviderFailure>;

    /// Whether the provider takes a token for good (RFC 7662); `None` where it cannot be asked.
    ///
    /// # Errors
    /// [`ProviderFailure`].
    async fn introspect(
        &self,
        token: &ProviderToken,
        kind: TokenKind,
    ) -> Result<Option<Introspection>, ProviderFailure>;

    /// Takes a token back (RFC 7009); `false` where the provider cannot be told.
    ///
    /// # Errors
    /// [`ProviderFailure`].
    async fn revoke(&self, token: &ProviderToken, kind: TokenKind)
    -> Result<bool, ProviderFailure>;
}

/// What a provider says of a token (RFC 7662 §2.2). Inactive, it says nothing else.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Introspection {
    /// Whether it is good.
    pub is_active: bool,
    /// What was granted.
    pub scopes: Vec<Box<str>>,
    /// To whom it was issued.
    pub client_id: Option<Box<str>>,
    /// The provider's name for the user.
    pub subject: Option<Box<str>>,
    /// When it expires.
    pub expires_at: Option<DateTime<Utc>>,
}

/// An outside provider that users sign in with: OpenID Connect, authorization code flow with PKCE.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait LoginProvider: Send + Sync {
    /// The provider's issuer identifier.
    fn issuer(&self) -> &str;

    /// Where to send the user.
    ///
    /// # Errors
    /// [`ProviderFailure`] when the provider's own description of itself is not to be had.
    async fn authorization_url(
        &self,
        request: &AuthorizationRequest,
    ) -> Result<String, ProviderFailure>;

    /// Whether the provider names itself in its answers (`iss`, RFC 9207): then one that does not is
    /// refused.
    ///
    /// # Errors
    /// [`ProviderFailure`] when the provider's own description of itself is not to be had.
    async fn names_itself(&self) -> Result<bool, ProviderFailure>;

    /// The tokens for a code (RFC 6749 §4.1.3, RFC 7636 §4.5).
    ///
    /// # Errors
    /// [`ProviderFailure`].
    async fn exchange_code(
        &self,
        code: &ProviderToken,
        verifier: &str,
        redirect_uri: &str,
    ) -> Result<TokenAnswer, ProviderFailure>;

    /// What an ID token says, if the provider signed it for us and for this `nonce`, and it is good at
    /// `now` (OpenID Connect Core §3.1.3.7).
    ///
    /// # Errors
    /// [`AssertionError`].
    async fn verify_id_token(
        &self,
        token: &ProviderToken,
        nonce: &str,
        now: DateTime<Utc>,
    ) -> Result<IdTokenClaims, AssertionError>;

    /// What a logout token says, if the provider signed it for us and it is good at `now` (OpenID
    /// Connect Back-Channel Logout 1.0 §2.6).
    ///
    /// # Errors
    /// [`AssertionError`].
    async fn verify_logout_token(
        &self,
        token: &ProviderToken,
        now: DateTime<Utc>,
    ) -> Result<LogoutClaims, AssertionError>;
}

/// Why a signed statement of a provider is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AssertionError {
    /// It is not what it should be; which rule it breaks, for the operator.
    #[error("the provider's token is refused: {0}")]
    Refused(&'static str),
    /// The keys to check it with are not to be had.
    #[error(transparent)]
    Provider(#[from] ProviderFailure),
}
