//! What a code is worth: tokens, and the provider's word on whose they are.

use serde_json::{Map, Value, json};
use session_core::ports::{AssertionError, LoginProvider};
use session_core::{IdTokenClaims, Metadata, ProviderFailure, ProviderToken, TokenAnswer, UserId};
use tokio::time::{Instant, timeout_at};

use super::ProviderLogins;
use super::binding::Binding;
use super::error::ProviderLoginError;
use super::stopped::Stopped;
use crate::{NewTokens, OpenTokens, Provider};

/// Longest name of a user that is kept, in bytes.
const MAX_NAME_BYTES: usize = 256;

/// Somebody whom a provider vouches for.
pub(super) struct VouchedUser {
    pub(super) id: UserId,
    pub(super) metadata: Metadata,
    /// The provider's name for their presence there.
    presence: Option<Box<str>>,
}

impl ProviderLogins {
    /// The tokens for a code, and who the provider says that they are of; no later than `in_time`.
    ///
    /// Tokens that came and are not believed in time are given back like others that are not believed.
    pub(super) async fn redeem(
        &self,
        code: &ProviderToken,
        binding: &Binding,
        provider: &Provider,
        login: &dyn LoginProvider,
        in_time: Instant,
    ) -> Result<(VouchedUser, NewTokens), Stopped> {
        let asked_at = self.clock.now();
        let answer = timeout_at(in_time, self.exchange(code, binding, provider, login));
        let answer = answer.await.map_err(|_| Stopped::too_slow())??;
        let expires_in = answer.expires_in;
        let TokenAnswer {
            access_token: access,
            refresh_token: refresh,
            id_token: id,
            ..
        } = answer;
        let tokens = OpenTokens {
            access,
            refresh,
            id,
        };
        let believed = timeout_at(in_time, self.believe(&tokens, binding, login)).await;
        let user = match believed.unwrap_or_else(|_| Err(Stopped::too_slow())) {
            Ok(user) => user,
            Err(stopped) => {
                self.take_back(&tokens, provider).await;
                return Err(stopped);
            }
        };
        let tokens = NewTokens {
            provider: provider.name.clone(),
            tokens,
            token_type: answer.token_type,
            access_expires_at: expires_in.and_then(|span| asked_at.checked_add_signed(span)),
            scopes: answer.scopes.unwrap_or_default(),
            provider_session: user.presence.clone(),
        };
        Ok((user, tokens))
    }

    async fn exchange(
        &self,
        code: &ProviderToken,
        binding: &Binding,
        provider: &Provider,
        login: &dyn LoginProvider,
    ) -> Result<TokenAnswer, Stopped> {
        if let Err((cause, rest)) = provider.circuit.admit() {
            let retry_after = rest.as_secs().max(1);
            let error = ProviderLoginError::ProviderAway { retry_after, cause };
            return Err(Stopped::for_now("client_refused", error));
        }
        let (verifier, redirect_uri) = (&binding.verifier, &binding.redirect_uri);
        let answer = login.exchange_code(code, verifier, redirect_uri).await;
        let answer = answer.map_err(blamed_on_the_code);
        if provider.circuit.note(&answer) {
            let name = &provider.name;
            tracing::error!(%name, "the provider refuses this client: see to its credentials");
        }
        answer.map_err(|failure| match failure {
            ProviderFailure::ReauthRequired => Stopped::failed("code_refused"),
            ProviderFailure::RequestRefused(said) => {
                Stopped::failed("exchange_refused").saying(&said)
            }
            failure => Stopped::away(failure),
        })
    }

    async fn believe(
        &self,
        tokens: &OpenTokens,
        binding: &Binding,
        login: &dyn LoginProvider,
    ) -> Result<VouchedUser, Stopped> {
        let token = tokens.id.as_ref();
        let token = token.ok_or_else(|| Stopped::failed("id_token_missing"))?;
        let now = self.clock.now();
        let claims = login.verify_id_token(token, &binding.nonce, now).await;
        let claims = claims.map_err(|error| match error {
            AssertionError::Refused(rule) => Stopped::failed("id_token_refused").saying(rule),
            AssertionError::Provider(failure) => Stopped::away(failure),
        })?;
        Ok(VouchedUser {
            id: claims.subject.user_id(),
            metadata: metadata_of(&claims)?,
            presence: claims.session,
        })
    }
}

/// Some providers refuse a made-up code with a bare 401. Anybody can send one: only a provider that says
/// by name that it does not know us is left alone for it.
fn blamed_on_the_code(failure: ProviderFailure) -> ProviderFailure {
    match failure {
        ProviderFailure::ClientRefused(said) if !said.contains("invalid_client") => {
            ProviderFailure::RequestRefused(said)
        }
        failure => failure,
    }
}

/// What a session says of a user of a provider. Never a role or permissions: those are not the
/// provider's to give.
fn metadata_of(claims: &IdTokenClaims) -> Result<Metadata, Stopped> {
    let (issuer, subject) = (&claims.subject.issuer, &claims.subject.subject);
    let name = claims.name.as_deref().filter(|name| !name.is_empty());
    let name = name.map(|name| &name[..name.floor_char_boundary(MAX_NAME_BYTES)]);
    let members = [
        ("iss", Some(&**issuer)),
        ("sub", Some(&**subject)),
        ("email", claims.email.as_deref()),
        ("name", name),
    ];
    let members: Map<String, Value> = members
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), json!(value?))))
        .collect();
    Metadata::new(&members).map_err(|_| Stopped::failed("claims_too_large"))
}
