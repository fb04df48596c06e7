//! Servers with an outside provider, which is one of the tests' own and is spoken to over HTTP.

use std::sync::Arc;

use app::wiring::{ClientSecret, ProviderSettings, XChaChaCipher, add_provider};
use app::{Policies, Providers, Stores, SystemEntropy, TokenPolicy, TokenVault};
use chrono::TimeDelta;
use http_api::ApiConfig;
use scripted_provider::{Endpoint, Issued, ScriptedProvider, Settings};
use serde_json::{Value, json};
use session_core::ports::{Clock, SessionLimit};
use session_core::{Grant, ProviderName, RetryConfig, SealedTokens, TokenField};
use store_memory::MemoryStore;

use super::{Answer, Ask, FakeClock, Server, encryption_keys, handle};

/// A provider, and a server whose settings name it `acme`.
pub(crate) struct ProviderBed {
    pub(crate) provider: ScriptedProvider,
    pub(crate) server: Arc<Server>,
    /// What the server keeps things in.
    pub(crate) stores: Stores,
    clock: Arc<FakeClock>,
}

/// Whoever fails is asked again soon, since nobody moves the time that passes meanwhile.
fn policies() -> Policies {
    Policies {
        tokens: TokenPolicy {
            rate: 10_000,
            retry: RetryConfig {
                initial_delay: TimeDelta::milliseconds(4),
                max_delay: TimeDelta::seconds(30),
                max_tries: 3,
            },
            ..TokenPolicy::default()
        },
        ..Policies::default()
    }
}

impl ProviderBed {
    pub(crate) fn new() -> Self {
        Self::with(policies())
    }

    /// As [`Self::new`], where a user may have so many sessions.
    pub(crate) fn limited(limit: SessionLimit) -> Self {
        let mut policies = policies();
        policies.session.limit = limit;
        Self::with(policies)
    }

    fn with(policies: Policies) -> Self {
        let clock = FakeClock::at_start();
        let provider = ScriptedProvider::start_with(Settings {
            clock: Some(Arc::clone(&clock) as Arc<dyn Clock>),
            ..Settings::default()
        });
        let stores = Stores::all_in(Arc::new(MemoryStore::new()));
        let mut bed = Self {
            server: Arc::new(Server::new()),
            provider,
            stores,
            clock,
        };
        bed.server = Arc::new(bed.server(&["acme"], policies));
        bed
    }

    /// Another server over the same stores, whose settings know the provider by these names.
    pub(crate) fn beside(&self, names: &[&str]) -> Server {
        self.server(names, policies())
    }

    fn server(&self, names: &[&str], policies: Policies) -> Server {
        let mut providers = Providers::default();
        for name in names {
            let (settings, clock) = (settings(name, &self.provider), Arc::clone(&self.clock));
            let rate = policies.tokens.rate;
            assert!(add_provider(&mut providers, settings, clock, rate).unwrap());
        }
        let config = ApiConfig {
            log_requests: true,
            ..ApiConfig::default()
        };
        let (clock, stores) = (Arc::clone(&self.clock), self.stores.clone());
        Server::at(clock, stores, config, policies, providers)
    }

    /// Somebody signs in with the provider, and the backend begins a session with what it got: the
    /// session's token, and the provider's.
    pub(crate) async fn sign_in(&self, user: &str) -> (String, Issued) {
        let issued = self.provider.issue(user);
        let mut body = body(user, &issued);
        // Longer than any token.
        body["timeout"] = 86_400.into();
        let (token, _) = self.server.create(body).await;
        (token, issued)
    }

    /// Asks for the provider's token of a session.
    pub(crate) async fn ask_token(&self, token: &str) -> Answer {
        let ask = Ask::service("GET", &format!("/sessions/{token}/token"));
        self.server.send(ask).await
    }

    /// Asks for a refresh.
    pub(crate) async fn ask_refresh(&self, token: &str, body: Value) -> Answer {
        let ask = Ask::service("POST", &format!("/sessions/{token}/refresh"));
        self.server.send(ask.json(&body)).await
    }

    /// The refresh token that is kept with a session.
    pub(crate) async fn current_refresh(&self, token: &str) -> String {
        let grant = self.server.stored_grant(&self.stores, token).await;
        let cipher = XChaChaCipher::new(encryption_keys(), Arc::new(SystemEntropy));
        let opened = TokenVault::new(Arc::new(cipher)).open(&grant, TokenField::Refresh);
        opened.unwrap().unwrap().expose().to_owned()
    }

    /// Replaces what is stored of a session's tokens.
    pub(crate) async fn reseal(&self, token: &str, tokens: SealedTokens) {
        let grant = self.server.stored_grant(&self.stores, token).await;
        let (id, version) = (grant.session_id, grant.version);
        assert!(
            self.stores
                .grants
                .reseal(id, version, tokens)
                .await
                .unwrap()
        );
    }

    /// The history of a session's refreshes.
    pub(crate) async fn history(&self, token: &str) -> Vec<Value> {
        let ask = Ask::service("GET", &format!("/sessions/{token}/refreshes"));
        self.server.send(ask).await.ok().as_array().unwrap().clone()
    }
}

impl Server {
    /// What is kept of a session's tokens.
    pub(crate) async fn stored_grant(&self, stores: &Stores, token: &str) -> Arc<Grant> {
        let id = handle(token).parse().unwrap();
        stores.grants.find_grant(id).await.unwrap().unwrap()
    }
}

/// What the settings say of a provider that describes itself nowhere.
fn settings(name: &str, provider: &ScriptedProvider) -> ProviderSettings {
    let (name, client_id) = (ProviderName::new(name).unwrap(), provider.client_id());
    let mut settings = ProviderSettings::new(name, &client_id);
    settings.token_endpoint = Some(provider.url(Endpoint::Token));
    settings.revocation_endpoint = Some(provider.url(Endpoint::Revocation));
    settings.client_secret = provider
        .client_secret()
        .map(|secret| ClientSecret::new(&secret));
    settings
}

/// What a backend sends that has just signed somebody in, as the systems that sessiond replaces have it.
pub(crate) fn body(user: &str, issued: &Issued) -> Value {
    json!({
        "user_id": user,
        "access_token": issued.access_token,
        "refresh_token": issued.refresh_token,
        "expires_in": issued.expires_in.map(|life| life.num_seconds()),
    })
}

/// The provider's secrets that stand in an answer.
pub(crate) fn secrets_in(answer: &Answer, provider: &ScriptedProvider) -> Vec<String> {
    let whole = format!("{:?} {}", answer.headers, answer.text());
    let mut secrets = provider.secrets();
    secrets.retain(|secret| whole.contains(secret.as_str()));
    secrets
}
