//! The whole API over a store in memory, with a clock that the test moves and no socket.

mod answer;
mod ask;
mod log;
mod people;
mod provider;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use app::wiring::{
    CipherKey, CipherKeys, JwtSigner, SigningKey, SigningKeys, TokenParties, XChaChaCipher,
    password_hasher,
};
use app::{Policies, Ports, Providers, Services, SessionPolicy, Stores, SystemEntropy};
use chrono::{DateTime, TimeDelta, Utc};
use http_api::{Api, ApiConfig, KeyRole, ServiceKeys};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use session_core::ports::{Clock, SessionStore};
use store_memory::MemoryStore;

pub(crate) use answer::Answer;
pub(crate) use ask::Ask;
pub(crate) use log::Log;
pub(crate) use people::{PASSWORD, SignedIn, login};
pub(crate) use provider::{ProviderBed, body, secrets_in};

pub(crate) const SERVICE_KEY: &str = "svc_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG";
pub(crate) const ADMIN_KEY: &str = "adm_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG";
/// Of the right form, and not given to the server.
pub(crate) const UNKNOWN_KEY: &str = "svc_GFEDCBAzyxwvutsrqponmlkjihgfedcba9876543210";
/// A handle of the right form that was never given out.
pub(crate) const UNKNOWN_HANDLE: &str = "019a9c2e-7c00-7000-8000-000000000000";
/// Who issues the tests' access tokens, and for whom.
pub(crate) const ISSUER: &str = "https://issuer.example";
pub(crate) const AUDIENCE: &str = "https://api.example";
/// When every test begins.
pub(crate) const START: &str = "2026-01-01T12:00:00Z";

/// Time that passes only when a test says so.
pub(crate) struct FakeClock(AtomicI64);

impl FakeClock {
    pub(crate) fn at_start() -> Arc<Self> {
        let start: DateTime<Utc> = START.parse().unwrap();
        Arc::new(Self(AtomicI64::new(start.timestamp_millis())))
    }
}

impl Clock for FakeClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

/// The API as `sessiond` serves it, without the network.
pub(crate) struct Server {
    pub(crate) api: Api,
    /// What is behind it.
    pub(crate) services: Services,
    clock: Arc<FakeClock>,
}

impl Server {
    pub(crate) fn new() -> Self {
        Self::with(ApiConfig::default())
    }

    pub(crate) fn with(config: ApiConfig) -> Self {
        Self::with_policies(config, Policies::default())
    }

    pub(crate) fn with_policies(config: ApiConfig, policies: Policies) -> Self {
        Self::build(
            Stores::all_in(Arc::new(MemoryStore::new())),
            config,
            policies,
        )
    }

    pub(crate) fn over(
        store: Arc<dyn SessionStore>,
        config: ApiConfig,
        session: SessionPolicy,
    ) -> Self {
        let stores = Stores {
            sessions: store,
            ..Stores::all_in(Arc::new(MemoryStore::new()))
        };
        let policies = Policies {
            session,
            ..Policies::default()
        };
        Self::build(stores, config, policies)
    }

    pub(crate) fn build(stores: Stores, config: ApiConfig, policies: Policies) -> Self {
        let providers = Providers::default();
        Self::at(FakeClock::at_start(), stores, config, policies, providers)
    }

    pub(crate) fn at(
        clock: Arc<FakeClock>,
        stores: Stores,
        config: ApiConfig,
        policies: Policies,
        providers: Providers,
    ) -> Self {
        let start: DateTime<Utc> = START.parse().unwrap();
        let key = SigningKey::from_seed(&[7; 32], start).unwrap();
        let parties = TokenParties {
            issuer: ISSUER.into(),
            audience: AUDIENCE.into(),
        };
        let signer = Arc::new(JwtSigner::new(parties, SigningKeys::new(key)));
        let ports = Ports {
            clock: Arc::clone(&clock) as _,
            entropy: Arc::new(SystemEntropy),
            passwords: password_hasher(Arc::new(SystemEntropy)),
            signer,
            cipher: Arc::new(XChaChaCipher::new(
                encryption_keys(),
                Arc::new(SystemEntropy),
            )),
        };
        let services = Services::start(stores, ports, providers, policies).unwrap();
        let mut keys = ServiceKeys::default();
        keys.add(KeyRole::Service, SERVICE_KEY).unwrap();
        keys.add(KeyRole::Admin, ADMIN_KEY).unwrap();
        let api = Api::new(services.clone(), keys, config);
        Self {
            api,
            services,
            clock,
        }
    }

    pub(crate) async fn send(&self, ask: Ask) -> Answer {
        let (head, body) = self.api.respond(ask.into_request()).await.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: head.status,
            headers: head.headers,
            body: body.to_vec(),
        }
    }

    /// Begins a session from this body; its token and the whole answer.
    pub(crate) async fn create(&self, body: Value) -> (String, Value) {
        let ask = Ask::service("POST", "/sessions/create").json(&body);
        let created = self.send(ask).await.ok();
        let token = created["session_id"].as_str().unwrap().to_owned();
        (token, created)
    }

    /// Begins a session of a user with everything else left out.
    pub(crate) async fn token_of(&self, user_id: &str) -> String {
        self.create(json!({"user_id": user_id})).await.0
    }

    /// The session as a backend sees it.
    pub(crate) async fn session(&self, token: &str) -> Value {
        let ask = Ask::service("GET", &format!("/sessions/{token}"));
        self.send(ask).await.ok()
    }

    /// Whether the token lets its bearer in, which counts as activity.
    pub(crate) async fn lets_in(&self, token: &str) -> bool {
        let ask = Ask::get("/sessions/validate").header("x-session-id", token);
        let answer = self.send(ask).await;
        match answer.status.as_u16() {
            200 => true,
            401 => false,
            other => panic!("validation answers {other}"),
        }
    }

    /// Moves the clock.
    pub(crate) fn pass(&self, seconds: i64) {
        self.pass_millis(TimeDelta::seconds(seconds).num_milliseconds());
    }

    pub(crate) fn pass_millis(&self, millis: i64) {
        self.clock.0.fetch_add(millis, Ordering::SeqCst);
    }
}

/// The keys that servers encrypt provider tokens with: one that opens, and one that seals.
pub(crate) fn encryption_keys() -> CipherKeys {
    let old = CipherKey::new(&[6; 32], START.parse().unwrap());
    let created_at = old.created_at() + TimeDelta::seconds(1);
    let keys = CipherKeys::new(old).rotated(CipherKey::new(&[7; 32], created_at));
    keys.unwrap()
}

/// The public half of a token.
pub(crate) fn handle(token: &str) -> &str {
    token.split_once('.').unwrap().0
}

/// The secret half of a token.
pub(crate) fn secret(token: &str) -> &str {
    token.split_once('.').unwrap().1
}

/// A token of this handle with a secret of the right form that proves nothing.
pub(crate) fn forged(handle: &str) -> String {
    format!("{handle}.{}", "A".repeat(43))
}
