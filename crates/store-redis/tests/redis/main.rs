//! What the contract cannot see: keys that other hands were at, what is in them, and for how long.

#![expect(clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod faults;
mod grant_batches;
mod grant_damage;
mod grant_keys;
mod grant_nodes;
mod raw;
mod record_damage;
