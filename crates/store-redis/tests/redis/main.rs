//! What the contract cannot see: what is written down and for how long, what becomes of it when other
//! hands were at it, and several nodes at once.

#![expect(clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod accounts;
mod audit;
mod audit_nodes;
mod audit_queries;
mod audit_tampering;
mod cluster;
mod faults;
mod grant_batches;
mod grant_damage;
mod grant_keys;
mod grant_nodes;
mod marks;
mod place;
mod places;
mod rate_bound;
mod rate_extremes;
mod rate_model;
mod rate_rule;
mod rates;
mod raw;
mod record_damage;
mod revocation_damage;
mod revocation_keys;
mod revocations;
mod server;
mod session_damage;
mod ways;
