//! From settings to use cases that run: the same for the server and for commands that work without it.

use std::sync::Arc;

use app::wiring::{StoreSettings, WiringError, add_provider, open_stores, password_hasher};
use app::{Ports, Providers, Services, Stores, SystemClock, SystemEntropy};
use chrono::TimeDelta;
use session_core::ports::{Clock, EntropyError};
use session_core::{InvalidInput, ProviderName};

use crate::access_token_keys::{self, TokenKeyError};
use crate::data_dir::Holder;
use crate::provider_token_keys::{self, ProviderKeyError};
use crate::settings::{Settings, Store};

/// How much longer than their retention records stay in Redis that nobody sweeps.
const KEPT_LONGER: TimeDelta = TimeDelta::days(30);

/// Why the use cases cannot run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServicesError {
    #[error(transparent)]
    Store(#[from] WiringError),
    #[error(transparent)]
    TokenKeys(#[from] TokenKeyError),
    #[error(transparent)]
    ProviderKeys(#[from] ProviderKeyError),
    #[error("providers.{name}: {problem}")]
    Provider {
        name: ProviderName,
        problem: InvalidInput,
    },
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    #[error(
        "{setting} must be set where several servers share a store: {what}. `sessiond keys` makes and \
         shows them"
    )]
    NotShared {
        setting: &'static str,
        what: &'static str,
    },
}

/// The use cases, and the keys to follow for as long as they run.
pub(crate) struct Started {
    pub(crate) services: Services,
    pub(crate) token_keys: access_token_keys::Loaded,
    pub(crate) provider_keys: provider_token_keys::Loaded,
}

/// Opens the store and starts the use cases. Must run inside a tokio runtime, and in the process that
/// has the data folder.
pub(crate) async fn start(settings: &Settings, holder: Holder) -> Result<Started, ServicesError> {
    check_shared_keys(settings)?;
    let stores = stores(settings, holder).await?;
    let (clock, entropy) = (Arc::new(SystemClock::new()), Arc::new(SystemEntropy));
    let token_keys = access_token_keys::Loaded::load(settings, &*entropy, &*clock)?;
    let (grants, drawn) = (&stores.grants, Arc::clone(&entropy) as _);
    let provider_keys = provider_token_keys::Loaded::load(settings, grants, drawn, &*clock).await?;
    let ports = Ports {
        signer: Arc::clone(&token_keys.signer) as _,
        passwords: password_hasher(Arc::clone(&entropy) as _),
        cipher: Arc::clone(&provider_keys.cipher) as _,
        clock,
        entropy,
    };
    let providers = providers(settings, &ports.clock)?;
    let services = Services::start(stores, ports, providers, settings.policies.clone())?;
    Ok(Started {
        services,
        token_keys,
        provider_keys,
    })
}

/// Servers over one store must know each other's signatures, and open what another has sealed: keys that
/// each makes for itself would not do. On loopback there is one server, which may make its own.
fn check_shared_keys(settings: &Settings) -> Result<(), ServicesError> {
    if !settings.store.is_shared() || settings.listen.ip().is_loopback() {
        return Ok(());
    }
    if settings.tokens.keys.is_none() && settings.tokens.secret.is_none() {
        return Err(ServicesError::NotShared {
            setting: "SESSION_ACCESS_TOKEN_KEYS or SECRET_KEY",
            what: "access tokens of one are refused by the others otherwise",
        });
    }
    if settings.encryption.keys.is_none() && !settings.providers.is_empty() {
        return Err(ServicesError::NotShared {
            setting: "SESSION_ENCRYPTION_KEYS",
            what: "provider tokens that one encrypts cannot be opened by the others otherwise",
        });
    }
    Ok(())
}

/// The outside providers of the settings; none of them is asked for anything yet.
fn providers(settings: &Settings, clock: &Arc<dyn Clock>) -> Result<Providers, ServicesError> {
    let mut providers = Providers::default();
    let rate = settings.policies.tokens.rate;
    for provider in &settings.providers {
        let (name, clock) = (provider.name.clone(), Arc::clone(clock));
        // Names are unique, so each is added.
        add_provider(&mut providers, provider.clone(), clock, rate)
            .map_err(|problem| ServicesError::Provider { name, problem })?;
    }
    Ok(providers)
}

/// The stores alone, without anything that runs by itself.
pub(crate) async fn stores(settings: &Settings, holder: Holder) -> Result<Stores, WiringError> {
    open_stores(store_settings(settings, holder)).await
}

fn store_settings(settings: &Settings, holder: Holder) -> StoreSettings {
    match &settings.store {
        Store::Memory => StoreSettings::Memory,
        Store::Sqlite => StoreSettings::Sqlite {
            path: settings.db_path.clone(),
            copies: settings.cache_entries,
            holder: holder.to_string(),
        },
        Store::Redis(options) => {
            // Longer than anything is kept on purpose: the sweep is what forgets.
            let policies = &settings.policies;
            let longest = policies.session.retention.max(policies.tokens.retention);
            let kept = (longest + KEPT_LONGER).to_std().unwrap_or_default();
            StoreSettings::Redis(Box::new(options.as_ref().clone().keep(kept)))
        }
    }
}
