//! The tokens of outside providers: renewed once, handed out live, never lost.
//!
//! Time is tokio's paused time, and the clock goes with it: what takes half a minute takes none.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod cost;
mod edges;
mod ends;
mod failures;
mod grants;
mod harness;
mod kills;
mod leases;
mod live;
mod provider;
mod quiet;
mod reencryption;
mod stopping;
mod takeovers;
mod upkeep;
