//! A server with two providers, and browsers that go back and forth between them.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::sync::Arc;

use app::{Policies, ProviderLoginPolicy, Providers, Stores};
use http_api::ApiConfig;
use oauth_client::{ClientSecret, OAuthClient, ProviderSettings};
use scripted_provider::{Endpoint, ScriptedProvider, Settings};
use serde_json::{Value, json};
use session_core::ProviderName;
use session_core::ports::Clock;
use store_memory::MemoryStore;

use crate::support::{Answer, Ask, FakeClock, Server};

pub(super) const PUBLIC: &str = "https://login.example.org";

/// A server that users can sign in at with the providers `one` and `two`.
pub(super) struct Bed {
    pub(super) server: Arc<Server>,
    pub(super) stores: Stores,
    pub(super) one: ScriptedProvider,
    pub(super) two: ScriptedProvider,
}

impl Bed {
    pub(super) fn new() -> Self {
        Self::with(ApiConfig::default())
    }

    pub(super) fn with(config: ApiConfig) -> Self {
        let clock = FakeClock::at_start();
        let provider = || {
            ScriptedProvider::start_with(Settings {
                clock: Some(Arc::clone(&clock) as Arc<dyn Clock>),
                ..Settings::default()
            })
        };
        let (one, two) = (provider(), provider());
        let mut providers = Providers::default();
        for (name, provider) in [("one", &one), ("two", &two)] {
            let name = ProviderName::new(name).unwrap();
            let mut settings = ProviderSettings::new(name.clone(), &provider.client_id());
            settings.issuer = Some(provider.issuer().to_owned());
            settings.client_secret = provider.client_secret().as_deref().map(ClientSecret::new);
            settings.scopes = vec!["openid".to_owned(), "offline_access".to_owned()];
            let client = OAuthClient::new(settings, Arc::clone(&clock) as Arc<dyn Clock>);
            let client = Arc::new(client.unwrap());
            providers.add(name, Arc::clone(&client) as _, Some(client), 20);
        }
        let policies = Policies {
            provider_logins: ProviderLoginPolicy {
                public_url: Some(PUBLIC.parse().unwrap()),
                return_paths: "/app/*, https://app.example.org/in".parse().unwrap(),
                ..ProviderLoginPolicy::default()
            },
            ..Policies::default()
        };
        let stores = Stores::all_in(Arc::new(MemoryStore::new()));
        let server = Server::at(clock, stores.clone(), config, policies, providers);
        Self {
            server: Arc::new(server),
            stores,
            one,
            two,
        }
    }

    pub(super) fn browser(&self) -> Browser {
        Browser {
            server: Arc::clone(&self.server),
            jar: BTreeMap::new(),
            next: 0,
        }
    }

    /// Somebody who signs in with the first provider and gets the credentials as JSON.
    pub(super) async fn sign_in(&self, subject: &str) -> Value {
        let mut browser = self.browser();
        let url = browser.start("/auth/login/one").await;
        self.one.sign_in_as(subject);
        let back = callback(&self.one, &url);
        browser.visit(&back).await.ok()
    }

    pub(super) async fn is_live(&self, session: &Value) -> bool {
        self.server
            .lets_in(session["session_id"].as_str().unwrap())
            .await
    }

    /// How often a provider was asked for the tokens of a code.
    pub(super) fn exchanges(provider: &ScriptedProvider) -> usize {
        let mut calls = provider.calls(Endpoint::Token);
        calls.retain(|call| call.get("grant_type") == Some("authorization_code"));
        calls.len()
    }

    /// How many sessions were ever begun.
    pub(super) async fn sessions(&self) -> u64 {
        let ask = Ask::service("GET", "/sessions/stats");
        let stats = self.server.send(ask).await.ok();
        stats["total_sessions"].as_u64().unwrap()
    }
}

/// Sends a user to the provider; where the provider sends them back to.
pub(super) fn callback(provider: &ScriptedProvider, url: &str) -> String {
    let back = provider.visit(url);
    back.strip_prefix(PUBLIC).unwrap().to_owned()
}

/// The members of an address' query.
pub(super) fn query(url: &str) -> HashMap<String, String> {
    let (_, query) = url.split_once('?').unwrap();
    serde_urlencoded::from_str(query).unwrap()
}

/// A callback with these members.
pub(super) fn callback_with(members: &HashMap<String, String>) -> String {
    format!(
        "/auth/callback?{}",
        serde_urlencoded::to_string(members).unwrap()
    )
}

/// What keeps cookies, and sends them as a browser does: the oldest first.
#[derive(Clone)]
pub(super) struct Browser {
    server: Arc<Server>,
    /// By name: when it was made, and its value.
    jar: BTreeMap<String, (usize, String)>,
    next: usize,
}

impl Browser {
    /// Begins a login; where the provider is.
    pub(super) async fn start(&mut self, path: &str) -> String {
        // By a link on a page of this site.
        let ask = Ask::get(path).header("sec-fetch-site", "same-origin");
        let answer = self.send(ask).await;
        assert_eq!(answer.status, 303, "{}", answer.text());
        answer.header("location").to_owned()
    }

    /// Goes there in the window, as after a click or a redirect from another site.
    pub(super) async fn visit(&mut self, path: &str) -> Answer {
        let ask = Ask::get(path)
            .header("sec-fetch-site", "cross-site")
            .header("sec-fetch-mode", "navigate")
            .header("sec-fetch-dest", "document");
        self.send(ask).await
    }

    /// A script of this site passes the provider's answer on.
    pub(super) async fn post_back(&mut self, callback: &str) -> Answer {
        let sent = query(callback);
        let body = json!({"code": sent["code"], "state": sent["state"], "iss": sent["iss"]});
        let ask = Ask::new("POST", "/auth/callback").header("sec-fetch-site", "same-origin");
        self.send(ask.json(&body)).await
    }

    pub(super) async fn send(&mut self, ask: Ask) -> Answer {
        let answer = self.server.send(self.with_cookies(ask)).await;
        for cookie in answer.headers.get_all("set-cookie") {
            self.keep(cookie.to_str().unwrap());
        }
        answer
    }

    pub(super) fn with_cookies(&self, ask: Ask) -> Ask {
        if self.jar.is_empty() {
            return ask;
        }
        let mut cookies: Vec<_> = self.jar.iter().collect();
        cookies.sort_by_key(|(_, (made, _))| *made);
        let line: Vec<_> = cookies
            .iter()
            .map(|(name, (_, value))| format!("{name}={value}"))
            .collect();
        ask.header("cookie", line.join("; "))
    }

    fn keep(&mut self, cookie: &str) {
        let (pair, attributes) = cookie.split_once("; ").unwrap();
        let (name, value) = pair.split_once('=').unwrap();
        if attributes
            .split("; ")
            .any(|attribute| attribute == "Max-Age=0")
        {
            self.jar.remove(name);
        } else {
            self.next += 1;
            self.jar
                .insert(name.to_owned(), (self.next, value.to_owned()));
        }
    }

    /// Cookies of logins that are under way.
    pub(super) fn logins(&self) -> Vec<String> {
        let names = self.jar.keys();
        names
            .filter(|name| name.contains("login-"))
            .cloned()
            .collect()
    }

    pub(super) fn cookie(&self, name: &str) -> Option<&str> {
        self.jar.get(name).map(|(_, value)| value.as_str())
    }

    pub(super) fn set_cookie(&mut self, name: &str, value: &str) {
        self.next += 1;
        self.jar
            .insert(name.to_owned(), (self.next, value.to_owned()));
    }
}
