use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use app::wiring::{
    CipherKey, CipherKeys, JwtSigner, SigningKey, SigningKeys, TokenParties, XChaChaCipher,
    password_hasher,
};
use app::{
    LiveToken, Origin, Policies, Ports, ProviderAnswer, ProviderLoginPolicy, ProviderSignedIn,
    Providers, Services, SessionRef, Stores, SystemClock, SystemEntropy, TokenError, TokenPolicy,
};
use chrono::{DateTime, TimeDelta, Utc};
use oauth_client::{ClientSecret, OAuthClient, ProviderSettings};
use real_provider::{Client, Options, RealProvider};
use session_core::ports::Clock;
use session_core::{ClientDetails, Lifetime, ProviderName, SessionId};
use store_sqlite::SqliteStore;
use tempfile::TempDir;

const PUBLIC_URL: &str = "http://127.0.0.1:9";
const CLIENT: &str = "sessiond";
const SECRET: &str = "a secret, of sessiond's: 100%";

/// The machine's clock, which a test puts forward.
pub(crate) struct AheadClock {
    machine: SystemClock,
    ahead: AtomicI64,
}

impl AheadClock {
    pub(crate) fn pass(&self, span: TimeDelta) {
        self.ahead
            .fetch_add(span.num_milliseconds(), Ordering::SeqCst);
    }
}

impl Clock for AheadClock {
    fn now(&self) -> DateTime<Utc> {
        self.machine.now() + TimeDelta::milliseconds(self.ahead.load(Ordering::SeqCst))
    }
}

/// The provider, and instances of the application that share one store on a disk.
pub(crate) struct Bed {
    pub(crate) provider: RealProvider,
    pub(crate) instances: Vec<Services>,
    pub(crate) clock: Arc<AheadClock>,
    _folder: TempDir,
}

impl Bed {
    /// `None` where there is no provider to be had.
    pub(crate) async fn new(instances: usize) -> Option<Self> {
        let redirect_uri = format!("{PUBLIC_URL}/auth/callback");
        let client = Client::basic(CLIENT, SECRET).redirects_to(&redirect_uri);
        let provider = RealProvider::start(Options::with(client)).await?;
        let folder = tempfile::tempdir().unwrap();
        let options = store_sqlite::Options::new(folder.path().join("sessions.db"));
        let stores = Stores::all_in(Arc::new(SqliteStore::open(options).await.unwrap()));
        let clock = Arc::new(AheadClock {
            machine: SystemClock::new(),
            ahead: AtomicI64::new(0),
        });
        let instances = (0..instances)
            .map(|_| instance(&provider, &stores, &clock))
            .collect();
        Some(Self {
            provider,
            instances,
            clock,
            _folder: folder,
        })
    }

    /// Signs somebody in, as a browser does it.
    pub(crate) async fn sign_in(&self, person: &str) -> ProviderSignedIn {
        let (logins, origin) = (&self.instances[0].provider_logins, Origin::system());
        let start = logins.start(&name(), None, &origin).await.unwrap();
        let url = format!("{}&login_hint={person}", start.url);
        let callback = self.provider.log_in(&url).await;
        let answer = ProviderAnswer {
            binding: Some(start.binding),
            state: callback.state(),
            code: callback.code(),
            error: callback.error(),
            iss: callback.iss(),
        };
        let finished = logins.finish(answer, ClientDetails::default(), Vec::new(), &origin);
        finished.await.unwrap()
    }

    /// Asks an instance for a session's token.
    pub(crate) async fn ask(
        &self,
        instance: usize,
        id: SessionId,
    ) -> Result<LiveToken, TokenError> {
        let (which, origin) = (SessionRef::Handle(id), Origin::system());
        let tokens = &self.instances[instance % self.instances.len()].tokens;
        tokens.live_token(&which, &origin).await
    }

    /// Whether the provider takes a token of ours for good.
    pub(crate) async fn is_alive(&self, token: &LiveToken) -> bool {
        let state = self.provider.token(token.access_token.expose()).await;
        state.is_some_and(|state| state.is_alive)
    }
}

fn instance(provider: &RealProvider, stores: &Stores, clock: &Arc<AheadClock>) -> Services {
    let key = SigningKey::from_seed(&[7; 32], clock.now()).unwrap();
    let parties = TokenParties {
        issuer: "issuer".into(),
        audience: "audience".into(),
    };
    let entropy = Arc::new(SystemEntropy);
    let keys = CipherKeys::new(CipherKey::new(&[7; 32], clock.now()));
    let ports = Ports {
        clock: Arc::clone(clock) as _,
        entropy: Arc::clone(&entropy) as _,
        passwords: password_hasher(Arc::clone(&entropy) as _),
        signer: Arc::new(JwtSigner::new(parties, SigningKeys::new(key))),
        cipher: Arc::new(XChaChaCipher::new(keys, entropy)),
    };
    let mut settings = ProviderSettings::new(name(), CLIENT);
    settings.issuer = Some(provider.issuer().to_owned());
    settings.client_secret = Some(ClientSecret::new(SECRET));
    settings.scopes = ["openid", "email", "offline_access"]
        .map(str::to_owned)
        .into();
    settings.parameters = vec![("prompt".to_owned(), "consent".to_owned())];
    let client = Arc::new(OAuthClient::new(settings, Arc::clone(clock) as _).unwrap());
    let mut providers = Providers::default();
    let rate = TokenPolicy::default().rate;
    providers.add(name(), Arc::clone(&client) as _, Some(client), rate);
    let policies = Policies {
        provider_logins: ProviderLoginPolicy {
            public_url: Some(PUBLIC_URL.parse().unwrap()),
            // Tokens expire in these tests, sessions do not.
            lifetime: Lifetime {
                idle: None,
                ..Lifetime::default()
            },
            ..ProviderLoginPolicy::default()
        },
        ..Policies::default()
    };
    Services::start(stores.clone(), ports, providers, policies).unwrap()
}

pub(crate) fn name() -> ProviderName {
    ProviderName::new("real").unwrap()
}
