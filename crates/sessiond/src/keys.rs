use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http_api::{KeyRole, ServiceKeys, UnfitKey};
use session_core::ports::{Entropy, EntropyError};
use zeroize::Zeroizing;

use crate::data_dir::{self, DataDir, DataDirError};
use crate::settings::Settings;

const SERVICE_KEY_FILE: &str = "service.key";
const ADMIN_KEY_FILE: &str = "admin.key";

/// The keys that the server knows, and where to find one for the tour.
#[derive(Debug)]
pub(crate) struct Keys {
    pub(crate) known: ServiceKeys,
    /// The files with the keys that the server made itself: service, admin.
    pub(crate) made: Option<(PathBuf, PathBuf)>,
}

/// Why there are no keys to start with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyError {
    #[error("a key of {name} {problem}")]
    Unfit { name: String, problem: UnfitKey },
    #[error(
        "SESSION_SERVICE_KEYS must be set to listen on {0}: keys are made by the server only where \
         it listens on loopback"
    )]
    NeedsKeys(std::net::IpAddr),
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    #[error(transparent)]
    Entropy(#[from] EntropyError),
}

impl Keys {
    /// The keys of the settings or, on loopback and where none is given, those of the data folder,
    /// which are made on the first start.
    pub(crate) fn load(
        settings: &Settings,
        data_dir: &DataDir,
        entropy: &dyn Entropy,
    ) -> Result<Self, KeyError> {
        let mut known = ServiceKeys::default();
        let given = [
            (
                KeyRole::Service,
                "SESSION_SERVICE_KEYS",
                &settings.service_keys,
            ),
            (KeyRole::Admin, "SESSION_ADMIN_KEYS", &settings.admin_keys),
        ];
        for (role, name, keys) in given {
            for key in keys {
                add(&mut known, role, key, name)?;
            }
        }
        if !known.is_empty() {
            return Ok(Self { known, made: None });
        }
        if !settings.listen.ip().is_loopback() {
            return Err(KeyError::NeedsKeys(settings.listen.ip()));
        }
        let mut paths = Vec::new();
        for (role, name) in [
            (KeyRole::Service, SERVICE_KEY_FILE),
            (KeyRole::Admin, ADMIN_KEY_FILE),
        ] {
            let key = match data_dir::read(data_dir.path(), name)? {
                Some(key) => key,
                None => {
                    let key = make(role, entropy)?;
                    data_dir::write(data_dir.path(), name, &format!("{key}\n"))?;
                    key
                }
            };
            let path = data_dir.path().join(name);
            add(&mut known, role, key.trim(), &path.display().to_string())?;
            paths.push(path);
        }
        let made = paths.pop().and_then(|admin| Some((paths.pop()?, admin)));
        Ok(Self { known, made })
    }
}

/// A key that opens the admin face of a server with these settings or on this data folder.
pub(crate) fn admin_key(settings: &Settings) -> Result<Option<Zeroizing<String>>, DataDirError> {
    if let Some(key) = settings.admin_keys.first() {
        return Ok(Some(Zeroizing::new(key.clone())));
    }
    let key = data_dir::read(&settings.data_dir, ADMIN_KEY_FILE)?.map(Zeroizing::new);
    Ok(key.map(|key| Zeroizing::new(key.trim().to_owned())))
}

fn add(known: &mut ServiceKeys, role: KeyRole, key: &str, name: &str) -> Result<(), KeyError> {
    known.add(role, key).map_err(|problem| KeyError::Unfit {
        name: name.to_owned(),
        problem,
    })
}

fn make(role: KeyRole, entropy: &dyn Entropy) -> Result<String, EntropyError> {
    let mut bytes = [0; 32];
    entropy.fill(&mut bytes)?;
    Ok(format!(
        "{}{}",
        role.prefix(),
        URL_SAFE_NO_PAD.encode(bytes)
    ))
}
