//! Sealing tokens with the present key that were sealed with one before, while they are in use.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use session_core::ports::GrantStore;
use session_core::{CipherKeyId, Cursor, Grant, PageRequest};
use tokio::task::JoinSet;

use super::manager::TokenManager;
use super::vault::{TokenOwner, TokenVault};
use crate::SessionError;

/// How long after its lease a renewal may still come to its end: longer than its holder holds on to new
/// tokens that the store does not take.
const AFTER_A_LEASE: TimeDelta = TimeDelta::minutes(15);
/// How often one grant is tried that somebody else changes meanwhile.
const TRIES: usize = 3;

/// What one call of [`reencrypt_some`] did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reencrypted {
    /// Grants that were sealed with the present key.
    pub resealed: u64,
    /// Grants that somebody is renewing: they are for another round.
    pub busy: u64,
    /// Grants that cannot be opened, by the key that they name. They are as they were.
    pub unreadable: BTreeMap<CipherKeyId, u64>,
    /// Where to go on; `None` after the last.
    pub next: Option<Cursor>,
}

/// What tokens are sealed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeysInUse {
    /// The key that seals now.
    pub sealing: CipherKeyId,
    /// How many grants are sealed with each key, those included that the cipher does not have.
    pub sealed: BTreeMap<CipherKeyId, u64>,
}

/// Seals one page of those grants anew that are sealed with another key than the present one.
///
/// Those that somebody is renewing are left to them: a renewal that fails puts back the tokens that it
/// began with, sealed as they were then. One that begins later begins with what is sealed here. So once
/// no grant is counted under a key, none comes back that needs it.
///
/// What cannot be opened is left as it is, and may be opened when its key is back.
///
/// # Errors
/// `Store`, `Entropy`: what is done is done, and the page may be asked for again.
pub async fn reencrypt_some(
    grants: &Arc<dyn GrantStore>,
    vault: &TokenVault,
    now: DateTime<Utc>,
    page: PageRequest,
) -> Result<Reencrypted, SessionError> {
    let key = vault.sealing_key();
    let found = grants.sealed_otherwise(&key, page).await?;
    let mut done = Reencrypted {
        next: found.next,
        ..Reencrypted::default()
    };
    // Together, so that a store can carry them out together.
    let mut under_way = JoinSet::new();
    for grant in found.items {
        let (grants, vault, key) = (Arc::clone(grants), vault.clone(), key.clone());
        under_way.spawn(async move { reencrypt(&*grants, &vault, now, &key, grant).await });
    }
    while let Some(outcome) = under_way.join_next().await {
        match outcome.unwrap_or(Ok(Outcome::Busy))? {
            Outcome::Resealed => done.resealed += 1,
            Outcome::Settled => {}
            Outcome::Busy => done.busy += 1,
            Outcome::Unreadable(key) => *done.unreadable.entry(key).or_default() += 1,
        }
    }
    Ok(done)
}

impl TokenManager {
    /// Seals one page of grants anew; see [`reencrypt_some`].
    ///
    /// # Errors
    /// `Store`, `Entropy`.
    pub async fn reencrypt_some(&self, page: PageRequest) -> Result<Reencrypted, SessionError> {
        reencrypt_some(&self.grants, &self.vault, self.clock.now(), page).await
    }

    /// What tokens are sealed with.
    ///
    /// # Errors
    /// `Store`.
    pub async fn keys_in_use(&self) -> Result<KeysInUse, SessionError> {
        let mut sealed: BTreeMap<_, _> = self.grants.count_by_key().await?.into_iter().collect();
        sealed.retain(|_, count| *count > 0);
        Ok(KeysInUse {
            sealing: self.vault.sealing_key(),
            sealed,
        })
    }
}

enum Outcome {
    Resealed,
    /// Somebody else did it, or the grant is gone.
    Settled,
    Busy,
    Unreadable(CipherKeyId),
}

async fn reencrypt(
    grants: &dyn GrantStore,
    vault: &TokenVault,
    now: DateTime<Utc>,
    key: &CipherKeyId,
    mut grant: Arc<Grant>,
) -> Result<Outcome, SessionError> {
    for _ in 0..TRIES {
        if grant
            .lease
            .is_some_and(|lease| now < lease.until + AFTER_A_LEASE)
        {
            return Ok(Outcome::Busy);
        }
        let Ok(tokens) = vault.open_all(&grant) else {
            return Ok(Outcome::Unreadable(grant.tokens.key.clone()));
        };
        let (id, version) = (grant.session_id, grant.version);
        let sealed = vault.seal(TokenOwner::of(&grant), &tokens)?;
        // Fails when a renewal has begun or ended meanwhile: each raises the version.
        if grants.reseal(id, version, sealed).await? {
            return Ok(Outcome::Resealed);
        }
        match grants.find_grant(id).await? {
            Some(changed) if changed.tokens.key != *key => grant = changed,
            _ => return Ok(Outcome::Settled),
        }
    }
    Ok(Outcome::Busy)
}
