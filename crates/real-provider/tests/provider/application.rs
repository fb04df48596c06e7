//! An application at the provider, as plainly as it can be written.

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use real_provider::{Callback, Client, RealProvider};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

pub(crate) const REDIRECT_URI: &str = "http://127.0.0.1:9/callback";
/// Of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// A client of the provider, with the secret that it shows.
#[derive(Clone)]
pub(crate) struct Application {
    issuer: String,
    id: &'static str,
    secret: &'static str,
}

/// Status and body of an answer.
pub(crate) type Answer = (u16, Value);

pub(crate) fn client() -> Client {
    Client::basic("app", "secret").redirects_to(REDIRECT_URI)
}

impl Application {
    /// The one of [`client`].
    pub(crate) fn of(provider: &RealProvider) -> Self {
        Self::named(provider, "app", "secret")
    }

    pub(crate) fn named(provider: &RealProvider, id: &'static str, secret: &'static str) -> Self {
        Self {
            issuer: provider.issuer().to_owned(),
            id,
            secret,
        }
    }

    /// For the person `hint`, with everything that a refresh token needs.
    pub(crate) fn authorization_url(&self, hint: &str) -> String {
        let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
        format!(
            "{}&code_challenge={challenge}&code_challenge_method=S256",
            self.without_pkce(hint)
        )
    }

    pub(crate) fn without_pkce(&self, hint: &str) -> String {
        let scope = "openid%20email%20offline_access";
        format!(
            "{}/auth?client_id={}&response_type=code&redirect_uri={REDIRECT_URI}&scope={scope}\
             &prompt=consent&state=a%20state&nonce=a-nonce&login_hint={hint}",
            self.issuer, self.id,
        )
    }

    /// The tokens of a fresh login by `ada`.
    pub(crate) async fn tokens(&self, provider: &RealProvider) -> Value {
        let callback = provider.log_in(&self.authorization_url("ada")).await;
        let (status, tokens) = self.exchange(&callback).await;
        assert_eq!(status, 200, "{tokens}");
        tokens
    }

    pub(crate) async fn exchange(&self, callback: &Callback) -> Answer {
        let code = callback.code().expect("a code");
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", REDIRECT_URI),
            ("code_verifier", VERIFIER),
        ];
        self.post("/token", &form).await.expect("an answer")
    }

    pub(crate) async fn refresh(&self, refresh_token: &str) -> Answer {
        let answer = self.try_refresh(refresh_token).await;
        answer.expect("an answer")
    }

    /// Nothing where the connection ends without an answer.
    pub(crate) async fn try_refresh(&self, refresh_token: &str) -> Option<Answer> {
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token),
        ];
        self.post("/token", &form).await
    }

    pub(crate) async fn introspect(&self, token: &str) -> Value {
        let answer = self.post("/token/introspection", &[("token", token)]).await;
        let (status, body) = answer.expect("an answer");
        assert_eq!(status, 200, "{body}");
        body
    }

    pub(crate) async fn revoke(&self, token: &str) -> Answer {
        let answer = self.post("/token/revocation", &[("token", token)]).await;
        answer.expect("an answer")
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Option<Answer> {
        let url = format!("{}{path}", self.issuer);
        let form: Vec<(String, String)> = form
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let basic = BASE64_STANDARD.encode(format!("{}:{}", self.id, self.secret));
        let asking = tokio::task::spawn_blocking(move || {
            let request = agent()
                .post(url)
                .header("authorization", format!("Basic {basic}"));
            let mut answer = request.send_form(form).ok()?;
            let body = answer.body_mut().read_to_string().expect("text");
            let body = serde_json::from_str(&body).unwrap_or(Value::String(body));
            Some((answer.status().as_u16(), body))
        });
        asking.await.expect("asking does not panic")
    }
}

pub(crate) async fn get(url: String) -> Value {
    let asking = tokio::task::spawn_blocking(move || {
        let mut answer = agent().get(url).call().expect("an answer");
        let body = answer.body_mut().read_to_string().expect("text");
        serde_json::from_str(&body).expect("JSON")
    });
    asking.await.expect("asking does not panic")
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into()
}

/// A member that is a text.
pub(crate) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name]
        .as_str()
        .unwrap_or_else(|| panic!("{name} in {value}"))
}

/// The header and the claims of a JWT, unchecked.
pub(crate) fn jwt(token: &str) -> (Value, Value) {
    let mut parts = token.split('.').map(|part| {
        let json = BASE64_URL_SAFE_NO_PAD.decode(part).expect("base64");
        serde_json::from_slice(&json).unwrap_or_default()
    });
    let header = parts.next().expect("a header");
    (header, parts.next().expect("claims"))
}
