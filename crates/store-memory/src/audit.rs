use std::collections::{HashSet, VecDeque};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use session_core::ports::{AuditLog, Forgotten, StoreError};
use session_core::{
    Anchor, AuditAction, AuditEvent, AuditFilter, AuditOrder, AuditRecord, AuditSummary,
    BrokenRecord, ChainCheck, EventId, Page, PageRequest, Sequence, UserId, Verified,
};

use crate::MemoryStore;

/// Most records that are kept: the oldest go first. Memory is no place for a long memory.
const MAX_RECORDS: usize = 100_000;

/// The chain, oldest record first.
pub(crate) struct Chain {
    base: Anchor,
    head: Anchor,
    records: VecDeque<AuditRecord>,
    ids: HashSet<EventId>,
}

impl Default for Chain {
    fn default() -> Self {
        Self {
            base: Anchor::START,
            head: Anchor::START,
            records: VecDeque::new(),
            ids: HashSet::new(),
        }
    }
}

impl Chain {
    fn append(&mut self, event: AuditEvent) {
        if !self.ids.insert(event.id) {
            return;
        }
        self.head = self.head.next(event.to_line().as_bytes());
        let Anchor { sequence, hash } = self.head;
        self.records.push_back(AuditRecord {
            sequence,
            hash,
            event,
        });
        if self.records.len() > MAX_RECORDS {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        if let Some(gone) = self.records.pop_front() {
            self.ids.remove(&gone.event.id);
            self.base = Anchor {
                sequence: gone.sequence,
                hash: gone.hash,
            };
        }
    }

    fn events_of(&self, filter: AuditFilter) -> impl Iterator<Item = &AuditEvent> {
        let events = self.records.iter().map(|record| &record.event);
        events.filter(move |event| filter.admits(event))
    }
}

#[async_trait]
impl AuditLog for MemoryStore {
    async fn append(&self, events: &[AuditEvent]) -> Result<(), StoreError> {
        let mut chain = self.audit.write("append to the audit log")?;
        for event in events {
            chain.append(event.clone());
        }
        Ok(())
    }

    async fn page(
        &self,
        filter: &AuditFilter,
        order: AuditOrder,
        page: PageRequest<Sequence>,
    ) -> Result<Page<AuditRecord, Sequence>, StoreError> {
        let chain = self.audit.read("read the audit log")?;
        let after = page.after().map(|cursor| cursor.0);
        let asked = |record: &&AuditRecord| {
            let follows = after.is_none_or(|after| match order {
                AuditOrder::NewestFirst => record.sequence < after,
                AuditOrder::OldestFirst => record.sequence > after,
            });
            follows && filter.admits(&record.event)
        };
        let most = page.limit() + 1;
        let found: Vec<_> = match order {
            AuditOrder::NewestFirst => {
                let records = chain.records.iter().rev();
                records.filter(asked).take(most).cloned().collect()
            }
            AuditOrder::OldestFirst => {
                let records = chain.records.iter();
                records.filter(asked).take(most).cloned().collect()
            }
        };
        Ok(Page::cut(found, page.limit(), |record| record.sequence))
    }

    async fn summarize(
        &self,
        user_id: &UserId,
        since: DateTime<Utc>,
    ) -> Result<AuditSummary, StoreError> {
        let chain = self.audit.read("summarize the audit log")?;
        let filter = AuditFilter {
            since: Some(since),
            ..AuditFilter::of_user(user_id.clone())
        };
        Ok(AuditSummary::of(chain.events_of(filter)))
    }

    async fn count(
        &self,
        user_id: &UserId,
        action: AuditAction,
        since: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        let chain = self.audit.read("count in the audit log")?;
        let filter = AuditFilter {
            action: Some(action),
            since: Some(since),
            ..AuditFilter::of_user(user_id.clone())
        };
        Ok(chain.events_of(filter).count() as u64)
    }

    async fn verify(
        &self,
        noted: Option<Anchor>,
    ) -> Result<Result<Verified, BrokenRecord>, StoreError> {
        let chain = self.audit.read("verify the audit log")?;
        let mut check = ChainCheck::new(chain.base, chain.head, noted);
        for record in &chain.records {
            let (sequence, line) = (i128::from(record.sequence), record.event.to_line());
            if let Err(broken) = check.record(sequence, line.as_bytes(), record.hash.as_bytes()) {
                return Ok(Err(broken));
            }
        }
        Ok(check.finish())
    }

    async fn forget_events(
        &self,
        before: DateTime<Utc>,
        batch: usize,
    ) -> Result<Forgotten, StoreError> {
        let mut chain = self.audit.write("forget audit records")?;
        let is_old = |record: &AuditRecord| record.event.timestamp < before;
        let mut count = 0;
        while count < batch && chain.records.front().is_some_and(is_old) {
            chain.forget_first();
            count += 1;
        }
        Ok(Forgotten {
            count: count as u64,
            more: count == batch,
        })
    }
}
