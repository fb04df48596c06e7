//! The way to the audit log: what waits, what is dropped, what never is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use app::{AuditCounts, AuditPolicy, AuditTrail, Origin, SystemEntropy};
use chrono::{DateTime, Utc};
use session_core::ports::{AuditLog, Forgotten, StoreError, StoreErrorKind};
use session_core::{
    Anchor, AuditAction, AuditEvent, AuditFilter, AuditOrder, AuditRecord, AuditSummary,
    BrokenRecord, Page, PageRequest, Sequence, UserId, Verified,
};
use store_memory::MemoryStore;
use tokio::sync::Semaphore;

use crate::harness::TestClock;

/// A real log behind a gate, which can also be made to fail.
struct Gated {
    inner: MemoryStore,
    gate: Semaphore,
    fails: AtomicBool,
    /// Fails for this many appends of an event of this kind, in a way that waiting does not cure.
    chokes_on: Option<AuditAction>,
    appends: AtomicUsize,
}

impl Gated {
    fn new(open: bool, chokes_on: Option<AuditAction>) -> Arc<Self> {
        Arc::new(Self {
            inner: MemoryStore::new(),
            gate: Semaphore::new(if open { Semaphore::MAX_PERMITS } else { 0 }),
            fails: AtomicBool::new(false),
            chokes_on,
            appends: AtomicUsize::new(0),
        })
    }

    async fn actions(&self) -> Vec<AuditAction> {
        let page = PageRequest::new(Some(1000), None).expect("a page");
        let filter = AuditFilter::default();
        let records = self
            .inner
            .page(&filter, AuditOrder::OldestFirst, page)
            .await;
        let records = records.expect("the log answers").items;
        records.iter().map(|record| record.event.action).collect()
    }
}

#[async_trait::async_trait]
impl AuditLog for Gated {
    async fn append(&self, events: &[AuditEvent]) -> Result<(), StoreError> {
        let _passed = self.gate.acquire().await;
        self.appends.fetch_add(1, Ordering::SeqCst);
        if self.fails.load(Ordering::SeqCst) {
            let kind = StoreErrorKind::Unavailable;
            return Err(StoreError::new(
                kind,
                "append to the audit log",
                "disk full",
            ));
        }
        if events
            .iter()
            .any(|event| Some(event.action) == self.chokes_on)
        {
            let kind = StoreErrorKind::Internal;
            return Err(StoreError::new(
                kind,
                "append to the audit log",
                "malformed",
            ));
        }
        self.inner.append(events).await
    }

    async fn page(
        &self,
        filter: &AuditFilter,
        order: AuditOrder,
        page: PageRequest<Sequence>,
    ) -> Result<Page<AuditRecord, Sequence>, StoreError> {
        self.inner.page(filter, order, page).await
    }

    async fn summarize(
        &self,
        user: &UserId,
        since: DateTime<Utc>,
    ) -> Result<AuditSummary, StoreError> {
        self.inner.summarize(user, since).await
    }

    async fn count(
        &self,
        user: &UserId,
        action: AuditAction,
        since: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        self.inner.count(user, action, since).await
    }

    async fn verify(
        &self,
        noted: Option<Anchor>,
    ) -> Result<Result<Verified, BrokenRecord>, StoreError> {
        self.inner.verify(noted).await
    }

    async fn forget_events(
        &self,
        before: DateTime<Utc>,
        batch: usize,
    ) -> Result<Forgotten, StoreError> {
        self.inner.forget_events(before, batch).await
    }
}

fn trail(log: &Arc<Gated>, queue: usize, high_volume: bool) -> Arc<AuditTrail> {
    let policy = AuditPolicy {
        queue,
        high_volume,
        ..AuditPolicy::default()
    };
    let log = Arc::clone(log) as _;
    let trail = AuditTrail::start(log, TestClock::new(), &SystemEntropy, policy);
    Arc::new(trail.expect("there is entropy"))
}

async fn record(trail: &AuditTrail, action: AuditAction) {
    trail.record(trail.event(action, &Origin::system())).await;
}

/// Lets every task go as far as it can.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

/// A log that does not answer at all holds nobody up, as long as the queue has room.
#[tokio::test(start_paused = true)]
async fn a_slow_log_does_not_slow_a_request() {
    let log = Gated::new(false, None);
    let trail = trail(&log, 1000, false);
    let all = async {
        for _ in 0..1000 {
            record(&trail, AuditAction::LoginFailure).await;
        }
    };
    // Time stands still but for timers: nothing of this waited.
    let waited = tokio::time::timeout(Duration::from_nanos(1), all).await;
    waited.expect("nothing waits for the log");
    assert_eq!(trail.counts(), AuditCounts::default());
    log.gate.add_permits(1000);
    trail.flush().await;
    assert_eq!(log.actions().await.len(), 1000);
    assert_eq!(trail.counts().written, 1000);
}

/// At the bound reads are dropped and counted; security events wait, and are all there at the end.
#[tokio::test]
async fn a_full_queue_drops_reads_and_no_security_event() {
    let log = Gated::new(false, None);
    let trail = trail(&log, 10, true);
    // One batch is with the log, ten wait.
    record(&trail, AuditAction::LoginSuccess).await;
    settle().await;
    for _ in 0..10 {
        record(&trail, AuditAction::LoginFailure).await;
    }
    for _ in 0..7 {
        record(&trail, AuditAction::TokenValidated).await;
    }
    assert_eq!(trail.counts().dropped, 7);
    let waiting: Vec<_> = (0..5)
        .map(|_| {
            let trail = Arc::clone(&trail);
            tokio::spawn(async move { record(&trail, AuditAction::SessionRevoked).await })
        })
        .collect();
    settle().await;
    assert!(
        waiting.iter().all(|task| !task.is_finished()),
        "they wait for room"
    );
    log.gate.add_permits(1000);
    for task in waiting {
        task.await.expect("it is recorded");
    }
    record(&trail, AuditAction::TokenValidated).await;
    trail.flush().await;
    let actions = log.actions().await;
    let count = |action| actions.iter().filter(|found| **found == action).count();
    assert_eq!(count(AuditAction::LoginFailure), 10);
    assert_eq!(count(AuditAction::SessionRevoked), 5);
    assert_eq!(count(AuditAction::TokenValidated), 1);
    assert_eq!((trail.counts().dropped, trail.counts().lost), (7, 0));
}

#[tokio::test]
async fn reads_are_recorded_only_where_the_policy_says_so() {
    let log = Gated::new(true, None);
    let trail = trail(&log, 10, false);
    record(&trail, AuditAction::SessionAccessed).await;
    record(&trail, AuditAction::Logout).await;
    trail.flush().await;
    assert_eq!(log.actions().await, [AuditAction::Logout]);
    assert_eq!(trail.counts().dropped, 0, "not recording is no dropping");
}

/// Requirement 46: a failing log is counted, tried again for as long as it takes, and loses nothing.
#[tokio::test(start_paused = true)]
async fn a_log_that_comes_back_gets_everything() {
    let log = Gated::new(true, None);
    let trail = trail(&log, 100, false);
    log.fails.store(true, Ordering::SeqCst);
    for action in [
        AuditAction::LoginFailure,
        AuditAction::LoginSuccess,
        AuditAction::Logout,
    ] {
        record(&trail, action).await;
    }
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let failures = trail.counts().failures;
    assert!(
        (700..800).contains(&failures),
        "about every five seconds: {failures}"
    );
    log.fails.store(false, Ordering::SeqCst);
    trail.flush().await;
    let expected = [
        AuditAction::LoginFailure,
        AuditAction::LoginSuccess,
        AuditAction::Logout,
    ];
    assert_eq!(log.actions().await, expected);
    assert_eq!((trail.counts().written, trail.counts().lost), (3, 0));
}

/// One event that the log cannot take does not cost the others theirs, and is counted.
#[tokio::test(start_paused = true)]
async fn an_event_that_cannot_be_written_takes_no_other_along() {
    let log = Gated::new(true, Some(AuditAction::AccessDenied));
    let trail = trail(&log, 100, false);
    for action in [
        AuditAction::LoginFailure,
        AuditAction::AccessDenied,
        AuditAction::Logout,
    ] {
        record(&trail, action).await;
    }
    trail.flush().await;
    assert_eq!(
        log.actions().await,
        [AuditAction::LoginFailure, AuditAction::Logout]
    );
    assert_eq!((trail.counts().written, trail.counts().lost), (2, 1));
}

/// What waits at the end is written before the end; what comes after is counted as lost.
#[tokio::test(start_paused = true)]
async fn closing_writes_what_waits() {
    let log = Gated::new(false, None);
    let trail = trail(&log, 100, false);
    for _ in 0..50 {
        record(&trail, AuditAction::Logout).await;
    }
    let opener = {
        let log = Arc::clone(&log);
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            log.gate.add_permits(1000);
        })
    };
    trail.close().await;
    opener.await.expect("it opens");
    assert_eq!(log.actions().await.len(), 50);
    record(&trail, AuditAction::Logout).await;
    assert_eq!(trail.counts().lost, 1);
    trail.flush().await;
    trail.close().await;
}

/// A log that never answers does not keep the program from ending.
#[tokio::test(start_paused = true)]
async fn closing_does_not_wait_for_ever() {
    let log = Gated::new(false, None);
    let trail = trail(&log, 100, false);
    for _ in 0..30 {
        record(&trail, AuditAction::Logout).await;
    }
    trail.close().await;
    assert_eq!(log.appends.load(Ordering::SeqCst), 0);
    assert_eq!(
        trail.counts().lost,
        30,
        "each is counted, and in the server's log"
    );
}

/// The same for one that fails: whatever waits behind the failing batch is counted too.
#[tokio::test(start_paused = true)]
async fn closing_counts_what_a_failing_log_did_not_take() {
    let log = Gated::new(true, None);
    let trail = trail(&log, 1000, false);
    log.fails.store(true, Ordering::SeqCst);
    for _ in 0..600 {
        record(&trail, AuditAction::Logout).await;
    }
    trail.close().await;
    assert_eq!((trail.counts().written, trail.counts().lost), (0, 600));
}

/// A request that is given up while its event waits for room does not take the event along unseen.
#[tokio::test]
async fn an_event_that_nobody_waits_for_is_counted() {
    let log = Gated::new(false, None);
    let trail = trail(&log, 1, false);
    record(&trail, AuditAction::Logout).await;
    settle().await;
    record(&trail, AuditAction::Logout).await;
    let given_up = tokio::time::timeout(
        Duration::from_millis(1),
        record(&trail, AuditAction::AccessDenied),
    );
    given_up.await.expect_err("there is no room");
    assert_eq!(trail.counts().lost, 1);
    log.gate.add_permits(1000);
    trail.flush().await;
    assert_eq!((trail.counts().written, trail.counts().lost), (2, 1));
}
