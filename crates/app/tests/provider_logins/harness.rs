use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use app::wiring::{
    CipherKey, CipherKeys, JwtSigner, SigningKey, SigningKeys, TokenParties, XChaChaCipher,
    password_hasher,
};
use app::{
    LoginStart, Origin, Policies, Ports, ProviderAnswer, ProviderLoginError, ProviderLoginPolicy,
    ProviderLogoutError, ProviderSignedIn, Providers, Services, Stores, SystemEntropy,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use session_core::ports::Clock;
use session_core::{
    AuditAction, AuditEvent, AuditFilter, AuditOrder, ClientDetails, PageRequest, ProviderName,
    SessionId, SessionToken,
};
use store_memory::MemoryStore;

use crate::provider::{Back, CodeProvider};

pub(crate) struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

/// The application with two providers, `one` and `two`.
pub(crate) struct Bed {
    pub(crate) services: Services,
    pub(crate) stores: Stores,
    pub(crate) one: Arc<CodeProvider>,
    pub(crate) two: Arc<CodeProvider>,
    policies: Policies,
    clock: Arc<TestClock>,
}

pub(crate) const ONE: &str = "https://one.example";
pub(crate) const TWO: &str = "https://two.example";

pub(crate) fn policies() -> Policies {
    Policies {
        provider_logins: ProviderLoginPolicy {
            public_url: Some("https://login.example.org".parse().unwrap()),
            return_paths: "/app/*".parse().unwrap(),
            ..ProviderLoginPolicy::default()
        },
        ..Policies::default()
    }
}

impl Bed {
    pub(crate) fn new() -> Self {
        Self::with(policies())
    }

    pub(crate) fn with(policies: Policies) -> Self {
        Self::over(Stores::all_in(Arc::new(MemoryStore::new())), policies)
    }

    pub(crate) fn over(stores: Stores, policies: Policies) -> Self {
        let clock = Arc::new(TestClock(AtomicI64::new(1_750_000_000_000)));
        let one = Arc::new(CodeProvider::new(ONE));
        let two = Arc::new(CodeProvider::new(TWO));
        Self::of(stores, policies, clock, one, two)
    }

    /// Another instance of the application, over the same stores and the same providers.
    pub(crate) fn another(&self) -> Self {
        let (stores, policies) = (self.stores.clone(), self.policies.clone());
        let (one, two) = (Arc::clone(&self.one), Arc::clone(&self.two));
        Self::of(stores, policies, Arc::clone(&self.clock), one, two)
    }

    fn of(
        stores: Stores,
        policies: Policies,
        clock: Arc<TestClock>,
        one: Arc<CodeProvider>,
        two: Arc<CodeProvider>,
    ) -> Self {
        let start = DateTime::UNIX_EPOCH;
        let key = SigningKey::from_seed(&[7; 32], start).unwrap();
        let parties = TokenParties {
            issuer: "issuer".into(),
            audience: "audience".into(),
        };
        let entropy = Arc::new(SystemEntropy);
        let keys = CipherKeys::new(CipherKey::new(&[7; 32], start));
        let ports = Ports {
            clock: Arc::clone(&clock) as _,
            entropy: Arc::clone(&entropy) as _,
            passwords: password_hasher(Arc::clone(&entropy) as _),
            signer: Arc::new(JwtSigner::new(parties, SigningKeys::new(key))),
            cipher: Arc::new(XChaChaCipher::new(keys, entropy)),
        };
        let mut providers = Providers::default();
        for (name, provider) in [("one", &one), ("two", &two)] {
            let provider = Arc::clone(provider);
            providers.add(named(name), Arc::clone(&provider) as _, Some(provider), 20);
        }
        // One whose tokens are kept, and that nobody signs in with.
        providers.add(named("tokens-only"), Arc::clone(&one) as _, None, 20);
        let services = Services::start(stores.clone(), ports, providers, policies.clone()).unwrap();
        Self {
            services,
            stores,
            one,
            two,
            policies,
            clock,
        }
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    pub(crate) fn pass(&self, span: TimeDelta) {
        let millis = span.num_milliseconds();
        self.clock.0.fetch_add(millis, Ordering::SeqCst);
    }

    pub(crate) async fn start(&self, provider: &str) -> LoginStart {
        self.try_start(provider, None).await.unwrap()
    }

    pub(crate) async fn try_start(
        &self,
        provider: &str,
        return_to: Option<&str>,
    ) -> Result<LoginStart, ProviderLoginError> {
        let logins = &self.services.provider_logins;
        logins.start(&named(provider), return_to, &origin()).await
    }

    pub(crate) async fn finish(
        &self,
        answer: ProviderAnswer,
    ) -> Result<ProviderSignedIn, ProviderLoginError> {
        self.finish_holding(answer, Vec::new()).await
    }

    pub(crate) async fn finish_holding(
        &self,
        answer: ProviderAnswer,
        held: Vec<SessionToken>,
    ) -> Result<ProviderSignedIn, ProviderLoginError> {
        let logins = &self.services.provider_logins;
        let client = ClientDetails::default();
        logins.finish(answer, client, held, &origin()).await
    }

    /// A whole login with the first provider.
    pub(crate) async fn sign_in(&self, subject: &str) -> ProviderSignedIn {
        let start = self.start("one").await;
        let back = self.one.visit(&start.url, subject);
        self.finish(answer(&start, &back)).await.unwrap()
    }

    /// That an answer is not taken, and why.
    pub(crate) async fn why_not(&self, answer: ProviderAnswer) -> &'static str {
        match self.finish(answer).await {
            Err(ProviderLoginError::Failed(why)) => why,
            other => panic!("it did not fail: {other:?}"),
        }
    }

    /// The same from nowhere in particular, so that it is not counted.
    pub(crate) async fn why_not_from_anywhere(&self, answer: ProviderAnswer) -> &'static str {
        let (client, origin) = (ClientDetails::default(), Origin::system());
        let logins = &self.services.provider_logins;
        match logins.finish(answer, client, Vec::new(), &origin).await {
            Err(ProviderLoginError::Failed(why)) => why,
            other => panic!("it did not fail: {other:?}"),
        }
    }

    /// The key and the text of something that the cipher sealed for another use.
    pub(crate) async fn one_sealed_token(&self) -> (String, String) {
        let id = self.sign_in("grace").await.signed_in.created.session.id;
        let grant = self.stores.grants.find_grant(id).await.unwrap().unwrap();
        let text = URL_SAFE_NO_PAD.encode(&grant.tokens.access);
        (grant.tokens.key.to_string(), text)
    }

    pub(crate) async fn log_out(
        &self,
        provider: &str,
        token: &str,
    ) -> Result<usize, ProviderLogoutError> {
        let logins = &self.services.provider_logins;
        let provider = named(provider);
        logins.logout_by_provider(&provider, token, &origin()).await
    }

    pub(crate) async fn is_live(&self, id: SessionId) -> bool {
        let session = self.stores.sessions.find(id).await.unwrap();
        session.is_some_and(|session| session.is_live(self.now()))
    }

    /// Live sessions, whosoever they are.
    pub(crate) async fn live_sessions(&self) -> u64 {
        let stats = self.stores.sessions.stats(self.now()).await.unwrap();
        stats.active
    }

    /// What was recorded of an action, oldest first.
    pub(crate) async fn recorded(&self, action: AuditAction) -> Vec<AuditEvent> {
        self.services.audit.flush().await;
        let filter = AuditFilter {
            action: Some(action),
            ..AuditFilter::default()
        };
        let (page, order) = (PageRequest::default(), AuditOrder::OldestFirst);
        let log = &self.stores.audit;
        let found = log.page(&filter, order, page).await.unwrap();
        found.items.into_iter().map(|record| record.event).collect()
    }

    /// The word that the one failure of a login was recorded with.
    pub(crate) async fn failure(&self) -> String {
        let recorded = self.recorded(AuditAction::LoginFailure).await;
        let [failure] = &recorded[..] else {
            panic!("{} records of a failure", recorded.len());
        };
        assert!(!failure.success && failure.user_id.is_none());
        failure.error_code.clone().unwrap().into()
    }
}

/// What the browser that a login was begun in brings along with the provider's answer.
pub(crate) fn answer(start: &LoginStart, back: &Back) -> ProviderAnswer {
    ProviderAnswer {
        binding: Some(start.binding.clone()),
        state: Some(back.state.clone()),
        code: Some(back.code.clone()),
        error: None,
        iss: back.iss.clone(),
    }
}

pub(crate) fn named(provider: &str) -> ProviderName {
    ProviderName::new(provider).unwrap()
}

pub(crate) fn origin() -> Origin<'static> {
    Origin {
        ip_address: Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7))),
        ..Origin::system()
    }
}
