//! Sessions to test with.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use session_core::ports::{Created, EndedSession, LimitPolicy, SessionLimit, SessionStore};
use session_core::{
    Account, AccountId, AuditAction, AuditEvent, CipherKeyId, Email, EndKind, EndReason, Ending,
    EventId, Grant, GrantStatus, Lifetime, Metadata, PasswordHash, ProviderName, ProviderTokenHash,
    RefreshId, RefreshOutcome, RefreshReason, RefreshRecord, Revocation, RevocationId,
    SealedTokens, Session, SessionId, SessionSecret, TokenHash, TokenKind, UserId,
};

/// A limit that no test reaches by accident.
pub const NO_LIMIT: SessionLimit = SessionLimit {
    max: 1_000_000,
    policy: LimitPolicy::EvictOldest,
};

/// When every test begins; the clock is theirs to move.
#[must_use]
pub fn start() -> DateTime<Utc> {
    DateTime::from_timestamp_millis(1_750_000_000_000).expect("a time")
}

/// So many minutes after [`start`].
#[must_use]
pub fn minute(minutes: i64) -> DateTime<Utc> {
    start() + TimeDelta::minutes(minutes)
}

/// A user of this name.
#[must_use]
pub fn user(name: &str) -> UserId {
    UserId::new(name).expect("a user id")
}

/// User names of which each two differ, some by a single byte, or look like something else to a store.
pub(crate) fn names_that_differ() -> Vec<String> {
    let longest = "x".repeat(UserId::MAX_BYTES);
    let shorter = longest[1..].to_owned();
    let names = [
        "ada", "Ada", "ada ", " ada", "ad", "a%", "a_a", "*", "é", "e\u{301}", "1", "01", "null",
        "'; --", "\\", "\"",
    ];
    let names = names.into_iter().map(str::to_owned);
    names.chain([longest, shorter]).collect()
}

/// The random part of an id that no other has; later ones sort behind earlier ones.
fn tail() -> [u8; 10] {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let mut tail = [0; 10];
    tail[2..].copy_from_slice(&COUNT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    tail
}

/// A new session of 60 minutes without an idle timeout, with an id that no other has.
#[must_use]
pub fn session(user_name: &str, created_at: DateTime<Utc>) -> Session {
    let tail = tail();
    let mut secret = [0; 32];
    secret[..10].copy_from_slice(&tail);
    let lifetime = Lifetime {
        absolute: TimeDelta::minutes(60),
        idle: None,
    };
    Session::start(
        SessionId::at(created_at, tail),
        user(user_name),
        SessionSecret::from_bytes(secret).hash(),
        lifetime,
        created_at,
    )
}

/// The same with an idle timeout.
#[must_use]
pub fn idling(session: Session, idle: TimeDelta) -> Session {
    Session {
        idle_timeout: Some(idle),
        ..session
    }
}

/// An end of the kind `revoked`.
#[must_use]
pub fn revoked(at: DateTime<Utc>) -> Ending {
    Ending {
        kind: EndKind::Revoked,
        reason: EndReason::LOGOUT,
        at,
    }
}

/// A revocation, known for 60 minutes, of the access token of this name; with an id that no other has.
#[must_use]
pub fn revocation(token: &str, revoked_at: DateTime<Utc>) -> Revocation {
    Revocation {
        id: RevocationId::at(revoked_at, tail()),
        token_hash: TokenHash::of(TokenKind::Access, token.as_bytes()),
        token_type: TokenKind::Access,
        session_id: None,
        user_id: None,
        revoked_at,
        expires_at: revoked_at + TimeDelta::minutes(60),
        reason: EndReason::LOGOUT,
        revoked_by: "service".into(),
        cascaded_from: None,
    }
}

/// An event about a user, with an id that no other has.
#[must_use]
pub fn event(user_name: &str, action: AuditAction, timestamp: DateTime<Utc>) -> AuditEvent {
    AuditEvent {
        user_id: Some(user(user_name)),
        ..AuditEvent::new(EventId::at(timestamp, tail()), timestamp, action)
    }
}

/// An e-mail address.
#[must_use]
pub fn email(text: &str) -> Email {
    text.parse().expect("an e-mail address")
}

/// A new account of this address, with an id that no other has.
#[must_use]
pub fn account(address: &str, created_at: DateTime<Utc>) -> Account {
    Account {
        id: AccountId::at(created_at, tail()),
        email: email(address),
        password_hash: PasswordHash::new("$argon2id$v=19$m=8,t=1,p=1$c2FsdA$aGFzaA"),
        metadata: Metadata::default(),
        is_disabled: false,
        version: 1,
        created_at,
        password_set_at: created_at,
    }
}

/// A provider of this name.
#[must_use]
pub fn provider(name: &str) -> ProviderName {
    ProviderName::new(name).expect("a provider")
}

/// A key of this name.
#[must_use]
pub fn cipher_key(name: &str) -> CipherKeyId {
    CipherKeyId::new(name).expect("a key")
}

/// A token's hash that no other has.
#[must_use]
pub fn provider_token_hash() -> ProviderTokenHash {
    let mut hash = [7; 32];
    hash[..10].copy_from_slice(&tail());
    ProviderTokenHash::from_bytes(hash)
}

/// Tokens sealed with the key of this name, that no other has. No ID token.
#[must_use]
pub fn sealed(key: &str) -> SealedTokens {
    let sealed = |kind: &str| [kind.as_bytes(), &tail()].concat().into();
    SealedTokens {
        key: cipher_key(key),
        access: sealed("access"),
        refresh: Some(sealed("refresh")),
        id: None,
    }
}

/// The grant of a session that no other has: of 60 minutes, due after 50, sealed with `k1`.
#[must_use]
pub fn grant(user_name: &str, obtained_at: DateTime<Utc>) -> Grant {
    Grant {
        session_id: SessionId::at(obtained_at, tail()),
        user_id: user(user_name),
        provider: provider("corp"),
        provider_session: None,
        version: 1,
        status: GrantStatus::Usable,
        tokens: sealed("k1"),
        access_hash: provider_token_hash(),
        token_type: "Bearer".into(),
        scopes: vec!["openid".into(), "email".into()],
        obtained_at,
        access_expires_at: Some(obtained_at + TimeDelta::minutes(60)),
        superseded: None,
        rotation_count: 0,
        retry_at: None,
        due_at: obtained_at + TimeDelta::minutes(50),
        lease: None,
    }
}

/// The record of an attempt that begins, with an id that no other has.
#[must_use]
pub fn attempt(grant: &Grant, started_at: DateTime<Utc>) -> RefreshRecord {
    RefreshRecord {
        id: RefreshId::at(started_at, tail()),
        session_id: grant.session_id,
        user_id: grant.user_id.clone(),
        provider: grant.provider.clone(),
        reason: RefreshReason::Proactive,
        started_at,
        finished_at: None,
        outcome: RefreshOutcome::Pending,
        tries: 0,
        rotation_count: grant.rotation_count,
        old_access_token: grant.access_hash,
        old_refresh_token: None,
        new_access_token: None,
        new_refresh_token: None,
        old_expires_at: grant.access_expires_at,
        new_expires_at: None,
        grace_ends_at: None,
    }
}

/// The handles of sessions that were ended together.
#[must_use]
pub fn ids(ended: &[EndedSession]) -> Vec<SessionId> {
    ended.iter().map(|session| session.id).collect()
}

/// Stores a session; the record, and whom it displaced.
///
/// # Panics
/// If the store does not take it.
pub async fn stored_with(
    store: &Arc<dyn SessionStore>,
    session: Session,
    limit: SessionLimit,
) -> (Arc<Session>, Vec<SessionId>) {
    match store
        .create(session, limit)
        .await
        .expect("the store takes a session")
    {
        Created::Stored { session, evicted } => (session, evicted),
        Created::LimitReached => panic!("the limit was not reached"),
    }
}

/// Stores a session without a limit.
///
/// # Panics
/// If the store does not take it.
pub async fn stored(store: &Arc<dyn SessionStore>, session: Session) -> Arc<Session> {
    stored_with(store, session, NO_LIMIT).await.0
}

/// The record of a session that there is.
///
/// # Panics
/// If there is none.
pub async fn found(store: &Arc<dyn SessionStore>, id: SessionId) -> Arc<Session> {
    store
        .find(id)
        .await
        .expect("the store answers")
        .expect("the session is there")
}
