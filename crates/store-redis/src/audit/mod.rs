//! The audit log: a stream of records, and what they are found by.
//!
//! The hashes of the chain are made here, since Redis knows no SHA-256: `append.rs` says how many nodes
//! append all the same. `read.rs` is what can be asked, `chain.rs` how the chain is followed and
//! shortened, `record.rs` what is written down.

mod append;
mod chain;
mod read;
mod record;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use session_core::ports::{AuditLog, Forgotten, StoreError};
use session_core::{
    Anchor, AuditAction, AuditEvent, AuditFilter, AuditOrder, AuditRecord, AuditSummary,
    BrokenRecord, Page, PageRequest, Sequence, UserId, Verified,
};

use crate::RedisStore;

pub(crate) use append::Appends;

/// A script of the audit log.
macro_rules! script {
    ($name:ident, $file:literal) => {
        static $name: std::sync::LazyLock<crate::script::Script> = std::sync::LazyLock::new(|| {
            crate::script::Script::of(&[
                include_str!("../lua/audit.lua"),
                include_str!(concat!("../lua/", $file)),
            ])
        });
    };
}
use script;

#[async_trait]
impl AuditLog for RedisStore {
    /// One round trip, and one more for each time that another node was first.
    async fn append(&self, events: &[AuditEvent]) -> Result<(), StoreError> {
        self.append_events(events).await
    }

    /// One round trip for a page that is filled by the first records looked at. Few of many that a
    /// filter admits take more, each of which looks at a bounded number: by user or session at theirs
    /// alone, otherwise at all that there are.
    async fn page(
        &self,
        filter: &AuditFilter,
        order: AuditOrder,
        page: PageRequest<Sequence>,
    ) -> Result<Page<AuditRecord, Sequence>, StoreError> {
        self.page_of_events(filter, order, page).await
    }

    /// One round trip for each 128 events.
    async fn summarize(
        &self,
        user_id: &UserId,
        since: DateTime<Utc>,
    ) -> Result<AuditSummary, StoreError> {
        self.summary_of_events(user_id, since).await
    }

    /// One round trip for each 1024 events of any kind in that time.
    async fn count(
        &self,
        user_id: &UserId,
        action: AuditAction,
        since: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        self.count_of_events(user_id, action, since).await
    }

    /// One round trip for each 256 records. Others may append and forget meanwhile: the end is where
    /// the chain ended when the check began; what is forgotten before it was reached is not checked,
    /// and the verdict then tells of the part that was left.
    async fn verify(
        &self,
        noted: Option<Anchor>,
    ) -> Result<Result<Verified, BrokenRecord>, StoreError> {
        self.verify_chain(noted).await
    }

    /// Two round trips: the records are read and checked before they go.
    async fn forget_events(
        &self,
        before: DateTime<Utc>,
        batch: usize,
    ) -> Result<Forgotten, StoreError> {
        self.forget_oldest(before, batch).await
    }
}
