use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use crate::grants::{Grants, Issued};
use crate::script::Script;
use crate::{Call, Key, Settings};

/// What the provider's thread and the test's both see.
#[derive(Debug, Clone)]
pub(crate) struct Shared(Arc<Mutex<State>>);

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) settings: Settings,
    pub(crate) issuer: String,
    pub(crate) grants: Grants,
    /// The last one signs; all are shown.
    pub(crate) keys: Vec<Key>,
    pub(crate) script: Script,
    pub(crate) calls: Vec<Call>,
    pub(crate) secrets: Vec<String>,
    /// What ID tokens say of a subject beyond the usual.
    pub(crate) profiles: HashMap<String, Map<String, Value>>,
    /// Who signs in next, or which error they come back with.
    pub(crate) signs_in: Result<String, String>,
    pub(crate) keys_made: u64,
}

impl Shared {
    pub(crate) fn new(settings: Settings, issuer: String) -> Self {
        let mut state = State {
            issuer,
            grants: Grants::default(),
            keys: Vec::new(),
            script: Script::default(),
            calls: Vec::new(),
            secrets: settings.client_secret.clone().into_iter().collect(),
            profiles: HashMap::new(),
            signs_in: Ok("ada".to_owned()),
            keys_made: 0,
            settings,
        };
        state.make_key();
        Self(Arc::new(Mutex::new(state)))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        // A test that failed while it held the lock has said why.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    pub(crate) fn make_key(&mut self) {
        self.keys_made += 1;
        let id = format!("key-{}", self.keys_made);
        self.keys.push(Key::new(&id, self.settings.algorithm));
    }

    pub(crate) fn key(&self) -> &Key {
        self.keys.last().expect("there is always one")
    }

    /// A new secret, remembered for [`secrets`](crate::ScriptedProvider::secrets).
    pub(crate) fn secret(&mut self, kind: &str) -> String {
        let text = format!("{kind}-{}", random());
        self.secrets.push(text.clone());
        text
    }

    pub(crate) fn remember(&mut self, secret: &str) {
        if !secret.is_empty() && !self.secrets.iter().any(|known| known == secret) {
            self.secrets.push(secret.to_owned());
        }
    }

    pub(crate) fn open_grant(&mut self, subject: &str, scope: &str) -> usize {
        let session = format!("sid-{}", random());
        self.grants.open(subject, session, scope)
    }

    /// New tokens of a grant; a refresh token where there shall be one.
    pub(crate) fn issue(&mut self, grant: usize, nonce: Option<&str>, refresh: bool) -> Issued {
        let now = self.settings.now();
        let lifetime = self.settings.access_lifetime;
        let access_token = self.secret("access");
        let expires_at = lifetime.map(|lifetime| now + lifetime);
        self.grants
            .add_access(access_token.clone(), grant, now, expires_at);
        let refresh_token = refresh.then(|| {
            let token = self.secret("refresh");
            self.grants.add_refresh(token.clone(), grant);
            token
        });
        let owner = self.grants.grant(grant);
        let (subject, session, scope) = (
            owner.subject.clone(),
            owner.session.clone(),
            owner.scope.clone(),
        );
        let id_token = self.settings.issues_id_tokens.then(|| {
            let claims = self.id_claims(&subject, &session, nonce);
            let token = self.key().sign(&claims);
            self.remember(&token);
            token
        });
        Issued {
            access_token,
            refresh_token,
            id_token,
            expires_in: lifetime,
            scope,
            subject,
            session,
        }
    }

    /// What an ID token says (OpenID Connect Core §2).
    pub(crate) fn id_claims(&self, subject: &str, session: &str, nonce: Option<&str>) -> Value {
        let now = self.settings.now();
        let mut claims = json!({
            "iss": self.issuer,
            "sub": subject,
            "aud": self.settings.client_id,
            "iat": now.timestamp(),
            "exp": (now + self.settings.id_lifetime).timestamp(),
            "sid": session,
            "email": format!("{subject}@example.com"),
            "email_verified": true,
            "name": subject,
        });
        if let Some(nonce) = nonce {
            claims["nonce"] = nonce.into();
        }
        for (name, value) in self.profiles.get(subject).into_iter().flatten() {
            claims[name] = value.clone();
        }
        claims
    }

    /// What a logout token says (OpenID Connect Back-Channel Logout 1.0 §2.4).
    pub(crate) fn logout_claims(&self, subject: Option<&str>, session: Option<&str>) -> Value {
        let now = self.settings.now();
        let mut claims = json!({
            "iss": self.issuer,
            "aud": self.settings.client_id,
            "iat": now.timestamp(),
            "exp": (now.timestamp() + 120),
            "jti": random(),
            "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
        });
        if let Some(subject) = subject {
            claims["sub"] = subject.into();
        }
        if let Some(session) = session {
            claims["sid"] = session.into();
        }
        claims
    }

    pub(crate) fn answered(&mut self, call: usize, status: u16) {
        self.calls[call].answered = Some(status);
    }
}

fn random() -> String {
    let mut bytes = [0; 24];
    aws_lc_rs::rand::fill(&mut bytes).expect("random bytes");
    URL_SAFE_NO_PAD.encode(bytes)
}

#[expect(
    clippy::disallowed_methods,
    reason = "when a call came is measured by a clock that no test moves"
)]
pub(crate) fn instant() -> Instant {
    Instant::now()
}
