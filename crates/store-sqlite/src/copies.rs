use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use quick_cache::sync::Cache;
use session_core::{Revocation, Session, SessionId, TokenHash};

/// What is kept in memory of the file.
#[derive(Clone)]
pub(crate) struct AllCopies {
    pub(crate) sessions: Copies<SessionId, Arc<Session>>,
    /// That a token is not revoked is worth knowing too: it is what most lookups find.
    pub(crate) revocations: Copies<TokenHash, Option<Arc<Revocation>>>,
}

impl AllCopies {
    /// At most `capacity` of each kind.
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            sessions: Copies::new(capacity),
            revocations: Copies::new(capacity),
        }
    }

    /// The writer does not know what it changed.
    pub(crate) fn forget_all(&self) {
        self.sessions.forget_all();
        self.revocations.forget_all();
    }
}

/// Records in memory that are as true as the file.
///
/// Exact by this order: the writer commits, then replaces or removes the copies of what it wrote,
/// then answers. A lookup that has begun leaves a placeholder; replacing or removing its key takes
/// the placeholder away, so that a record read before the commit can no longer become a copy. Only
/// the writer, one task, replaces copies.
#[derive(Clone)]
pub(crate) struct Copies<K, V> {
    /// `None` when no copies are to be kept.
    cache: Option<Arc<Cache<K, V>>>,
}

impl<K: Copy + Eq + Hash, V: Clone> Copies<K, V> {
    pub(crate) fn new(capacity: usize) -> Self {
        let cache = (capacity > 0).then(|| Arc::new(Cache::new(capacity)));
        Self { cache }
    }

    /// The copy, if there is one.
    pub(crate) fn get(&self, key: K) -> Option<V> {
        self.cache.as_ref()?.get(&key)
    }

    /// The copy, or what `load` finds, which then becomes the copy. One load at a time per key.
    pub(crate) async fn get_or_load<E>(
        &self,
        key: K,
        load: impl Future<Output = Result<Option<V>, E>>,
    ) -> Result<Option<V>, E> {
        let Some(cache) = &self.cache else {
            return load.await;
        };
        match cache.get_value_or_guard_async(&key).await {
            Ok(copy) => Ok(Some(copy)),
            Err(placeholder) => {
                let found = load.await?;
                if let Some(record) = &found {
                    // Refused when the writer took the placeholder away: then what was read may be
                    // outdated, which is fine for this caller, who asked before the write was
                    // answered, but not for later ones.
                    let _ = placeholder.insert(record.clone());
                }
                Ok(found)
            }
        }
    }

    /// The writer changed or removed this record.
    pub(crate) fn remove(&self, key: K) {
        if let Some(cache) = &self.cache {
            cache.remove(&key);
        }
    }

    fn forget_all(&self) {
        if let Some(cache) = &self.cache {
            cache.clear();
        }
    }
}

impl Copies<SessionId, Arc<Session>> {
    /// The writer wrote this record.
    pub(crate) fn replace(&self, session: &Arc<Session>) {
        if let Some(cache) = &self.cache {
            cache.insert(session.id, Arc::clone(session));
        }
    }

    /// The writer noted activity.
    pub(crate) fn touch(&self, id: SessionId, at: DateTime<Utc>) {
        if let Some(cache) = &self.cache {
            match cache.peek(&id) {
                Some(copy) if copy.accepts_activity(at) => cache.insert(id, copy.with_activity(at)),
                Some(_) => {}
                None => {
                    cache.remove(&id);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use session_core::{Lifetime, SessionSecret, UserId};

    use super::*;

    fn session(version: u64) -> Arc<Session> {
        let now = DateTime::from_timestamp_millis(1_700_000_000_000).unwrap();
        let secret = SessionSecret::from_bytes([1; 32]).hash();
        let id = SessionId::at(now, [1; 10]);
        let user = UserId::new("ada").unwrap();
        let start = Session::start(id, user, secret, Lifetime::default(), now);
        Arc::new(Session { version, ..start })
    }

    /// The whole exactness rests on this behaviour of the cache.
    async fn an_outdated_read_is_not_kept(
        write: impl Fn(&Copies<SessionId, Arc<Session>>),
    ) -> Option<Arc<Session>> {
        let copies = Copies::new(100);
        let outdated = session(1);
        let id = outdated.id;
        let read = copies
            .get_or_load(id, async {
                // The record has been read; before it is kept, the writer commits.
                write(&copies);
                Ok::<_, ()>(Some(outdated))
            })
            .await;
        assert_eq!(read.unwrap().unwrap().version, 1);
        copies.cache.as_ref().unwrap().get(&id)
    }

    #[tokio::test]
    async fn a_read_that_a_write_overtook_does_not_become_a_copy() {
        let id = session(1).id;
        let at = session(1).last_activity + TimeDelta::minutes(1);
        assert_eq!(
            an_outdated_read_is_not_kept(|copies| copies.remove(id)).await,
            None
        );
        assert_eq!(
            an_outdated_read_is_not_kept(|copies| copies.touch(id, at)).await,
            None
        );
        assert_eq!(an_outdated_read_is_not_kept(Copies::forget_all).await, None);
        let kept = an_outdated_read_is_not_kept(|copies| copies.replace(&session(2))).await;
        assert_eq!(kept.unwrap().version, 2);
    }

    #[tokio::test]
    async fn a_read_that_nothing_overtook_becomes_a_copy() {
        let kept = an_outdated_read_is_not_kept(|_| ()).await;
        assert_eq!(kept.unwrap().version, 1);
    }
}
