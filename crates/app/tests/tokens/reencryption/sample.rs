//! Grants of a provider that is not asked, their tokens sealed with keys that the tests choose.

use std::sync::Arc;

use app::wiring::{CipherKey, CipherKeys, XChaChaCipher};
use app::{OpenTokens, SystemEntropy, TokenOwner, TokenVault};
use chrono::{DateTime, TimeDelta, Utc};
use session_core::ports::GrantStore;
use session_core::{
    CipherKeyId, Grant, GrantStatus, ProviderName, ProviderToken, RefreshId, RefreshOutcome,
    RefreshReason, RefreshRecord, SessionId, UserId,
};

pub(super) fn now() -> DateTime<Utc> {
    "2026-01-01T12:00:00Z".parse().unwrap()
}

fn key(byte: u8) -> CipherKey {
    CipherKey::new(&[byte; 32], now() + TimeDelta::days(i64::from(byte)))
}

pub(super) fn id(byte: u8) -> CipherKeyId {
    key(byte).id().clone()
}

/// The keys of these bytes, the last of which seals.
pub(super) fn ring(bytes: &[u8]) -> CipherKeys {
    let mut keys = bytes.iter().map(|byte| key(*byte));
    let first = CipherKeys::new(keys.next().unwrap());
    keys.fold(first, |ring, key| ring.rotated(key).unwrap())
}

pub(super) fn cipher(bytes: &[u8]) -> Arc<XChaChaCipher> {
    Arc::new(XChaChaCipher::new(ring(bytes), Arc::new(SystemEntropy)))
}

pub(super) fn vault(bytes: &[u8]) -> TokenVault {
    TokenVault::new(cipher(bytes))
}

pub(super) fn session(number: u32) -> SessionId {
    let mut tail = [0; 10];
    tail[..4].copy_from_slice(&number.to_be_bytes());
    SessionId::at(now(), tail)
}

fn token(kind: &str, number: u32, round: u64) -> ProviderToken {
    let text = format!("{kind}-{number}-{round}");
    ProviderToken::new("token", &text).unwrap()
}

/// What the provider gave for a session at its so manieth renewal. One of two has no ID token.
pub(super) fn tokens(number: u32, round: u64) -> OpenTokens {
    OpenTokens {
        access: token("access", number, round),
        refresh: Some(token("refresh", number, round)),
        id: number.is_multiple_of(2).then(|| token("id", number, round)),
    }
}

pub(super) fn grant(number: u32, vault: &TokenVault) -> Grant {
    let user_id = UserId::new(&format!("user-{number}")).unwrap();
    let provider = ProviderName::new("example").unwrap();
    let tokens = tokens(number, 0);
    let owner = TokenOwner {
        session_id: session(number),
        user_id: &user_id,
        provider: &provider,
    };
    Grant {
        session_id: session(number),
        tokens: vault.seal(owner, &tokens).unwrap(),
        user_id,
        provider,
        provider_session: None,
        version: 1,
        status: GrantStatus::Usable,
        access_hash: tokens.access.hash(),
        token_type: "Bearer".into(),
        scopes: Vec::new(),
        obtained_at: now(),
        access_expires_at: None,
        superseded: None,
        rotation_count: 0,
        retry_at: None,
        due_at: now(),
        lease: None,
    }
}

/// The intent to renew a grant.
pub(super) fn intent(grant: &Grant, tail: u64) -> RefreshRecord {
    let mut id = [0; 10];
    id[2..].copy_from_slice(&tail.to_be_bytes());
    RefreshRecord {
        id: RefreshId::at(now(), id),
        session_id: grant.session_id,
        user_id: grant.user_id.clone(),
        provider: grant.provider.clone(),
        reason: RefreshReason::Forced,
        started_at: now(),
        finished_at: None,
        outcome: RefreshOutcome::Pending,
        tries: 1,
        rotation_count: grant.rotation_count,
        old_access_token: grant.access_hash,
        old_refresh_token: None,
        new_access_token: None,
        new_refresh_token: None,
        old_expires_at: None,
        new_expires_at: None,
        grace_ends_at: None,
    }
}

pub(super) async fn counted(store: &Arc<dyn GrantStore>) -> Vec<(CipherKeyId, u64)> {
    let mut counted = store.count_by_key().await.unwrap();
    counted.retain(|(_, count)| *count > 0);
    counted.sort_unstable();
    counted
}
