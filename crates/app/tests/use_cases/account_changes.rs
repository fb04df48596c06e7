//! Requirements 13 and 51: a change of an account that fails half way is completed by trying again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use app::{AccountEdit, AccountError, Origin, Policies, Services, SignedIn, Stores};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use session_core::ports::{
    Created, EndOutcome, EndedBatch, Extension, SessionChange, SessionLimit, SessionStore,
    StoreError, StoreErrorKind, Suspension, Swept, UpdateOutcome,
};
use session_core::{
    AccountId, Activity, ClientDetails, Ending, Metadata, Page, PageRequest, Password, Session,
    SessionId, SessionStats, UserId,
};
use store_memory::MemoryStore;

use crate::harness::{TestClock, is_valid, services_over};
use crate::logins::{PASSWORD, login};

/// A store that, while told to, does not end a user's sessions.
struct Failing {
    inner: Arc<MemoryStore>,
    fails: AtomicBool,
}

#[async_trait]
impl SessionStore for Failing {
    async fn create(&self, session: Session, limit: SessionLimit) -> Result<Created, StoreError> {
        self.inner.create(session, limit).await
    }

    async fn find(&self, id: SessionId) -> Result<Option<Arc<Session>>, StoreError> {
        self.inner.find(id).await
    }

    async fn touch(&self, activities: &[Activity]) -> Result<(), StoreError> {
        self.inner.touch(activities).await
    }

    async fn extend(
        &self,
        id: SessionId,
        extension: Extension,
        now: DateTime<Utc>,
    ) -> Result<Option<Arc<Session>>, StoreError> {
        self.inner.extend(id, extension, now).await
    }

    async fn update(
        &self,
        id: SessionId,
        expected_version: u64,
        change: SessionChange,
        now: DateTime<Utc>,
    ) -> Result<UpdateOutcome, StoreError> {
        self.inner.update(id, expected_version, change, now).await
    }

    async fn suspend(
        &self,
        id: SessionId,
        suspended: bool,
        now: DateTime<Utc>,
    ) -> Result<Option<Suspension>, StoreError> {
        self.inner.suspend(id, suspended, now).await
    }

    async fn end(&self, id: SessionId, ending: Ending) -> Result<Option<EndOutcome>, StoreError> {
        self.inner.end(id, ending).await
    }

    async fn end_user_sessions(
        &self,
        user_id: &UserId,
        except: Option<SessionId>,
        ending: Ending,
        batch: usize,
    ) -> Result<EndedBatch, StoreError> {
        if self.fails.load(Ordering::SeqCst) {
            let (kind, doing) = (StoreErrorKind::Unavailable, "end a user's sessions");
            return Err(StoreError::new(kind, doing, "it was told to"));
        }
        let inner = &self.inner;
        inner
            .end_user_sessions(user_id, except, ending, batch)
            .await
    }

    async fn list(
        &self,
        user_id: &UserId,
        page: PageRequest,
        now: DateTime<Utc>,
    ) -> Result<Page<Arc<Session>>, StoreError> {
        self.inner.list(user_id, page, now).await
    }

    async fn stats(&self, now: DateTime<Utc>) -> Result<SessionStats, StoreError> {
        self.inner.stats(now).await
    }

    async fn sweep(
        &self,
        now: DateTime<Utc>,
        forget_before: DateTime<Utc>,
        batch: usize,
    ) -> Result<Swept, StoreError> {
        self.inner.sweep(now, forget_before, batch).await
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.inner.check().await
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}

struct Scene {
    services: Services,
    store: Arc<Failing>,
    id: AccountId,
    /// Two sessions: the user's, and the one that must go.
    own: SignedIn,
    other: SignedIn,
}

async fn scene() -> Scene {
    let (clock, inner) = (TestClock::new(), Arc::new(MemoryStore::new()));
    let store = Arc::new(Failing {
        inner: Arc::clone(&inner),
        fails: AtomicBool::new(false),
    });
    let stores = Stores {
        sessions: Arc::clone(&store) as _,
        ..Stores::all_in(inner)
    };
    let services = services_over(stores, &clock, Policies::default());
    let email = "ada@example.org".parse().expect("an address");
    let password = Password::new(PASSWORD).expect("a password");
    let origin = Origin::system();
    let account = services
        .accounts
        .add(email, &password, Metadata::default(), &origin)
        .await;
    let id = account.expect("it is added").id;
    let own = login(&services).await.expect("the password is right");
    let other = login(&services).await.expect("the password is right");
    Scene {
        services,
        store,
        id,
        own,
        other,
    }
}

#[tokio::test]
async fn rights_that_were_taken_away_are_gone_when_it_is_done() {
    let Scene {
        services,
        store,
        id,
        own,
        other,
    } = scene().await;
    let demote = async || {
        let edit = AccountEdit {
            metadata: serde_json::json!({"role": "reader"}).as_object().cloned(),
            ..AccountEdit::default()
        };
        services.accounts.edit(id, edit, &Origin::system()).await
    };
    store.fails.store(true, Ordering::SeqCst);
    demote().await.expect_err("the store fails half way");
    store.fails.store(false, Ordering::SeqCst);
    demote().await.expect("now it does not");
    for session in [&own, &other] {
        assert!(!is_valid(&services.sessions, &session.created.token).await);
    }
}

#[tokio::test]
async fn a_new_password_ends_every_session_though_it_took_two_tries() {
    let Scene {
        services,
        store,
        own,
        other,
        ..
    } = scene().await;
    let change = async || {
        let current = Password::new(PASSWORD).expect("a password");
        let new = Password::new("quite another sentence").expect("a password");
        services
            .accounts
            .change_password(
                &own.created.session,
                &current,
                &new,
                ClientDetails::default(),
                &Origin::system(),
            )
            .await
    };
    store.fails.store(true, Ordering::SeqCst);
    change().await.expect_err("the store fails half way");
    store.fails.store(false, Ordering::SeqCst);
    let begun = change().await.expect("now it does not");
    for session in [&own, &other] {
        assert!(!is_valid(&services.sessions, &session.created.token).await);
    }
    assert!(is_valid(&services.sessions, &begun.created.token).await);
    // Whoever knows neither does nothing.
    let wrong = Password::new("neither of the two").expect("a password");
    let refused = services
        .accounts
        .change_password(
            &begun.created.session,
            &wrong,
            &Password::new("one more long sentence").expect("a password"),
            ClientDetails::default(),
            &Origin::system(),
        )
        .await;
    assert!(matches!(refused, Err(AccountError::Refused)));
}

#[tokio::test]
async fn a_deleted_account_leaves_no_session_though_it_took_two_tries() {
    let Scene {
        services,
        store,
        id,
        own,
        other,
    } = scene().await;
    store.fails.store(true, Ordering::SeqCst);
    let removed = services.accounts.remove(id, &Origin::system()).await;
    removed.expect_err("the store fails half way");
    store.fails.store(false, Ordering::SeqCst);
    let removed = services.accounts.remove(id, &Origin::system()).await;
    assert!(matches!(removed, Err(AccountError::NoSuchAccount)));
    for session in [&own, &other] {
        assert!(!is_valid(&services.sessions, &session.created.token).await);
    }
}
