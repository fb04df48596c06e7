use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Grants of one provider that are looked after at a time; half of what is for all of them.
const LOOKED_AFTER: usize = 128;
/// Ends of sessions that one provider is told of at a time.
const TOLD_AT_ONCE: usize = 32;
/// Ends of sessions that wait for being told to one provider. The others are told when they are due.
const WAITING: usize = 4096;

/// What one provider may take of what is there for all, so that one that hangs does not hold up the
/// others.
#[derive(Debug)]
pub(crate) struct Shares {
    upkeep: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    telling: Semaphore,
}

impl Default for Shares {
    fn default() -> Self {
        Self {
            upkeep: Arc::new(Semaphore::new(LOOKED_AFTER)),
            waiting: Arc::new(Semaphore::new(WAITING)),
            telling: Semaphore::new(TOLD_AT_ONCE),
        }
    }
}

impl Shares {
    /// Room to look after one more grant, if there is any.
    pub(crate) fn of_upkeep(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.upkeep).try_acquire_owned().ok()
    }

    /// Room to wait for telling of one more end, if there is any.
    pub(crate) fn of_waiting(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.waiting).try_acquire_owned().ok()
    }

    /// Does `work` when it is its turn to tell the provider of an end.
    pub(crate) async fn tell<T>(&self, work: impl Future<Output = T>) -> T {
        // Never closed, so it is a permit.
        let _permit = self.telling.acquire().await;
        work.await
    }
}
