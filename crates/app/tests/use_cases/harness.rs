use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};

use app::wiring::{
    CipherKey, CipherKeys, JwtSigner, SigningKey, SigningKeys, TokenParties, XChaChaCipher,
    password_hasher,
};
use app::{
    NewSession, Origin, Policies, Ports, Providers, Services, SessionManager, SessionPolicy,
    Stores, SystemEntropy, Verdict,
};
use chrono::{DateTime, TimeDelta, Utc};
use session_core::ports::{
    Clock, Created, EndOutcome, EndedBatch, Extension, SessionChange, SessionLimit, SessionStore,
    StoreError, StoreErrorKind, Suspension, Swept, UpdateOutcome,
};
use session_core::{
    Activity, Ending, Lifetime, Page, PageRequest, Session, SessionId, SessionStats, SessionToken,
    UserId,
};
use store_memory::MemoryStore;

pub(crate) struct TestClock(AtomicI64);

impl TestClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(1_750_000_000_000)))
    }

    pub(crate) fn pass(&self, span: TimeDelta) {
        self.0.fetch_add(span.num_milliseconds(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0.load(Ordering::SeqCst)).expect("a time")
    }
}

/// A real store that counts how often it is asked, and fails when it is told to.
pub(crate) struct Counting {
    inner: MemoryStore,
    pub(crate) finds: AtomicUsize,
    pub(crate) touches: AtomicUsize,
    /// While set, a user's sessions are not ended.
    pub(crate) is_failing: AtomicBool,
}

impl Counting {
    pub(crate) fn new() -> Arc<Self> {
        let (finds, touches) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Arc::new(Self {
            inner: MemoryStore::new(),
            finds,
            touches,
            is_failing: AtomicBool::new(false),
        })
    }
}

#[async_trait::async_trait]
impl SessionStore for Counting {
    async fn create(&self, session: Session, limit: SessionLimit) -> Result<Created, StoreError> {
        self.inner.create(session, limit).await
    }

    async fn find(&self, id: SessionId) -> Result<Option<Arc<Session>>, StoreError> {
        self.finds.fetch_add(1, Ordering::SeqCst);
        self.inner.find(id).await
    }

    async fn touch(&self, activities: &[Activity]) -> Result<(), StoreError> {
        self.touches.fetch_add(activities.len(), Ordering::SeqCst);
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
        if self.is_failing.load(Ordering::SeqCst) {
            let (kind, doing) = (StoreErrorKind::Unavailable, "end a user's sessions");
            return Err(StoreError::new(kind, doing, "it was told to"));
        }
        self.inner
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

pub(crate) fn manager(
    store: Arc<dyn SessionStore>,
    clock: &Arc<TestClock>,
    policy: SessionPolicy,
) -> SessionManager {
    SessionManager::new(
        store,
        Arc::clone(clock) as _,
        Arc::new(SystemEntropy),
        policy,
    )
}

/// Everything over one store in memory; sessions over `sessions` where that is given.
pub(crate) fn services(
    sessions: Option<Arc<dyn SessionStore>>,
    clock: &Arc<TestClock>,
    policies: Policies,
) -> Services {
    let mut stores = Stores::all_in(Arc::new(MemoryStore::new()));
    if let Some(sessions) = sessions {
        stores.sessions = sessions;
    }
    services_over(stores, clock, policies)
}

pub(crate) fn services_over(
    stores: Stores,
    clock: &Arc<TestClock>,
    policies: Policies,
) -> Services {
    Services::start(stores, ports(clock), Providers::default(), policies).expect("there is entropy")
}

pub(crate) fn ports(clock: &Arc<TestClock>) -> Ports {
    let key = SigningKey::from_seed(&[7; 32], clock.now()).expect("a key");
    let parties = TokenParties {
        issuer: "issuer".into(),
        audience: "audience".into(),
    };
    Ports {
        clock: Arc::clone(clock) as _,
        entropy: Arc::new(SystemEntropy),
        passwords: password_hasher(Arc::new(SystemEntropy)),
        signer: Arc::new(JwtSigner::new(parties, SigningKeys::new(key))),
        cipher: Arc::new(XChaChaCipher::new(
            CipherKeys::new(CipherKey::new(&[7; 32], clock.now())),
            Arc::new(SystemEntropy),
        )),
    }
}

pub(crate) fn user() -> UserId {
    UserId::new("ada").expect("a user id")
}

/// A session of an hour, with an idle timeout or without.
pub(crate) async fn begin(manager: &SessionManager, idle: Option<TimeDelta>) -> SessionToken {
    let lifetime = Lifetime {
        absolute: TimeDelta::hours(1),
        idle,
    };
    let new = NewSession {
        lifetime,
        ..NewSession::of(user())
    };
    manager
        .create(new, &Origin::system())
        .await
        .expect("it is created")
        .token
}

pub(crate) async fn is_valid(manager: &SessionManager, token: &SessionToken) -> bool {
    let verdict = manager.validate(token, None, &Origin::system()).await;
    let verdict = verdict.expect("the store answers");
    matches!(verdict, Verdict::Valid(_))
}

pub(crate) fn copy(token: &SessionToken) -> SessionToken {
    token.expose().parse().expect("a token")
}
