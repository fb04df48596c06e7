//! Writes: one task, one connection, one transaction for all that waits.

pub(crate) mod account_add;
pub(crate) mod account_change;
pub(crate) mod account_remove;
pub(crate) mod append;
pub(crate) mod create;
pub(crate) mod end;
pub(crate) mod end_user;
pub(crate) mod extend;
pub(crate) mod forget;
pub(crate) mod grant_add;
pub(crate) mod grant_begin;
pub(crate) mod grant_change;
pub(crate) mod grant_claim;
pub(crate) mod grant_finish;
pub(crate) mod grant_remove;
pub(crate) mod mark;
pub(crate) mod rate;
pub(crate) mod rate_reset;
pub(crate) mod revoke;
pub(crate) mod suspend;
pub(crate) mod sweep;
pub(crate) mod touch;
pub(crate) mod update;

mod batch;
mod each;
mod rounds;
mod writer;

pub(crate) use batch::{Effects, Kind};
pub(crate) use writer::Writer;
