use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use oauth_client::{ClientSecret, OAuthClient, ProviderSettings};
use scripted_provider::{ScriptedProvider, Settings};
use session_core::ports::Clock;
use session_core::{ProviderName, ProviderToken};

/// A clock that goes when the test says so.
#[derive(Debug)]
pub(crate) struct TestClock(Mutex<DateTime<Utc>>);

impl TestClock {
    pub(crate) fn new() -> Arc<Self> {
        let start = DateTime::from_timestamp(1_750_000_000, 0).expect("a time");
        Arc::new(Self(Mutex::new(start)))
    }

    pub(crate) fn advance(&self, by: TimeDelta) {
        *self.0.lock().expect("a clock") += by;
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().expect("a clock")
    }
}

/// A provider, a client of it, and the clock of both.
pub(crate) struct Scene {
    pub(crate) provider: ScriptedProvider,
    pub(crate) client: OAuthClient,
    pub(crate) clock: Arc<TestClock>,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self::with(|_| {}, |_| {})
    }

    pub(crate) fn with(
        provider: impl FnOnce(&mut Settings),
        client: impl FnOnce(&mut ProviderSettings),
    ) -> Self {
        let clock = TestClock::new();
        let mut settings = Settings {
            clock: Some(Arc::clone(&clock) as Arc<dyn Clock>),
            ..Settings::default()
        };
        provider(&mut settings);
        let provider = ScriptedProvider::start_with(settings);
        let mut settings = of(&provider);
        client(&mut settings);
        let client = OAuthClient::new(settings, Arc::clone(&clock) as Arc<dyn Clock>);
        Self {
            provider,
            client: client.expect("good settings"),
            clock,
        }
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// The refresh token of somebody who has just signed in.
    pub(crate) fn refresh_token(&self) -> ProviderToken {
        let issued = self.provider.issue("ada");
        token(&issued.refresh_token.expect("a refresh token"))
    }
}

/// Settings that know the provider by its issuer.
pub(crate) fn of(provider: &ScriptedProvider) -> ProviderSettings {
    let mut settings = ProviderSettings::new(name(), &provider.client_id());
    settings.issuer = Some(provider.issuer().to_owned());
    settings.client_secret = provider.client_secret().as_deref().map(ClientSecret::new);
    settings.scopes = vec!["openid".to_owned(), "offline_access".to_owned()];
    settings.call_timeout = Duration::from_secs(10);
    settings
}

pub(crate) fn name() -> ProviderName {
    ProviderName::new("example").expect("a name")
}

pub(crate) fn token(text: &str) -> ProviderToken {
    ProviderToken::new("token", text).expect("a token")
}
