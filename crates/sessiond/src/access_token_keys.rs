//! The keys that sign access tokens: from the settings, or from a file in the data folder that this
//! server makes and `sessiond keys rotate` replaces.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use app::wiring::{
    JwtSigner, KeyRingError, SecretTooShort, SeedRefused, SharedSecret, SigningKey, SigningKeys,
    TokenKeys, TokenParties,
};
use chrono::{DateTime, TimeDelta, Utc};
use session_core::ports::{Clock, Entropy, EntropyError};
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

use crate::data_dir::{self, DataDirError};
use crate::settings::Settings;

/// The file of the key ring.
pub(crate) const FILE: &str = "access-token.keys";
/// How often a running server looks whether the file changed.
pub(crate) const LOOKS_EVERY: Duration = Duration::from_secs(5);
/// How much longer than the tokens that it signed a key is kept: for clocks that differ, and for the
/// time until every server has the new one.
const KEPT_LONGER: TimeDelta = TimeDelta::minutes(5);

/// Why there are no keys to sign with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenKeyError {
    #[error("SECRET_KEY is no good: {0}")]
    Secret(#[from] SecretTooShort),
    #[error("{name}: {problem}")]
    Ring { name: String, problem: KeyRingError },
    #[error("a key could not be made: {0}")]
    Seed(#[from] SeedRefused),
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    #[error("access tokens are signed with {0}, and there is no key ring to rotate")]
    NothingToRotate(&'static str),
    #[error("access tokens are signed with SECRET_KEY, and there are no keys to list")]
    NothingToList,
}

/// The signer of a server, and the text of the ring that it took from the file, if it did.
pub(crate) struct Loaded {
    pub(crate) signer: Arc<JwtSigner>,
    text: Option<Zeroizing<String>>,
}

impl Loaded {
    /// The keys of the settings or, where none are given, those of the data folder, which are made on
    /// the first start.
    pub(crate) fn load(
        settings: &Settings,
        entropy: &dyn Entropy,
        clock: &dyn Clock,
    ) -> Result<Self, TokenKeyError> {
        let parties = TokenParties {
            issuer: settings.tokens.issuer.as_str().into(),
            audience: settings.tokens.audience.as_str().into(),
        };
        let (keys, text): (TokenKeys, _) = if let Some(secret) = &settings.tokens.secret {
            (SharedSecret::new(secret.as_bytes())?.into(), None)
        } else if let Some(ring) = &settings.tokens.keys {
            let ring = parse("SESSION_ACCESS_TOKEN_KEYS", ring)?;
            (ring.into(), None)
        } else {
            let text = match data_dir::read(&settings.data_dir, FILE)? {
                Some(text) => Zeroizing::new(text),
                None => make(&settings.data_dir, entropy, clock)?,
            };
            let path = settings.data_dir.join(FILE);
            let ring = parse(&path.display().to_string(), &text)?;
            (ring.into(), Some(text))
        };
        Ok(Self {
            signer: Arc::new(JwtSigner::new(parties, keys)),
            text,
        })
    }

    /// Takes over the ring of the file whenever it was replaced, until the task is stopped.
    pub(crate) fn follow(self, data_dir: &Path) -> Option<JoinHandle<()>> {
        let mut known = self.text?;
        let (signer, data_dir) = (self.signer, data_dir.to_owned());
        Some(tokio::spawn(async move {
            loop {
                tokio::time::sleep(LOOKS_EVERY).await;
                let text = match data_dir::read(&data_dir, FILE) {
                    Ok(Some(text)) => Zeroizing::new(text),
                    Ok(None) => continue,
                    Err(error) => {
                        tracing::error!(%error, "the keys of access tokens cannot be read again");
                        continue;
                    }
                };
                if *text == *known {
                    continue;
                }
                match SigningKeys::parse(&text) {
                    Ok(ring) => {
                        let kid = ring.newest().kid().to_owned();
                        signer.replace_keys(ring);
                        tracing::info!(kid, "access tokens are signed with another key now");
                    }
                    // The keys that it has are good: they stay in use.
                    Err(error) => {
                        tracing::error!(%error, "the new keys of access tokens are no good")
                    }
                }
                known = text;
            }
        }))
    }
}

/// The first key ring of a data folder, unless another process made one just now.
fn make(
    data_dir: &Path,
    entropy: &dyn Entropy,
    clock: &dyn Clock,
) -> Result<Zeroizing<String>, TokenKeyError> {
    let _locked = data_dir::lock(data_dir, FILE)?;
    if let Some(text) = data_dir::read(data_dir, FILE)? {
        return Ok(Zeroizing::new(text));
    }
    let text = SigningKeys::new(draw(entropy, clock.now())?).expose();
    data_dir::write(data_dir, FILE, &text)?;
    Ok(text)
}

/// Puts a new key in front of the ring in the data folder; its name. A running server signs with it
/// within [`LOOKS_EVERY`]; tokens of the keys before stay good until they expire.
///
/// Two at the same time come one after the other, and neither loses the other's key.
pub(crate) fn rotate(
    settings: &Settings,
    entropy: &dyn Entropy,
    clock: &dyn Clock,
) -> Result<String, TokenKeyError> {
    if let Some(name) = signed_otherwise(settings) {
        return Err(TokenKeyError::NothingToRotate(name));
    }
    let name = settings.data_dir.join(FILE).display().to_string();
    let _locked = data_dir::lock(&settings.data_dir, FILE)?;
    let ring = match data_dir::read(&settings.data_dir, FILE)? {
        None => {
            let now = clock.now();
            return write(settings, SigningKeys::new(draw(entropy, now)?));
        }
        Some(text) => parse(&name, &Zeroizing::new(text))?,
    };
    // Read under the lock, so that a key is newer than one that another process made meanwhile.
    let mut now = clock.now();
    if now == ring.newest().created_at() {
        std::thread::sleep(Duration::from_millis(2));
        now = clock.now();
    }
    let keep_for = settings.policies.login.access_token_lifetime + KEPT_LONGER;
    let ring = ring.rotated(draw(entropy, now)?, now, keep_for);
    write(
        settings,
        ring.map_err(|problem| TokenKeyError::Ring { name, problem })?,
    )
}

fn write(settings: &Settings, ring: SigningKeys) -> Result<String, TokenKeyError> {
    data_dir::write(&settings.data_dir, FILE, &ring.expose())?;
    Ok(ring.newest().kid().to_owned())
}

/// A key without its secret.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) kid: String,
    pub(crate) created_at: DateTime<Utc>,
}

/// The keys of the settings or of the data folder, the one that signs first; none before the first
/// start.
pub(crate) fn list(settings: &Settings) -> Result<Vec<Listed>, TokenKeyError> {
    if settings.tokens.secret.is_some() {
        return Err(TokenKeyError::NothingToList);
    }
    let ring = match &settings.tokens.keys {
        Some(ring) => parse("SESSION_ACCESS_TOKEN_KEYS", ring)?,
        None => match data_dir::read(&settings.data_dir, FILE)? {
            Some(text) => {
                let path = settings.data_dir.join(FILE);
                parse(&path.display().to_string(), &Zeroizing::new(text))?
            }
            None => return Ok(Vec::new()),
        },
    };
    let listed = ring.iter().map(|key| Listed {
        kid: key.kid().to_owned(),
        created_at: key.created_at(),
    });
    Ok(listed.collect())
}

/// What signs access tokens instead of the ring in the data folder.
fn signed_otherwise(settings: &Settings) -> Option<&'static str> {
    let secret = settings.tokens.secret.as_ref().map(|_| "SECRET_KEY");
    let keys = settings.tokens.keys.as_ref();
    secret.or(keys.map(|_| "the keys of SESSION_ACCESS_TOKEN_KEYS"))
}

fn parse(name: &str, text: &str) -> Result<SigningKeys, TokenKeyError> {
    SigningKeys::parse(text).map_err(|problem| TokenKeyError::Ring {
        name: name.to_owned(),
        problem,
    })
}

fn draw(entropy: &dyn Entropy, now: DateTime<Utc>) -> Result<SigningKey, TokenKeyError> {
    let mut seed = Zeroizing::new([0; 32]);
    entropy.fill(&mut *seed)?;
    Ok(SigningKey::from_seed(&seed, now)?)
}
