//! The keys that provider tokens are encrypted with: from the settings, or from a file in the data
//! folder that this server makes. Whoever loses them loses the tokens: so none is ever made in the
//! place of one that is missing, unless that is asked for.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use app::wiring::{CipherKey, CipherKeys, CipherKeysError, XChaChaCipher};
use chrono::{DateTime, TimeDelta, Utc};
use session_core::CipherKeyId;
use session_core::ports::{Clock, Entropy, GrantStore, StoreError, TokenCipher as _};
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

use crate::key_file::{self, KeyFileError, KeyRing, Known};
use crate::settings::{LostKeys, Settings};

/// How long after a key was replaced something may still come to the store that is sealed with it: the
/// time until a running server has the new one, and for which it holds on to new tokens that the store
/// does not take.
const SETTLED_AFTER: TimeDelta = TimeDelta::minutes(15);

impl KeyRing for CipherKeys {
    type Key = CipherKey;
    type Problem = CipherKeysError;

    const FILE: &'static str = "upstream-token.keys";
    const SETTING: &'static str = "SESSION_ENCRYPTION_KEYS";
    const CALLED: &'static str = "the keys of provider tokens";

    fn key(secret: &[u8; 32], created_at: DateTime<Utc>) -> Result<CipherKey, CipherKeysError> {
        Ok(CipherKey::new(secret, created_at))
    }

    fn of_one(key: CipherKey) -> Self {
        Self::new(key)
    }

    fn parse(text: &str) -> Result<Self, CipherKeysError> {
        Self::parse(text)
    }

    fn expose(&self) -> Zeroizing<String> {
        self.expose()
    }

    fn newest_at(&self) -> DateTime<Utc> {
        self.newest().created_at()
    }

    fn newest_name(&self) -> &str {
        self.newest().id().as_str()
    }
}

/// How many grants are sealed with each key.
pub(crate) type KeyCounts = Vec<(CipherKeyId, u64)>;

/// Why there are no keys to encrypt with, or they could not be changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProviderKeyError {
    #[error(transparent)]
    File(#[from] KeyFileError),
    #[error("it cannot be told which keys provider tokens are encrypted with: {0}")]
    Store(#[from] StoreError),
    #[error(
        "{} is missing, and so is what opens the tokens of {}: put the file back, or set \
         SESSION_ENCRYPTION_KEYS; to go on without them, start once with \
         SESSION_ENCRYPTION_KEYS_LOST=accept, which deletes nothing",
        file.display(),
        grants_of(sealed)
    )]
    Lost { file: PathBuf, sealed: KeyCounts },
    #[error(
        "there are no keys of provider tokens yet in {}: the server makes them when it first starts",
        .0.display()
    )]
    NoneYet(PathBuf),
    #[error(transparent)]
    Ring(CipherKeysError),
    #[error(
        "the key {key} was replaced just now, and what it encrypted may still be on its way to the store: \
         try again in {seconds} seconds"
    )]
    TooSoon { key: CipherKeyId, seconds: i64 },
    #[error(
        "{count} grants are encrypted with the key {key}: `sessiond keys reencrypt` comes first"
    )]
    InUse { key: CipherKeyId, count: u64 },
    #[error(
        "provider tokens are encrypted with the keys of SESSION_ENCRYPTION_KEYS: change them there"
    )]
    Given,
}

/// The cipher of a server, and the file that its keys are from, if they are.
pub(crate) struct Loaded {
    pub(crate) cipher: Arc<XChaChaCipher>,
    grants: Arc<dyn GrantStore>,
    file: Option<Known>,
}

impl Loaded {
    /// The keys of the settings or, where none are given, those of the data folder, which are made on
    /// the first start: while nothing is encrypted.
    pub(crate) async fn load(
        settings: &Settings,
        grants: &Arc<dyn GrantStore>,
        entropy: Arc<dyn Entropy>,
        clock: &dyn Clock,
    ) -> Result<Self, ProviderKeyError> {
        let folder = &settings.data_dir;
        let sealed = in_use(&**grants).await?;
        let (ring, file) = if let Some(ring) = &settings.encryption.keys {
            (key_file::given::<CipherKeys>(ring)?, None)
        } else {
            let read = match key_file::read::<CipherKeys>(folder)? {
                Some(read) => read,
                None if sealed.is_empty() || settings.encryption.lost == LostKeys::Accept => {
                    key_file::make(folder, &*entropy, clock)?
                }
                None => return Err(absent(settings, sealed)),
            };
            let (ring, known) = read.parts();
            (ring, Some(known))
        };
        let cipher = Arc::new(XChaChaCipher::new(ring, entropy));
        tell_missing(&cipher, sealed);
        Ok(Self {
            cipher,
            grants: Arc::clone(grants),
            file,
        })
    }

    /// Takes over the ring of the file whenever it was replaced, until the task is stopped.
    pub(crate) fn follow(self, data_dir: &Path) -> Option<JoinHandle<()>> {
        let (file, cipher) = (self.file?, self.cipher);
        Some(file.follow(data_dir, move |ring: CipherKeys| {
            cipher.replace_keys(ring);
            let (cipher, grants) = (Arc::clone(&cipher), Arc::clone(&self.grants));
            tokio::spawn(async move {
                match in_use(&*grants).await {
                    Ok(sealed) => tell_missing(&cipher, sealed),
                    Err(error) => {
                        tracing::warn!(%error, "it is not known whether keys are missing")
                    }
                }
            });
        }))
    }
}

/// The ring of the settings or of the data folder; `None` before the first start.
pub(crate) fn ring(settings: &Settings) -> Result<Option<CipherKeys>, KeyFileError> {
    match &settings.encryption.keys {
        Some(ring) => key_file::given(ring).map(Some),
        None => Ok(key_file::read(&settings.data_dir)?.map(|read| read.ring)),
    }
}

/// What it means that the data folder has no ring, where this much is sealed.
pub(crate) fn absent(settings: &Settings, sealed: KeyCounts) -> ProviderKeyError {
    if sealed.is_empty() {
        return ProviderKeyError::NoneYet(settings.data_dir.clone());
    }
    let file = settings.data_dir.join(CipherKeys::FILE);
    ProviderKeyError::Lost { file, sealed }
}

/// Puts a new key in front of the ring in the data folder; its name. The keys before stay: they open
/// what they sealed.
///
/// Makes no first ring: where one is missing, the server knows whether it was lost.
pub(crate) fn rotate(
    settings: &Settings,
    entropy: &dyn Entropy,
    clock: &dyn Clock,
) -> Result<CipherKeyId, ProviderKeyError> {
    let folder = file_of(settings)?;
    let add = |ring: Option<CipherKeys>, key, _| {
        let ring = ring.ok_or_else(|| ProviderKeyError::NoneYet(folder.to_owned()))?;
        ring.rotated(key)
            .map_err(|problem| key_file::of_file::<CipherKeys>(folder, problem).into())
    };
    let ring: Result<_, ProviderKeyError> = key_file::rotate(folder, entropy, clock, add);
    let ring = ring?;
    Ok(ring.newest().id().clone())
}

/// Takes a key out of the ring in the data folder, if nothing is sealed with it and nothing will be.
/// `sealed` tells how many grants are, and fails unless the ring that it is given is in use.
pub(crate) fn forget<E: From<KeyFileError> + From<ProviderKeyError>>(
    settings: &Settings,
    key: &CipherKeyId,
    clock: &dyn Clock,
    sealed: impl FnOnce(&CipherKeys) -> Result<KeyCounts, E>,
) -> Result<(), E> {
    let folder = file_of(settings)?;
    key_file::change(folder, |ring: Option<CipherKeys>| -> Result<_, E> {
        let ring = ring.ok_or_else(|| ProviderKeyError::NoneYet(folder.to_owned()))?;
        let successor = ring.iter().zip(ring.iter().skip(1));
        let successor = successor.filter(|(_, older)| older.id() == key);
        if let Some((successor, _)) = successor.last() {
            let wait = successor.created_at() + SETTLED_AFTER - clock.now();
            if wait > TimeDelta::zero() {
                let (key, seconds) = (key.clone(), wait.num_seconds() + 1);
                return Err(ProviderKeyError::TooSoon { key, seconds }.into());
            }
            // Nothing is sealed with the key any more: so what is counted stays so.
            let counts = sealed(&ring)?;
            if let Some((key, count)) = counts.into_iter().find(|(name, _)| name == key) {
                return Err(ProviderKeyError::InUse { key, count }.into());
            }
        }
        Ok(ring.without(key).map_err(ProviderKeyError::Ring)?)
    })?;
    Ok(())
}

/// The data folder, if its file is where the keys are.
pub(crate) fn file_of(settings: &Settings) -> Result<&Path, ProviderKeyError> {
    match settings.encryption.keys {
        Some(_) => Err(ProviderKeyError::Given),
        None => Ok(&settings.data_dir),
    }
}

/// The keys that something is sealed with, in the order of their names.
pub(crate) async fn in_use(grants: &dyn GrantStore) -> Result<KeyCounts, StoreError> {
    let mut sealed = grants.count_by_key().await?;
    sealed.retain(|(_, count)| *count > 0);
    sealed.sort_unstable();
    Ok(sealed)
}

/// Leaves an error in the log when something is sealed with keys that are not there. The sessions that it
/// belongs to are told so when they ask; all others go on.
fn tell_missing(cipher: &XChaChaCipher, mut sealed: KeyCounts) {
    sealed.retain(|(key, _)| !cipher.has_key(key));
    if !sealed.is_empty() {
        tracing::error!(
            "what opens the tokens of {} is not among the keys of provider tokens: put the keys back; \
             nothing is deleted meanwhile",
            grants_of(&sealed)
        );
    }
}

/// "3 grants (key a), 1 grant (key b)".
fn grants_of(sealed: &KeyCounts) -> String {
    let mut text = String::new();
    for (at, (key, count)) in sealed.iter().enumerate() {
        let comma = if at == 0 { "" } else { ", " };
        let grants = if *count == 1 { "grant" } else { "grants" };
        // Writing to a String cannot fail.
        let _ = write!(text, "{comma}{count} {grants} (key {key})");
    }
    text
}
