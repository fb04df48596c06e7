//! From settings to use cases that run: the same for the server and for commands that work without it.

use std::sync::Arc;

use app::wiring::{
    CipherKey, CipherKeys, StoreSettings, WiringError, XChaChaCipher, open_stores, password_hasher,
};
use app::{Ports, Providers, Services, SystemClock, SystemEntropy};
use chrono::DateTime;
use session_core::ports::{Entropy as _, EntropyError};

use crate::access_token_keys::{Loaded, TokenKeyError};
use crate::data_dir::Holder;
use crate::settings::{Settings, Store};

/// Why the use cases cannot run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServicesError {
    #[error(transparent)]
    Store(#[from] WiringError),
    #[error(transparent)]
    TokenKeys(#[from] TokenKeyError),
    #[error(transparent)]
    Entropy(#[from] EntropyError),
}

/// The use cases, and the keys to follow for as long as they run.
pub(crate) struct Started {
    pub(crate) services: Services,
    pub(crate) token_keys: Loaded,
}

/// Opens the store and starts the use cases. Must run inside a tokio runtime, and in the process that
/// has the data folder.
pub(crate) async fn start(settings: &Settings, holder: Holder) -> Result<Started, ServicesError> {
    let stores = open_stores(store_settings(settings, holder)).await?;
    let (clock, entropy) = (Arc::new(SystemClock::new()), Arc::new(SystemEntropy));
    let token_keys = Loaded::load(settings, &*entropy, &*clock)?;
    let ports = Ports {
        signer: Arc::clone(&token_keys.signer) as _,
        passwords: password_hasher(Arc::clone(&entropy) as _),
        // Until the keys of providers' tokens come from the settings.
        cipher: Arc::new(throwaway_cipher(&entropy)?),
        clock,
        entropy,
    };
    let providers = Providers::default();
    let services = Services::start(stores, ports, providers, settings.policies.clone())?;
    Ok(Started {
        services,
        token_keys,
    })
}

fn throwaway_cipher(entropy: &Arc<SystemEntropy>) -> Result<XChaChaCipher, EntropyError> {
    let mut secret = zeroize::Zeroizing::new([0; 32]);
    entropy.fill(&mut *secret)?;
    let key = CipherKey::new(&secret, DateTime::UNIX_EPOCH);
    Ok(XChaChaCipher::new(
        CipherKeys::new(key),
        Arc::clone(entropy) as _,
    ))
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
