use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use session_core::{CipherKeyId, Grant, ProviderName, RefreshId, RefreshRecord, SessionId};

/// The grants, the records of their renewal, and the indexes of both, which agree after every method.
#[derive(Default)]
pub(crate) struct Grants {
    by_session: BTreeMap<SessionId, Arc<Grant>>,
    by_due: BTreeSet<(DateTime<Utc>, SessionId)>,
    by_presence: HashMap<Presence, BTreeSet<SessionId>>,
    records: HashMap<RefreshId, Arc<RefreshRecord>>,
    records_of: HashMap<SessionId, BTreeSet<RefreshId>>,
    records_by_start: BTreeSet<(DateTime<Utc>, RefreshId)>,
}

/// A user's presence at a provider.
type Presence = (ProviderName, Box<str>);

fn presence(grant: &Grant) -> Option<Presence> {
    let name = grant.provider_session.clone()?;
    Some((grant.provider.clone(), name))
}

impl Grants {
    pub(crate) fn get(&self, id: SessionId) -> Option<&Arc<Grant>> {
        self.by_session.get(&id)
    }

    /// The same, if it has this version.
    pub(crate) fn get_at(&self, id: SessionId, version: u64) -> Option<&Arc<Grant>> {
        self.get(id).filter(|grant| grant.version == version)
    }

    /// Adds a grant, or puts it in the place of the one that its session has.
    pub(crate) fn put(&mut self, grant: Arc<Grant>) {
        let id = grant.session_id;
        self.remove(id);
        self.by_due.insert((grant.due_at, id));
        if let Some(presence) = presence(&grant) {
            self.by_presence.entry(presence).or_default().insert(id);
        }
        self.by_session.insert(id, grant);
    }

    pub(crate) fn remove(&mut self, id: SessionId) -> Option<Arc<Grant>> {
        let gone = self.by_session.remove(&id)?;
        self.by_due.remove(&(gone.due_at, id));
        if let Some(presence) = presence(&gone)
            && let Some(there) = self.by_presence.get_mut(&presence)
        {
            there.remove(&id);
            if there.is_empty() {
                self.by_presence.remove(&presence);
            }
        }
        Some(gone)
    }

    /// Those that are due and that nobody is renewing, longest due first.
    pub(crate) fn due(&self, now: DateTime<Utc>) -> impl Iterator<Item = &Arc<Grant>> {
        let due = self.by_due.iter().take_while(move |(at, _)| *at <= now);
        due.filter_map(|(_, id)| self.get(*id))
            .filter(move |grant| !grant.is_leased(now))
    }

    pub(crate) fn at_provider(
        &self,
        provider: &ProviderName,
        name: &str,
    ) -> impl Iterator<Item = SessionId> {
        let there = self.by_presence.get(&(provider.clone(), name.into()));
        there.into_iter().flatten().copied()
    }

    /// Those of the sessions behind `after`, in their order.
    pub(crate) fn after(&self, after: Option<SessionId>) -> impl Iterator<Item = &Arc<Grant>> {
        let begin = after.map_or(Bound::Unbounded, Bound::Excluded);
        let behind = self.by_session.range((begin, Bound::Unbounded));
        behind.map(|(_, grant)| grant)
    }

    pub(crate) fn count_by_key(&self) -> Vec<(CipherKeyId, u64)> {
        let mut counts: BTreeMap<&CipherKeyId, u64> = BTreeMap::new();
        for grant in self.by_session.values() {
            *counts.entry(&grant.tokens.key).or_default() += 1;
        }
        let counts = counts.into_iter();
        counts.map(|(key, count)| (key.clone(), count)).collect()
    }

    pub(crate) fn record(&self, id: RefreshId) -> Option<&Arc<RefreshRecord>> {
        self.records.get(&id)
    }

    /// Adds a record, or puts it in the place of the one that has its id.
    pub(crate) fn put_record(&mut self, record: RefreshRecord) {
        self.remove_record(record.id);
        let of_session = self.records_of.entry(record.session_id).or_default();
        of_session.insert(record.id);
        self.records_by_start.insert((record.started_at, record.id));
        self.records.insert(record.id, Arc::new(record));
    }

    fn remove_record(&mut self, id: RefreshId) {
        let Some(gone) = self.records.remove(&id) else {
            return;
        };
        self.records_by_start.remove(&(gone.started_at, id));
        if let Some(of_session) = self.records_of.get_mut(&gone.session_id) {
            of_session.remove(&id);
            if of_session.is_empty() {
                self.records_of.remove(&gone.session_id);
            }
        }
    }

    /// A session's records that are older than `before`, newest first.
    pub(crate) fn records_before(
        &self,
        session: SessionId,
        before: Option<RefreshId>,
    ) -> impl Iterator<Item = &Arc<RefreshRecord>> {
        let end = before.map_or(Bound::Unbounded, Bound::Excluded);
        let of_session = self.records_of.get(&session).into_iter();
        of_session
            .flat_map(move |ids| ids.range((Bound::Unbounded, end)).rev())
            .filter_map(|id| self.record(*id))
    }

    /// Drops at most `most` records that were begun before `before`; how many those were.
    pub(crate) fn forget_records(&mut self, before: DateTime<Utc>, most: usize) -> usize {
        let mut forgotten = 0;
        while forgotten < most
            && let Some((started_at, id)) = self.records_by_start.first().copied()
            && started_at < before
        {
            self.remove_record(id);
            forgotten += 1;
        }
        forgotten
    }
}
