//! The audit log: what is recorded, how records are chained, what can be asked.

mod action;
mod chain;
mod event;
mod query;

pub use action::AuditAction;
pub use chain::{
    Anchor, AuditRecord, BrokenRecord, ChainCheck, ChainHash, Fault, Sequence, Verified,
};
pub use event::{AuditEvent, EventId, MAX_FIELD_BYTES};
pub use query::{AuditFilter, AuditOrder, AuditSummary};
