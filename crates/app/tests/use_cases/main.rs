//! The session manager over real stores, with a clock that tests move.

#![expect(
    clippy::expect_used,
    reason = "tests fail by panicking, and so does what they share"
)]

mod account_changes;
mod activity;
mod audit_trail;
mod background;
mod changes;
mod freshness;
mod harness;
mod logins;
mod revocations;
mod revoke_races;
mod rotations;
mod suspicion;
