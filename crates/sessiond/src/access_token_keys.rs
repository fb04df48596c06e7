//! The keys that sign access tokens: from the settings, or from a file in the data folder that this
//! server makes and `sessiond keys rotate` replaces.

use std::path::Path;
use std::sync::Arc;

use app::wiring::{
    JwtSigner, KeyRingError, SecretTooShort, SharedSecret, SigningKey, SigningKeys, TokenKeys,
    TokenParties,
};
use chrono::{DateTime, TimeDelta, Utc};
use session_core::ports::{Clock, Entropy};
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

use crate::key_file::{self, KeyFileError, KeyRing, Known};
use crate::settings::Settings;

/// How much longer than the tokens that it signed a key is kept: for clocks that differ, and for the
/// time until every server has the new one.
const KEPT_LONGER: TimeDelta = TimeDelta::minutes(5);

impl KeyRing for SigningKeys {
    type Key = SigningKey;
    type Problem = KeyRingError;

    const FILE: &'static str = "access-token.keys";
    const SETTING: &'static str = "SESSION_ACCESS_TOKEN_KEYS";
    const CALLED: &'static str = "the keys that sign access tokens";

    fn key(secret: &[u8; 32], created_at: DateTime<Utc>) -> Result<SigningKey, KeyRingError> {
        Ok(SigningKey::from_seed(secret, created_at)?)
    }

    fn of_one(key: SigningKey) -> Self {
        Self::new(key)
    }

    fn parse(text: &str) -> Result<Self, KeyRingError> {
        Self::parse(text)
    }

    fn expose(&self) -> Zeroizing<String> {
        self.expose()
    }

    fn newest_at(&self) -> DateTime<Utc> {
        self.newest().created_at()
    }

    fn newest_name(&self) -> &str {
        self.newest().kid()
    }
}

/// Why there are no keys to sign with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenKeyError {
    #[error("SECRET_KEY is no good: {0}")]
    Secret(#[from] SecretTooShort),
    #[error(transparent)]
    File(#[from] KeyFileError),
    #[error("access tokens are signed with {0}, and there is no key ring to rotate")]
    NothingToRotate(&'static str),
    #[error("access tokens are signed with SECRET_KEY, and there are no keys to list")]
    NothingToList,
}

/// The signer of a server, and the file that its keys are from, if they are.
pub(crate) struct Loaded {
    pub(crate) signer: Arc<JwtSigner>,
    file: Option<Known>,
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
        let (keys, file): (TokenKeys, _) = if let Some(secret) = &settings.tokens.secret {
            (SharedSecret::new(secret.as_bytes())?.into(), None)
        } else if let Some(ring) = &settings.tokens.keys {
            (key_file::given::<SigningKeys>(ring)?.into(), None)
        } else {
            let read = match key_file::read::<SigningKeys>(&settings.data_dir)? {
                Some(read) => read,
                None => key_file::make(&settings.data_dir, entropy, clock)?,
            };
            let (ring, known) = read.parts();
            (ring.into(), Some(known))
        };
        Ok(Self {
            signer: Arc::new(JwtSigner::new(parties, keys)),
            file,
        })
    }

    /// Takes over the ring of the file whenever it was replaced, until the task is stopped.
    pub(crate) fn follow(self, data_dir: &Path) -> Option<JoinHandle<()>> {
        let (file, signer) = (self.file?, self.signer);
        Some(file.follow(data_dir, move |ring: SigningKeys| signer.replace_keys(ring)))
    }
}

/// Puts a new key in front of the ring in the data folder; its name. Tokens of the keys before stay
/// good until they expire.
pub(crate) fn rotate(
    settings: &Settings,
    entropy: &dyn Entropy,
    clock: &dyn Clock,
) -> Result<String, TokenKeyError> {
    if let Some(name) = signed_otherwise(settings) {
        return Err(TokenKeyError::NothingToRotate(name));
    }
    let keep_for = settings.policies.login.access_token_lifetime + KEPT_LONGER;
    let folder = &settings.data_dir;
    let add = |ring: Option<SigningKeys>, key, now| match ring {
        None => Ok(SigningKeys::new(key)),
        Some(ring) => ring
            .rotated(key, now, keep_for)
            .map_err(|problem| key_file::of_file::<SigningKeys>(folder, problem)),
    };
    let ring = key_file::rotate(folder, entropy, clock, add)?;
    Ok(ring.newest_name().to_owned())
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
    let ring: SigningKeys = match &settings.tokens.keys {
        Some(ring) => key_file::given(ring)?,
        None => match key_file::read(&settings.data_dir)? {
            Some(read) => read.ring,
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
