use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use session_core::ports::{Forgotten, RevocationList, StoreError};
use session_core::{Page, PageRequest, Revocation, RevocationId, SessionId, TokenHash, UserId};

use crate::MemoryStore;

/// The revocations and their indexes, which agree after every method.
#[derive(Default)]
pub(crate) struct Revocations {
    by_token: HashMap<TokenHash, Arc<Revocation>>,
    by_id: BTreeMap<RevocationId, TokenHash>,
    by_user: BTreeSet<(UserId, RevocationId)>,
    by_session: BTreeSet<(SessionId, RevocationId)>,
    by_expiry: BTreeSet<(DateTime<Utc>, RevocationId)>,
}

impl Revocations {
    fn add(&mut self, revocation: Revocation) {
        if let Some(before) = self.by_token.get(&revocation.token_hash) {
            if before.expires_at < revocation.expires_at {
                let longer = Revocation {
                    expires_at: revocation.expires_at,
                    ..Revocation::clone(before)
                };
                self.by_expiry.remove(&(before.expires_at, before.id));
                self.by_expiry.insert((longer.expires_at, longer.id));
                self.by_token.insert(longer.token_hash, Arc::new(longer));
            }
            return;
        }
        self.by_id.insert(revocation.id, revocation.token_hash);
        self.by_expiry
            .insert((revocation.expires_at, revocation.id));
        if let Some(user) = &revocation.user_id {
            self.by_user.insert((user.clone(), revocation.id));
        }
        if let Some(session) = revocation.session_id {
            self.by_session.insert((session, revocation.id));
        }
        self.by_token
            .insert(revocation.token_hash, Arc::new(revocation));
    }

    fn remove(&mut self, id: RevocationId) {
        let token = self.by_id.remove(&id);
        let Some(gone) = token.and_then(|token| self.by_token.remove(&token)) else {
            return;
        };
        self.by_expiry.remove(&(gone.expires_at, id));
        if let Some(user) = &gone.user_id {
            self.by_user.remove(&(user.clone(), id));
        }
        if let Some(session) = gone.session_id {
            self.by_session.remove(&(session, id));
        }
    }

    /// The ids of a user's revocations, or of a session's, or of all, that are older than `before`;
    /// newest first.
    fn ids_before(
        &self,
        user: Option<&UserId>,
        session: Option<SessionId>,
        before: Option<RevocationId>,
    ) -> Box<dyn Iterator<Item = RevocationId> + '_> {
        // The time of an id has 48 bits: a later one would wrap around, and hide what comes after it.
        let latest = DateTime::from_timestamp_millis((1 << 48) - 1).unwrap_or_default();
        let last = RevocationId::at(latest, [0xff; 10]);
        let first = RevocationId::at(DateTime::<Utc>::MIN_UTC, [0; 10]);
        let end = before.unwrap_or(last);
        if let Some(session) = session {
            let range = (
                Bound::Included((session, first)),
                Bound::Excluded((session, end)),
            );
            Box::new(self.by_session.range(range).rev().map(|(_, id)| *id))
        } else if let Some(user) = user {
            let range = (
                Bound::Included((user.clone(), first)),
                Bound::Excluded((user.clone(), end)),
            );
            Box::new(self.by_user.range(range).rev().map(|(_, id)| *id))
        } else {
            Box::new(self.by_id.range(..end).rev().map(|(id, _)| *id))
        }
    }

    fn get(&self, id: RevocationId) -> Option<&Arc<Revocation>> {
        self.by_token.get(self.by_id.get(&id)?)
    }
}

#[async_trait]
impl RevocationList for MemoryStore {
    async fn revoke(&self, revocations: &[Revocation]) -> Result<(), StoreError> {
        let mut list = self.revocations.write("revoke tokens")?;
        for revocation in revocations {
            list.add(revocation.clone());
        }
        Ok(())
    }

    async fn find_revocation(
        &self,
        token: TokenHash,
        now: DateTime<Utc>,
    ) -> Result<Option<Arc<Revocation>>, StoreError> {
        let list = self.revocations.read("look a revocation up")?;
        let found = list.by_token.get(&token);
        Ok(found.filter(|found| found.expires_at > now).cloned())
    }

    async fn history(
        &self,
        user_id: Option<UserId>,
        session_id: Option<SessionId>,
        page: PageRequest<RevocationId>,
    ) -> Result<Page<Arc<Revocation>, RevocationId>, StoreError> {
        let list = self.revocations.read("list revocations")?;
        let after = page.after().map(|cursor| cursor.0);
        let of_user = |found: &&Arc<Revocation>| {
            let user = user_id.as_ref();
            user.is_none() || found.user_id.as_ref() == user
        };
        let found = list
            .ids_before(user_id.as_ref(), session_id, after)
            .filter_map(|id| list.get(id))
            .filter(of_user)
            .take(page.limit() + 1)
            .cloned()
            .collect();
        Ok(Page::cut(found, page.limit(), |found| found.id))
    }

    async fn forget_revocations(
        &self,
        now: DateTime<Utc>,
        batch: usize,
    ) -> Result<Forgotten, StoreError> {
        let mut list = self.revocations.write("forget revocations")?;
        let over: Vec<_> = list
            .by_expiry
            .iter()
            .take_while(|(expires_at, _)| *expires_at <= now)
            .take(batch)
            .map(|(_, id)| *id)
            .collect();
        over.iter().for_each(|id| list.remove(*id));
        Ok(Forgotten {
            count: over.len() as u64,
            more: over.len() == batch,
        })
    }
}
