use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use quick_cache::sync::Cache;

use crate::vouching::Vouching;

/// Records that may lag behind other processes' writes, but never behind this one's, and never by
/// more than a bound.
///
/// A record is good for as long as the bound after it was read; and for longer where somebody vouches
/// that every change since is known here ([`Vouching`]).
///
/// Whoever writes calls [`forget`](Self::forget) after the write and before its answer. A lookup that
/// has begun leaves a placeholder, which `forget` takes away: so a record read before the write can
/// no longer enter the cache.
pub(crate) struct LagCache<K, V> {
    entries: Cache<K, Entry<V>>,
    vouching: Arc<Vouching>,
}

#[derive(Clone)]
struct Entry<V> {
    record: V,
    /// When the read began; the bound counts from here.
    read_at: DateTime<Utc>,
}

impl<K: Copy + Eq + Hash, V: Clone> LagCache<K, V> {
    pub(crate) fn new(entries: usize, vouching: Arc<Vouching>) -> Self {
        Self {
            entries: Cache::new(entries),
            vouching,
        }
    }

    /// The cached record, if it is fresh enough.
    pub(crate) fn get(&self, key: K, now: DateTime<Utc>) -> Option<V> {
        let entry = self.entries.get(&key)?;
        if self.is_fresh(&entry, now) {
            return Some(entry.record);
        }
        self.entries
            .remove_if(&key, |held| held.read_at == entry.read_at);
        None
    }

    /// The record that another lookup is about to enter, or what `load` finds.
    pub(crate) async fn get_or_load<E>(
        &self,
        key: K,
        now: DateTime<Utc>,
        load: impl Future<Output = Result<Option<V>, E>>,
    ) -> Result<Option<V>, E> {
        match self.entries.get_value_or_guard_async(&key).await {
            Ok(entry) if self.is_fresh(&entry, now) => Ok(Some(entry.record)),
            // A lookup that took long entered what it had read before the bound.
            Ok(_) => load.await,
            Err(placeholder) => {
                let found = load.await?;
                if let Some(record) = &found {
                    let entry = Entry {
                        record: record.clone(),
                        read_at: now,
                    };
                    // Refused when a write came in between; see the type's documentation.
                    let _ = placeholder.insert(entry);
                }
                Ok(found)
            }
        }
    }

    pub(crate) const fn vouching(&self) -> &Arc<Vouching> {
        &self.vouching
    }

    fn is_fresh(&self, entry: &Entry<V>, now: DateTime<Utc>) -> bool {
        self.vouching.is_good(entry.read_at, now)
    }

    /// The record was changed.
    pub(crate) fn forget(&self, key: K) {
        self.entries.remove(&key);
    }

    /// Records were changed that nobody can name.
    pub(crate) fn forget_all(&self) {
        self.entries.clear();
    }
}
