use serde_json::{Map, Value};

use crate::endpoints::{path, work};
use crate::state::instant;
use crate::{Call, Endpoint, Issued, ScriptedProvider};

/// Users and their tokens.
impl ScriptedProvider {
    /// Tokens as if this user had just signed in, with the scope `openid offline_access`.
    #[must_use]
    pub fn issue(&self, subject: &str) -> Issued {
        let mut state = self.lock();
        let grant = state.open_grant(subject, "openid offline_access");
        let refresh = state.settings.issues_refresh_tokens;
        state.issue(grant, None, refresh)
    }

    /// Whoever comes to the authorization endpoint from now on is this user, and says yes. At first
    /// that is `ada`.
    pub fn sign_in_as(&self, subject: &str) {
        self.lock().signs_in = Ok(subject.to_owned());
    }

    /// Whoever comes to the authorization endpoint from now on is sent back with this error.
    pub fn refuse_logins(&self, error: &str) {
        self.lock().signs_in = Err(error.to_owned());
    }

    /// What a browser would do at the authorization endpoint, without one: where it would be sent
    /// back to.
    ///
    /// # Panics
    /// When the request is not one that the endpoint takes.
    #[must_use]
    pub fn visit(&self, authorization_url: &str) -> String {
        let start = self.url(Endpoint::Authorization) + "?";
        let query = authorization_url.strip_prefix(&start);
        let query = query.expect("a URL of the authorization endpoint");
        let mut state = self.lock();
        let call = Call {
            endpoint: Endpoint::Authorization,
            at: instant(),
            time: state.settings.now(),
            connection: 0,
            method: "GET".to_owned(),
            target: format!("{}?{query}", path(Endpoint::Authorization)),
            headers: Vec::new(),
            form: serde_urlencoded::from_str(query).expect("a query"),
            answered: Some(303),
        };
        let answer = work(&mut state, &call);
        state.calls.push(call);
        let location = answer.headers.iter().find(|(name, _)| name == "location");
        let (_, location) = location.expect("an authorization request that is taken");
        location.clone()
    }

    /// Claims that this user's ID tokens have from now on, in place of the usual ones or beside them.
    pub fn set_profile(&self, subject: &str, claims: Map<String, Value>) {
        self.lock().profiles.insert(subject.to_owned(), claims);
    }

    /// Whether the grant that a token descends from is alive, whatever became of the token itself. Of
    /// a token that it never issued: `false`.
    #[must_use]
    pub fn is_alive(&self, token: &str) -> bool {
        let state = self.lock();
        let grant = state.grants.grant_of(token);
        grant.is_some_and(|grant| state.grants.grant(grant).is_alive)
    }

    /// Whether a refresh token of the same grant was used twice, which ended it.
    #[must_use]
    pub fn was_reused(&self, token: &str) -> bool {
        let state = self.lock();
        let grant = state.grants.grant_of(token);
        grant.is_some_and(|grant| state.grants.grant(grant).was_reused)
    }

    /// How often the grant that a token descends from was refreshed.
    #[must_use]
    pub fn refreshes(&self, token: &str) -> u64 {
        let state = self.lock();
        let grant = state.grants.grant_of(token);
        grant.map_or(0, |grant| state.grants.grant(grant).refreshes)
    }

    /// Whether it would take an access token now.
    #[must_use]
    pub fn takes_access_token(&self, token: &str) -> bool {
        let state = self.lock();
        let now = state.settings.now();
        state.grants.good_access(token, now).is_some()
    }

    /// Whether it would take a refresh token now.
    #[must_use]
    pub fn takes_refresh_token(&self, token: &str) -> bool {
        self.lock().grants.good_refresh(token).is_some()
    }

    /// Ends the grant that a token descends from, as if the user had taken it back.
    pub fn end_grant(&self, token: &str) {
        let mut state = self.lock();
        if let Some(grant) = state.grants.grant_of(token) {
            state.grants.end(grant);
        }
    }
}
