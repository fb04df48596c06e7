use std::sync::Arc;
use std::time::Duration;

use app::wiring::{
    CipherKey, CipherKeys, JwtSigner, SigningKey, SigningKeys, TokenParties, XChaChaCipher,
    password_hasher,
};
use app::{
    Background, CreatedSession, LiveToken, NewSession, NewTokens, OpenTokens, Origin, Policies,
    Ports, Providers, RefreshedTokens, Services, SessionPolicy, SessionRef, Stores, SystemEntropy,
    TokenError, TokenPolicy, TokenVault,
};
use chrono::{DateTime, TimeDelta, Utc};
use session_core::ports::{Clock, SessionLimit};
use session_core::{
    Grant, Lifetime, PageRequest, ProviderName, RefreshReason, RefreshRecord, SessionId,
    TokenAnswer, UserId,
};
use store_memory::MemoryStore;
use tokio::time::Instant;

use crate::provider::RotatingProvider;

/// A clock that goes with tokio's time, which a test pauses.
pub(crate) struct PausedClock(Instant);

impl Clock for PausedClock {
    fn now(&self) -> DateTime<Utc> {
        let since = i64::try_from(self.0.elapsed().as_millis()).unwrap();
        DateTime::from_timestamp_millis(1_750_000_000_000 + since).unwrap()
    }
}

/// An instance of the application, and what it shares with others.
pub(crate) struct Bed {
    pub(crate) services: Services,
    pub(crate) provider: Arc<RotatingProvider>,
    /// Another one, with a script of its own.
    pub(crate) second: Arc<RotatingProvider>,
    pub(crate) stores: Stores,
    pub(crate) clock: Arc<PausedClock>,
}

pub(crate) fn policy() -> TokenPolicy {
    TokenPolicy {
        // Most tests are not about the rate.
        rate: 10_000,
        ..TokenPolicy::default()
    }
}

impl Bed {
    pub(crate) fn new() -> Self {
        Self::with(policy())
    }

    pub(crate) fn with(policy: TokenPolicy) -> Self {
        let stores = Stores::all_in(Arc::new(MemoryStore::new()));
        let world = World {
            clock: Arc::new(PausedClock(Instant::now())),
            ..World::default()
        };
        Self::over(stores, world, policy)
    }

    pub(crate) fn over(stores: Stores, world: World, policy: TokenPolicy) -> Self {
        let World {
            provider,
            second,
            clock,
            key,
            is_forgetful,
            limit,
        } = world;
        let mut providers = Providers::default();
        if !is_forgetful {
            providers.add(name(), Arc::clone(&provider) as _, None, policy.rate);
        }
        providers.add(second_name(), Arc::clone(&second) as _, None, policy.rate);
        let services = start(
            stores.clone(),
            Arc::clone(&clock) as _,
            key,
            providers,
            policy,
            limit,
        );
        Self {
            services,
            provider,
            second,
            stores,
            clock,
        }
    }

    /// What seals the tokens of this bed.
    pub(crate) fn vault(&self) -> TokenVault {
        TokenVault::new(cipher(World::default().key))
    }

    /// What is outside of this instance.
    pub(crate) fn world(&self) -> World {
        World {
            provider: Arc::clone(&self.provider),
            second: Arc::clone(&self.second),
            clock: Arc::clone(&self.clock),
            ..World::default()
        }
    }

    /// Another instance of the application, over the same stores and the same provider.
    pub(crate) fn another(&self) -> Self {
        self.another_in(self.world())
    }

    /// The same, in a world that differs.
    pub(crate) fn another_in(&self, world: World) -> Self {
        let policy = *self.services.tokens.policy();
        Self::over(self.stores.clone(), world, policy)
    }

    pub(crate) fn background(&self) -> Background {
        Background::start(&self.services, Duration::from_secs(300))
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// A session with tokens of a login just now.
    pub(crate) async fn sign_in(&self) -> CreatedSession {
        self.sign_in_with(self.provider.issue()).await
    }

    /// The same at the other provider.
    pub(crate) async fn sign_in_at_second(&self) -> CreatedSession {
        let begun = self.begin(second_name(), self.second.issue());
        begun.await.unwrap()
    }

    pub(crate) async fn sign_in_with(&self, tokens: TokenAnswer) -> CreatedSession {
        self.begin(name(), tokens).await.unwrap()
    }

    pub(crate) async fn begin(
        &self,
        provider: ProviderName,
        tokens: TokenAnswer,
    ) -> Result<CreatedSession, TokenError> {
        let new = NewSession {
            lifetime: Lifetime {
                absolute: TimeDelta::hours(24),
                idle: None,
            },
            ..NewSession::of(UserId::new("ada").unwrap())
        };
        let tokens = NewTokens {
            provider,
            access_expires_at: tokens.expires_in.map(|span| self.now() + span),
            token_type: tokens.token_type,
            scopes: vec!["openid".into()],
            provider_session: None,
            tokens: OpenTokens {
                access: tokens.access_token,
                refresh: tokens.refresh_token,
                id: tokens.id_token,
            },
        };
        let origin = Origin::system();
        let begun = self.services.tokens.begin_session(new, tokens, &origin);
        begun.await
    }

    /// Asks for the session's token.
    pub(crate) async fn ask(&self, id: SessionId) -> Result<LiveToken, TokenError> {
        let which = SessionRef::Handle(id);
        self.services
            .tokens
            .live_token(&which, &Origin::system())
            .await
    }

    /// The same, as a text.
    pub(crate) async fn token(&self, id: SessionId) -> String {
        self.ask(id).await.unwrap().access_token.expose().to_owned()
    }

    pub(crate) async fn refresh(
        &self,
        id: SessionId,
        reason: RefreshReason,
    ) -> Result<RefreshedTokens, TokenError> {
        let (which, origin) = (SessionRef::Handle(id), Origin::system());
        self.services.tokens.refresh(&which, reason, &origin).await
    }

    pub(crate) async fn grant(&self, id: SessionId) -> Option<Arc<Grant>> {
        self.stores.grants.find_grant(id).await.unwrap()
    }

    /// The records of a session's refreshes, newest first.
    pub(crate) async fn records(&self, id: SessionId) -> Vec<Arc<RefreshRecord>> {
        let page = self.stores.grants.refreshes(id, PageRequest::default());
        page.await.unwrap().items
    }

    pub(crate) async fn is_session_live(&self, id: SessionId) -> bool {
        let session = self.stores.sessions.find(id).await.unwrap();
        session.is_some_and(|session| session.is_live(self.now()))
    }
}

/// What an instance shares with others, and how it differs from them.
pub(crate) struct World {
    pub(crate) provider: Arc<RotatingProvider>,
    pub(crate) second: Arc<RotatingProvider>,
    pub(crate) clock: Arc<PausedClock>,
    /// What its only key is made of.
    pub(crate) key: u8,
    /// Whether its settings do not know the first provider.
    pub(crate) is_forgetful: bool,
    pub(crate) limit: SessionLimit,
}

impl Default for World {
    fn default() -> Self {
        Self {
            provider: Arc::default(),
            second: Arc::default(),
            clock: Arc::new(PausedClock(Instant::now())),
            key: 7,
            is_forgetful: false,
            limit: SessionLimit {
                max: 100_000,
                ..SessionLimit::default()
            },
        }
    }
}

/// The use cases over these stores.
pub(crate) fn start(
    stores: Stores,
    clock: Arc<dyn Clock>,
    key: u8,
    providers: Providers,
    policy: TokenPolicy,
    limit: SessionLimit,
) -> Services {
    let start = clock.now();
    let signing_key = SigningKey::from_seed(&[7; 32], start).unwrap();
    let parties = TokenParties {
        issuer: "issuer".into(),
        audience: "audience".into(),
    };
    let entropy = Arc::new(SystemEntropy);
    let ports = Ports {
        clock: Arc::clone(&clock),
        entropy: Arc::clone(&entropy) as _,
        passwords: password_hasher(Arc::clone(&entropy) as _),
        signer: Arc::new(JwtSigner::new(parties, SigningKeys::new(signing_key))),
        cipher: cipher(key) as _,
    };
    let policies = Policies {
        tokens: policy,
        session: SessionPolicy {
            limit,
            ..SessionPolicy::default()
        },
        ..Policies::default()
    };
    Services::start(stores, ports, providers, policies).unwrap()
}

pub(crate) fn cipher(key: u8) -> Arc<XChaChaCipher> {
    let key = CipherKey::new(&[key; 32], DateTime::UNIX_EPOCH);
    Arc::new(XChaChaCipher::new(
        CipherKeys::new(key),
        Arc::new(SystemEntropy),
    ))
}

pub(crate) fn second_name() -> ProviderName {
    ProviderName::new("second").unwrap()
}

pub(crate) fn name() -> ProviderName {
    ProviderName::new("scripted").unwrap()
}

/// Lets time pass, and what is due happen.
pub(crate) async fn pass(span: Duration) {
    tokio::time::sleep(span).await;
}

pub(crate) const MINUTE: Duration = Duration::from_secs(60);
