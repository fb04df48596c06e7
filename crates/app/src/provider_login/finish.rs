use std::fmt;
use std::time::Duration;

use serde_json::json;
use session_core::ports::LoginProvider;
use session_core::{
    AuditAction, AuditEvent, ClientDetails, EndReason, ProviderName, ProviderToken, SessionToken,
};
use tokio::time::{Instant, timeout_at};

use super::binding::Binding;
use super::error::ProviderLoginError;
use super::stopped::Stopped;
use super::{ProviderLogins, ReturnTo};
use crate::login_service::SignedIn;
use crate::terms::{NewSession, SessionRef};
use crate::{NewTokens, OpenTokens, Origin, Provider};

/// What a user's browser brings back from a provider (RFC 6749 §4.1.2, RFC 9207).
#[derive(Default)]
pub struct ProviderAnswer {
    /// What the browser kept; see [`LoginStart::binding`](crate::LoginStart::binding).
    pub binding: Option<String>,
    /// Which login it answers.
    pub state: Option<String>,
    /// What the tokens are to be had for.
    pub code: Option<String>,
    /// Why there is no code.
    pub error: Option<String>,
    /// Who answers.
    pub iss: Option<String>,
}

/// Somebody whom a provider vouched for.
#[derive(Debug)]
pub struct ProviderSignedIn {
    /// The session that was begun, and its first access token.
    pub signed_in: SignedIn,
    /// Who vouched.
    pub provider: ProviderName,
    /// Where the user wanted to go.
    pub return_to: Option<ReturnTo>,
}

/// How long the provider may take as a whole: whoever signs in has gone away some time later, and must
/// not lose the session that they have to one that nobody gets.
const PATIENCE: Duration = Duration::from_secs(25);

impl ProviderLogins {
    /// Finishes a login: checks that the answer is the provider's, to this login, in this browser, and
    /// for the first time (RFC 9700 §2.1, §4.4); gets the tokens; begins a session that holds them.
    ///
    /// `held` is what the client has been using, which the new session takes the place of.
    ///
    /// # Errors
    /// [`ProviderLoginError`]. After [`ProviderAway`](ProviderLoginError::ProviderAway) and errors of
    /// the store the login is to be begun anew.
    pub async fn finish(
        &self,
        answer: ProviderAnswer,
        client: ClientDetails,
        held: Vec<SessionToken>,
        origin: &Origin<'_>,
    ) -> Result<ProviderSignedIn, ProviderLoginError> {
        self.logins.admit_address(origin).await?;
        let binding = match self.binding_of(&answer) {
            Ok(binding) => binding,
            Err(stopped) => return Err(self.stop(stopped, None, origin).await),
        };
        let finished = self.go_on(&binding, answer, client, held, origin).await;
        match finished {
            Ok(signed_in) => {
                self.record_success(&signed_in, &binding.provider, origin)
                    .await;
                Ok(ProviderSignedIn {
                    signed_in,
                    provider: binding.provider,
                    return_to: binding.return_to,
                })
            }
            Err(stopped) => Err(self.stop(stopped, Some(&binding.provider), origin).await),
        }
    }

    /// The login that an answer belongs to: begun in this browser, not too long ago.
    fn binding_of(&self, answer: &ProviderAnswer) -> Result<Binding, Stopped> {
        let kept = answer.binding.as_deref();
        let kept = kept.ok_or_else(|| Stopped::failed("no_binding"))?;
        let binding = Binding::open(kept, self.tokens.vault.cipher())
            .ok_or_else(|| Stopped::failed("binding_unreadable"))?;
        if self.clock.now() >= binding.expires_at {
            return Err(Stopped::failed("binding_expired"));
        }
        let state = answer.state.as_deref().unwrap_or_default();
        if !binding.has_state(state) {
            return Err(Stopped::failed("state_mismatch"));
        }
        Ok(binding)
    }

    async fn go_on(
        &self,
        binding: &Binding,
        answer: ProviderAnswer,
        client: ClientDetails,
        held: Vec<SessionToken>,
        origin: &Origin<'_>,
    ) -> Result<SignedIn, Stopped> {
        // The settings may have changed meanwhile.
        let (provider, login) = self
            .provider(&binding.provider)
            .ok_or_else(|| Stopped::failed("provider_gone"))?;
        let in_time = Instant::now() + PATIENCE;
        let checked = timeout_at(in_time, check_issuer(answer.iss.as_deref(), login));
        checked.await.map_err(|_| Stopped::too_slow())??;
        let code = match (answer.error, answer.code) {
            (Some(error), _) => Err(Stopped::told(&error)),
            (None, Some(code)) => {
                ProviderToken::new("code", &code).map_err(|_| Stopped::failed("code_malformed"))
            }
            (None, None) => Err(Stopped::failed("code_missing")),
        };
        // Before anything is done with the code: of any number of answers to one login, one goes on.
        self.use_up(binding).await?;
        let code = code?;
        let redeemed = self.redeem(&code, binding, provider, login, in_time);
        let (user, tokens) = redeemed.await?;
        // Requirement 9. Before the new one: it makes room for it at the limit.
        for held in held {
            self.logins.end_held(held, origin).await;
        }
        let new = NewSession {
            lifetime: self.policy.lifetime,
            metadata: user.metadata,
            client,
            ..NewSession::of(user.id)
        };
        let open = tokens.tokens.clone();
        let begun = self.begin(new, tokens, origin).await;
        if begun.is_err() {
            // Nobody has a session that they belong to.
            self.take_back(&open, provider).await;
        }
        begun
    }

    async fn use_up(&self, binding: &Binding) -> Result<(), Stopped> {
        let (until, now) = (binding.expires_at, self.clock.now());
        match self.marks.mark_used(binding.mark(), until, now).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Stopped::failed("replayed")),
            Err(error) => Err(Stopped::for_now("unavailable", error.into())),
        }
    }

    async fn begin(
        &self,
        new: NewSession,
        tokens: NewTokens,
        origin: &Origin<'_>,
    ) -> Result<SignedIn, Stopped> {
        let created = self.tokens.begin_session(new, tokens, origin).await;
        let created = created.map_err(Stopped::not_begun)?;
        // A provider that says meanwhile that the user signed out there found no session to end: it took
        // the grant away instead. So it is looked for when the session can no longer be missed.
        let grant = self.tokens.grants.find_grant(created.session.id).await;
        let stopped = match grant {
            Ok(Some(_)) => match self.logins.access_tokens.issue(&created.session) {
                Ok(access) => return Ok(SignedIn { created, access }),
                Err(error) => Stopped::for_now("unavailable", error.into()),
            },
            Ok(None) => Stopped::failed("signed_out_meanwhile"),
            Err(error) => Stopped::for_now("unavailable", error.into()),
        };
        // Nobody has its token: it must not live on.
        let which = SessionRef::Handle(created.session.id);
        let reason = EndReason::PROVIDER_LOGOUT;
        let ended = self
            .logins
            .revocations
            .revoke_session(&which, &[], reason, origin)
            .await;
        if let Err(error) = ended {
            tracing::warn!(%error, "a session that nobody has the token of could not be ended");
        }
        Err(stopped)
    }

    /// Tells the provider that the tokens of a login that came to nothing are not wanted. That it
    /// fails is logged there, and harms nobody: they are nowhere.
    pub(super) async fn take_back(&self, tokens: &OpenTokens, provider: &Provider) {
        let _ = self.tokens.take_back(tokens, provider).await;
    }

    async fn record_success(
        &self,
        signed_in: &SignedIn,
        provider: &ProviderName,
        origin: &Origin<'_>,
    ) {
        let (session, audit) = (&signed_in.created.session, &self.logins.audit);
        let mut event = AuditEvent {
            session_id: Some(session.id),
            user_id: Some(session.user_id.clone()),
            ..audit.event(AuditAction::LoginSuccess, origin)
        };
        let about = [
            ("access_token_id", json!(signed_in.access.id.to_string())),
            ("provider", json!(provider.as_str())),
        ];
        let about = about.map(|(name, value)| (name.to_owned(), value));
        event.metadata.extend(about);
        audit.record(event).await;
    }

    /// Leaves a record of why a login is not finished.
    async fn stop(
        &self,
        stopped: Stopped,
        provider: Option<&ProviderName>,
        origin: &Origin<'_>,
    ) -> ProviderLoginError {
        let audit = &self.logins.audit;
        let mut event = AuditEvent {
            success: false,
            error_code: Some(stopped.why.into()),
            details: stopped.details,
            ..audit.event(AuditAction::LoginFailure, origin)
        };
        if let Some(provider) = provider {
            let name = json!(provider.as_str());
            event.metadata.insert("provider".into(), name);
        }
        audit.record(event).await;
        stopped.error
    }
}

/// The defence against mix-up (RFC 9207 §2.4): an answer that one provider gave must not be taken to
/// another, so whoever answers must be whom the user was sent to.
async fn check_issuer(iss: Option<&str>, login: &dyn LoginProvider) -> Result<(), Stopped> {
    match iss {
        Some(iss) if iss == login.issuer() => Ok(()),
        Some(_) => Err(Stopped::failed("issuer_mismatch")),
        None => match login.names_itself().await {
            Ok(false) => Ok(()),
            Ok(true) => Err(Stopped::failed("issuer_missing")),
            Err(failure) => Err(Stopped::away(failure)),
        },
    }
}

/// Shows nothing that came from outside: codes and states are secrets.
impl fmt::Debug for ProviderAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderAnswer")
            .field("has_binding", &self.binding.is_some())
            .field("has_code", &self.code.is_some())
            .finish_non_exhaustive()
    }
}
