//! A store of grants whose writes hang, as those of a node that froze, or fail, as those of a store
//! that is away.

use std::sync::{Arc, Mutex};

use app::Stores;
use chrono::{DateTime, Utc};
use session_core::ports::{
    Forgotten, GrantStore, RefreshBegin, RefreshBegun, RefreshEnd, RefreshFinished, StoreError,
    StoreErrorKind,
};
use session_core::{
    CipherKeyId, Grant, Page, PageRequest, ProviderName, RefreshId, RefreshRecord, SealedTokens,
    SessionId,
};
use tokio::sync::watch;

use crate::harness::{Bed, World};

/// An instance whose writes hang or fail when it is told so, over the same stores.
pub(crate) fn moody_in(bed: &Bed, world: World) -> (Bed, Arc<MoodyGrants>) {
    let grants = MoodyGrants::over(Arc::clone(&bed.stores.grants));
    let stores = Stores {
        grants: Arc::clone(&grants) as _,
        ..bed.stores.clone()
    };
    let policy = *bed.services.tokens.policy();
    (Bed::over(stores, world, policy), grants)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Well,
    Frozen,
    Away,
    /// It does what it is asked, and its answer is lost.
    Unheard,
    /// It does what it is asked, and answers when it is well again.
    Late,
}

/// Which grants cannot be removed.
#[derive(Default)]
enum Keeps {
    #[default]
    None,
    One(SessionId),
    All,
}

pub(crate) struct MoodyGrants {
    inner: Arc<dyn GrantStore>,
    mood: watch::Sender<Mood>,
    keeps: Mutex<Keeps>,
    /// Is told where a renewal is at.
    told: Box<dyn Fn(&'static str) + Send + Sync>,
}

impl MoodyGrants {
    pub(crate) fn over(inner: Arc<dyn GrantStore>) -> Arc<Self> {
        let mood = watch::Sender::new(Mood::Well);
        let (keeps, told) = (Mutex::default(), Box::new(|_| ()));
        Arc::new(Self {
            inner,
            mood,
            keeps,
            told,
        })
    }

    /// A well one that tells where a renewal is at.
    pub(crate) fn telling(
        inner: Arc<dyn GrantStore>,
        told: impl Fn(&'static str) + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            inner,
            mood: watch::Sender::new(Mood::Well),
            keeps: Mutex::default(),
            told: Box::new(told),
        })
    }

    pub(crate) fn is(&self, mood: Mood) {
        self.mood.send_replace(mood);
    }

    /// From now on, the grant of this session cannot be removed.
    pub(crate) fn keeps(&self, id: SessionId) {
        *self.keeps.lock().unwrap() = Keeps::One(id);
    }

    /// From now on, no grant can be removed.
    pub(crate) fn keeps_all(&self) {
        *self.keeps.lock().unwrap() = Keeps::All;
    }

    async fn write<T>(
        &self,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let mut mood = self.mood.subscribe();
        let now = *mood.wait_for(|mood| *mood != Mood::Frozen).await.unwrap();
        if now == Mood::Away {
            return Err(told_to());
        }
        let done = work.await;
        let answers = |mood: &Mood| *mood != Mood::Late;
        if *mood.wait_for(answers).await.unwrap() == Mood::Unheard {
            return Err(told_to());
        }
        done
    }
}

#[async_trait::async_trait]
impl GrantStore for MoodyGrants {
    async fn begin_refresh(&self, begin: RefreshBegin) -> Result<RefreshBegun, StoreError> {
        (self.told)("before the intent is written");
        let begun = self.write(self.inner.begin_refresh(begin)).await;
        (self.told)("after the intent is written");
        begun
    }

    async fn keep_lease(
        &self,
        id: SessionId,
        version: u64,
        until: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        self.write(self.inner.keep_lease(id, version, until)).await
    }

    async fn finish_refresh(&self, end: RefreshEnd) -> Result<RefreshFinished, StoreError> {
        (self.told)("before the new tokens are stored");
        (self.told)("while the new tokens are stored");
        let finished = self.write(self.inner.finish_refresh(end)).await;
        (self.told)("after the new tokens are stored");
        finished
    }

    async fn add_grant(&self, grant: Grant) -> Result<(), StoreError> {
        self.inner.add_grant(grant).await
    }

    async fn find_grant(&self, id: SessionId) -> Result<Option<Arc<Grant>>, StoreError> {
        self.inner.find_grant(id).await
    }

    async fn find_grants(&self, ids: &[SessionId]) -> Result<Vec<Arc<Grant>>, StoreError> {
        self.inner.find_grants(ids).await
    }

    async fn claim_due(
        &self,
        now: DateTime<Utc>,
        next: DateTime<Utc>,
        batch: usize,
    ) -> Result<Vec<Arc<Grant>>, StoreError> {
        self.inner.claim_due(now, next, batch).await
    }

    async fn postpone(
        &self,
        id: SessionId,
        version: u64,
        due_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.inner.postpone(id, version, due_at).await
    }

    async fn remove_grant(&self, id: SessionId) -> Result<Option<Arc<Grant>>, StoreError> {
        match *self.keeps.lock().unwrap() {
            Keeps::All => return Err(told_to()),
            Keeps::One(kept) if kept == id => return Err(told_to()),
            Keeps::None | Keeps::One(_) => {}
        }
        self.inner.remove_grant(id).await
    }

    async fn sessions_at_provider(
        &self,
        provider: &ProviderName,
        provider_session: &str,
    ) -> Result<Vec<SessionId>, StoreError> {
        self.inner
            .sessions_at_provider(provider, provider_session)
            .await
    }

    async fn reseal(
        &self,
        id: SessionId,
        expected_version: u64,
        tokens: SealedTokens,
    ) -> Result<bool, StoreError> {
        self.inner.reseal(id, expected_version, tokens).await
    }

    async fn sealed_otherwise(
        &self,
        key: &CipherKeyId,
        page: PageRequest,
    ) -> Result<Page<Arc<Grant>>, StoreError> {
        self.inner.sealed_otherwise(key, page).await
    }

    async fn count_by_key(&self) -> Result<Vec<(CipherKeyId, u64)>, StoreError> {
        self.inner.count_by_key().await
    }

    async fn refreshes(
        &self,
        id: SessionId,
        page: PageRequest<RefreshId>,
    ) -> Result<Page<Arc<RefreshRecord>, RefreshId>, StoreError> {
        self.inner.refreshes(id, page).await
    }

    async fn forget_refreshes(
        &self,
        before: DateTime<Utc>,
        batch: usize,
    ) -> Result<Forgotten, StoreError> {
        self.inner.forget_refreshes(before, batch).await
    }
}

fn told_to() -> StoreError {
    let (kind, doing) = (StoreErrorKind::Unavailable, "write");
    StoreError::new(kind, doing, "it was told to")
}
