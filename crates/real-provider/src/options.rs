//! How a provider is set up, and its clients.

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

/// How a provider is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// Its clients; [`RealProvider::register`](crate::RealProvider::register) adds more.
    pub clients: Vec<Client>,
    /// How long an access token lives, in whole seconds.
    pub access_token_ttl: Duration,
    /// How long a refresh token lives, in whole seconds. Each rotation begins anew.
    pub refresh_token_ttl: Duration,
    /// True if each refresh gives a new refresh token, and a second use of the old one kills the
    /// family.
    pub rotates_refresh_tokens: bool,
    /// True if name and email are in the id token too, and not at the userinfo endpoint alone.
    pub claims_in_id_token: bool,
}

impl Default for Options {
    /// No client, an hour, a fortnight, rotating, bare id tokens.
    fn default() -> Self {
        Self {
            clients: Vec::new(),
            access_token_ttl: Duration::from_secs(3_600),
            refresh_token_ttl: Duration::from_secs(14 * 86_400),
            rotates_refresh_tokens: true,
            claims_in_id_token: false,
        }
    }
}

impl Options {
    /// The default with one client.
    #[must_use]
    pub fn with(client: Client) -> Self {
        Self {
            clients: vec![client],
            ..Self::default()
        }
    }

    pub(crate) fn json(&self) -> Value {
        let clients: Vec<Value> = self.clients.iter().map(Client::metadata).collect();
        json!({
            "clients": clients,
            "access_token_ttl": self.access_token_ttl.as_secs(),
            "refresh_token_ttl": self.refresh_token_ttl.as_secs(),
            "rotates_refresh_tokens": self.rotates_refresh_tokens,
            "claims_in_id_token": self.claims_in_id_token,
        })
    }
}

/// An application that is known to the provider. It may refresh, and must use PKCE.
#[derive(Clone)]
pub struct Client {
    id: String,
    secret: Option<String>,
    method: &'static str,
    redirect_uris: Vec<String>,
    logout_uri: Option<String>,
    algorithm: &'static str,
}

impl Client {
    /// A client that proves itself by `client_secret_basic`.
    pub fn basic(id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self::new(id.into(), Some(secret.into()), "client_secret_basic")
    }

    /// A client that proves itself by `client_secret_post`.
    pub fn post(id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self::new(id.into(), Some(secret.into()), "client_secret_post")
    }

    /// A public client: authentication method `none`.
    pub fn public(id: impl Into<String>) -> Self {
        Self::new(id.into(), None, "none")
    }

    /// Adds a redirect URI; at least one is needed.
    #[must_use]
    pub fn redirects_to(mut self, uri: impl Into<String>) -> Self {
        self.redirect_uris.push(uri.into());
        self
    }

    /// Where the provider sends its logout tokens, which name `sid` as well. Id tokens carry `sid` then.
    #[must_use]
    pub fn hears_of_logouts_at(mut self, uri: impl Into<String>) -> Self {
        self.logout_uri = Some(uri.into());
        self
    }

    /// What its id tokens are signed with: `RS256` unless told, or `ES256`.
    #[must_use]
    pub fn signed_with(mut self, algorithm: &'static str) -> Self {
        self.algorithm = algorithm;
        self
    }

    fn new(id: String, secret: Option<String>, method: &'static str) -> Self {
        Self {
            id,
            secret,
            method,
            redirect_uris: Vec::new(),
            logout_uri: None,
            algorithm: "RS256",
        }
    }

    pub(crate) fn metadata(&self) -> Value {
        let mut metadata = json!({
            "client_id": self.id,
            "token_endpoint_auth_method": self.method,
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "redirect_uris": self.redirect_uris,
            "id_token_signed_response_alg": self.algorithm,
        });
        if let Some(secret) = &self.secret {
            metadata["client_secret"] = json!(secret);
        }
        if let Some(uri) = &self.logout_uri {
            metadata["backchannel_logout_uri"] = json!(uri);
            metadata["backchannel_logout_session_required"] = json!(true);
        }
        metadata
    }
}

impl fmt::Debug for Client {
    /// All but the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("id", &self.id)
            .field("method", &self.method)
            .field("redirect_uris", &self.redirect_uris)
            .field("logout_uri", &self.logout_uri)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}
