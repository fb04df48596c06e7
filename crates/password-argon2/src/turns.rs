use std::sync::Arc;

use session_core::ports::HashError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::HashLimits;

/// Who may hash now, who waits, and who is sent away.
pub(crate) struct Turns {
    limits: HashLimits,
    /// One for each that hashes or waits.
    places: Arc<Semaphore>,
    /// One for each that hashes; given in the order of asking.
    cores: Arc<Semaphore>,
}

/// The right to hash, until it is dropped.
pub(crate) struct Turn {
    // Dropped in this order: a core is free before a place is, so never do more wait than may.
    _core: OwnedSemaphorePermit,
    _place: OwnedSemaphorePermit,
}

/// What a hasher is busy with at a moment, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Passwords being hashed.
    pub running: usize,
    /// Passwords that wait for it.
    pub waiting: usize,
    /// KiB of memory gone over since the start, each pass counted: the work done so far.
    pub filled_kib: u64,
}

impl Turns {
    pub(crate) fn new(limits: HashLimits) -> Self {
        Self {
            limits,
            places: Arc::new(Semaphore::new(limits.at_once() + limits.queue())),
            cores: Arc::new(Semaphore::new(limits.at_once())),
        }
    }

    /// Waits for a turn. A caller that stops waiting gives its place back.
    pub(crate) async fn take(&self) -> Result<Turn, HashError> {
        let closed = |_| HashError::Failed("the queue is closed".to_owned());
        let place = Arc::clone(&self.places)
            .try_acquire_owned()
            .map_err(|_| HashError::Busy)?;
        let core = Arc::clone(&self.cores)
            .acquire_owned()
            .await
            .map_err(closed)?;
        Ok(Turn {
            _core: core,
            _place: place,
        })
    }

    /// How many hash, and how many wait.
    pub(crate) fn count(&self) -> (usize, usize) {
        let all = self.limits.at_once() + self.limits.queue();
        let running = self.limits.at_once() - self.cores.available_permits();
        let taken = all - self.places.available_permits();
        // The two are not looked at in the same moment.
        (running, taken.saturating_sub(running))
    }
}
