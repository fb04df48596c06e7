//! Grants in the data folder of a server that does not run, and the ring that they are sealed with.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use app::wiring::{CipherKeys, StoreSettings, XChaChaCipher, open_stores};
use app::{OpenTokens, Stores, SystemEntropy, TokenOwner, TokenVault};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use session_core::{Grant, GrantStatus, ProviderName, ProviderToken, SessionId, UserId};
use tokio::task::JoinSet;

use crate::support::command;

pub(super) const FILE: &str = "upstream-token.keys";

/// A server or a command with an admin key of its own making.
pub(super) fn own_keys(folder: &Path) -> Command {
    let mut command = command(folder);
    command.env_remove("SESSION_SERVICE_KEYS");
    command
}

pub(super) fn ring_text(folder: &Path) -> String {
    fs::read_to_string(folder.join(FILE)).unwrap()
}

pub(super) fn ring(folder: &Path) -> CipherKeys {
    CipherKeys::parse(&ring_text(folder)).unwrap()
}

/// The names of the keys in the file, the one that encrypts first.
pub(super) fn ids(folder: &Path) -> Vec<String> {
    ring(folder)
        .iter()
        .map(|key| key.id().to_string())
        .collect()
}

/// The secrets of the keys as they stand in the file.
pub(super) fn secrets(folder: &Path) -> Vec<String> {
    let text: Value = serde_json::from_str(&ring_text(folder)).unwrap();
    let keys = text["keys"].as_array().unwrap().iter();
    keys.map(|key| key["secret"].as_str().unwrap().to_owned())
        .collect()
}

/// Makes all keys older by a day.
pub(super) fn age(folder: &Path) {
    let mut text: Value = serde_json::from_str(&ring_text(folder)).unwrap();
    for key in text["keys"].as_array_mut().unwrap() {
        let at: DateTime<Utc> = key["created_at"].as_str().unwrap().parse().unwrap();
        key["created_at"] = (at - TimeDelta::days(1)).to_rfc3339().into();
    }
    fs::write(folder.join(FILE), text.to_string()).unwrap();
}

/// Stores grants of these numbers, sealed with the newest key of the file.
pub(super) fn store_grants(folder: &Path, numbers: std::ops::Range<u32>) {
    let vault = vault_of(ring(folder));
    with_stores(folder, async |stores| {
        let mut under_way = JoinSet::new();
        for number in numbers {
            let (grants, grant) = (Arc::clone(&stores.grants), grant(number, &vault));
            under_way.spawn(async move { grants.add_grant(grant).await });
        }
        for stored in under_way.join_all().await {
            stored.unwrap();
        }
    });
}

/// How many grants of these numbers open, with the keys of the file, to what was stored.
pub(super) fn readable(folder: &Path, numbers: std::ops::Range<u32>) -> usize {
    let vault = vault_of(ring(folder));
    let ids: Vec<_> = numbers.map(session).collect();
    let mut readable = 0;
    with_stores(folder, async |stores| {
        for grant in stores.grants.find_grants(&ids).await.unwrap() {
            let number = grant.user_id.as_str().parse().unwrap();
            if let Ok(opened) = vault.open_all(&grant) {
                assert_eq!(opened, tokens(number));
                readable += 1;
            }
        }
    });
    readable
}

fn with_stores(folder: &Path, work: impl AsyncFnOnce(&Stores)) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let stores = open_stores(StoreSettings::Sqlite {
            path: folder.join("sessions.db"),
            copies: 0,
            holder: "a test".to_owned(),
        });
        let stores = stores.await.unwrap();
        work(&stores).await;
        stores.sessions.close().await;
    });
}

fn vault_of(keys: CipherKeys) -> TokenVault {
    TokenVault::new(Arc::new(XChaChaCipher::new(keys, Arc::new(SystemEntropy))))
}

fn session(number: u32) -> SessionId {
    let mut tail = [0; 10];
    tail[..4].copy_from_slice(&number.to_be_bytes());
    SessionId::at("2026-01-01T12:00:00Z".parse().unwrap(), tail)
}

fn tokens(number: u32) -> OpenTokens {
    let token = |kind: &str| ProviderToken::new("token", &format!("{kind}-{number}")).unwrap();
    OpenTokens {
        access: token("access"),
        refresh: Some(token("refresh")),
        id: None,
    }
}

fn grant(number: u32, vault: &TokenVault) -> Grant {
    let user_id = UserId::new(&number.to_string()).unwrap();
    let provider = ProviderName::new("example").unwrap();
    let owner = TokenOwner {
        session_id: session(number),
        user_id: &user_id,
        provider: &provider,
    };
    // So that nobody looks after it for the time of a test.
    let far = "2200-01-01T12:00:00Z".parse().unwrap();
    Grant {
        session_id: session(number),
        tokens: vault.seal(owner, &tokens(number)).unwrap(),
        access_hash: tokens(number).access.hash(),
        user_id,
        provider,
        provider_session: None,
        version: 1,
        status: GrantStatus::Usable,
        token_type: "Bearer".into(),
        scopes: Vec::new(),
        obtained_at: "2026-01-01T12:00:00Z".parse().unwrap(),
        access_expires_at: None,
        superseded: None,
        rotation_count: 0,
        retry_at: None,
        due_at: far,
        lease: None,
    }
}
