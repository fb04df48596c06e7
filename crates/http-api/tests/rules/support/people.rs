//! People with an e-mail address and a password.

use app::{AccountEdit, Origin};
use http_api::ApiConfig;
use serde_json::{Value, json};
use session_core::{AccountId, Password};

use super::{Answer, Ask, Server};

pub(crate) const PASSWORD: &str = "a long and unusual sentence";

/// What somebody has who signed in.
#[derive(Debug, Clone)]
pub(crate) struct SignedIn {
    /// The session token.
    pub(crate) token: String,
    pub(crate) access: String,
    pub(crate) user_id: String,
}

impl SignedIn {
    pub(crate) fn handle(&self) -> &str {
        super::handle(&self.token)
    }

    /// With the session token, as the user of this session asks.
    pub(crate) fn ask(&self, method: &str, path: &str) -> Ask {
        Ask::new(method, path).header("x-session-id", &self.token)
    }

    /// With the access token alone.
    pub(crate) fn ask_by_access(&self, method: &str, path: &str) -> Ask {
        Ask::new(method, path).bearer(&self.access)
    }
}

impl From<&Value> for SignedIn {
    fn from(body: &Value) -> Self {
        let text = |name: &str| body[name].as_str().unwrap().to_owned();
        Self {
            token: text("session_id"),
            access: text("access_token"),
            user_id: text("user_id"),
        }
    }
}

impl Server {
    /// A server where anyone may register.
    pub(crate) fn open() -> Self {
        Self::with(ApiConfig {
            registration: true,
            ..ApiConfig::default()
        })
    }

    /// An account with [`PASSWORD`]; its id.
    pub(crate) async fn account(&self, email: &str) -> AccountId {
        let password = Password::new(PASSWORD).unwrap();
        let (email, metadata) = (email.parse().unwrap(), session_core::Metadata::default());
        let accounts = &self.services.accounts;
        let origin = Origin::system();
        let account = accounts.add(email, &password, metadata, &origin).await;
        account.unwrap().id
    }

    pub(crate) async fn edit(&self, id: AccountId, edit: AccountEdit) {
        let accounts = &self.services.accounts;
        accounts.edit(id, edit, &Origin::system()).await.unwrap();
    }

    /// A login with what else is in `more`.
    pub(crate) async fn login(&self, email: &str, password: &str, more: Value) -> Answer {
        self.send(login(email, password, more)).await
    }

    /// Somebody with an account of this address, made if need be, who signs in.
    pub(crate) async fn sign_in(&self, email: &str) -> SignedIn {
        let known = email.parse().unwrap();
        if self.services.accounts.find_by_email(&known).await.is_err() {
            self.account(email).await;
        }
        SignedIn::from(&self.login(email, PASSWORD, json!({})).await.ok())
    }

    /// The same for a session that is to be remembered.
    pub(crate) async fn sign_in_for_long(&self, email: &str) -> SignedIn {
        let more = json!({"remember_me": true});
        SignedIn::from(&self.login(email, PASSWORD, more).await.ok())
    }

    /// Whether a credential lets its bearer in.
    pub(crate) async fn is_let_in(&self, ask: Ask) -> bool {
        match self.send(ask).await.status.as_u16() {
            200 => true,
            401 => false,
            other => panic!("neither in nor out: {other}"),
        }
    }
}

/// A login as a client sends it.
pub(crate) fn login(email: &str, password: &str, more: Value) -> Ask {
    let mut body = json!({"email": email, "password": password});
    let members = more.as_object().unwrap().clone();
    body.as_object_mut().unwrap().extend(members);
    Ask::new("POST", "/auth/sessions/enhanced-login").json(&body)
}
