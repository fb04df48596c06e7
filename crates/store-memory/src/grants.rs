use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use session_core::ports::{
    Forgotten, GrantStore, RefreshBegin, RefreshBegun, RefreshEnd, RefreshFinished, StoreError,
    StoreErrorKind,
};
use session_core::{
    CipherKeyId, Grant, Lease, Page, PageRequest, ProviderName, RefreshId, RefreshOutcome,
    RefreshRecord, SealedTokens, SessionId,
};

use crate::MemoryStore;

#[async_trait]
impl GrantStore for MemoryStore {
    async fn add_grant(&self, grant: Grant) -> Result<(), StoreError> {
        const DOING: &str = "add a grant";
        let mut grants = self.grants.write(DOING)?;
        if grants.get(grant.session_id).is_some() {
            let cause = "the session has a grant already";
            return Err(StoreError::new(StoreErrorKind::Internal, DOING, cause));
        }
        grants.put(Arc::new(grant));
        Ok(())
    }

    async fn find_grant(&self, id: SessionId) -> Result<Option<Arc<Grant>>, StoreError> {
        let grants = self.grants.read("find a grant")?;
        Ok(grants.get(id).cloned())
    }

    async fn find_grants(&self, ids: &[SessionId]) -> Result<Vec<Arc<Grant>>, StoreError> {
        let grants = self.grants.read("find grants")?;
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids.dedup();
        let found = ids.into_iter().filter_map(|id| grants.get(id).cloned());
        Ok(found.collect())
    }

    async fn begin_refresh(&self, begin: RefreshBegin) -> Result<RefreshBegun, StoreError> {
        const DOING: &str = "begin a refresh";
        let mut grants = self.grants.write(DOING)?;
        let RefreshBegin {
            expected_version,
            until,
            record,
        } = begin;
        let now = record.started_at;
        let Some(grant) = grants.get(record.session_id) else {
            return Ok(RefreshBegun::NotFound);
        };
        if grant.is_leased(now) {
            return Ok(RefreshBegun::Busy(Arc::clone(grant)));
        }
        if grant.version != expected_version {
            return Ok(RefreshBegun::Changed(Arc::clone(grant)));
        }
        if grants.record(record.id).is_some() {
            let cause = "a refresh of this id exists already";
            return Err(StoreError::new(StoreErrorKind::Internal, DOING, cause));
        }
        let died = grant.lease.map(|lease| lease.record);
        let begun = Arc::new(Grant {
            version: grant.version + 1,
            lease: Some(Lease {
                until,
                record: record.id,
            }),
            ..Grant::clone(grant)
        });
        if let Some(died) = died.and_then(|id| grants.record(id)).cloned()
            && died.outcome == RefreshOutcome::Pending
        {
            grants.put_record(RefreshRecord {
                outcome: RefreshOutcome::Interrupted,
                finished_at: Some(now),
                ..RefreshRecord::clone(&died)
            });
        }
        grants.put(Arc::clone(&begun));
        grants.put_record(record);
        Ok(RefreshBegun::Begun(begun))
    }

    async fn keep_lease(
        &self,
        id: SessionId,
        version: u64,
        until: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let mut grants = self.grants.write("keep a lease")?;
        let Some(grant) = grants.get_at(id, version) else {
            return Ok(false);
        };
        let Some(lease) = grant.lease else {
            return Ok(false);
        };
        let lease = Some(Lease {
            until: until.max(lease.until),
            ..lease
        });
        let kept = Grant {
            lease,
            ..Grant::clone(grant)
        };
        grants.put(Arc::new(kept));
        Ok(true)
    }

    async fn finish_refresh(&self, end: RefreshEnd) -> Result<RefreshFinished, StoreError> {
        let mut grants = self.grants.write("finish a refresh")?;
        let RefreshEnd { grant, mut record } = end;
        let before = grants.get(grant.session_id).cloned();
        let written = grants.record(record.id).map(|written| written.outcome);
        let is_written = written.is_some_and(|outcome| {
            !matches!(
                outcome,
                RefreshOutcome::Pending | RefreshOutcome::Interrupted
            )
        });
        if is_written {
            return Ok(match before {
                None => RefreshFinished::Gone,
                Some(grant) if written == Some(RefreshOutcome::Superseded) => {
                    RefreshFinished::Superseded(grant)
                }
                Some(grant) => RefreshFinished::Stored(grant),
            });
        }
        let is_ours = |before: &Arc<Grant>| {
            let lease = before.lease.map(|lease| lease.record);
            before.version == grant.version && lease == Some(record.id)
        };
        if before.as_ref().is_some_and(is_ours) {
            let after = Arc::new(Grant {
                version: grant.version + 1,
                lease: None,
                ..grant
            });
            grants.put(Arc::clone(&after));
            grants.put_record(record);
            return Ok(RefreshFinished::Stored(after));
        }
        record.outcome = RefreshOutcome::Superseded;
        grants.put_record(record);
        Ok(before.map_or(RefreshFinished::Gone, RefreshFinished::Superseded))
    }

    async fn claim_due(
        &self,
        now: DateTime<Utc>,
        next: DateTime<Utc>,
        batch: usize,
    ) -> Result<Vec<Arc<Grant>>, StoreError> {
        let mut grants = self.grants.write("claim grants that are due")?;
        let due: Vec<_> = grants.due(now).take(batch).cloned().collect();
        let claimed = due.iter().map(|grant| {
            let claimed = Arc::new(Grant {
                due_at: next,
                ..Grant::clone(grant)
            });
            grants.put(Arc::clone(&claimed));
            claimed
        });
        Ok(claimed.collect())
    }

    async fn postpone(
        &self,
        id: SessionId,
        version: u64,
        due_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let mut grants = self.grants.write("postpone a grant")?;
        if let Some(grant) = grants.get_at(id, version) {
            let postponed = Grant {
                due_at,
                ..Grant::clone(grant)
            };
            grants.put(Arc::new(postponed));
        }
        Ok(())
    }

    async fn remove_grant(&self, id: SessionId) -> Result<Option<Arc<Grant>>, StoreError> {
        let mut grants = self.grants.write("remove a grant")?;
        Ok(grants.remove(id))
    }

    async fn sessions_at_provider(
        &self,
        provider: &ProviderName,
        provider_session: &str,
    ) -> Result<Vec<SessionId>, StoreError> {
        let grants = self.grants.read("find sessions at a provider")?;
        Ok(grants.at_provider(provider, provider_session).collect())
    }

    async fn reseal(
        &self,
        id: SessionId,
        expected_version: u64,
        tokens: SealedTokens,
    ) -> Result<bool, StoreError> {
        let mut grants = self.grants.write("seal tokens anew")?;
        let Some(grant) = grants.get_at(id, expected_version) else {
            return Ok(false);
        };
        let resealed = Grant {
            tokens,
            ..Grant::clone(grant)
        };
        grants.put(Arc::new(resealed));
        Ok(true)
    }

    async fn sealed_otherwise(
        &self,
        key: &CipherKeyId,
        page: PageRequest,
    ) -> Result<Page<Arc<Grant>>, StoreError> {
        let grants = self.grants.read("list grants sealed otherwise")?;
        let found = grants
            .after(page.after().map(|cursor| cursor.0))
            .filter(|grant| grant.tokens.key != *key)
            .take(page.limit() + 1)
            .cloned()
            .collect();
        Ok(Page::cut(found, page.limit(), |grant| grant.session_id))
    }

    async fn count_by_key(&self) -> Result<Vec<(CipherKeyId, u64)>, StoreError> {
        let grants = self.grants.read("count grants by key")?;
        Ok(grants.count_by_key())
    }

    async fn refreshes(
        &self,
        id: SessionId,
        page: PageRequest<RefreshId>,
    ) -> Result<Page<Arc<RefreshRecord>, RefreshId>, StoreError> {
        let grants = self.grants.read("list refreshes")?;
        let found = grants
            .records_before(id, page.after().map(|cursor| cursor.0))
            .take(page.limit() + 1)
            .cloned()
            .collect();
        Ok(Page::cut(found, page.limit(), |record| record.id))
    }

    async fn forget_refreshes(
        &self,
        before: DateTime<Utc>,
        batch: usize,
    ) -> Result<Forgotten, StoreError> {
        let mut grants = self.grants.write("forget refreshes")?;
        let count = grants.forget_records(before, batch);
        Ok(Forgotten {
            count: count as u64,
            more: count == batch,
        })
    }
}
