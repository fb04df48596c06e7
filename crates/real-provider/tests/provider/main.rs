//! The harness, and what we rely on of a real provider. Each test that needs one ends early where
//! there is none.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking, and so do the functions that they share"
)]

mod application;
mod faults;
mod installing;
mod lifetime;
mod listener;
mod logins;
mod logouts;
mod refreshes;
mod revocations;
