//! The grants that keys are for: straight in the store where no server has it, else through the server's
//! admin face.

use std::sync::Arc;

use app::wiring::{CipherKeys, XChaChaCipher};
use app::{Reencrypted, SessionError, Stores, SystemClock, SystemEntropy, TokenVault};
use serde_json::{Value, json};
use session_core::ports::Clock as _;
use session_core::{CipherKeyId, Cursor, PageRequest};
use tokio::runtime::Runtime;

use super::KeysError;
use crate::admin_face::AdminFace;
use crate::data_dir::{DataDir, Holder};
use crate::provider_token_keys::{self, KeyCounts};
use crate::reach::{Reached, reach};
use crate::services;
use crate::settings::Settings;

/// Grants of one request: so many are sealed in far less time than a request may take.
const BATCH: usize = 500;

/// A way to the grants of an installation.
pub(super) enum Grants {
    Store(Box<OnStore>),
    Server(AdminFace),
}

/// What grants are sealed with.
#[derive(Debug)]
pub(super) struct InUse {
    /// The key that seals; `None` where there is no ring.
    pub(super) sealing: Option<CipherKeyId>,
    /// How many grants are sealed with each key.
    pub(super) sealed: KeyCounts,
}

impl Grants {
    pub(super) fn reach(settings: &Settings) -> Result<Self, KeysError> {
        match reach(settings)? {
            Reached::Server(address) => Ok(Self::Server(AdminFace::of(address, settings)?)),
            Reached::Folder(data_dir) => {
                let store = OnStore::open(settings, data_dir)?;
                Ok(Self::Store(Box::new(store)))
            }
        }
    }

    pub(super) fn in_use(&self) -> Result<InUse, KeysError> {
        match self {
            Self::Store(store) => store.in_use(),
            Self::Server(face) => in_use_at(face),
        }
    }

    /// Seals a batch of grants with the key that seals now.
    pub(super) fn reencrypt_some(&self, after: Option<Cursor>) -> Result<Reencrypted, KeysError> {
        match self {
            Self::Store(store) => store.reencrypt_some(after),
            Self::Server(face) => reencrypt_some_at(face, after),
        }
    }
}

/// The store, which is this process' alone for now.
pub(super) struct OnStore {
    runtime: Runtime,
    stores: Stores,
    /// `None` where there is no ring yet, or none any more.
    vault: Option<TokenVault>,
    /// Let go of last, when nothing uses it any more.
    _data_dir: DataDir,
}

impl OnStore {
    fn open(settings: &Settings, data_dir: DataDir) -> Result<Self, KeysError> {
        let vault = |keys: CipherKeys| {
            let cipher = XChaChaCipher::new(keys, Arc::new(SystemEntropy));
            TokenVault::new(Arc::new(cipher))
        };
        let vault = provider_token_keys::ring(settings)?.map(vault);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(KeysError::Runtime)?;
        let stores = runtime.block_on(services::stores(settings, Holder::command()))?;
        Ok(Self {
            runtime,
            stores,
            vault,
            _data_dir: data_dir,
        })
    }

    fn in_use(&self) -> Result<InUse, KeysError> {
        let sealed = provider_token_keys::in_use(&*self.stores.grants);
        Ok(InUse {
            sealing: self.vault.as_ref().map(TokenVault::sealing_key),
            sealed: self.runtime.block_on(sealed).map_err(SessionError::from)?,
        })
    }

    fn reencrypt_some(&self, after: Option<Cursor>) -> Result<Reencrypted, KeysError> {
        let Some(vault) = &self.vault else {
            return Ok(Reencrypted::default());
        };
        let page = PageRequest::new(Some(BATCH), after)?;
        let now = SystemClock::new().now();
        let done = app::reencrypt_some(&self.stores.grants, vault, now, page);
        Ok(self.runtime.block_on(done)?)
    }
}

impl Drop for OnStore {
    fn drop(&mut self) {
        self.runtime.block_on(self.stores.sessions.close());
    }
}

fn in_use_at(face: &AdminFace) -> Result<InUse, KeysError> {
    let answer = face.get("/admin/encryption-keys", &[])?;
    let shown = answer.map_err(|problem| face.refused(&problem))?;
    let read = || {
        Some(InUse {
            sealing: Some(CipherKeyId::new(shown["sealing_key"].as_str()?).ok()?),
            sealed: counts(&shown["in_use"])?,
        })
    };
    Ok(read().ok_or_else(|| face.not_ours())?)
}

fn reencrypt_some_at(face: &AdminFace, after: Option<Cursor>) -> Result<Reencrypted, KeysError> {
    let mut path = format!("/admin/reencrypt?limit={BATCH}");
    if let Some(Cursor(id)) = after {
        // An id is a UUID: it needs no escaping.
        path.push_str(&format!("&cursor={id}"));
    }
    let answer = face.post(&path, json!({}))?;
    let done = answer.map_err(|problem| face.refused(&problem))?;
    let read = || {
        let next = match (done["more"].as_bool()?, done["cursor"].as_str()) {
            (true, Some(cursor)) => Some(cursor.parse().ok()?),
            (true, None) => return None,
            (false, _) => None,
        };
        Some(Reencrypted {
            resealed: done["resealed"].as_u64()?,
            busy: done["busy"].as_u64()?,
            unreadable: counts(&done["unreadable"])?.into_iter().collect(),
            next,
        })
    };
    Ok(read().ok_or_else(|| face.not_ours())?)
}

fn counts(shown: &Value) -> Option<KeyCounts> {
    let count = |row: &Value| {
        let key = CipherKeyId::new(row["key"].as_str()?).ok()?;
        Some((key, row["grants"].as_u64()?))
    };
    shown.as_array()?.iter().map(count).collect()
}
