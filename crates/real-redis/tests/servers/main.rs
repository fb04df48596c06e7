//! The harness itself. Each test that needs a server ends early where there is none.

#![expect(
    clippy::expect_used,
    reason = "tests fail by panicking, and so do the functions that they share"
)]

mod alone;
mod cluster;
mod installing;
mod lifetime;
mod patience;
mod secured;
mod sentinel;
mod sharing;
