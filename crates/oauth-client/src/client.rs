use std::fmt;
use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use reqwest::Url;
use session_core::ports::{AssertionError, Clock, Introspection, LoginProvider, TokenProvider};
use session_core::{
    AuthorizationRequest, IdTokenClaims, InvalidInput, LogoutClaims, ProviderFailure, ProviderName,
    ProviderToken, TokenAnswer, TokenKind, token_answer,
};
use tokio::time::{Instant, timeout_at};

use crate::ProviderSettings;
use crate::assertion::{Assertion, Kind};
use crate::authorization::authorization_url;
use crate::checked::{Checked, Endpoints, Issuer};
use crate::claims::{Broken, Claims};
use crate::description::{self, Description};
use crate::http::{Answer, Http};
use crate::id_token::id_token_claims;
use crate::kept::Kept;
use crate::keys::{self, KeySet};
use crate::logout_token::logout_claims;
use crate::token_calls::{MAX_BYTES, form_request, hint, introspection, refusal};

/// A provider over HTTP. Calls need a tokio runtime with time and I/O.
///
/// Its description and its keys are fetched when they are first needed, and kept: an hour, or for up
/// to a day while they are not to be had again. A key that is not among those kept is looked for at
/// most once in 30 seconds, whoever asks.
pub struct OAuthClient {
    settings: Checked,
    http: Http,
    description: Arc<Kept<Description>>,
    keys: Arc<Kept<KeySet>>,
}

impl OAuthClient {
    /// A client of the provider that `settings` describe. Calls nobody.
    ///
    /// # Errors
    /// [`InvalidInput`].
    pub fn new(settings: ProviderSettings, clock: Arc<dyn Clock>) -> Result<Self, InvalidInput> {
        let http = Http::new(&settings, Arc::clone(&clock))?;
        Ok(Self {
            settings: Checked::new(settings)?,
            http,
            description: Kept::new(Arc::clone(&clock)),
            keys: Kept::new(clock),
        })
    }

    /// What the provider is called here.
    #[must_use]
    pub fn name(&self) -> &ProviderName {
        &self.settings.name
    }

    /// Whether users can sign in there: it has an issuer, so that what it signs can be told from what
    /// others sign.
    #[must_use]
    pub fn signs_in(&self) -> bool {
        self.settings.issuer.is_some()
    }

    /// What the provider says of itself, where that is needed at all.
    async fn described(&self) -> Result<Arc<Description>, ProviderFailure> {
        let Some(issuer) = self.issuer_to_ask() else {
            return Ok(description::none());
        };
        let (http, issuer) = (self.http.clone(), issuer.clone());
        let timeout = self.settings.call_timeout;
        let fetch = move || description::fetch(http, issuer, timeout);
        self.description.get(|_| true, fetch).await
    }

    fn issuer_to_ask(&self) -> Option<&Issuer> {
        let issuer = self.settings.issuer.as_ref()?;
        (!self.settings.endpoints.are_enough()).then_some(issuer)
    }

    /// An endpoint: the configured one, or the one that the provider tells.
    async fn endpoint(
        &self,
        which: fn(&Endpoints) -> Option<&Url>,
    ) -> Result<Option<Url>, ProviderFailure> {
        if let Some(url) = which(&self.settings.endpoints) {
            return Ok(Some(url.clone()));
        }
        Ok(which(&self.described().await?.endpoints).cloned())
    }

    /// Posts a form as the client that we are, where there is such an endpoint. Finding out where it is
    /// takes at most half of the time.
    async fn post(
        &self,
        which: fn(&Endpoints) -> Option<&Url>,
        members: &[(&str, &str)],
    ) -> Result<Option<Answer>, ProviderFailure> {
        let whole = self.settings.call_timeout;
        let begin = Instant::now();
        let Some(url) = in_time(begin + whole / 2, self.endpoint(which)).await? else {
            return Ok(None);
        };
        let request = form_request(&self.http, &self.settings, url, members);
        let rest = whole.saturating_sub(begin.elapsed());
        let answer = self.http.send(request, MAX_BYTES, rest).await?;
        Ok(Some(answer))
    }

    async fn token_call(&self, members: &[(&str, &str)]) -> Result<TokenAnswer, ProviderFailure> {
        let answer = self.post(|all| all.token.as_ref(), members).await?;
        let answer = answer.ok_or_else(|| without("a token endpoint"))?;
        token_answer(answer.status, answer.retry_after, &answer.body)
    }

    /// What a token says, if the provider signed it.
    async fn claims(&self, token: &ProviderToken, kind: Kind) -> Result<Claims, AssertionError> {
        let assertion = Assertion::parse(token.expose()).map_err(refused)?;
        assertion.check_kind(kind).map_err(refused)?;
        let assertion = Arc::new(assertion);
        let deadline = Instant::now() + self.settings.call_timeout;
        let keys = in_time(deadline, self.keys_for(Arc::clone(&assertion))).await?;
        assertion.claims(&keys).map_err(refused)
    }

    async fn keys_for(&self, assertion: Arc<Assertion>) -> Result<Arc<KeySet>, ProviderFailure> {
        let url = self.endpoint(|all| all.jwks.as_ref()).await?;
        let url = url.ok_or_else(|| without("an address of keys"))?;
        let (http, timeout) = (self.http.clone(), self.settings.call_timeout);
        let has_it = move |keys: &KeySet| keys.find(&assertion).is_some();
        let fetch = move || keys::fetch(http, url, timeout);
        self.keys.get(has_it, fetch).await
    }

    fn known_issuer(&self) -> Result<&str, AssertionError> {
        let issuer = self.settings.issuer.as_ref();
        let issuer = issuer.ok_or(AssertionError::Refused("the provider has no issuer"))?;
        Ok(&issuer.text)
    }
}

#[async_trait]
impl TokenProvider for OAuthClient {
    async fn refresh(&self, refresh_token: &ProviderToken) -> Result<TokenAnswer, ProviderFailure> {
        let members = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token.expose()),
        ];
        self.token_call(&members).await
    }

    async fn introspect(
        &self,
        token: &ProviderToken,
        kind: TokenKind,
    ) -> Result<Option<Introspection>, ProviderFailure> {
        let Some(hint) = hint(kind) else {
            return Ok(None);
        };
        let members = [("token", token.expose()), ("token_type_hint", hint)];
        let answer = self.post(|all| all.introspection.as_ref(), &members).await;
        // Asking has no effect, so none can be in doubt.
        let answer = answer.map_err(|failure| match failure {
            ProviderFailure::Ambiguous(problem) => ProviderFailure::Unavailable(problem),
            other => other,
        });
        match answer? {
            None => Ok(None),
            Some(answer) if answer.status == 200 => introspection(&answer.body).map(Some),
            Some(answer) => refusal(&answer).map_or(Ok(None), Err),
        }
    }

    async fn revoke(
        &self,
        token: &ProviderToken,
        kind: TokenKind,
    ) -> Result<bool, ProviderFailure> {
        let Some(hint) = hint(kind) else {
            return Ok(false);
        };
        let members = [("token", token.expose()), ("token_type_hint", hint)];
        match self.post(|all| all.revocation.as_ref(), &members).await? {
            None => Ok(false),
            Some(answer) if (200..300).contains(&answer.status) => Ok(true),
            Some(answer) => refusal(&answer).map_or(Ok(false), Err),
        }
    }
}

#[async_trait]
impl LoginProvider for OAuthClient {
    /// Empty where the settings have none.
    fn issuer(&self) -> &str {
        let issuer = self.settings.issuer.as_ref();
        issuer.map_or("", |issuer| &issuer.text)
    }

    async fn authorization_url(
        &self,
        request: &AuthorizationRequest,
    ) -> Result<String, ProviderFailure> {
        let deadline = Instant::now() + self.settings.call_timeout;
        let endpoint = self.endpoint(|all| all.authorization.as_ref());
        let endpoint = in_time(deadline, endpoint).await?;
        let endpoint = endpoint.ok_or_else(|| without("an authorization endpoint"))?;
        Ok(authorization_url(&self.settings, &endpoint, request))
    }

    async fn names_itself(&self) -> Result<bool, ProviderFailure> {
        if self.settings.names_itself {
            return Ok(true);
        }
        let deadline = Instant::now() + self.settings.call_timeout;
        Ok(in_time(deadline, self.described()).await?.names_itself)
    }

    async fn exchange_code(
        &self,
        code: &ProviderToken,
        verifier: &str,
        redirect_uri: &str,
    ) -> Result<TokenAnswer, ProviderFailure> {
        let members = [
            ("grant_type", "authorization_code"),
            ("code", code.expose()),
            ("redirect_uri", redirect_uri),
            ("code_verifier", verifier),
        ];
        let mut answer = self.token_call(&members).await?;
        // Left out, it is what was asked for (RFC 6749 §5.1).
        let asked = || self.settings.scope.split_ascii_whitespace();
        answer.scopes = answer
            .scopes
            .or_else(|| Some(asked().map(Box::from).collect()));
        Ok(answer)
    }

    async fn verify_id_token(
        &self,
        token: &ProviderToken,
        nonce: &str,
        now: DateTime<Utc>,
    ) -> Result<IdTokenClaims, AssertionError> {
        let issuer = self.known_issuer()?;
        let claims = self.claims(token, Kind::IdToken).await?;
        id_token_claims(&claims, issuer, &self.settings.client_id, nonce, now).map_err(refused)
    }

    async fn verify_logout_token(
        &self,
        token: &ProviderToken,
        now: DateTime<Utc>,
    ) -> Result<LogoutClaims, AssertionError> {
        let issuer = self.known_issuer()?;
        let claims = self.claims(token, Kind::LogoutToken).await?;
        logout_claims(&claims, issuer, &self.settings.client_id, now).map_err(refused)
    }
}

impl fmt::Debug for OAuthClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuthClient")
            .field("name", &self.settings.name)
            .field("issuer", &LoginProvider::issuer(self))
            .finish_non_exhaustive()
    }
}

/// Something that has no effect at the provider, by a deadline.
async fn in_time<T>(
    deadline: Instant,
    work: impl Future<Output = Result<T, ProviderFailure>>,
) -> Result<T, ProviderFailure> {
    let ended = timeout_at(deadline, work).await;
    ended.unwrap_or_else(|_| {
        let problem = "what it says of itself did not come in time";
        Err(ProviderFailure::Unavailable(problem.to_owned()))
    })
}

fn refused(broken: Broken) -> AssertionError {
    AssertionError::Refused(broken)
}

fn without(what: &str) -> ProviderFailure {
    ProviderFailure::RequestRefused(format!("the provider does not tell of {what}"))
}
