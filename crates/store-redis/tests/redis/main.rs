//! What no contract can see: how it is written down, what is damaged there, and several nodes at once.

#![expect(
    clippy::expect_used,
    reason = "tests fail by panicking, and so do the functions that they share"
)]

mod accounts;
mod audit;
mod audit_nodes;
mod audit_queries;
mod audit_tampering;
mod raw;
