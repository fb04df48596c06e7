//! From settings to use cases that run: the same for the server and for commands that work without it.

use std::sync::Arc;

use app::wiring::{StoreSettings, WiringError, add_provider, open_stores, password_hasher};
use app::{Ports, Providers, Services, Stores, SystemClock, SystemEntropy};
use session_core::ports::{Clock, EntropyError};
use session_core::{InvalidInput, ProviderName};

use crate::access_token_keys::{self, TokenKeyError};
use crate::data_dir::Holder;
use crate::provider_token_keys::{self, ProviderKeyError};
use crate::settings::{Settings, Store};

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
    match settings.store {
        Store::Memory => StoreSettings::Memory,
        Store::Sqlite => StoreSettings::Sqlite {
            path: settings.db_path.clone(),
            copies: settings.cache_entries,
            holder: holder.to_string(),
        },
    }
}
