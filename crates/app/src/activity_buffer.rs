use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use session_core::ports::{SessionStore, StoreError};
use session_core::{Activity, SessionId};

/// Activity that happened and is not written down yet.
///
/// Entries stay until their write is durable, so a read that looks here and then at the store always
/// sees the latest. In parts, each with a lock of its own: so that requests do not wait for each
/// other, and so that a part at a time is written, which spreads the writes evenly over the interval
/// instead of doing all at its end.
#[derive(Debug)]
pub(crate) struct ActivityBuffer {
    parts: Box<[Mutex<Part>]>,
}

type Part = HashMap<SessionId, DateTime<Utc>>;

impl ActivityBuffer {
    pub(crate) const PARTS: usize = 64;

    pub(crate) fn new() -> Self {
        Self {
            parts: (0..Self::PARTS).map(|_| Mutex::default()).collect(),
        }
    }

    /// The latest activity of a session that is not written down, if there is any.
    pub(crate) fn latest(&self, id: SessionId) -> Option<DateTime<Utc>> {
        self.part_of(id).get(&id).copied()
    }

    /// Notes activity. It never moves backwards.
    pub(crate) fn record(&self, id: SessionId, at: DateTime<Utc>) {
        let mut part = self.part_of(id);
        let latest = part.entry(id).or_insert(at);
        *latest = at.max(*latest);
    }

    /// Activity was written down, up to these moments.
    pub(crate) fn settle(&self, written: &[Activity]) {
        for Activity { id, at } in written {
            let mut part = self.part_of(*id);
            if part.get(id).is_some_and(|latest| latest <= at) {
                part.remove(id);
            }
        }
    }

    /// Writes one part down. Without success everything stays for the next time.
    pub(crate) async fn flush_part(
        &self,
        part: usize,
        store: &dyn SessionStore,
    ) -> Result<Vec<Activity>, StoreError> {
        let activities: Vec<_> = {
            let part = lock(&self.parts[part % Self::PARTS]);
            part.iter()
                .map(|(id, at)| Activity { id: *id, at: *at })
                .collect()
        };
        if !activities.is_empty() {
            store.touch(&activities).await?;
            self.settle(&activities);
        }
        Ok(activities)
    }

    fn part_of(&self, id: SessionId) -> MutexGuard<'_, Part> {
        // The last byte of a UUIDv7 is random.
        lock(&self.parts[usize::from(id.as_bytes()[15]) % Self::PARTS])
    }
}

fn lock(part: &Mutex<Part>) -> MutexGuard<'_, Part> {
    // Nothing that runs under the lock can panic half way through a change.
    part.lock().unwrap_or_else(PoisonError::into_inner)
}
