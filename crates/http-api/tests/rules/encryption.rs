//! With which keys provider tokens are encrypted, as operators see it, and how they are encrypted anew.

use std::sync::Arc;

use app::wiring::{CipherKey, CipherKeys, XChaChaCipher};
use app::{OpenTokens, Policies, Stores, SystemEntropy, TokenOwner, TokenVault};
use http_api::ApiConfig;
use serde_json::{Value, json};
use session_core::ports::GrantStore as _;
use session_core::{Grant, GrantStatus, ProviderName, ProviderToken, SessionId, UserId};
use store_memory::MemoryStore;

use crate::support::{Ask, START, Server, encryption_keys};

/// A key that no server of the tests has.
fn lost() -> CipherKeys {
    CipherKeys::new(CipherKey::new(&[5; 32], START.parse().unwrap()))
}

/// The key that servers of the tests have and do not encrypt with.
fn old() -> CipherKeys {
    CipherKeys::new(CipherKey::new(&[6; 32], START.parse().unwrap()))
}

fn name(keys: &CipherKeys) -> String {
    keys.newest().id().to_string()
}

fn vault(keys: CipherKeys) -> TokenVault {
    TokenVault::new(Arc::new(XChaChaCipher::new(keys, Arc::new(SystemEntropy))))
}

fn tokens() -> OpenTokens {
    OpenTokens {
        access: ProviderToken::new("token", "hunter2").unwrap(),
        refresh: None,
        id: None,
    }
}

fn session(number: u8) -> SessionId {
    SessionId::at(START.parse().unwrap(), [number; 10])
}

fn grant(number: u8, keys: CipherKeys) -> Grant {
    let user_id = UserId::new("ada").unwrap();
    let provider = ProviderName::new("example").unwrap();
    let owner = TokenOwner {
        session_id: session(number),
        user_id: &user_id,
        provider: &provider,
    };
    Grant {
        session_id: session(number),
        tokens: vault(keys).seal(owner, &tokens()).unwrap(),
        access_hash: tokens().access.hash(),
        user_id,
        provider,
        provider_session: None,
        version: 1,
        status: GrantStatus::Usable,
        token_type: "Bearer".into(),
        scopes: Vec::new(),
        obtained_at: START.parse().unwrap(),
        access_expires_at: None,
        superseded: None,
        rotation_count: 0,
        retry_at: None,
        due_at: START.parse().unwrap(),
        lease: None,
    }
}

/// A server on a store with so many grants under the old key and the lost one.
async fn server(under_old: u8, under_lost: u8) -> (Server, Arc<MemoryStore>) {
    let store = Arc::new(MemoryStore::new());
    for number in 0..under_old + under_lost {
        let keys = if number < under_old { old() } else { lost() };
        store.add_grant(grant(number, keys)).await.unwrap();
    }
    let stores = Stores::all_in(Arc::clone(&store));
    let server = Server::build(stores, ApiConfig::default(), Policies::default());
    (server, store)
}

async fn in_use(server: &Server) -> Value {
    let ask = Ask::admin("GET", "/admin/encryption-keys");
    server.send(ask).await.ok()
}

fn counts(rows: &[(&CipherKeys, u64)]) -> Value {
    let mut rows: Vec<_> = rows
        .iter()
        .map(|(keys, count)| (name(keys), count))
        .collect();
    rows.sort_unstable();
    let row = |(key, grants)| json!({"key": key, "grants": grants});
    rows.into_iter().map(row).collect()
}

#[tokio::test]
async fn the_keys_are_told_by_name_and_by_what_they_are_needed_for() {
    let (server, _) = server(3, 2).await;
    let expected = json!({
        "sealing_key": name(&encryption_keys()),
        "in_use": counts(&[(&old(), 3), (&lost(), 2)]),
    });
    assert_eq!(in_use(&server).await, expected);
}

#[tokio::test]
async fn what_can_be_is_encrypted_anew_batch_by_batch() {
    let (server, store) = server(3, 2).await;
    let mut answers = Vec::new();
    let mut path = "/admin/reencrypt?limit=2".to_owned();
    loop {
        let answer = server.send(Ask::admin("POST", &path)).await.ok();
        let cursor = answer["cursor"].as_str().map(str::to_owned);
        assert_eq!(answer["more"], cursor.is_some());
        answers.push(json!([
            answer["resealed"],
            answer["busy"],
            answer["unreadable"]
        ]));
        let Some(cursor) = cursor else { break };
        path = format!("/admin/reencrypt?limit=2&cursor={cursor}");
    }
    let expected = [
        json!([2, 0, []]),
        json!([1, 0, counts(&[(&lost(), 1)])]),
        json!([0, 0, counts(&[(&lost(), 1)])]),
    ];
    assert_eq!(answers, expected);
    let left = counts(&[(&encryption_keys(), 3), (&lost(), 2)]);
    assert_eq!(in_use(&server).await["in_use"], left);
    let found = store.find_grant(session(0)).await.unwrap().unwrap();
    let newest = CipherKeys::new(CipherKey::new(&[7; 32], START.parse().unwrap()));
    assert_eq!(vault(newest).open_all(&found), Ok(tokens()));
}

#[tokio::test]
async fn with_nothing_to_do_it_does_nothing() {
    let (server, _) = server(0, 0).await;
    let answer = server
        .send(Ask::admin("POST", "/admin/reencrypt"))
        .await
        .ok();
    let expected = json!({"resealed": 0, "busy": 0, "unreadable": [], "more": false});
    assert_eq!(answer, expected);
    assert_eq!(in_use(&server).await["in_use"], json!([]));
}

#[tokio::test]
async fn a_batch_that_cannot_be_is_refused() {
    let (server, _) = server(1, 0).await;
    for query in ["limit=0", "limit=1001", "limit=x", "cursor=x"] {
        let ask = Ask::admin("POST", &format!("/admin/reencrypt?{query}"));
        server.send(ask).await.problem(400);
    }
    assert_eq!(in_use(&server).await["in_use"], counts(&[(&old(), 1)]));
}
