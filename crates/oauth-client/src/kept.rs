use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use session_core::ProviderFailure;
use session_core::ports::Clock;
use tokio::sync::Mutex;

/// For how long something fetched is as good as new.
const FRESH: TimeDelta = TimeDelta::hours(1);
/// For how long it is used while it cannot be fetched again: a provider that has lost its description
/// for an afternoon takes tokens as before.
const USABLE: TimeDelta = TimeDelta::hours(24);
/// Pause between two fetches while there is something usable, whoever asks for what.
const PAUSE: TimeDelta = TimeDelta::seconds(30);
/// How long somebody waits for something fresh who could do with what is kept.
const PATIENCE: Duration = Duration::from_secs(1);
/// Pause after a failure while there is nothing usable.
const PAUSE_WITHOUT: TimeDelta = TimeDelta::seconds(1);

/// Something of a provider's that is fetched when it is needed, by one caller for all.
///
/// Nobody waits long for a fetch who can do with what is kept: a provider that answers slowly, or a stranger
/// who asks for what is not there, holds nobody else up.
pub(crate) struct Kept<T> {
    clock: Arc<dyn Clock>,
    slot: std::sync::Mutex<Slot<T>>,
    /// Held while something is being fetched.
    fetching: Mutex<()>,
    /// How many fetches have ended.
    fetches: AtomicU64,
}

struct Slot<T> {
    kept: Option<(DateTime<Utc>, Arc<T>)>,
    tried_at: Option<DateTime<Utc>>,
    failed: Option<ProviderFailure>,
}

impl<T: Send + Sync + 'static> Kept<T> {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        let slot = Slot {
            kept: None,
            tried_at: None,
            failed: None,
        };
        Arc::new(Self {
            clock,
            slot: std::sync::Mutex::new(slot),
            fetching: Mutex::new(()),
            fetches: AtomicU64::new(0),
        })
    }

    /// What is kept, if it `is_enough`; otherwise what `fetch` brings. What is no longer fresh but enough
    /// comes back if that takes long. Where that was fetched a moment ago or cannot be had, what is kept
    /// comes back though it is not enough.
    ///
    /// # Errors
    /// That of `fetch`, when nothing usable is kept.
    pub(crate) async fn get<F>(
        self: &Arc<Self>,
        is_enough: impl Fn(&T) -> bool + Send + Sync + 'static,
        fetch: impl FnOnce() -> F + Send + 'static,
    ) -> Result<Arc<T>, ProviderFailure>
    where
        F: Future<Output = Result<T, ProviderFailure>> + Send,
    {
        let (seen, now) = (self.fetches.load(Ordering::Acquire), self.clock.now());
        if let Some(known) = self.slot().known(now, &is_enough) {
            return Ok(known);
        }
        let stale = self.slot().usable(now).filter(|kept| is_enough(kept));
        // A task of its own: a caller who goes away in the middle, over and over, would otherwise keep
        // it from ever being fetched.
        let this = Arc::clone(self);
        let task = tokio::spawn(async move { this.fetch(seen, &is_enough, fetch).await });
        let ended = match stale {
            Some(stale) => match tokio::time::timeout(PATIENCE, task).await {
                Ok(ended) => ended,
                // It goes on by itself.
                Err(_) => return Ok(stale),
            },
            None => task.await,
        };
        ended.unwrap_or_else(|_| {
            let problem = "the fetching was broken off".to_owned();
            Err(ProviderFailure::Unavailable(problem))
        })
    }

    async fn fetch<F>(
        &self,
        seen: u64,
        is_enough: &(impl Fn(&T) -> bool + Send + Sync),
        fetch: impl FnOnce() -> F + Send,
    ) -> Result<Arc<T>, ProviderFailure>
    where
        F: Future<Output = Result<T, ProviderFailure>> + Send,
    {
        let _fetching = self.fetching.lock().await;
        let now = self.clock.now();
        {
            let mut slot = self.slot();
            if let Some(known) = slot.known(now, is_enough) {
                return Ok(known);
            }
            // Whoever waited for a fetch that failed shares its failure, and does not try next in line.
            let waited = self.fetches.load(Ordering::Acquire) != seen;
            if let Some(failed) = &slot.failed
                && (waited || slot.was_tried(now, PAUSE_WITHOUT))
            {
                return slot.usable(now).ok_or_else(|| failed.clone());
            }
            slot.tried_at = Some(now);
        }
        let fetched = fetch().await;
        self.fetches.fetch_add(1, Ordering::Release);
        let mut slot = self.slot();
        // The pause begins when it is over, however long it took.
        slot.tried_at = Some(self.clock.now());
        match fetched {
            Ok(value) => {
                let value = Arc::new(value);
                slot.kept = Some((now, Arc::clone(&value)));
                slot.failed = None;
                Ok(value)
            }
            Err(failure) => {
                let usable = slot.usable(now);
                slot.failed = Some(failure.clone());
                usable.ok_or(failure)
            }
        }
    }

    /// Never held across an await. A slot is whole after every statement, so a panic elsewhere cannot
    /// have torn it.
    fn slot(&self) -> MutexGuard<'_, Slot<T>> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Slot<T> {
    /// What is answered without fetching.
    fn known(&self, now: DateTime<Utc>, is_enough: &impl Fn(&T) -> bool) -> Option<Arc<T>> {
        let (at, kept) = self.kept.as_ref()?;
        let is_good = now - at < FRESH && is_enough(kept);
        if is_good || self.was_tried(now, PAUSE) {
            return self.usable(now);
        }
        None
    }

    fn usable(&self, now: DateTime<Utc>) -> Option<Arc<T>> {
        let (at, kept) = self.kept.as_ref()?;
        (now - at < USABLE).then(|| Arc::clone(kept))
    }

    fn was_tried(&self, now: DateTime<Utc>, within: TimeDelta) -> bool {
        self.tried_at.is_some_and(|at| now - at < within)
    }
}
