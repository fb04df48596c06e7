//! Taking trust back: of tokens, sessions, users.

use std::sync::Arc;

use app::{
    Actor, Freshness, IssuedToken, NewSession, Origin, Policies, RevocationPolicy, Services,
    SessionError, SessionPolicy, SessionRef,
};
use chrono::TimeDelta;
use session_core::ports::{Clock as _, RevocationList as _};
use session_core::{
    EndReason, PageRequest, Revocation, SessionId, SessionToken, TokenHash, TokenKind, UserId,
};
use store_memory::MemoryStore;

use crate::harness::{TestClock, begin, copy, is_valid, services, services_over, user};

fn token(kind: TokenKind, name: &str, session_id: Option<SessionId>) -> IssuedToken {
    IssuedToken {
        hash: TokenHash::of(kind, name.as_bytes()),
        kind,
        expires_at: None,
        session_id,
        user_id: Some(user()),
    }
}

fn by_ada() -> Origin<'static> {
    Origin {
        actor: Actor::User("ada"),
        ..Origin::system()
    }
}

async fn history(services: &Services, user_id: Option<UserId>) -> Vec<Arc<Revocation>> {
    let page = PageRequest::default();
    let page = services.revocations.history(user_id, None, page).await;
    page.expect("the store answers").items
}

async fn is_revoked(services: &Services, token: &IssuedToken) -> bool {
    let found = services.revocations.is_revoked(token.hash).await;
    found.expect("the store answers").is_some()
}

#[tokio::test]
async fn a_session_is_revoked_with_its_tokens() {
    let clock = TestClock::new();
    let services = services(None, &clock, Policies::default());
    let session = begin(&services.sessions, None).await;
    let other = begin(&services.sessions, None).await;
    let tokens = [
        token(TokenKind::Access, "jti-1", Some(session.id)),
        token(TokenKind::Refresh, "refresh-1", Some(session.id)),
        token(TokenKind::Id, "id-1", Some(session.id)),
    ];
    let which = SessionRef::Token(copy(&session));
    let reason = EndReason::LOGOUT;
    let done = services
        .revocations
        .revoke_session(&which, &tokens, reason.clone(), &by_ada())
        .await
        .expect("it is revoked");
    assert!(done.was_live);
    assert!(!is_valid(&services.sessions, &session).await);
    assert!(is_valid(&services.sessions, &other).await);
    let [first, others @ ..] = done.revocations.as_slice() else {
        panic!("the session comes first")
    };
    assert_eq!(first.token_hash, TokenHash::of_session(session.id));
    assert_eq!((&*first.revoked_by, &first.reason), ("user:ada", &reason));
    assert_eq!(first.cascaded_from, None);
    for (revocation, token) in others.iter().zip(&tokens) {
        assert_eq!(revocation.token_hash, token.hash);
        assert_eq!(revocation.cascaded_from, Some(first.id));
        assert!(is_revoked(&services, token).await);
    }
    assert_eq!(others.len(), 3);
    // A second time is fine, and changes nothing; what comes along follows from the first.
    let late = token(TokenKind::Access, "jti-2", Some(session.id));
    let more = [tokens[0].clone(), late.clone()];
    let again = services
        .revocations
        .revoke_session(&which, &more, reason, &by_ada())
        .await
        .expect("its record is kept");
    assert!(!again.was_live);
    assert_eq!(&again.revocations[0], first);
    let listed = history(&services, Some(user())).await;
    assert_eq!(listed.len(), 5);
    let late = listed.iter().find(|entry| entry.token_hash == late.hash);
    assert_eq!(late.expect("it is listed").cascaded_from, Some(first.id));
}

#[tokio::test]
async fn a_revoked_refresh_token_takes_its_session_along() {
    let clock = TestClock::new();
    for cascade in [true, false] {
        let revocation = RevocationPolicy {
            cascade,
            ..RevocationPolicy::default()
        };
        let policies = Policies {
            revocation,
            ..Policies::default()
        };
        let services = services(None, &clock, policies);
        let session = begin(&services.sessions, None).await;
        let refresh = token(TokenKind::Refresh, "refresh", Some(session.id));
        let access = token(TokenKind::Access, "access", Some(session.id));
        let all = [refresh.clone(), access.clone()];
        // Somebody knew the token, but not whose it is; the first revocation stands.
        let unknown = token(TokenKind::Refresh, "refresh", None);
        let before = services
            .revocations
            .revoke_token(&unknown, &[], EndReason::LOGOUT, &by_ada())
            .await
            .expect("it is revoked");
        assert_eq!(before.len(), 1);
        let revoked = services
            .revocations
            .revoke_token(&refresh, &all, EndReason::LOGOUT, &by_ada())
            .await
            .expect("it is revoked");
        assert_eq!(revoked[0], before[0]);
        assert!(is_revoked(&services, &refresh).await);
        assert_eq!(is_revoked(&services, &access).await, cascade);
        assert_eq!(is_valid(&services.sessions, &session).await, !cascade);
        let kinds: Vec<_> = revoked.iter().map(|one| one.token_type).collect();
        if cascade {
            assert_eq!(
                kinds,
                [TokenKind::Refresh, TokenKind::Session, TokenKind::Access]
            );
            assert_eq!(revoked[1].cascaded_from, Some(revoked[0].id));
            assert_eq!(revoked[2].cascaded_from, Some(revoked[1].id));
        } else {
            assert_eq!(kinds, [TokenKind::Refresh]);
        }
    }
}

#[tokio::test]
async fn an_access_token_is_revoked_alone() {
    let clock = TestClock::new();
    let services = services(None, &clock, Policies::default());
    let session = begin(&services.sessions, None).await;
    let access = token(TokenKind::Access, "access", Some(session.id));
    assert!(!is_revoked(&services, &access).await);
    let revoke = async |token: &IssuedToken| {
        let revoked = services
            .revocations
            .revoke_token(token, &[], EndReason::LOGOUT, &by_ada())
            .await;
        revoked.expect("it is revoked")
    };
    revoke(&access).await;
    assert!(is_revoked(&services, &access).await);
    assert!(is_valid(&services.sessions, &session).await);
    // What nobody knows here may be known elsewhere.
    let unknown = token(
        TokenKind::Refresh,
        "unknown",
        Some(SessionId::at(clock.now(), [9; 10])),
    );
    assert_eq!(revoke(&unknown).await.len(), 1);
}

#[tokio::test]
async fn a_revocation_is_known_for_a_day_and_never_shorter_than_its_token() {
    let clock = TestClock::new();
    let services = services(None, &clock, Policies::default());
    let now = clock.now();
    for (life, known) in [(None, 24), (Some(1), 24), (Some(24), 24), (Some(72), 72)] {
        let access = IssuedToken {
            expires_at: life.map(|hours| now + TimeDelta::hours(hours)),
            ..token(TokenKind::Access, &format!("{life:?}"), None)
        };
        let revoked = services
            .revocations
            .revoke_token(&access, &[], EndReason::LOGOUT, &by_ada())
            .await
            .expect("it is revoked");
        assert_eq!(revoked[0].expires_at, now + TimeDelta::hours(known));
    }
    clock.pass(TimeDelta::hours(24));
    let done = services.revocations.forget_expired().await;
    assert_eq!(done.expect("the store answers").removed, 3);
    assert_eq!(history(&services, None).await.len(), 1);
}

#[tokio::test]
async fn all_but_one_of_a_users_sessions_are_revoked() {
    let clock = TestClock::new();
    let services = services(None, &clock, Policies::default());
    let sessions = &services.sessions;
    let spared = begin(sessions, None).await;
    let mut gone = Vec::new();
    for _ in 0..4 {
        gone.push(begin(sessions, None).await);
    }
    let grace = NewSession::of(UserId::new("grace").expect("a user"));
    let grace = sessions.create(grace, &Origin::system()).await;
    let grace = grace.expect("it is created").token;
    let revoke = async |except: Option<SessionToken>| {
        let revocations = &services.revocations;
        revocations
            .revoke_user(&user(), except, EndReason::LOGOUT, &by_ada())
            .await
    };
    // Whoever has no session of hers spares none: nothing is ended then.
    let refused = revoke(Some(copy(&grace))).await;
    assert!(matches!(refused, Err(SessionError::Invalid(_))));
    assert!(is_valid(sessions, &gone[0]).await);
    let ended = revoke(Some(copy(&spared))).await.expect("they end");
    assert_eq!(ended.len(), 4);
    for token in &gone {
        assert!(!is_valid(sessions, token).await);
    }
    assert!(is_valid(sessions, &spared).await && is_valid(sessions, &grace).await);
    assert_eq!(history(&services, Some(user())).await.len(), 4);
    assert_eq!(revoke(None).await.expect("it ends").len(), 1);
    assert!(!is_valid(sessions, &spared).await);
    assert!(revoke(None).await.expect("none is left").is_empty());
}

#[tokio::test]
async fn a_batch_of_sessions_is_revoked() {
    let clock = TestClock::new();
    let services = services(None, &clock, Policies::default());
    let mut tokens = Vec::new();
    for _ in 0..3 {
        tokens.push(begin(&services.sessions, None).await);
    }
    let mut ids: Vec<_> = tokens.iter().map(|token| token.id).collect();
    ids.insert(1, SessionId::at(clock.now(), [9; 10]));
    let done = services
        .revocations
        .revoke_sessions(&ids, EndReason::LOGOUT, &by_ada())
        .await
        .expect("they end");
    assert_eq!(done.len(), 3);
    for token in &tokens {
        assert!(!is_valid(&services.sessions, token).await);
    }
}

/// In cached mode what another process revoked is refused within the bound; what this one did, at once.
#[tokio::test]
async fn a_cached_answer_lags_by_no_more_than_the_bound() {
    let clock = TestClock::new();
    let bound = TimeDelta::seconds(1);
    let freshness = Freshness::Cached {
        entries: 100,
        bound,
    };
    let store = Arc::new(MemoryStore::new());
    let start = |freshness| {
        let session = SessionPolicy {
            freshness,
            ..SessionPolicy::default()
        };
        let policies = Policies {
            session,
            ..Policies::default()
        };
        services_over(app::Stores::all_in(Arc::clone(&store)), &clock, policies)
    };
    let (here, there) = (start(freshness), start(Freshness::Strict));
    let access = token(TokenKind::Access, "access", None);
    assert!(!is_revoked(&here, &access).await);
    let reason = EndReason::LOGOUT;
    let revoked = there
        .revocations
        .revoke_token(&access, &[], reason.clone(), &by_ada())
        .await;
    revoked.expect("it is revoked");
    assert!(is_revoked(&there, &access).await);
    clock.pass(bound - TimeDelta::milliseconds(1));
    assert!(
        !is_revoked(&here, &access).await,
        "not asked again before the bound"
    );
    clock.pass(TimeDelta::milliseconds(1));
    assert!(is_revoked(&here, &access).await);
    let own = token(TokenKind::Access, "own", None);
    assert!(!is_revoked(&here, &own).await);
    let revoked = here
        .revocations
        .revoke_token(&own, &[], reason, &by_ada())
        .await;
    revoked.expect("it is revoked");
    assert!(is_revoked(&here, &own).await);
    // A cached revocation ends when its time is over, not when the cache forgets it.
    let found = store.find_revocation(own.hash, clock.now()).await;
    let until = found
        .expect("the store answers")
        .expect("it is there")
        .expires_at;
    clock.pass(until - clock.now());
    assert!(!is_revoked(&here, &own).await);
}
