//! A provider that gives codes out and takes them back, as strict as a real one, without a network.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use session_core::ports::{AssertionError, Introspection, LoginProvider, TokenProvider};
use session_core::{
    AuthorizationRequest, CodeChallenge, IdTokenClaims, LogoutClaims, ProviderFailure,
    ProviderSubject, ProviderToken, TokenAnswer, TokenKind,
};

pub(crate) struct CodeProvider {
    issuer: String,
    state: Mutex<State>,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) names_itself: Option<ProviderFailure>,
    pub(crate) is_silent: bool,
    /// What its description of itself is answered with.
    pub(crate) description: Option<ProviderFailure>,
    /// What the next exchange is answered with.
    pub(crate) exchange: Option<ProviderFailure>,
    /// How long an exchange takes.
    pub(crate) exchange_takes: Duration,
    /// What its keys are answered with.
    pub(crate) keys: Option<ProviderFailure>,
    /// How long it takes to get its keys.
    pub(crate) keys_take: Duration,
    /// The ID token of the next exchange, instead of the right one; `""` for none.
    pub(crate) id_token: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) email: Option<String>,
    codes: HashMap<String, Code>,
    issued: usize,
    /// How often it was asked for tokens.
    pub(crate) exchanges: usize,
    /// How often it was asked where to send users.
    pub(crate) starts: usize,
    pub(crate) revoked: Vec<String>,
}

struct Code {
    subject: String,
    request: HashMap<String, String>,
}

/// What a browser is sent back with.
#[derive(Clone)]
pub(crate) struct Back {
    pub(crate) code: String,
    pub(crate) state: String,
    pub(crate) iss: Option<String>,
}

impl CodeProvider {
    pub(crate) fn new(issuer: &str) -> Self {
        Self {
            issuer: issuer.to_owned(),
            state: Mutex::default(),
        }
    }

    pub(crate) fn issuer_name(&self) -> &str {
        &self.issuer
    }

    pub(crate) fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap());
    }

    pub(crate) fn see<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.lock().unwrap())
    }

    /// What a user does there: signs in and is sent back.
    pub(crate) fn visit(&self, url: &str, subject: &str) -> Back {
        let request = query(url);
        let mut state = self.state.lock().unwrap();
        let code = format!("code-{}-of-{}", state.codes.len(), self.issuer);
        let back = Back {
            code: code.clone(),
            state: request["state"].clone(),
            iss: (!state.is_silent).then(|| self.issuer.clone()),
        };
        let subject = subject.to_owned();
        state.codes.insert(code, Code { subject, request });
        back
    }
}

/// The members of an address' query, which hold nothing that would have to be escaped.
pub(crate) fn query(url: &str) -> HashMap<String, String> {
    let pairs = url.split_once('?').unwrap().1.split('&');
    pairs
        .map(|pair| pair.split_once('=').unwrap())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

pub(crate) fn id_token(issuer: &str, subject: &str, nonce: &str) -> String {
    format!("id {issuer} {subject} {nonce}")
}

/// A logout token; `-` for what it does not name.
pub(crate) fn logout_token(issuer: &str, subject: &str, session: &str, id: &str) -> String {
    format!("logout {issuer} {subject} {session} {id}")
}

/// The name of a user's presence at a provider.
pub(crate) fn presence(subject: &str) -> String {
    format!("sid-of-{subject}")
}

#[async_trait::async_trait]
impl LoginProvider for CodeProvider {
    fn issuer(&self) -> &str {
        &self.issuer
    }

    async fn authorization_url(
        &self,
        request: &AuthorizationRequest,
    ) -> Result<String, ProviderFailure> {
        let mut state = self.state.lock().unwrap();
        state.starts += 1;
        if let Some(failure) = state.description.clone() {
            return Err(failure);
        }
        let (issuer, challenge) = (&self.issuer, request.challenge.as_str());
        let AuthorizationRequest {
            redirect_uri,
            state,
            nonce,
            ..
        } = request;
        Ok(format!(
            "{issuer}/authorize?redirect_uri={redirect_uri}&state={state}&nonce={nonce}\
             &code_challenge={challenge}"
        ))
    }

    async fn names_itself(&self) -> Result<bool, ProviderFailure> {
        let state = self.state.lock().unwrap();
        match state.names_itself.clone() {
            Some(failure) => Err(failure),
            None => Ok(!state.is_silent),
        }
    }

    async fn exchange_code(
        &self,
        code: &ProviderToken,
        verifier: &str,
        redirect_uri: &str,
    ) -> Result<TokenAnswer, ProviderFailure> {
        let pause = self.state.lock().unwrap().exchange_takes;
        tokio::time::sleep(pause).await;
        let mut state = self.state.lock().unwrap();
        state.exchanges += 1;
        if let Some(failure) = state.exchange.take() {
            return Err(failure);
        }
        let code = state.codes.remove(code.expose());
        let code = code.ok_or(ProviderFailure::ReauthRequired)?;
        if CodeChallenge::of(verifier).as_str() != code.request["code_challenge"]
            || redirect_uri != code.request["redirect_uri"]
        {
            return Err(ProviderFailure::ReauthRequired);
        }
        state.issued += 1;
        let right = id_token(&self.issuer, &code.subject, &code.request["nonce"]);
        let id = state.id_token.take().unwrap_or(right);
        Ok(TokenAnswer {
            access_token: token(&format!("access-{}", state.issued)),
            token_type: "Bearer".into(),
            expires_in: Some(TimeDelta::hours(1)),
            refresh_token: Some(token(&format!("refresh-{}", state.issued))),
            id_token: (!id.is_empty()).then(|| token(&id)),
            scopes: Some(vec!["openid".into()]),
        })
    }

    async fn verify_id_token(
        &self,
        token: &ProviderToken,
        nonce: &str,
        _: DateTime<Utc>,
    ) -> Result<IdTokenClaims, AssertionError> {
        let pause = self.state.lock().unwrap().keys_take;
        tokio::time::sleep(pause).await;
        let state = self.state.lock().unwrap();
        if let Some(failure) = state.keys.clone() {
            return Err(failure.into());
        }
        match token.expose().split(' ').collect::<Vec<_>>()[..] {
            ["id", issuer, subject, known] if issuer == self.issuer && known == nonce => {
                Ok(IdTokenClaims {
                    subject: self.subject(subject),
                    session: Some(presence(subject).into()),
                    email: state.email.as_deref().map(Into::into),
                    name: state.name.as_deref().map(Into::into),
                })
            }
            _ => Err(AssertionError::Refused("nonce")),
        }
    }

    async fn verify_logout_token(
        &self,
        token: &ProviderToken,
        _: DateTime<Utc>,
    ) -> Result<LogoutClaims, AssertionError> {
        if let Some(failure) = self.see(|state| state.keys.clone()) {
            return Err(failure.into());
        }
        let named = |text: &str| (text != "-").then(|| text.to_owned());
        match token.expose().split(' ').collect::<Vec<_>>()[..] {
            ["logout", issuer, subject, session, id] if issuer == self.issuer => Ok(LogoutClaims {
                subject: named(subject).map(|subject| self.subject(&subject)),
                session: named(session).map(Into::into),
                id: id.into(),
            }),
            _ => Err(AssertionError::Refused("issuer")),
        }
    }
}

impl CodeProvider {
    pub(crate) fn subject(&self, subject: &str) -> ProviderSubject {
        ProviderSubject {
            issuer: self.issuer.as_str().into(),
            subject: subject.into(),
        }
    }
}

#[async_trait::async_trait]
impl TokenProvider for CodeProvider {
    async fn refresh(&self, _: &ProviderToken) -> Result<TokenAnswer, ProviderFailure> {
        Err(ProviderFailure::Unavailable("nobody renews here".into()))
    }

    async fn introspect(
        &self,
        _: &ProviderToken,
        _: TokenKind,
    ) -> Result<Option<Introspection>, ProviderFailure> {
        Ok(None)
    }

    async fn revoke(&self, token: &ProviderToken, _: TokenKind) -> Result<bool, ProviderFailure> {
        let mut state = self.state.lock().unwrap();
        state.revoked.push(token.expose().to_owned());
        Ok(true)
    }
}

fn token(text: &str) -> ProviderToken {
    ProviderToken::new("token", text).unwrap()
}
