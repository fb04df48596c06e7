//! From settings to adapters.

#[cfg(feature = "sqlite")]
use std::path::PathBuf;
#[cfg(any(feature = "argon2", feature = "oauth", feature = "redis"))]
use std::sync::Arc;

#[cfg(feature = "oauth")]
use session_core::InvalidInput;
#[cfg(feature = "oauth")]
use session_core::ports::Clock;
#[cfg(feature = "argon2")]
use session_core::ports::{Entropy, PasswordHasher};

#[cfg(feature = "oauth")]
use crate::Providers;
use crate::Stores;

/// Where sessions, and all that goes with them, are kept.
#[derive(Debug, Clone)]
pub enum StoreSettings {
    /// In this process' memory.
    #[cfg(feature = "memory")]
    Memory,
    /// In an SQLite file.
    #[cfg(feature = "sqlite")]
    Sqlite {
        /// The database file; its folder must exist.
        path: PathBuf,
        /// Records to keep in memory; 0 for none.
        copies: usize,
        /// What another process is told that finds the file in use.
        holder: String,
    },
    /// In Redis, with any number of other processes.
    #[cfg(feature = "redis")]
    Redis(Box<store_redis::Options>),
}

/// Why the store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum WiringError {
    /// The SQLite file.
    #[cfg(feature = "sqlite")]
    #[error("{}: {source}", path.display())]
    Sqlite {
        /// The database file.
        path: PathBuf,
        /// What is wrong with it.
        source: store_sqlite::OpenError,
    },
    /// Redis.
    #[cfg(feature = "redis")]
    #[error(transparent)]
    Redis(#[from] store_redis::OpenError),
}

/// Opens the stores that the settings name. Must run inside a tokio runtime.
///
/// # Errors
/// [`WiringError`].
pub async fn open_stores(settings: StoreSettings) -> Result<Stores, WiringError> {
    match settings {
        #[cfg(feature = "memory")]
        StoreSettings::Memory => Ok(Stores::all_in(std::sync::Arc::new(
            store_memory::MemoryStore::new(),
        ))),
        #[cfg(feature = "sqlite")]
        StoreSettings::Sqlite {
            path,
            copies,
            holder,
        } => {
            let options = store_sqlite::Options::new(&path)
                .copies(copies)
                .holder(holder);
            match store_sqlite::SqliteStore::open(options).await {
                Ok(store) => Ok(Stores::all_in(std::sync::Arc::new(store))),
                Err(source) => Err(WiringError::Sqlite { path, source }),
            }
        }
        #[cfg(feature = "redis")]
        StoreSettings::Redis(options) => {
            let store = Arc::new(store_redis::RedisStore::open(*options).await?);
            for advice in store.advice() {
                tracing::warn!("{advice}");
            }
            let changes = Arc::clone(&store) as _;
            Ok(Stores::all_in(store).told_by(changes))
        }
    }
}

#[cfg(feature = "sqlite")]
pub use store_sqlite::{VerifyError, verify_audit_log};

/// What hashes passwords, as much at once as there are cores.
#[cfg(feature = "argon2")]
#[must_use]
pub fn password_hasher(entropy: Arc<dyn Entropy>) -> Arc<dyn PasswordHasher> {
    let (params, limits) = (Argon2Params::default(), HashLimits::default());
    Arc::new(Argon2Hasher::new(params, limits, entropy))
}

/// Adds a provider that is spoken to over HTTP, of which this process renews at most `rate` grants a
/// second; whether the name was free. Calls nobody.
///
/// Users can sign in with it where it has an issuer.
///
/// # Errors
/// [`InvalidInput`] for a member of the settings.
#[cfg(feature = "oauth")]
pub fn add_provider(
    providers: &mut Providers,
    settings: ProviderSettings,
    clock: Arc<dyn Clock>,
    rate: u32,
) -> Result<bool, InvalidInput> {
    let client = Arc::new(OAuthClient::new(settings, clock)?);
    let login = client.signs_in().then(|| Arc::clone(&client) as _);
    Ok(providers.add(client.name().clone(), client, login, rate))
}

#[cfg(feature = "oauth")]
pub use oauth_client::{ClientAuthentication, ClientSecret, OAuthClient, ProviderSettings};
#[cfg(feature = "argon2")]
pub use password_argon2::{Argon2Hasher, Argon2Params, HashLimits};
#[cfg(feature = "redis")]
pub use store_redis::{
    BadUrl as BadRedisUrl, OpenError as RedisOpenError, Options as RedisOptions, Tls as RedisTls,
    Topology as RedisTopology,
};
#[cfg(feature = "token-cipher")]
pub use token_cipher::{CipherKey, CipherKeys, CipherKeysError, XChaChaCipher};
#[cfg(feature = "jwt")]
pub use token_jwt::{
    JwtSigner, KeyRingError, SecretTooShort, SeedRefused, SharedSecret, SigningKey, SigningKeys,
    TokenKeys, TokenParties,
};
